//! The sets of a folder, and which of its files belong to each.

use crate::backup::listing::Backup;
use crate::backup::set::{self, NotTaken, SetFile};
use anyhow::Result;
use chrono::{DateTime, FixedOffset, SecondsFormat};
use serde::Serialize;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

/// The sets of a folder.
#[derive(Debug, Default)]
pub(super) struct Sets {
    /// Newest first.
    list: Vec<Set>,
    /// For each file the newest set that names it, by its place in the list.
    of_file: BTreeMap<PathBuf, usize>,
}

/// What became of a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SetVerdict {
    /// Every file is there in its size, and as far as it was read, the one that the set names.
    Complete,
    /// A file is missing, was changed, or is another one.
    Incomplete,
    /// The set itself is cut or was changed.
    Damaged,
}

impl SetVerdict {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Incomplete => "incomplete",
            Self::Damaged => "damaged",
        }
    }
}

/// One file that is named like a set.
#[derive(Debug)]
pub(super) struct Set {
    pub(super) path: PathBuf,
    pub(super) time: DateTime<FixedOffset>,
    pub(super) verdict: SetVerdict,
    /// How many databases it has, where it can be read.
    pub(super) databases: Option<u64>,
    reason: Option<String>,
    read: Option<SetFile>,
}

/// A set with its files, or a file that belongs to none.
#[derive(Debug)]
pub(super) struct Group<'a> {
    pub(super) set: Option<&'a Set>,
    pub(super) backups: Vec<&'a Backup>,
}

impl Sets {
    /// Those of the folder whose files are listed; of one database, those that have it.
    pub(super) fn list(folder: &Path, backups: &[Backup], database: Option<&str>) -> Result<Self> {
        let has = |set: &SetFile, name: &str| set.set.databases.iter().any(|file| file.database == *name);
        let by_path = by_path(backups);
        let mut sets = Vec::new();
        for listed in set::list(folder)? {
            let time = listed.time.fixed_offset();
            let (verdict, reason, read) = match listed.set {
                Ok(set) if database.is_some_and(|name| !has(&set, name)) => continue,
                Ok(set) => match set::check_listed(&set, &by_path) {
                    Ok(()) => (SetVerdict::Complete, None, Some(set)),
                    Err(fault) => (SetVerdict::Incomplete, Some(fault.to_string()), Some(set)),
                },
                Err(why) => (SetVerdict::Damaged, Some(why), None),
            };
            let time = read.as_ref().map_or(time, |set| set.set.started_at.time());
            let databases = read.as_ref().map(|set| set.set.databases.len() as u64);
            sets.push(Set { path: listed.path, time, verdict, databases, reason, read });
        }
        let mut of_file = BTreeMap::new();
        for (at, read) in sets.iter().enumerate().filter_map(|(at, set)| Some((at, set.read.as_ref()?))) {
            for path in read.paths() {
                of_file.entry(path).or_insert(at);
            }
        }
        Ok(Self { list: sets, of_file })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many cannot be restored.
    pub(super) fn unfit(&self) -> usize {
        self.list.iter().filter(|set| set.verdict != SetVerdict::Complete).count()
    }

    /// Why sets are not complete.
    pub(super) fn reasons(&self) -> impl Iterator<Item = &str> {
        self.list.iter().filter_map(|set| set.reason.as_deref())
    }

    /// The newest set that names this file.
    pub(super) fn of(&self, backup: &Backup) -> Option<&Path> {
        self.set_of(backup).map(|set| set.path.as_path())
    }

    fn set_of(&self, backup: &Backup) -> Option<&Set> {
        self.list.get(*self.of_file.get(&backup.path)?)
    }

    /// Sets with their files, and files of no set, newest first. A file that two sets name is in both.
    pub(super) fn groups<'a>(&'a self, backups: &'a [Backup]) -> Vec<Group<'a>> {
        let mut groups: Vec<(Option<DateTime<FixedOffset>>, Group<'a>)> = Vec::new();
        let by_path = by_path(backups);
        for set in &self.list {
            let paths = set.read.as_ref().map(SetFile::paths).unwrap_or_default();
            let mut files: Vec<&Backup> =
                paths.iter().filter_map(|path| by_path.get(path.as_path()).copied()).collect();
            // The server's roles come last.
            files.sort_by_key(|backup| (backup.database.is_none(), backup.database.clone()));
            groups.push((Some(set.time), Group { set: Some(set), backups: files }));
        }
        let alone = backups.iter().filter(|backup| self.set_of(backup).is_none());
        groups.extend(alone.map(|backup| (backup.time, Group { set: None, backups: vec![backup] })));
        // Stable: files of one time stay in the listing's order.
        groups.sort_by(|(one, _), (other, _)| other.cmp(one));
        groups.into_iter().map(|(_, group)| group).collect()
    }

    /// In `--json`.
    pub(super) fn entries(&self) -> impl Iterator<Item = SetEntry<'_>> {
        self.list.iter().map(|set| {
            let read = set.read.as_ref();
            let files = |set: &SetFile| set.paths().iter().map(|path| path.to_string_lossy().into_owned()).collect();
            SetEntry {
                file: set.path.to_string_lossy(),
                time: set.time.to_rfc3339_opts(SecondsFormat::Secs, false),
                files: read.map(files).unwrap_or_default(),
                not_taken: read.map(|read| &read.set.not_taken[..]).unwrap_or_default(),
                verdict: set.verdict,
                reason: set.reason.as_deref(),
            }
        })
    }
}

fn by_path(backups: &[Backup]) -> HashMap<&Path, &Backup> {
    backups.iter().map(|backup| (backup.path.as_path(), backup)).collect()
}

/// One set in `--json`, version 1.
#[derive(Debug, Serialize)]
pub(super) struct SetEntry<'a> {
    file: Cow<'a, str>,
    /// RFC 3339.
    time: String,
    files: Vec<String>,
    not_taken: &'a [NotTaken],
    verdict: SetVerdict,
    reason: Option<&'a str>,
}
