//! `db-restore --undo`: swaps the previous database back in.

use super::args::Args;
use crate::backup::listing::{self, Backup};
use crate::backup::name::Purpose;
use crate::backup::proof;
use crate::commands::leftovers;
use crate::commands::swap::report::{self, Report};
use crate::commands::swap::services;
use crate::context::Context;
use crate::error::Fault;
use crate::postgres::activity::Written;
use crate::postgres::server::Server;
use crate::restore::changes_since_swap::ChangesSinceSwap;
use crate::restore::previous::{self, Previous};
use crate::restore::record::{self, View, Wanted};
use crate::restore::undo::{self, Back};
use crate::restore::{locked_record, swap_services};
use crate::target::Target;
use crate::terminal;
use anyhow::Result;
use chrono::Local;
use serde_json::json;

pub(super) fn run(args: &Args, server: &Server<'_>, context: &Context) -> Result<()> {
    let target = server.target();
    context.terminal.note(&format!("Undoing the last restore of {}", target.shown()));
    let wanted = Wanted { unrecorded: true, ..Wanted::default() };
    let view = record::read(server, wanted)?.trusted()?;
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
            "other_owner": old.other_owner, "services": swap_services::users(server)?,
        });
        return context.terminal.json(&document);
    }
    show(&old, &since, target, context);
    services::show(&swap_services::users(server)?, context);
    target.services().notice(false)?.iter().for_each(|notice| context.terminal.note(notice));
    if args.dry_run {
        return Ok(());
    }
    context.terminal.confirm("Continue?", args.yes)?;
    let record = locked_record::record(server)?;
    let unstarted = leftovers::repair_before_swap(&record, context)?.services;
    let old = undo::still_there(&record, &old)?;
    let live = undo::swappable(server)?;
    let done = undo::swap_back(&[Back { record: &record, old: &old, live: &live }], unstarted, &context.settings)?;
    report::name_subscriptions(server, context);
    report::name_ended_workers(&live, server, context);
    Report { what: "Restore undone", file: None, safety: None, done: &done }.show(args.json, target, context)
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

/// No database is proven to be the previous one; those that only have such a name are listed, with the way by hand.
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
    if let Some(owner) = &old.other_owner {
        let (owner, live) = (terminal::clean_line(owner), target.database());
        terminal.warn(&format!(
            "Role {owner} owns the previous database and not {live}: after the undo role {owner} owns {live}, and its tables may hold what that role has written meanwhile"
        ));
    }
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
