//! Leftovers are repaired one after the other. A database that cannot be dropped and services that cannot be started stop none
//! of the others.

use super::blockers::Stuck;
use super::record::{Entry, Record};
use super::repair::{self, Findings, Leftover};
use crate::process::signals;
use anyhow::{Error, Result};

/// What an earlier run left to be started or migrated, and why that does not work.
#[derive(Debug)]
pub struct Unstarted {
    pub what: String,
    pub services: Vec<String>,
    /// OpenFGA's tables are to be migrated before.
    pub migrate: bool,
    pub error: Error,
}

/// What a caller hears.
#[derive(Debug)]
pub enum RepairEvent<'a> {
    Repaired(&'a Leftover),
    /// After all of them: the databases that could not be dropped.
    Stuck(&'a [Stuck]),
}

/// Repairs what killed runs left; gives what it found, and the services that could not be started. `start` does what the
/// run of an entry has left to do. To be called under the lock.
///
/// # Errors
/// A signal; the server does not answer, or lacks a live database; a database cannot be opened again.
pub fn repair_each(
    record: &Record<'_>,
    start: &dyn Fn(&Entry) -> Result<()>,
    tell: &dyn Fn(RepairEvent<'_>),
) -> Result<(Findings, Vec<Unstarted>)> {
    let found = repair::find(record)?;
    let (mut stuck, mut unstarted) = (Vec::new(), Vec::new());
    for leftover in &found.leftovers {
        let repaired = match leftover {
            Leftover::Abandoned(database) => repair::drop_or_name(record, database)?.is_none_or(|left| {
                stuck.push(left);
                false
            }),
            Leftover::NotStarted(entry) => match repair::repair(record, leftover, start) {
                Ok(()) => true,
                Err(error) => {
                    signals::check()?;
                    let (services, migrate) = (entry.details.stopped.clone(), entry.details.migrate);
                    unstarted.push(Unstarted { what: leftover.shown(), services, migrate, error });
                    false
                }
            },
            Leftover::LockedOut(_) => repair::repair(record, leftover, start).map(|()| true)?,
        };
        if repaired {
            tell(RepairEvent::Repaired(leftover));
        }
    }
    tell(RepairEvent::Stuck(&stuck));
    repair::forget_void(record, &found.lives)?;
    Ok((Findings { stuck, ..found }, unstarted))
}
