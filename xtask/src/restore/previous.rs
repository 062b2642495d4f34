//! The previous databases, which stay on the server under their own names.

use super::blockers::Stuck;
use super::record::{Details, Entry, OwnedDatabase, Purpose, Record, SwapSet, View};
use crate::target::Target;
use anyhow::Result;
use chrono::{DateTime, Local, TimeDelta};
use serde::Serialize;
use std::collections::BTreeSet;

/// A previous database that is proven to be this role's own.
#[derive(Debug, Clone)]
pub struct Previous {
    pub entry: Entry,
    pub database: OwnedDatabase,
    /// Its owner, where that is neither this role nor the live database's owner.
    pub other_owner: Option<String>,
}

/// Those of this database, newest first.
pub fn list(view: &View, live: &str) -> Vec<Previous> {
    let mut previous: Vec<Previous> = view.of(live).filter_map(|entry| owned(view, entry, live)).collect();
    sort(&mut previous);
    previous
}

/// Those of every live database that the record names, newest first.
pub(super) fn all(view: &View, live: &str) -> Vec<Previous> {
    let mut previous: Vec<Previous> = view.entries().iter().filter_map(|entry| owned(view, entry, live)).collect();
    sort(&mut previous);
    previous
}

fn owned(view: &View, entry: &Entry, live: &str) -> Option<Previous> {
    let database = view.owned(Some(entry).filter(|entry| entry.purpose == Purpose::Previous)?, live)?;
    let other_owner = view.other_owner(&database, live).map(str::to_owned);
    Some(Previous { entry: entry.clone(), database, other_owner })
}

/// The newest set with this live database of which a swap kept previous databases.
pub fn newest_set<'v>(view: &'v View, live: &str) -> Option<&'v SwapSet> {
    let entries = view.entries().iter().filter(|entry| entry.concerns(live));
    let of_sets = entries.filter(|entry| owned(view, entry, &entry.live).is_some());
    let of_sets = of_sets.filter_map(|entry| Some((entry.time(), entry.details.set.as_ref()?)));
    of_sets.max_by_key(|(time, _)| *time).map(|(_, set)| set)
}

/// A name of each other set of which previous databases are kept: its databases.
pub fn sets(view: &View) -> BTreeSet<&[String]> {
    let owned = view.entries().iter().filter(|entry| owned(view, entry, &entry.live).is_some());
    owned.filter_map(|entry| Some(entry.details.set.as_ref()?.databases.as_slice())).collect()
}

/// The previous databases of a set, in the order of the set.
///
/// # Errors
/// The live databases for which the newest previous one is not of this swap: they were restored since, or the previous
/// one is gone.
pub fn of_set(view: &View, set: &SwapSet) -> Result<Vec<Previous>, Vec<String>> {
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for live in set.databases.iter().filter(|live| !set.made.contains(live)) {
        let newest = list(view, live).into_iter().next();
        let of_swap = |old: &Previous| old.entry.details.set.as_ref().is_some_and(|other| other.run == set.run);
        match newest.filter(of_swap) {
            Some(previous) => found.push(previous),
            None => missing.push(live.clone()),
        }
    }
    if missing.is_empty() { Ok(found) } else { Err(missing) }
}

fn sort(previous: &mut [Previous]) {
    let key = |previous: &Previous| (previous.entry.time(), previous.entry.name.clone());
    previous.sort_by_key(|previous| std::cmp::Reverse(key(previous)));
}

/// The name that the live database gets at the swap to come, and the time of that: now, but later than every swap of
/// which something is kept. Undo and dropping go by that order, though two swaps may come within one second, and a
/// clock may have been set back. It is none of the names `but`.
pub fn next_name(record: &Record<'_>, but: &[String]) -> Result<(String, DateTime<Local>)> {
    let newest = list(&record.view()?, record.target().database()).first().and_then(|previous| previous.entry.time());
    let after = newest.map(|time| time.with_timezone(&Local) + TimeDelta::seconds(1));
    let now = Local::now();
    record.free_name(Purpose::Previous, after.map_or(now, |after| after.max(now)), but)
}

/// Drops all but the newest ones; one that is the only way back stays. Says of each that had to go whether it went. The
/// record notes which could not be dropped.
pub fn drop_old(record: &Record<'_>, keep: usize) -> Result<Vec<(String, Result<(), Stuck>)>> {
    let mut all = list(&record.view()?, record.target().database());
    let old = all.split_off(keep.min(all.len()));
    all.iter().for_each(|kept| note_overdue(record, kept, false));
    let old = old.into_iter().filter(|old| !old.entry.details.only_way_back);
    old.map(|old| {
        let Err(error) = record.drop_database(&old.database) else { return Ok((old.entry.name, Ok(()))) };
        note_overdue(record, &old, true);
        let stuck = Stuck::by(&error, record.server(), &old.entry.name)?;
        Ok((old.entry.name, Err(stuck)))
    })
    .collect()
}

/// Notes whether one had to go and is still there. Where that does not work, the next run finds out.
fn note_overdue(record: &Record<'_>, previous: &Previous, is_overdue: bool) {
    let details = &previous.entry.details;
    if details.is_overdue != is_overdue {
        let _ = record.note(previous.entry.id, &Details { is_overdue, ..Details::clone(details) });
    }
}

/// A previous database, for commands that only read.
#[derive(Debug, Serialize)]
pub struct Kept {
    pub name: String,
    /// The live database that it was.
    pub database: String,
    /// When the swap was, RFC 3339.
    pub swapped_at: String,
    /// On the server's disk; `None` where this role may not know it.
    pub bytes: Option<u64>,
    /// A later swap was to drop it, and could not.
    pub overdue: bool,
}

/// Every one of the server's, newest first.
pub fn kept(view: &View, target: &Target) -> Vec<Kept> {
    let kept = |Previous { entry, database, .. }: Previous| Kept {
        bytes: view.bytes(&database),
        overdue: entry.details.is_overdue,
        name: entry.name,
        database: entry.live,
        swapped_at: entry.at,
    };
    all(view, target.database()).into_iter().map(kept).collect()
}
