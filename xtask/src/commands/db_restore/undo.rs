//! The database of before the last restore, swapped back in.

use super::exchange::Swap;
use super::report::Report;
use super::{Args, age_of};
use crate::context::Context;
use crate::error::{self, Exit, Fault};
use crate::postgres::activity::{Counters, Written};
use crate::postgres::change_lock::Lock;
use crate::process::signals;
use crate::restore::live::Live;
use crate::restore::mark::Marked;
use crate::restore::since::Since;
use crate::restore::{before, repair, rights, swap};
use crate::stack::services;
use crate::target::Target;
use crate::terminal;
use anyhow::Result;
use chrono::Local;
use serde_json::json;
use std::time::Duration;

pub(super) fn undo(args: &Args, target: &Target, run: &str, context: &Context) -> Result<()> {
    context.terminal.note(&format!("Undoing the last restore of {}", target.shown()));
    let Some(old) = before::list(target, run)?.into_iter().next() else {
        let message = format!("There is no database of before a restore of {}", target.database());
        return Err(Fault::failed(message).hint("what there is: cargo xtask db-list").into());
    };
    let since = Since::swap(target, run, &old.mark);
    if args.dry_run {
        super::mend::name_leftovers(target, context);
    }
    if args.json && args.dry_run {
        let document = json!({ "version": 1, "before": old.name, "swapped_at": old.mark.at, "written_since": since });
        return context.terminal.json(&document);
    }
    show(&old, &since, target, context);
    services::notice(target, false)?.iter().for_each(|notice| context.terminal.note(notice));
    if args.dry_run {
        return Ok(());
    }
    context.terminal.confirm("Continue?", args.yes)?;
    let mut lock = Lock::take(target, run, Duration::ZERO)?;
    super::mend_leftovers(target, run, context)?;
    // While we asked, another run may have taken it.
    let Some(old) = before::list(target, run)?.into_iter().find(|now| now.name == old.name) else {
        let message = format!("{} is no longer there: another run was faster; nothing was changed", old.name);
        return Err(Fault::failed(message).hint("see what there is: cargo xtask db-restore --undo --dry-run").into());
    };
    let live = Live::of(target, run)?;
    live.check_swappable(target)?;
    live.check_open(target)?;
    rights::check_swap(target, run, &live)?;
    let mut mark = old.mark.clone();
    run.clone_into(&mut mark.run);
    mark.stopped = services::running_users(target)?;
    mark.swapping = true;
    lock.run(&mark.sql(&old.name)?)?;
    let written = Counters::of(target, run, &old.name).ok();
    let stopped = mark.stopped;
    let swap = Swap { target, run, live: &live, context, stopped, openfga: false, only_way_back: false, written };
    let done = swap.perform(&old.name, None, old.mark.comment.as_deref(), |exchange| {
        swap::exchange_names(target, run, live.properties.is_some(), exchange)
    });
    let done = done.inspect_err(|error| {
        // Where nobody knows what became of the exchange, the next run needs the mark to mend it.
        if error::exit(error) != Exit::Partial {
            let _ = signals::shielded(|| repair::settle(target, run, &old.name, &old.mark));
        }
    })?;
    Report { what: "Restore undone", file: None, safety: None, done: &done }.show(args.json, target, context)
}

/// When the swap was, and what an undo of it loses.
fn show(old: &Marked, since: &Since, target: &Target, context: &Context) {
    let terminal = &context.terminal;
    let at = old.mark.time().map(|at| at.with_timezone(&Local));
    let (time, age) = at.map_or_else(Default::default, |at| (at.format("%Y-%m-%d %H:%M:%S").to_string(), age_of(&at)));
    terminal.note(&format!("The swap was on {time}, {age}; the database of before it is {}", old.name));
    match &since.tables {
        None => terminal.note("What was written since is not known: the server counted it no further"),
        Some(tables) if tables.is_empty() => terminal.note("Written since: nothing, by the server's counters"),
        Some(tables) => {
            let number = |rows: u64| if rows == 0 { "0".to_owned() } else { format!("≈ {}", terminal::count(rows)) };
            let row = |(table, rows): (&String, &Written)| {
                vec![terminal::clean(table), number(rows.inserted), number(rows.updated), number(rows.deleted)]
            };
            let rows: Vec<Vec<String>> = tables.iter().map(row).collect();
            terminal.note("Rows written since, by the server's counters:");
            terminal.note_table(&["TABLE", "INSERTED", "UPDATED", "DELETED"], &rows, &[1, 2, 3]);
        }
    }
    if let Some(tuples) = &since.tuples {
        let (written, deleted) = (terminal::count(tuples.written), terminal::count(tuples.deleted));
        terminal.note(&format!("OpenFGA tuples since, by its changelog: {written} written, {deleted} deleted"));
    }
    let what = format!("{} will be as it was before that swap; what was written since goes", target.database());
    terminal.warn(&what);
    let kept = format!("The database of now stays as another {}_before_…; undo again to come back", target.database());
    terminal.note(&kept);
}
