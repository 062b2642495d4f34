//! What backups there are, newest first by what they say of themselves; never by the file's own time stamp.

use super::codec::{self, Codec};
use super::name::{self, Purpose};
use super::proof::{Examined, Verdict, glance};
use super::server_name::Kind;
use crate::error::Fault;
use crate::postgres::text::Name;
use anyhow::{Context as _, Result};
use chrono::{DateTime, FixedOffset};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// One backup file of the folder.
#[derive(Debug)]
pub struct Backup {
    pub path: PathBuf,
    /// From the manifest, else from the name.
    pub database: Option<Name>,
    pub purpose: Option<Purpose>,
    /// From the manifest, else from the name.
    pub time: Option<DateTime<FixedOffset>>,
    /// Which one of the same second, by its name.
    pub copy: u32,
    pub examined: Examined,
}

impl Backup {
    /// Whether a restore could take it as the latest: whole database, made as a backup, not known to be unfit.
    pub fn is_full(&self) -> bool {
        !self.examined.verdict.is_unfit() && self.claims_to_be_full()
    }

    /// Whether it is a backup of a whole database by its manifest, else by its name; fit or not.
    pub fn claims_to_be_full(&self) -> bool {
        let manifest = self.examined.manifest.as_ref();
        manifest.map_or(self.purpose.is_some_and(Purpose::may_be_newest), |manifest| manifest.is_full())
    }
}

/// Every file of the folder, that is named like a dump, each looked at by `examine`, newest first; files without a time last.
/// A folder that does not exist holds none.
pub fn list(folder: &Path, examine: &dyn Fn(&Path) -> Result<Examined>) -> Result<Vec<Backup>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        // Not made yet; a link that leads nowhere is another matter.
        Err(error) if error.kind() == ErrorKind::NotFound && folder.symlink_metadata().is_err() => {
            return Ok(Vec::new());
        }
        Err(error) => {
            let fault = Fault::failed(format!("{} is not a folder that can be read", folder.display()));
            return Err(error).context(fault.hint("check what it is, and where a link points: ls -l"));
        }
    };
    let mut backups = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| format!("reading the folder {}", folder.display()))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if codec::ending_of(&name).is_some() && !path.is_dir() {
            backups.push(describe(path, examine)?);
        }
    }
    let order = |backup: &Backup| (backup.time, !backup.purpose.is_some_and(Purpose::precedes_a_change), backup.copy);
    backups.sort_by(|one, other| order(other).cmp(&order(one)).then_with(|| other.path.cmp(&one.path)));
    Ok(backups)
}

fn describe(path: PathBuf, examine: &dyn Fn(&Path) -> Result<Examined>) -> Result<Backup> {
    let file_name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let (named, of_server) = (name::parse(file_name), Kind::Globals.parse(file_name));
    let examined = match examine(&path) {
        Ok(examined) => examined,
        // One file that cannot be read (a link, another user's) does not hide the others.
        Err(error) if error.downcast_ref::<Fault>().is_none() => {
            let reason = Some(error.root_cause().to_string());
            Examined { reason, ..Examined::of(Verdict::Unreadable, 0) }
        }
        Err(error) => return Err(error),
    };
    let manifest = examined.manifest.as_ref();
    let globals = examined.globals.as_ref().map(|globals| globals.started_at.time());
    let told = manifest.map(|manifest| manifest.started_at.time()).or(globals);
    let by_name = named.as_ref().map(|named| named.time).or(of_server.map(|(time, _)| time));
    let time = told.or_else(|| by_name.map(|time| time.fixed_offset()));
    let database = manifest.map(|manifest| manifest.database.clone());
    let (database, purpose, copy) = match named {
        Some(named) => (database.or(Some(named.database)), Some(named.purpose), named.copy),
        None => {
            let is_globals = of_server.is_some() || examined.globals.is_some();
            (database, is_globals.then_some(Purpose::Globals), of_server.map_or(1, |(_, copy)| copy))
        }
    };
    Ok(Backup { path, database, purpose, time, copy, examined })
}

/// How large a backup will be, by the newest full one of its database.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected {
    /// The size of the text, in bytes.
    pub(super) text: u64,
    /// The size of the file, in bytes.
    pub(super) file: u64,
}

/// About how many bytes of the disk a backup by this codec needs; `None`: the database has none yet.
pub fn needed(folder: &Path, database: &str, codec: &dyn Codec) -> Option<u64> {
    let file = expected(folder, database, codec)?.file;
    Some(file.saturating_add(file / 8))
}

/// What a backup by this codec will take, by a look at names and at the ends of the newest one only.
pub(super) fn expected(folder: &Path, database: &str, codec: &dyn Codec) -> Option<Expected> {
    let entries = fs::read_dir(folder).ok()?;
    let candidates = entries.filter_map(|entry| {
        let entry = entry.ok()?;
        let named = name::parse(entry.file_name().to_str()?)?;
        (*named.database == *database && named.purpose != Purpose::Tables).then_some((
            named.time,
            named.copy,
            entry.path(),
        ))
    });
    let (.., path) = candidates.max()?;
    let examined = glance(&path).ok()?;
    let manifest = examined.manifest.filter(|_| examined.verdict == Verdict::Complete)?;
    Some(Expected { text: manifest.bytes.get(), file: codec.expected(&manifest) })
}
