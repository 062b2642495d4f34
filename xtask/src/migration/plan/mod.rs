//! Files and ledger side by side: the state of each version, and what is to be run next.

mod compare;
mod entry;
mod lost;
mod refusal;

pub use compare::compare;
pub use entry::{Entry, Lost, Rules, State};
pub use refusal::{FOLDER_HINT, refused, repairs, same_words};

use super::files::{Folder, Migration, shown};
use crate::error::Fault;
use std::path::Path;

/// How far to go.
#[derive(Debug, Clone, Copy, Default)]
pub struct Limit {
    /// How many versions.
    pub count: Option<usize>,
    /// Up: this one and older ones. Down: those newer than this one.
    pub to: Option<i64>,
}

/// A file that is to be run.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    pub version: i64,
    pub description: &'a str,
    pub file: &'a Path,
    /// Its migration, where the file leads up.
    pub up: Option<&'a Migration>,
}

impl<'a> Wanted<'a> {
    /// The way up of this migration.
    pub fn up(migration: &'a Migration) -> Self {
        let Migration { version, description, up, .. } = migration;
        Self { version: *version, description, file: up, up: Some(migration) }
    }

    /// The way back of this version.
    pub fn down(version: i64, description: &'a str, file: &'a Path) -> Self {
        Self { version, description, file, up: None }
    }
}

/// What is to be applied, oldest first.
///
/// # Errors
/// A state of folder or ledger that a person must look at first.
pub fn pending<'a>(
    folder: &Folder,
    entries: &'a [Entry],
    limit: Limit,
    allow_out_of_order: bool,
) -> Result<Vec<Wanted<'a>>, Fault> {
    refusal::folder(folder)?;
    refusal::unfinished(entries)?;
    refusal::missing(entries)?;
    if !allow_out_of_order {
        refusal::out_of_order(entries)?;
    }
    limit.to.map_or(Ok(()), |to| refusal::unknown(entries, to))?;
    let wanted = entries.iter().filter(|entry| matches!(entry.state, State::Pending | State::OutOfOrder));
    let wanted = wanted.filter(|entry| limit.to.is_none_or(|to| entry.version <= to));
    let wanted = wanted.filter_map(|entry| entry.migration.as_ref()).take(limit.count.unwrap_or(usize::MAX));
    let wanted: Vec<&Migration> = wanted.collect();
    refusal::rivals(&wanted)?;
    Ok(wanted.into_iter().map(Wanted::up).collect())
}

/// What is to be reverted, newest first, and the version that stops it because it cannot be reverted.
///
/// # Errors
/// A state that a person must look at first; or the very first one cannot be reverted.
pub fn reverting(entries: &[Entry], limit: Limit) -> Result<(Vec<Wanted<'_>>, Option<&Entry>), Fault> {
    refusal::unfinished(entries)?;
    limit.to.filter(|to| *to != 0).map_or(Ok(()), |to| refusal::unknown(entries, to))?;
    let count = limit.count.unwrap_or(if limit.to.is_some() { usize::MAX } else { 1 });
    let applied = entries.iter().rev().filter(|entry| entry.row.is_some() && entry.state != State::Ignored);
    let wanted: Vec<&Entry> =
        applied.filter(|entry| limit.to.is_none_or(|to| entry.version > to)).take(count).collect();
    let ways: Vec<Wanted<'_>> = wanted
        .iter()
        .map_while(|entry| entry.way_back().map(|file| Wanted::down(entry.version, entry.description(), file)))
        .collect();
    let stop = wanted.get(ways.len()).copied();
    if let Some(stop) = stop.filter(|_| ways.is_empty()) {
        let version = stop.version;
        return Err(match &stop.migration {
            Some(migration) => {
                Fault::failed(format!("{version} cannot be reverted: {} has no .down.sql file", shown(&migration.up)))
                    .hint("write one, or restore a backup from before it, if there is one: cargo xtask db-list")
            }
            None => Fault::failed(format!("{version} cannot be reverted: it has no file here"))
                .hint("get the checkout that applied it"),
        });
    }
    Ok((ways, stop))
}

#[cfg(test)]
mod tests;
