//! What is known of a version.

use crate::migration::checks::Direction;
use crate::migration::checksum::Ignored;
use crate::migration::difference::Cause;
use crate::migration::files::{Migration, Orphan};
use crate::migration::ledger::Row;
use crate::migration::unfinished;
use crate::words::clean_line;
use serde::Serialize;
use std::path::Path;

/// By what files and ledger are compared.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    /// Letters that do not count.
    pub ignored: &'a Ignored,
    /// Versions without a file here belong to another program.
    pub ignore_missing: bool,
}

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
    pub fn as_str(self) -> &'static str {
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

    /// `1 make a table`, in one line: the database's owner writes the ledger's words, and a file's name may hold any letter.
    pub fn named(&self) -> String {
        format!("{} {}", self.version, clean_line(self.description()))
    }

    /// The words of the ledger's row, where the file has others: it may be another program's.
    pub fn other_words(&self) -> Option<&str> {
        let words = self.row.as_ref()?.description.as_str();
        (self.migration.as_ref()?.description != words).then_some(words)
    }

    /// Which of its files was begun outside a transaction and has not ended.
    pub fn begun(&self) -> Option<Direction> {
        let row = self.row.as_ref().filter(|row| !row.success)?;
        Some(if row.is_half_reverted() { Direction::Down } else { Direction::Up })
    }

    /// What a person does about a file that was begun and never ended.
    pub fn hint_to_finish(&self) -> Option<String> {
        let begun = self.begun().filter(|_| self.state == State::Dirty)?;
        Some(unfinished::hint(self.version, begun))
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

/// What is known of an applied version that has no file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// Its file has another version: byte for byte, or but for a harmless change.
    Renamed { to: i64, cause: Option<Cause> },
    /// A pending file has the same words and another content.
    Alike { to: i64 },
    /// Newer than every file: the checkout is older than the database.
    Ahead,
    /// Its `.down.sql` is there.
    OnlyWayBack,
    /// Nothing is like it.
    Gone,
    /// Its file is there, with the content that another version was applied from.
    Exchanged { with: i64 },
}
