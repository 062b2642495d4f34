//! What killed runs left behind, repaired.

use crate::context::Context;
use crate::error::{Exit, Fault};
use crate::postgres::change_lock::Lock;
use crate::postgres::quote::identifier;
use crate::postgres::server::Server;
use crate::postgres::startup;
use crate::process::signals;
use crate::restore::record::{Details, Record, Unrecorded, Wanted};
use crate::restore::repair::{self, Findings, Leftover, Stuck};
use crate::restore::{live, previous};
use crate::target::Target;
use crate::terminal;
use anyhow::{Error, Result};
use std::collections::BTreeSet;
use std::time::Duration;

/// How long `--repair` waits for a run that still holds the lock.
const LOCK_TIMEOUT: Duration = Duration::from_secs(30);

pub(super) fn repair(server: &Server<'_>, context: &Context) -> Result<()> {
    let target = server.target();
    context.terminal.note(&format!("Repairing {}", target.shown()));
    let lock = Lock::take(server, LOCK_TIMEOUT)?;
    let record = Record::new(server, lock.into_session());
    let (findings, unstarted) = repair_what_can_be(&record, context)?;
    if let Some(failed) = unstarted.into_iter().next() {
        return Err(failed.error);
    }
    name_unrecorded(&findings.unrecorded, server.maintenance_database(), context)?;
    if !live::exists(server)? {
        if was_first(&findings, target) {
            context.terminal.warn("A first restore did not finish: the database was never there");
        }
        return Err(no_live_database(&record, &findings)?);
    }
    if findings.leftovers.is_empty() {
        context.terminal.done("Nothing to repair");
    }
    if findings.stuck.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = findings.stuck.iter().map(|stuck| stuck.name.as_str()).collect();
    Err(Fault::failed(format!("Not dropped: {}", names.join(", ")))
        .hint("remove it by hand, as described above")
        .into())
}

/// Whether every recorded database of this live name belongs to a first restore: there was no live database before.
fn was_first(findings: &Findings, target: &Target) -> bool {
    let mut entries = findings.view.of(target.database()).peekable();
    entries.peek().is_some() && entries.all(|entry| entry.live_oid.is_none())
}

fn absent(target: &Target) -> String {
    format!("There is no database {} on this server", target.database())
}

/// The failure of a repair after which there is no live database. Exit 6 where the repair changed something.
fn no_live_database(record: &Record<'_>, findings: &Findings) -> Result<Error> {
    let database = record.target().database();
    let exit = if findings.leftovers.is_empty() { Exit::Failed } else { Exit::Partial };
    let kept = previous::list(&record.view()?, database).into_iter().next();
    let undo =
        kept.map(|kept| format!("\n{} is kept: cargo xtask db-restore --undo gives it that name", kept.entry.name));
    let mut hint = format!("restore it from a backup: cargo xtask db-restore{}", undo.unwrap_or_default());
    if !findings.unrecorded.is_empty() {
        let name = identifier(database)?;
        hint.push_str(&format!("\nor, if one of those above is this database: ALTER DATABASE … RENAME TO {name};"));
    }
    Ok(Fault::new(exit, absent(record.target())).hint(hint).into())
}

/// Names what killed runs left, for commands that change nothing. Where the server does not tell there is nothing to
/// say.
pub(in crate::commands) fn name_leftovers(target: &Target, context: &Context) {
    name_found(Server::new(target).and_then(|server| repair::look(&server, Wanted::default())), context);
}

/// The same, where the server was asked already.
pub(in crate::commands) fn name_leftovers_by(answer: &str, target: &Target, context: &Context) {
    name_found(Server::new(target).and_then(|server| repair::look_by(answer, &server)), context);
}

fn name_found(found: Result<Findings>, context: &Context) {
    let findings = found.unwrap_or_default();
    warn_of_distrust(&findings, context);
    name(&findings.leftovers, context);
}

/// A record that is not to be trusted is said, whatever the command.
pub(in crate::commands) fn warn_of_distrust(findings: &Findings, context: &Context) {
    if let Some(fault) = findings.view.distrust() {
        let hint = fault.hint_text().map(|hint| format!("\n{hint}")).unwrap_or_default();
        context.terminal.warn(&terminal::clean(&format!("{fault}{hint}")));
    }
}

/// Says of each what repairs it.
pub(in crate::commands) fn name(leftovers: &[Leftover], context: &Context) {
    for leftover in leftovers {
        let what = terminal::clean(&leftover.shown());
        context.terminal.warn(&format!("{what}; repair it with: cargo xtask db-restore --repair"));
    }
}

/// Says of each that it is left alone, and what a person would type.
pub(in crate::commands) fn name_unrecorded(
    found: &[Unrecorded],
    maintenance_database: &str,
    context: &Context,
) -> Result<()> {
    for database in found {
        let text = format!("{}\n{}", database.shown(), database.hint(maintenance_database)?);
        context.terminal.warn(&terminal::clean(&text));
    }
    Ok(())
}

/// What an earlier run left to be started or migrated, and why that does not work.
struct Unstarted {
    what: String,
    services: Vec<String>,
    error: Error,
}

/// Repairs what killed runs left before the database is swapped, and says what; gives the services that this swap has to
/// start beside those that run now. That some cannot be started is no reason not to swap: another database may be what
/// they need. To be called under the lock.
pub(in crate::commands) fn repair_before_swap(record: &Record<'_>, context: &Context) -> Result<BTreeSet<String>> {
    let (_, unstarted) = repair_what_can_be(record, context)?;
    for Unstarted { what, error, .. } in &unstarted {
        let why = terminal::clean_line(&format!("{error:#}"));
        context.terminal.warn(&format!("{}, and cannot be now: {why}", terminal::clean_line(what)));
    }
    Ok(unstarted.into_iter().flat_map(|unstarted| unstarted.services).collect())
}

/// Repairs what killed runs left, and says what; gives what it found, and the services that could not be started.
fn repair_what_can_be(record: &Record<'_>, context: &Context) -> Result<(Findings, Vec<Unstarted>)> {
    let target = record.target();
    let found = repair::find(record)?;
    let start = |details: &Details| {
        if details.migrate {
            startup::migrate_openfga(target)?;
        }
        startup::start_services(target, &context.settings, &details.stopped)
    };
    let (mut stuck, mut unstarted) = (Vec::new(), Vec::new());
    for leftover in &found.leftovers {
        let repaired = match leftover {
            Leftover::Abandoned(database) => repair::drop_or_name(record, database)?.is_none_or(|left| {
                stuck.push(left);
                false
            }),
            Leftover::NotStarted(entry) => match repair::repair(record, leftover, &start) {
                Ok(()) => true,
                Err(error) => {
                    signals::check()?;
                    let services = entry.details.stopped.clone();
                    unstarted.push(Unstarted { what: leftover.shown(), services, error });
                    false
                }
            },
            Leftover::LockedOut(_) => repair::repair(record, leftover, &start).map(|()| true)?,
        };
        if repaired {
            context.terminal.done(&format!("Repaired: {}", leftover.shown()));
        }
    }
    warn_of_stuck(&stuck, context);
    repair::forget_void(record)?;
    Ok((Findings { stuck, ..found }, unstarted))
}

/// Drops the scratch databases of drills that were killed, and says what.
pub(in crate::commands) fn clear_throwaways(record: &Record<'_>, context: &Context) -> Result<()> {
    let (dropped, stuck) = repair::clear_throwaways(record)?;
    for name in dropped {
        context.terminal.note(&format!("Dropped {name}, the scratch database of a run that was killed"));
    }
    warn_of_stuck(&stuck, context);
    Ok(())
}

/// Says of each that it could not be dropped, why, and what a person types.
fn warn_of_stuck(stuck: &[Stuck], context: &Context) {
    for Stuck { name, error, by_hand } in stuck {
        let why = terminal::clean_line(&format!("{error:#}"));
        let text = format!("{name}, left behind by a run that was killed, could not be dropped: {why}\n{by_hand}");
        context.terminal.warn(&terminal::clean(&text));
    }
}
