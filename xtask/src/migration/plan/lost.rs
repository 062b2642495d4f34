//! What became of the file of an applied version: a row that is taken out, and a file that is run again, do their work
//! twice.

use super::entry::{Entry, Lost, Rules, State};
use crate::migration::checksum;
use crate::migration::difference::{self, Cause};
use crate::migration::files::Migration;
use anyhow::Result;

/// Files are compared in every way that editors change them for no more pairs than this.
const PAIRS: usize = 256;

/// Files that no row claims, with their checksums.
#[derive(Debug)]
pub struct Unclaimed {
    files: Vec<(Migration, String)>,
    /// Checksums of the rows that have no file.
    rows: Vec<String>,
}

impl Unclaimed {
    /// Reads them where there are rows without a file.
    pub fn of(entries: &[Entry], rules: Rules<'_>) -> Result<Self> {
        let without_file = entries.iter().filter(|entry| entry.state == State::MissingFile && entry.orphan.is_none());
        let rows: Vec<String> =
            without_file.filter_map(|entry| entry.row.as_ref()).map(|row| row.checksum.clone()).collect();
        let pending = entries.iter().filter(|entry| !rows.is_empty() && entry.row.is_none());
        let files = pending.filter_map(|entry| entry.migration.clone()).map(|migration| {
            let checksum = checksum::of(&migration.up, rules.ignored)?;
            Ok((migration, checksum))
        });
        Ok(Self { files: files.collect::<Result<_>>()?, rows })
    }

    /// The one file that this row was applied from, under another version.
    fn exact(&self, checksum: &str, description: &str) -> Option<&Migration> {
        let mut same: Vec<&Migration> =
            self.files.iter().filter(|(_, found)| found == checksum).map(|(migration, _)| migration).collect();
        if same.len() > 1 || self.rows.iter().filter(|row| *row == checksum).count() > 1 {
            same.retain(|migration| migration.description == description);
        }
        match same.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }
}

/// The state of a version that is applied and has no file; `newest` is the newest version of any file.
pub fn of(
    entry: &Entry,
    unclaimed: &Unclaimed,
    newest: Option<i64>,
    rules: Rules<'_>,
) -> Result<(State, Option<Lost>)> {
    if entry.orphan.is_some() {
        return Ok((State::MissingFile, Some(Lost::OnlyWayBack)));
    }
    let Some(row) = &entry.row else { return Ok((entry.state, None)) };
    let has_its_words = |migration: &&Migration| migration.description == row.description;
    // Another program may begin with the same file under another name.
    let exact =
        unclaimed.exact(&row.checksum, &row.description).filter(|file| !rules.ignore_missing || has_its_words(file));
    if let Some(file) = exact {
        return Ok((State::Renamed, Some(Lost::Renamed { to: file.version, cause: None })));
    }
    let few = unclaimed.files.len() * unclaimed.rows.len() <= PAIRS && !rules.ignore_missing;
    let files = || unclaimed.files.iter().map(|(migration, _)| migration);
    for file in files().filter(|file| few || has_its_words(file)) {
        let cause = difference::cause(&file.up, &row.checksum, rules.ignored)?;
        if cause != Cause::Content {
            return Ok((State::Renamed, Some(Lost::Renamed { to: file.version, cause: Some(cause) })));
        }
    }
    if rules.ignore_missing {
        return Ok((State::Ignored, None));
    }
    let lost = match files().find(|file| has_its_words(file) && !row.description.is_empty()) {
        Some(file) => Lost::Alike { to: file.version },
        None if newest.is_none_or(|newest| entry.version > newest) => Lost::Ahead,
        None => Lost::Gone,
    };
    Ok((State::MissingFile, Some(lost)))
}
