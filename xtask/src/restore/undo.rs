//! Previous databases are swapped back in: one, or those of a set in one transaction.

use super::live::Live;
use super::previous::{self, Previous};
use super::record::{Details, Record, SwapSet, View};
use super::rights;
use super::swap::{self, Swap};
use super::swapped::Done;
use super::switchover::{Incoming, Switchover};
use crate::error::{self, Exit, Fault};
use crate::postgres::activity::Counters;
use crate::postgres::server::Server;
use crate::process::signals;
use crate::settings::{Settings, fault_point};
use anyhow::Result;
use std::collections::BTreeSet;

/// The previous database as the record has it under the lock.
///
/// # Errors
/// Another run took it while the question was open (1).
pub fn still_there(record: &Record<'_>, old: &Previous) -> Result<Previous> {
    let list = previous::list(&record.view()?, record.target().database());
    list.into_iter().find(|now| now.database == old.database).ok_or_else(|| {
        let name = &old.entry.name;
        let message =
            format!("{name} does not exist any more: another run swapped or dropped it first; nothing was changed");
        let hint = "see what an undo would do now: cargo xtask db-restore --undo --dry-run";
        Fault::failed(message).hint(hint).into()
    })
}

/// Those of a set that have a previous database.
pub fn swapped(set: &SwapSet) -> impl Iterator<Item = &str> {
    set.databases.iter().filter(|name| !set.made.contains(name)).map(String::as_str)
}

/// The previous databases of a set, in its order.
///
/// # Errors
/// Some were restored or dropped since: they are no set any more.
pub fn of_set(view: &View, set: &SwapSet) -> Result<Vec<Previous>> {
    previous::of_set(view, set).map_err(|missing| {
        let all: Vec<&str> = swapped(set).collect();
        let message = format!(
            "The set of {} cannot be undone as one: {} was changed since, or its previous database is gone",
            all.join(", "),
            missing.join(", ")
        );
        Fault::failed(message).hint("undo the others one by one: cargo xtask db-restore --undo --database NAME").into()
    })
}

/// Whether the record still has these previous databases of the set, under the locks.
///
/// # Errors
/// Another run took one of them while the question was open (1).
pub fn set_still_there(records: &[Record<'_>], set: &SwapSet, olds: &[Previous]) -> Result<()> {
    let Some(record) = records.first() else { return Ok(()) };
    let now = of_set(&record.view()?, set)?;
    if now.iter().map(|now| &now.database).eq(olds.iter().map(|old| &old.database)) {
        return Ok(());
    }
    let message = "Another run swapped or dropped a database of the set first; nothing was changed";
    let hint = "see what an undo would do now: cargo xtask db-restore --undo --set --dry-run";
    Err(Fault::failed(message).hint(hint).into())
}

/// The live database, which can be swapped out.
pub fn swappable(server: &Server<'_>) -> Result<Live> {
    let live = Live::swappable(server)?;
    rights::check_swap(server, &live)?;
    Ok(live)
}

/// A previous database, and the live one that it takes the place of.
pub struct Back<'b, 't> {
    pub record: &'b Record<'t>,
    pub old: &'b Previous,
    pub live: &'b Live,
}

impl<'b, 't> Back<'b, 't> {
    fn incoming(&self) -> Incoming<'b, 't> {
        let Self { record, old, live } = *self;
        let written = Counters::of(&record.server().in_database(old.database.name())).ok();
        let (database, carried, openfga, only_way_back) = (old.database.clone(), None, false, false);
        Incoming { record, live, database, carried, openfga, only_way_back, written }
    }

    /// Notes in its entry what a killed run would leave to do; one entry names the services of all.
    fn mark(&self, stopped: &[String]) -> Result<()> {
        let Previous { entry, .. } = self.old;
        let details = Details { stopped: stopped.to_vec(), swapping: true, ..Details::clone(&entry.details) };
        // Whatever signal comes: the note is known, and removed.
        signals::shielded(|| self.record.note(entry.id, &details))
    }

    fn unmark(&self) {
        let Previous { entry, .. } = self.old;
        let _ = signals::shielded(|| self.record.note(entry.id, &entry.details));
    }
}

/// Swaps them back in, all in one transaction. `unstarted`: services that earlier runs stopped.
pub fn swap_back(backs: &[Back<'_, '_>], unstarted: BTreeSet<String>, settings: &Settings) -> Result<Done> {
    let switchover = Switchover::of(backs.iter().map(Back::incoming), unstarted, settings)?;
    let services = switchover.services()?;
    let marked = || -> Result<()> {
        fault_point("to be marked");
        signals::check()?;
        for (at, back) in backs.iter().enumerate() {
            back.mark(if at == services.place() { &services.started } else { &[] })?;
        }
        fault_point("marked");
        Ok(signals::check()?)
    };
    let swap_names = |swaps: &[Swap<'_>]| swap::swap_names(switchover.record(), swaps);
    let done = marked().and_then(|()| switchover.perform(&services, swap_names));
    let done = done.inspect_err(|error| {
        // Where the swap's outcome is not known, the next run needs the entries to repair it.
        if error::exit(error) != Exit::Partial {
            backs.iter().for_each(Back::unmark);
        }
    })?;
    backs.iter().zip(&done.databases).try_for_each(|(back, swapped)| swapped.check(back.record))?;
    Ok(done)
}
