//! Files and ledger side by side: the state of each version, and what is to be run next.

use super::checksum;
use super::files::{Migration, shown};
use super::ledger::{Ledger, Row};
use crate::error::{Exit, Fault};
use anyhow::Result;
use serde::Serialize;
use std::collections::BTreeMap;

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
    /// Begun outside of a transaction, and not ended.
    Dirty,
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
            Self::Dirty => "dirty",
        }
    }
}

/// One version.
#[derive(Debug, Clone)]
pub struct Entry {
    pub version: i64,
    pub state: State,
    pub migration: Option<Migration>,
    pub row: Option<Row>,
}

impl Entry {
    /// The file's words, else the ledger's.
    pub fn description(&self) -> &str {
        let row = self.row.as_ref().map(|row| row.description.as_str());
        self.migration.as_ref().map(|migration| migration.description.as_str()).or(row).unwrap_or_default()
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

/// Every version of files and ledger, oldest first.
pub fn compare(files: &[Migration], ledger: &Ledger) -> Result<Vec<Entry>> {
    let newest = ledger.rows.iter().map(|row| row.version).max();
    let mut entries: BTreeMap<i64, Entry> = BTreeMap::new();
    for migration in files {
        let version = migration.version;
        let row = ledger.row(version).cloned();
        let state = match &row {
            None if newest.is_some_and(|newest| version < newest) => State::OutOfOrder,
            None => State::Pending,
            Some(row) if !row.success => State::Dirty,
            Some(row) if row.checksum != checksum::of(&migration.up)? => State::Changed,
            Some(_) => State::Applied,
        };
        entries.insert(version, Entry { version, state, migration: Some(migration.clone()), row });
    }
    for row in &ledger.rows {
        let state = if row.success { State::MissingFile } else { State::Dirty };
        let entry = || Entry { version: row.version, state, migration: None, row: Some(row.clone()) };
        entries.entry(row.version).or_insert_with(entry);
    }
    Ok(entries.into_values().collect())
}

/// What is to be applied, oldest first.
///
/// # Errors
/// A state that a person must look at first.
pub fn pending(entries: &[Entry], limit: Limit, allow_out_of_order: bool) -> Result<Vec<&Migration>, Fault> {
    check_whole(entries)?;
    let missing = named(entries, State::MissingFile);
    if !missing.is_empty() {
        return Err(Fault::failed(format!("The ledger has versions that migrations/ has no file of: {missing}"))
            .hint("get the files, or take the rows out with: cargo xtask db-migrate repair"));
    }
    let out_of_order = named(entries, State::OutOfOrder);
    if !out_of_order.is_empty() && !allow_out_of_order {
        let newest = entries.iter().rfind(|entry| entry.row.is_some()).map_or(0, |entry| entry.version);
        return Err(Fault::failed(format!("Pending below the newest applied version {newest}: {out_of_order}"))
            .hint("give the file a newer version, or apply it all the same: --allow-out-of-order"));
    }
    if let Some(to) = limit.to {
        check_known(entries, to)?;
    }
    let wanted = entries.iter().filter(|entry| matches!(entry.state, State::Pending | State::OutOfOrder));
    let wanted = wanted.filter(|entry| limit.to.is_none_or(|to| entry.version <= to));
    Ok(wanted.filter_map(|entry| entry.migration.as_ref()).take(limit.count.unwrap_or(usize::MAX)).collect())
}

/// What is to be taken back, newest first, and the version that stops it because it has no way back.
///
/// # Errors
/// A state that a person must look at first; or the very first one has no way back.
pub fn reverting(entries: &[Entry], limit: Limit) -> Result<(Vec<&Migration>, Option<&Entry>), Fault> {
    check_whole(entries)?;
    if let Some(to) = limit.to.filter(|to| *to != 0) {
        check_known(entries, to)?;
    }
    let count = limit.count.unwrap_or(if limit.to.is_some() { usize::MAX } else { 1 });
    let applied = entries.iter().rev().filter(|entry| entry.row.is_some());
    let wanted: Vec<&Entry> =
        applied.filter(|entry| limit.to.is_none_or(|to| entry.version > to)).take(count).collect();
    let has_way_back = |entry: &Entry| entry.migration.as_ref().is_some_and(|migration| migration.down.is_some());
    let ways = wanted.iter().take_while(|entry| has_way_back(entry)).count();
    let stop = wanted.get(ways).copied();
    if let (0, Some(stop)) = (ways, stop) {
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
    Ok((wanted.into_iter().take(ways).filter_map(|entry| entry.migration.as_ref()).collect(), stop))
}

/// Refuses to build on a version that is half there, or is another one than its file.
fn check_whole(entries: &[Entry]) -> Result<(), Fault> {
    let dirty = named(entries, State::Dirty);
    if !dirty.is_empty() {
        let fault = format!("Begun outside of a transaction and not ended: {dirty}");
        return Err(Fault::new(Exit::Partial, fault)
            .hint("see what of it is there, finish it or undo it by hand, then: cargo xtask db-migrate repair"));
    }
    let changed = named(entries, State::Changed);
    if !changed.is_empty() {
        return Err(Fault::failed(format!("Changed since it was applied: {changed}"))
            .hint("see why with: cargo xtask db-migrate repair"));
    }
    Ok(())
}

fn check_known(entries: &[Entry], version: i64) -> Result<(), Fault> {
    if entries.iter().any(|entry| entry.version == version) {
        return Ok(());
    }
    Err(Fault::usage(format!("There is no version {version}")).hint("see them with: cargo xtask db-migrate status"))
}

fn named(entries: &[Entry], state: State) -> String {
    let found = entries.iter().filter(|entry| entry.state == state);
    found.map(|entry| format!("{} {}", entry.version, entry.description())).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::exit;

    fn entries(states: &[(i64, State, bool)]) -> Vec<Entry> {
        let of = |&(version, state, down): &(i64, State, bool)| Entry {
            version,
            state,
            migration: (state != State::MissingFile).then(|| Migration {
                version,
                description: "x".to_owned(),
                up: "1_x.up.sql".into(),
                down: down.then(|| "1_x.down.sql".into()),
            }),
            row: (!matches!(state, State::Pending | State::OutOfOrder)).then(|| Row {
                version,
                description: "x".to_owned(),
                installed_on: String::new(),
                success: state != State::Dirty,
                checksum: String::new(),
                execution_time: 0,
            }),
        };
        states.iter().map(of).collect()
    }

    fn versions(migrations: &[&Migration]) -> Vec<i64> {
        migrations.iter().map(|migration| migration.version).collect()
    }

    #[test]
    fn up_takes_what_is_pending_and_stops_at_what_is_not_whole() {
        use State::{Applied, Changed, Dirty, MissingFile, OutOfOrder, Pending};
        let all = entries(&[(1, Applied, true), (2, Pending, true), (3, Pending, true)]);
        let up = |count, to| versions(&pending(&all, Limit { count, to }, false).unwrap());
        assert_eq!((up(None, None), up(Some(1), None), up(None, Some(2))), (vec![2, 3], vec![2], vec![2]));
        assert_eq!((up(Some(0), None), up(None, Some(1))), (vec![], vec![]));
        assert_eq!(pending(&all, Limit { to: Some(9), count: None }, false).unwrap_err().exit, Exit::Usage);
        for (state, exit) in [(Dirty, Exit::Partial), (Changed, Exit::Failed), (MissingFile, Exit::Failed)] {
            let all = entries(&[(1, state, true), (2, Pending, true)]);
            assert_eq!(pending(&all, Limit::default(), true).unwrap_err().exit, exit);
        }
        let all = entries(&[(1, OutOfOrder, true), (2, Applied, true), (3, Pending, true)]);
        assert!(pending(&all, Limit::default(), false).is_err());
        assert_eq!(versions(&pending(&all, Limit::default(), true).unwrap()), [1, 3]);
        assert_eq!(exit(&anyhow::anyhow!("x")), Exit::Failed);
    }

    #[test]
    fn down_goes_newest_first_and_never_past_what_has_no_way_back() {
        use State::{Applied, Pending};
        let all = entries(&[
            (1, Applied, true),
            (2, Applied, false),
            (3, Applied, true),
            (4, Applied, true),
            (5, Pending, true),
        ]);
        let down = |count, to| {
            let (migrations, stop) = reverting(&all, Limit { count, to }).unwrap();
            (versions(&migrations), stop.map(|entry| entry.version))
        };
        assert_eq!(down(None, None), (vec![4], None));
        assert_eq!(down(Some(2), None), (vec![4, 3], None));
        assert_eq!(down(Some(4), None), (vec![4, 3], Some(2)));
        assert_eq!(down(None, Some(0)), (vec![4, 3], Some(2)));
        assert_eq!(down(None, Some(3)), (vec![4], None));
        assert_eq!(down(None, Some(5)), (vec![], None));
        let all = entries(&[(1, Applied, false)]);
        assert!(reverting(&all, Limit::default()).is_err());
    }
}
