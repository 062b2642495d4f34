//! Which files of a folder rules speak of, and what they say of each.

use super::{Decision, Policy, decide, digest_of_whole};
use crate::backup::listing::{self, Backup};
use crate::backup::proof;
use crate::backup::set::{self, Listed, ServerSet};
use crate::postgres::text::Name;
use anyhow::Result;
use chrono::{DateTime, FixedOffset, Local};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// What is pruned.
#[derive(Debug, Clone, Copy)]
pub enum Scope<'a> {
    /// Every backup and every set.
    All,
    /// The backups of this database that no set names.
    Database(&'a str),
    /// Sets like this one with their files, and the backups of its databases that no other set names.
    Set(&'a ServerSet),
}

/// A file, and whether it stays.
#[derive(Debug)]
pub struct Ruled {
    pub path: PathBuf,
    /// `None`: not known, or a set.
    pub database: Option<Name>,
    pub time: Option<DateTime<FixedOffset>>,
    pub bytes: u64,
    pub decision: Decision,
}

impl Scope<'_> {
    /// Decides by the rules on every file of the folder in this scope; newest first, sets before backups.
    pub fn decide(&self, folder: &Path, policy: &Policy) -> Result<Vec<Ruled>> {
        let mut backups = listing::list(folder, &proof::glance)?;
        let (ruled, others): (Vec<_>, Vec<_>) = set::list(folder)?.into_iter().partition(|set| self.rules(set));
        let (own, foreign) = (files_of(&ruled), files_of(&others));
        backups.retain(|backup| own.contains_key(&backup.path) || self.has(backup));
        let (kept, backups): (Vec<_>, Vec<_>) = backups
            .into_iter()
            .partition(|backup| foreign.contains_key(&backup.path) && !own.contains_key(&backup.path));
        let now = Local::now().fixed_offset();
        let decisions = decide(&backups, &ruled, policy, now, &digest_of_whole)?;
        // A set goes before its files: a file without its set is a backup, a set without its files is not one.
        let mut all: Vec<Ruled> =
            ruled.into_iter().zip(decisions.sets).map(|(set, decision)| of_set(set, decision)).collect();
        all.extend(backups.into_iter().zip(decisions.backups).map(|(backup, decision)| of_backup(backup, decision)));
        all.extend(kept.into_iter().map(|backup| {
            let set = foreign.get(&backup.path).map(String::as_str).unwrap_or_default();
            of_backup(backup, Decision { keep: true, reason: format!("{set} needs it") })
        }));
        Ok(all)
    }

    /// Whether the rules speak of this set.
    fn rules(&self, listed: &Listed) -> bool {
        match self {
            Self::All => true,
            Self::Database(_) => false,
            Self::Set(made) => listed.set.as_ref().is_ok_and(|other| other.set.kind() == made.kind()),
        }
    }

    /// Whether the rules speak of this backup, where it is in no set.
    fn has(&self, backup: &Backup) -> bool {
        let database = backup.database.as_deref();
        match self {
            Self::All => true,
            Self::Database(name) => database == Some(name),
            Self::Set(made) => made.databases.iter().any(|file| database == Some(&*file.database)),
        }
    }
}

/// The files that these sets name, each with the name of its set.
fn files_of(sets: &[Listed]) -> HashMap<PathBuf, String> {
    let files = |listed: &Listed| {
        let name = listed.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let paths = listed.set.as_ref().map(set::SetFile::paths).unwrap_or_default();
        paths.into_iter().map(move |path| (path, name.clone()))
    };
    sets.iter().flat_map(files).collect()
}

fn of_set(listed: Listed, decision: Decision) -> Ruled {
    let bytes = listed.path.symlink_metadata().map_or(0, |facts| facts.len());
    Ruled { database: None, time: Some(listed.time.fixed_offset()), bytes, path: listed.path, decision }
}

fn of_backup(backup: Backup, decision: Decision) -> Ruled {
    let Backup { path, database, time, examined, .. } = backup;
    Ruled { path, database, time, bytes: examined.bytes, decision }
}
