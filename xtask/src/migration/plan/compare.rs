//! The state of each version.

use super::entry::{Entry, Lost, Rules, State};
use super::lost::{self, Unclaimed};
use crate::migration::checksum::{self, Ignored};
use crate::migration::files::{Folder, Migration};
use crate::migration::ledger::{Ledger, Row};
use anyhow::Result;
use std::collections::{BTreeMap, BTreeSet};

/// Every version of files and ledger, oldest first.
pub fn compare(folder: &Folder, ledger: &Ledger, rules: Rules<'_>) -> Result<Vec<Entry>> {
    let orphans: BTreeMap<i64, _> = folder.orphans.iter().map(|orphan| (orphan.version, orphan)).collect();
    let here: BTreeSet<i64> =
        folder.migrations.iter().map(|migration| migration.version).chain(orphans.keys().copied()).collect();
    let counts = |row: &&Row| !rules.ignore_missing || here.contains(&row.version);
    let newest = ledger.rows.iter().filter(counts).map(|row| row.version).max();
    let mut entries: BTreeMap<i64, Entry> = BTreeMap::new();
    for migration in &folder.migrations {
        let version = migration.version;
        let row = ledger.row(version).cloned();
        let (migration, state) = match &row {
            None if newest.is_some_and(|newest| version < newest) => (migration.clone(), State::OutOfOrder),
            None => (migration.clone(), State::Pending),
            Some(row) => applied(migration, row, rules.ignored)?,
        };
        let entry = Entry { version, state, migration: Some(migration), orphan: None, row, lost: None, session: None };
        entries.insert(version, entry);
    }
    for row in ledger.rows.iter().filter(|row| !entries.contains_key(&row.version)).cloned().collect::<Vec<_>>() {
        let state = if row.success { State::MissingFile } else { State::Dirty };
        let version = row.version;
        let orphan = orphans.get(&version).map(|orphan| (*orphan).clone());
        let entry = Entry { version, state, migration: None, orphan, row: Some(row), lost: None, session: None };
        entries.insert(version, entry);
    }
    let mut entries: Vec<Entry> = entries.into_values().collect();
    for entry in entries.iter_mut().filter(|entry| entry.state == State::Changed) {
        entry.lost = exchanged(entry, ledger, rules.ignored)?;
    }
    let unclaimed = Unclaimed::of(&entries, rules)?;
    for entry in entries.iter_mut().filter(|entry| entry.state == State::MissingFile) {
        (entry.state, entry.lost) = lost::of(entry, &unclaimed, here.last().copied(), rules)?;
    }
    Ok(entries)
}

/// The version that a changed file was applied as.
fn exchanged(entry: &Entry, ledger: &Ledger, ignored: &Ignored) -> Result<Option<Lost>> {
    let Some(migration) = &entry.migration else { return Ok(None) };
    let checksum = checksum::of(&migration.up, ignored)?;
    let other = ledger.rows.iter().find(|row| row.version != entry.version && row.checksum == checksum);
    Ok(other.map(|row| Lost::Exchanged { with: row.version }))
}

/// A version's file and state, where it is applied: of several files that of the ledger's checksum.
fn applied(migration: &Migration, row: &Row, ignored: &Ignored) -> Result<(Migration, State)> {
    if !row.success {
        return Ok((migration.clone(), State::Dirty));
    }
    if row.checksum == checksum::of(&migration.up, ignored)? {
        return Ok((migration.clone(), State::Applied));
    }
    for rival in &migration.rivals {
        if row.checksum == checksum::of(rival, ignored)? {
            return Ok((Migration { up: rival.clone(), rivals: Vec::new(), ..migration.clone() }, State::Applied));
        }
    }
    Ok((migration.clone(), State::Changed))
}
