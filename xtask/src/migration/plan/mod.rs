//! Files and ledger side by side: the state of each version, and what is to be run next.

mod compare;
mod lost;
mod refusal;

pub use compare::{Rules, compare};
pub use lost::Lost;

use super::files::{Folder, Migration, Orphan, shown};
use super::ledger::Row;
use crate::error::Fault;
use serde::Serialize;
use std::path::Path;

/// What is true of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Applied,
    Pending,
    /// Pending, though a newer version is applied.
    OutOfOrder,
    /// Applied, but the file is another one by now.
    Changed,
    /// Applied, but there is no file.
    MissingFile,
    /// Applied, and its file has another version now.
    Renamed,
    /// Applied, without a file here, and that does not matter (`--ignore-missing`).
    Ignored,
    /// Begun outside of a transaction, and not ended.
    Dirty,
    /// Begun outside of a transaction by a session that is at work.
    Running,
}

impl State {
    /// As people read it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Pending => "pending",
            Self::OutOfOrder => "out of order",
            Self::Changed => "changed",
            Self::MissingFile => "missing file",
            Self::Renamed => "renamed",
            Self::Ignored => "ignored",
            Self::Dirty => "dirty",
            Self::Running => "running",
        }
    }
}

/// One version.
#[derive(Debug, Clone)]
pub struct Entry {
    pub version: i64,
    pub state: State,
    pub migration: Option<Migration>,
    /// Its way back, where the way up has no file.
    pub orphan: Option<Orphan>,
    pub row: Option<Row>,
    /// What became of its file, where it is applied and has none.
    pub lost: Option<Lost>,
    /// Who runs it.
    pub session: Option<String>,
}

impl Entry {
    /// The file's words, else the ledger's.
    pub fn description(&self) -> &str {
        let row = self.row.as_ref().map(|row| row.description.as_str());
        self.migration.as_ref().map(|migration| migration.description.as_str()).or(row).unwrap_or_default()
    }

    /// `1 make a table`.
    pub fn named(&self) -> String {
        format!("{} {}", self.version, self.description())
    }

    /// The file that takes it back.
    pub fn way_back(&self) -> Option<&Path> {
        let down = self.migration.as_ref().and_then(|migration| migration.down.as_deref());
        down.or(self.orphan.as_ref().map(|orphan| orphan.down.as_path()))
    }

    /// Whether it is as its file says, or does not matter.
    pub fn is_in_order(&self) -> bool {
        matches!(self.state, State::Applied | State::Ignored)
    }
}

/// How far to go.
#[derive(Debug, Clone, Copy, Default)]
pub struct Limit {
    /// So many versions.
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

/// What is to be taken back, newest first, and the version that stops it because it has no way back.
///
/// # Errors
/// A state that a person must look at first; or the very first one has no way back.
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
                Fault::failed(format!("{version} has no way back: {} has no .down.sql file", shown(&migration.up)))
                    .hint("write one, or go back with: cargo xtask db-restore")
            }
            None => Fault::failed(format!("{version} has no way back: migrations/ has no file of it"))
                .hint("get the checkout that applied it"),
        });
    }
    Ok((ways, stop))
}

#[cfg(test)]
mod tests;
