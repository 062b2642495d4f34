//! The files of a folder as sqlx finds them: `<version>_<words>.up.sql` with its `.down.sql`, or a plain `.sql`.
//!
//! What sqlx passes over is passed over here, with a remark. Nothing in a folder stops a look at it.

mod create;
mod name;
mod owner;

pub use create::create;
pub use owner::heading_of_way_back;

use crate::words::{clean_line, first_names};
use anyhow::{Context as _, Result};
use name::{Named, Part};
use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// One version and its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// The number before the first `_`.
    pub version: i64,
    /// The rest of the name, `_` read as a blank.
    pub description: String,
    pub up: PathBuf,
    /// `None`: it cannot be reverted.
    pub down: Option<PathBuf>,
    /// More files that say that they lead up to this version.
    pub rivals: Vec<PathBuf>,
}

/// A version of which only the way back is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orphan {
    pub version: i64,
    pub description: String,
    pub down: PathBuf,
}

/// A file for which sqlx refuses the whole folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub what: String,
    /// What a person does about it.
    pub cure: &'static str,
}

/// At most this many names are shown of a folder without migrations.
const OTHERS: usize = 3;
const RENAME: &str =
    "name each file <version>_<words>.up.sql, or put it elsewhere; a new one: cargo xtask db-migrate new WORDS";

/// What a folder holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Folder {
    /// Oldest first.
    pub migrations: Vec<Migration>,
    /// Oldest first.
    pub orphans: Vec<Orphan>,
    /// What a person should know of it.
    pub remarks: Vec<String>,
    /// Why nothing is applied from it: sqlx refuses the whole folder, too.
    pub refusals: Vec<Refusal>,
    /// Why its files are not this program's to run: another tool's, or the image's own. Then it holds no migrations.
    pub foreign: Option<String>,
}

impl Folder {
    /// A folder whose files are never run here, and why.
    pub fn of_another(why: String) -> Self {
        Self { foreign: Some(why), ..Self::default() }
    }

    fn name_rivals(&mut self) {
        for migration in self.migrations.iter().filter(|migration| !migration.rivals.is_empty()) {
            let names: Vec<String> =
                std::iter::once(&migration.up).chain(&migration.rivals).map(|up| shown(up)).collect();
            self.remarks.push(format!(
                "version {} is claimed by two files: {}",
                migration.version,
                names.join(" and ")
            ));
        }
    }
}

/// All migrations of a folder. A folder that is not there holds none.
pub fn read(folder: &Path) -> Result<Folder> {
    let mut reader = Reader::default();
    let mut paths = match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?,
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error).with_context(|| format!("{} cannot be read", folder.display())),
    };
    paths.sort();
    if let Some((tool, path)) = owner::other_tool(&paths) {
        return Ok(Folder::of_another(format!("{} is {tool}'s: its files are not run here", shown(path))));
    }
    paths.into_iter().for_each(|path| reader.take(path));
    Ok(reader.finish(folder))
}

/// A file as people name it: folder and name, in one line.
pub fn shown(path: &Path) -> String {
    let folder = path.parent().and_then(Path::file_name).unwrap_or_default();
    clean_line(&Path::new(folder).join(path.file_name().unwrap_or_default()).to_string_lossy())
}

#[derive(Debug, Default)]
struct Reader {
    ups: BTreeMap<i64, Migration>,
    downs: BTreeMap<i64, Vec<Orphan>>,
    /// Folders as Diesel makes them.
    diesel: usize,
    /// Names of what is no SQL file.
    others: Vec<String>,
    found: Folder,
}

impl Reader {
    fn take(&mut self, path: PathBuf) {
        let is_folder = path.is_dir();
        self.diesel += usize::from(is_folder && path.join("up.sql").is_file());
        if is_folder {
            self.note_other(&path, "/");
            return;
        }
        match name::of(&path) {
            Named::Other => self.note_other(&path, ""),
            Named::Stray => {
                let remark = format!("{} is skipped: its name does not begin with <version>_", shown(&path));
                self.found.remarks.push(remark);
            }
            Named::Unreadable => {
                self.refuse(format!("{}: its name has no number before the first _", shown(&path)), RENAME);
            }
            Named::TooLarge => {
                let what = format!("{}: the number before its first _ is larger than {}", shown(&path), i64::MAX);
                self.refuse(what, "give the file a smaller version");
            }
            Named::Migration { .. } if !path.exists() => {
                let what = format!("{}: it is a link to a missing file", shown(&path));
                self.refuse(what, "restore the file that it links to, or remove the link");
            }
            Named::Migration { .. } if !path.is_file() => {
                self.found.remarks.push(format!("{} is skipped: it is not a regular file", shown(&path)));
            }
            Named::Migration { version, description, part: Part::Down } => {
                self.downs.entry(version).or_default().push(Orphan { version, description, down: path });
            }
            Named::Migration { version, description, .. } => {
                let migration = Migration { version, description, up: path, down: None, rivals: Vec::new() };
                match self.ups.get_mut(&version) {
                    Some(first) => first.rivals.push(migration.up),
                    None => drop(self.ups.insert(version, migration)),
                }
            }
        }
    }

    fn refuse(&mut self, what: String, cure: &'static str) {
        self.found.refusals.push(Refusal { what, cure });
    }

    /// What every folder may hold is passed over.
    fn note_other(&mut self, path: &Path, ending: &str) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if !name.starts_with('.') && !name.to_ascii_uppercase().starts_with("README") {
            self.others.push(format!("{name}{ending}"));
        }
    }

    /// A folder without any migration: what it holds may be another tool's.
    fn name_others(&mut self, folder: &Path) {
        let is_empty = self.found.migrations.is_empty() && self.found.orphans.is_empty();
        if !is_empty || !self.found.refusals.is_empty() || self.others.is_empty() || self.diesel > 0 {
            return;
        }
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        let others = first_names(&self.others, OTHERS);
        self.found.remarks.push(format!("{name}/ holds no file named <version>_<words>.sql, but: {others}"));
    }

    fn finish(mut self, folder: &Path) -> Folder {
        for (version, mut downs) in std::mem::take(&mut self.downs) {
            match (downs.pop(), downs.is_empty(), self.ups.get_mut(&version)) {
                (Some(down), true, Some(migration)) => {
                    if !name::is_up(&migration.up) {
                        let (up, down) = (shown(&migration.up), shown(&down.down));
                        self.found.remarks.push(format!("{down} reverts {up}, as under sqlx"));
                    }
                    migration.down = Some(down.down);
                }
                (Some(down), true, None) => {
                    self.found.remarks.push(format!("{} has no .up.sql file beside it", shown(&down.down)));
                    self.found.orphans.push(down);
                }
                (Some(last), ..) => {
                    let names: Vec<String> = downs.iter().chain([&last]).map(|down| shown(&down.down)).collect();
                    let names = names.join(" and ");
                    self.found.remarks.push(format!(
                        "version {version} has two files that revert it, so that it cannot be reverted: {names}"
                    ));
                }
                (None, ..) => {}
            }
        }
        self.found.migrations = std::mem::take(&mut self.ups).into_values().collect();
        self.found.name_rivals();
        self.name_others(folder);
        if self.diesel > 0 {
            let name = folder.file_name().unwrap_or_default().to_string_lossy();
            let what = format!(
                "{name}/ has folders with an up.sql, as Diesel makes them; files are read as sqlx names them, <version>_<words>.up.sql"
            );
            if self.found.migrations.is_empty() {
                return Folder::of_another(what);
            }
            self.found.remarks.push(what);
        }
        self.found
    }
}

#[cfg(test)]
mod tests;
