//! `db-restore --undo`: swaps the previous database back in.

use super::args::Args;
use crate::backup::listing::{self, Backup};
use crate::backup::name::Purpose;
use crate::backup::proof;
use crate::commands::leftovers;
use crate::commands::swap::done::Done;
use crate::commands::swap::report::{self, Report};
use crate::commands::swap::services;
use crate::commands::swap::switchover::{Incoming, Switchover};
use crate::context::Context;
use crate::error::{self, Exit, Fault};
use crate::postgres::activity::{Counters, Written};
use crate::postgres::change_lock::Lock;
use crate::postgres::server::Server;
use crate::process::signals;
use crate::restore::changes_since_swap::ChangesSinceSwap;
use crate::restore::live::Live;
use crate::restore::previous::{self, Previous};
use crate::restore::record::{Details, Record, View, Wanted};
use crate::restore::swap::{self, Swap};
use crate::restore::{record, rights};
use crate::settings::fault_point;
use crate::target::Target;
use crate::terminal;
use anyhow::Result;
use chrono::Local;
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;

pub(super) fn undo(args: &Args, server: &Server<'_>, context: &Context) -> Result<()> {
    let target = server.target();
    context.terminal.note(&format!("Undoing the last restore of {}", target.shown()));
    let wanted = Wanted { unrecorded: true, ..Wanted::default() };
    let view = record::look(server, wanted)?.trusted()?;
    let Some(old) = previous::list(&view, target.database()).into_iter().next() else {
        return Err(nothing_to_go_back_to(&view, server)?.into());
    };
    refuse_one_of_a_set(&view, &old, target, context)?;
    let since = ChangesSinceSwap::of(server, &old.entry);
    if args.dry_run {
        leftovers::name_leftovers(target, context);
    }
    if args.json && args.dry_run {
        let Previous { entry, .. } = &old;
        let document = json!({
            "version": 1, "before": entry.name, "swapped_at": entry.at, "written_since": since,
            "services": services::users(server)?,
        });
        return context.terminal.json(&document);
    }
    show(&old, &since, target, context);
    services::show(&services::users(server)?, context);
    target.services().notice(false)?.iter().for_each(|notice| context.terminal.note(notice));
    if args.dry_run {
        return Ok(());
    }
    context.terminal.confirm("Continue?", args.yes)?;
    let record = Record::new(server, Lock::take(server, Duration::ZERO)?.into_session());
    let unstarted = leftovers::repair_before_swap(&record, context)?;
    let old = still_there(&record, &old)?;
    let live = swappable(server)?;
    let done = swap_back(&[Back { record: &record, old: &old, live: &live }], unstarted, context)?;
    report::name_subscriptions(server, context);
    report::name_ended_workers(&live, server, context);
    Report { what: "Restore undone", file: None, safety: None, done: &done }.show(args.json, target, context)
}

/// While we asked, another run may have taken it.
fn still_there(record: &Record<'_>, old: &Previous) -> Result<Previous> {
    let list = previous::list(&record.view()?, record.target().database());
    list.into_iter().find(|now| now.database == old.database).ok_or_else(|| {
        let name = &old.entry.name;
        let message =
            format!("{name} does not exist any more: another run swapped or dropped it first; nothing was changed");
        let hint = "see what an undo would do now: cargo xtask db-restore --undo --dry-run";
        Fault::failed(message).hint(hint).into()
    })
}

/// One member of a set that was restored together would be older than the others.
fn refuse_one_of_a_set(view: &View, old: &Previous, target: &Target, context: &Context) -> Result<()> {
    let Some(set) = &old.entry.details.set else { return Ok(()) };
    let database = target.database();
    if set.databases.len() < 2 || previous::of_set(view, set).is_err() {
        // Another one of them was restored since: they are no set any more.
        return Ok(());
    }
    let message = format!("{database} was restored together with others: {}", set.databases.join(", "));
    let backups = listing::list(&context.backups_folder(), &proof::glance)?;
    let of_it = |backup: &&Backup| backup.database.as_deref() == Some(database);
    let is_safety =
        |backup: &&Backup| backup.purpose == Some(Purpose::PreRestore) && !backup.examined.verdict.is_unfit();
    let safety = backups.iter().filter(of_it).find(is_safety);
    let file = safety.map_or_else(|| "FILE".to_owned(), |backup| context.as_word(&backup.path));
    let hint = format!(
        "go back with all of them: cargo xtask db-restore --undo --set\n\
         or restore this one alone, from its safety backup: cargo xtask db-restore {file}"
    );
    Err(Fault::failed(message).hint(hint).into())
}

/// The live database, which can be swapped out.
pub(super) fn swappable(server: &Server<'_>) -> Result<Live> {
    let (live, target) = (Live::of(server)?, server.target());
    live.check_swappable(target)?;
    live.check_open(target)?;
    rights::check_swap(server, &live)?;
    Ok(live)
}

/// A previous database, and the live one that it takes the place of.
pub(super) struct Back<'b, 't> {
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
pub(super) fn swap_back(backs: &[Back<'_, '_>], unstarted: BTreeSet<String>, context: &Context) -> Result<Done> {
    let Some((first, others)) = backs.split_first() else {
        return Err(Fault::failed("Nothing is swapped back").into());
    };
    let others = others.iter().map(Back::incoming).collect();
    let switchover = Switchover { context, first: first.incoming(), others, unstarted };
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
    let exchange = |swaps: &[Swap<'_>]| swap::exchange_names(first.record, swaps);
    let done = marked().and_then(|()| switchover.perform(&services, exchange));
    let done = done.inspect_err(|error| {
        // Where the swap's outcome is not known, the next run needs the entries to repair it.
        if error::exit(error) != Exit::Partial {
            backs.iter().for_each(Back::unmark);
        }
    })?;
    backs.iter().zip(&done.databases).try_for_each(|(back, swapped)| swapped.check(back.record))?;
    Ok(done)
}

/// No database is proven to be the one of before a swap; those that are only named so are told, with the way by hand.
fn nothing_to_go_back_to(view: &View, server: &Server<'_>) -> Result<Fault> {
    let target = server.target();
    let message = format!("There is no previous {} to go back to", target.database());
    let unrecorded = view.unrecorded(target.database());
    let mut hint = "list the backups and what is kept on the server: cargo xtask db-list".to_owned();
    for database in unrecorded.iter().filter(|database| database.is_previous()) {
        hint.push_str(&format!("\n{}\n{}", database.shown(), database.hint(server.maintenance_database())?));
    }
    Ok(Fault::failed(message).hint(hint))
}

/// When the swap was, and what an undo of it loses.
pub(super) fn show(old: &Previous, since: &ChangesSinceSwap, target: &Target, context: &Context) {
    let terminal = &context.terminal;
    let at = old.entry.time().map(|at| at.with_timezone(&Local));
    let (time, age) =
        at.map_or_else(Default::default, |at| (at.format("%Y-%m-%d %H:%M:%S").to_string(), terminal::age_of(&at)));
    terminal.note(&format!("The swap was on {time}, {age}; the previous database is {}", old.entry.name));
    match &since.tables {
        None => terminal.note("Changes since the swap are not known: the server's counters were reset"),
        Some(tables) if tables.is_empty() => terminal.note("Changes since the swap: none, by the server's counters"),
        Some(tables) => {
            let number = |rows: u64| if rows == 0 { "0".to_owned() } else { format!("≈ {}", terminal::count(rows)) };
            let row = |(table, rows): (&String, &Written)| {
                vec![terminal::clean_line(table), number(rows.inserted), number(rows.updated), number(rows.deleted)]
            };
            let rows: Vec<Vec<String>> = tables.iter().map(row).collect();
            terminal.note("Rows changed since the swap, by the server's counters:");
            terminal.note_table(&["TABLE", "INSERTED", "UPDATED", "DELETED"], &rows, &[1, 2, 3]);
        }
    }
    if let Some(tuples) = &since.tuples {
        let (written, deleted) = (terminal::count(tuples.written), terminal::count(tuples.deleted));
        terminal
            .note(&format!("OpenFGA tuples since the swap, by its changelog: {written} written, {deleted} deleted"));
    }
    let what =
        format!("{} will be as it was before that swap; changes made since then will be lost", target.database());
    terminal.warn(&what);
    let kept = format!(
        "The current database is kept as another {}_before_…; undo again to swap it back in",
        target.database()
    );
    terminal.note(&kept);
}
