//! `--repair`: what killed runs left behind, repaired.

use crate::commands::leftovers::{name_killed_sets, name_unrecorded, repair_what_can_be};
use crate::commands::other_run::Wait;
use crate::context::Context;
use crate::error::{Exit, Fault};
use crate::postgres::change_lock::Lock;
use crate::postgres::quote::identifier;
use crate::postgres::server::Server;
use crate::restore::record::Record;
use crate::restore::repair::Findings;
use crate::restore::{live, previous};
use crate::target::Target;
use crate::words::shell_word;
use anyhow::{Error, Result};
use std::time::Duration;

/// How long `--repair` waits for a run that still holds the lock.
const LOCK_TIMEOUT: Duration = Duration::from_secs(30);

pub(super) fn repair(server: &Server<'_>, context: &Context) -> Result<()> {
    let target = server.target();
    context.terminal.note(&format!("Repairing {}", target.shown()));
    let wait = Wait::begin(LOCK_TIMEOUT, None);
    let lock = wait.take(context, &mut |timeout| Lock::take(server, timeout))?;
    let record = Record::new(server, lock.into_session());
    let (findings, unstarted) = repair_what_can_be(&record, context)?;
    if let Some(failed) = unstarted.into_iter().next() {
        return Err(failed.error);
    }
    name_unrecorded(&findings.unrecorded, server.maintenance_database(), context)?;
    name_killed_sets(&findings.view, &[target.database()], context);
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
    let undo = kept.map(|kept| {
        format!("\n{} is kept: cargo xtask db-restore --undo gives it that name", shell_word(&kept.entry.name))
    });
    let mut hint = format!("restore it from a backup: cargo xtask db-restore{}", undo.unwrap_or_default());
    if !findings.unrecorded.is_empty() {
        let name = identifier(database)?;
        hint.push_str(&format!("\nor, if one of those above is this database: ALTER DATABASE … RENAME TO {name};"));
    }
    Ok(Fault::new(exit, absent(record.target())).hint(hint).into())
}
