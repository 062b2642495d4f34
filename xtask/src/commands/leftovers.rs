//! What killed runs left behind: named by commands that only look, repaired by those that change the database.

use crate::context::Context;
use crate::postgres::server::Server;
use crate::postgres::startup;
use crate::restore::blockers::Stuck;
use crate::restore::killed_sets;
use crate::restore::overdue::Overdue;
use crate::restore::record::{self, Entry, Record, Unrecorded, View, Wanted};
use crate::restore::repair::{self, Findings, Leftover};
use crate::restore::repair_each::{RepairEvent, Unstarted, repair_each};
use crate::restore::scratch::{Cleared, Drill};
use crate::target::Target;
use crate::terminal;
use anyhow::Result;
use std::collections::BTreeSet;

/// Names what killed runs left, for commands that change nothing. Where the server does not answer there is nothing to
/// say.
pub fn name_leftovers(target: &Target, context: &Context) {
    if let Ok(server) = Server::new(target) {
        name_leftovers_on(&server, context);
    }
}

/// The same, for a caller whose sessions ask this server more.
pub fn name_leftovers_on(server: &Server<'_>, context: &Context) {
    name_found(repair::list(server, Wanted::default()), server.target().database(), context);
}

/// Names the leftovers by an answer that the server gave already.
pub fn name_leftovers_by(answer: &str, target: &Target, context: &Context) {
    name_found(Server::new(target).and_then(|server| repair::list_from(answer, &server)), target.database(), context);
}

/// Names the leftovers of the databases of a set, each once.
pub fn name_leftovers_of(servers: &[Server<'_>], context: &Context) {
    let Some(first) = servers.first() else { return };
    let view = record::read(first, Wanted::default()).unwrap_or_default();
    let databases: Vec<&str> = servers.iter().map(|server| server.target().database()).collect();
    warn_of_distrust(&view, context);
    name(&killed_sets::leftovers_of(&view, &databases), context);
    name_killed_sets(&view, &databases, context);
}

fn name_found(found: Result<Findings>, database: &str, context: &Context) {
    let findings = found.unwrap_or_default();
    warn_of_distrust(&findings.view, context);
    name(&findings.leftovers, context);
    name_killed_sets(&findings.view, &[database], context);
}

/// Names sets without these databases that a killed run left unfinished: a repair for these leaves them alone.
pub fn name_killed_sets(view: &View, databases: &[&str], context: &Context) {
    for set in killed_sets::without(view, databases) {
        let repair = context.terminal.to_type(&set.repair());
        context.terminal.warn(&terminal::clean_line(&format!("{}; repair it with: {repair}", set.shown())));
    }
}

/// A record that is not to be trusted is said, whatever the command.
pub fn warn_of_distrust(view: &View, context: &Context) {
    if let Some(fault) = view.distrust() {
        context.terminal.warn_of(fault);
    }
}

/// Says of each what repairs it.
pub fn name(leftovers: &[Leftover], context: &Context) {
    let repair = context.terminal.to_type("cargo xtask db-restore --repair");
    for leftover in leftovers {
        context.terminal.warn(&format!("{}; repair it with: {repair}", terminal::clean_line(&leftover.shown())));
    }
}

/// Names previous databases that could not be dropped, and what a person types.
pub fn name_overdue(overdue: &[Overdue], context: &Context) {
    for Overdue { shown, by_hand, .. } in overdue {
        let by_hand = context.terminal.to_type(by_hand);
        context.terminal.warn(&format!("{}\n{by_hand}", terminal::clean_line(shown)));
    }
}

/// Says of each that it is left alone, and what a person would type.
pub fn name_unrecorded(found: &[Unrecorded], maintenance_database: &str, context: &Context) -> Result<()> {
    for database in found {
        let hint = context.terminal.to_type(&database.hint(maintenance_database)?);
        context.terminal.warn(&format!("{}\n{hint}", terminal::clean_line(&database.shown())));
    }
    Ok(())
}

/// What earlier swaps left to be done, and a next one does beside its own.
#[derive(Debug)]
pub struct Owed {
    /// Services to be started beside those that run now.
    pub services: BTreeSet<String>,
    /// OpenFGA's tables are to be migrated.
    pub migration: bool,
}

/// Repairs what killed runs left before the database is swapped, and says what; gives what could not be done. That is no
/// reason not to swap: another database may be what the services need. To be called under the lock.
pub fn repair_before_swap(record: &Record<'_>, context: &Context) -> Result<Owed> {
    let (_, unstarted) = repair_what_can_be(record, context)?;
    for Unstarted { what, error, .. } in &unstarted {
        let why = terminal::clean_line(&format!("{error:#}"));
        context.terminal.warn(&format!("{}, and cannot be now: {why}", terminal::clean_line(what)));
    }
    let migration = unstarted.iter().any(|unstarted| unstarted.migrate);
    Ok(Owed { services: unstarted.into_iter().flat_map(|unstarted| unstarted.services).collect(), migration })
}

/// Repairs what killed runs left, and says what; gives what it found, and the services that could not be started.
pub fn repair_what_can_be(record: &Record<'_>, context: &Context) -> Result<(Findings, Vec<Unstarted>)> {
    let start = |entry: &Entry| start(entry, record.target(), context);
    repair_each(record, &start, &|event| match event {
        RepairEvent::Repaired(leftover) => context.terminal.done(&format!("Repaired: {}", leftover.shown())),
        RepairEvent::Stuck(stuck) => warn_of_stuck(stuck, context),
    })
}

/// Does what the run of an entry has left to do: OpenFGA's tables migrated, services started.
fn start(entry: &Entry, target: &Target, context: &Context) -> Result<()> {
    if entry.live != target.database() {
        // A set that the target's database belongs to.
        let context = context.with_database(&entry.live);
        return start(entry, &context.target()?, &context);
    }
    if entry.details.migrate {
        startup::migrate_openfga(target)?;
    }
    startup::start_services(target, &context.settings, &entry.details.stopped)
}

/// Begins a drill; says which scratch databases of killed runs it dropped.
pub fn begin_drill<'t>(server: &Server<'t>, context: &Context) -> Result<Drill<'t>> {
    let (drill, Cleared { dropped, stuck }) = Drill::begin(server)?;
    for name in dropped {
        context.terminal.note(&format!("Dropped {name}, the scratch database of a run that was killed"));
    }
    warn_of_stuck(&stuck, context);
    Ok(drill)
}

/// Says of each that it could not be dropped, why, and what a person types.
fn warn_of_stuck(stuck: &[Stuck], context: &Context) {
    for Stuck { name, why, by_hand } in stuck {
        let (name, why) = (terminal::clean_line(name), terminal::clean_line(why));
        let text = format!(
            "{name}, left behind by a run that was killed, could not be dropped: {why}\n{}",
            context.terminal.to_type(by_hand)
        );
        context.terminal.warn(&text);
    }
}
