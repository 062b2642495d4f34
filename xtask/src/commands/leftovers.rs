//! What killed runs left behind: named by commands that only look, repaired by those that change the database.

use crate::context::Context;
use crate::postgres::server::Server;
use crate::postgres::startup;
use crate::restore::record::{Details, Record, Unrecorded, Wanted};
use crate::restore::repair::{self, Findings, Leftover, Stuck};
use crate::target::Target;
use crate::terminal;
use anyhow::Result;

/// Names what killed runs left, for commands that change nothing. Where the server does not tell there is nothing to
/// say.
pub fn name_leftovers(target: &Target, context: &Context) {
    name_found(Server::new(target).and_then(|server| repair::look(&server, Wanted::default())), context);
}

/// The same, where the server was asked already.
pub fn name_leftovers_by(answer: &str, target: &Target, context: &Context) {
    name_found(Server::new(target).and_then(|server| repair::look_by(answer, &server)), context);
}

fn name_found(found: Result<Findings>, context: &Context) {
    let findings = found.unwrap_or_default();
    warn_of_distrust(&findings, context);
    name(&findings.leftovers, context);
}

/// A record that is not to be trusted is said, whatever the command.
pub fn warn_of_distrust(findings: &Findings, context: &Context) {
    if let Some(fault) = findings.view.distrust() {
        let hint = fault.hint_text().map(|hint| format!("\n{hint}")).unwrap_or_default();
        context.terminal.warn(&terminal::clean(&format!("{fault}{hint}")));
    }
}

/// Says of each what repairs it.
pub fn name(leftovers: &[Leftover], context: &Context) {
    for leftover in leftovers {
        let what = terminal::clean(&leftover.shown());
        context.terminal.warn(&format!("{what}; repair it with: cargo xtask db-restore --repair"));
    }
}

/// Says of each that it is left alone, and what a person would type.
pub fn name_unrecorded(found: &[Unrecorded], maintenance_database: &str, context: &Context) -> Result<()> {
    for database in found {
        let text = format!("{}\n{}", database.shown(), database.hint(maintenance_database)?);
        context.terminal.warn(&terminal::clean(&text));
    }
    Ok(())
}

/// Repairs what killed runs left, and says what. To be called under the lock.
pub fn repair_leftovers(record: &Record<'_>, context: &Context) -> Result<Findings> {
    let target = record.target();
    let found = repair::find(record)?;
    let start = |details: &Details| {
        if details.migrate {
            target.own_openfga().migrate_openfga()?;
        }
        startup::start_services(target, &context.settings, &details.stopped)
    };
    let mut stuck = Vec::new();
    for leftover in &found.leftovers {
        let left = match leftover {
            Leftover::Abandoned(database) => repair::drop_or_name(record, database)?,
            _ => repair::repair(record, leftover, &start).map(|()| None)?,
        };
        match left {
            None => context.terminal.done(&format!("Mended: {}", leftover.shown())),
            Some(left) => stuck.push(left),
        }
    }
    warn_of_stuck(&stuck, context);
    repair::forget_void(record)?;
    Ok(Findings { stuck, ..found })
}

/// Drops the throwaway databases of drills that were killed, and says what.
pub fn clear_throwaways(record: &Record<'_>, context: &Context) -> Result<()> {
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
