//! What would change, and the question.

use super::{Args, age_of};
use crate::backup::proof::Proven;
use crate::commands::db_migrate;
use crate::context::Context;
use crate::error::Fault;
use crate::postgres::properties::Properties;
use crate::restore::merged::Merged;
use crate::restore::new_database::NewDatabase;
use crate::restore::plan::Plan;
use crate::restore::preflight::Fitting;
use crate::target::Target;
use crate::terminal;
use anyhow::Result;
use chrono::Local;

/// So many pending migrations are named.
const NAMED: usize = 5;
/// So many letters of a property are shown.
const LINE_SHOWN: usize = 200;

/// `made_like`: what the manifest gives a database that does not exist yet.
pub(super) fn show(
    plan: &Plan,
    fitting: &Fitting,
    backup: &Proven,
    made_like: Option<&Properties>,
    merged: &Merged,
    args: &Args,
    context: &Context,
) -> Result<()> {
    let new_database = made_like.map(NewDatabase::of);
    // Files that cannot be read are a matter for db-migrate, not for a restore.
    let pending = db_migrate::pending_beyond(backup.contents.migrations.as_ref(), context).unwrap_or_default();
    if args.json && args.dry_run {
        return context.terminal.json(&serde_json::json!({
            "version": 1, "file": &backup.path, "plan": plan,
            "roles_to_make": fitting.missing_roles.names(), "pending_migrations": pending,
            "new_database": new_database, "properties_from_backup": merged.from_backup,
            "properties_not_applied": merged.not_applied,
        }));
    }
    changes(plan, "IN THE BACKUP", context);
    if let Some(new) = &new_database {
        context.terminal.note("The database will be created with the backup's properties:");
        new.lines().iter().for_each(|line| context.terminal.note(&format!("  {}", shortened(line))));
    }
    properties(merged, context);
    if !pending.is_empty() {
        let named = pending.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
        let more = pending.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        context.terminal.note(&terminal::clean_line(&format!("Migrations that will be pending: {named}{more}")));
    }
    if !fitting.missing_roles.is_empty() {
        let roles = fitting.missing_roles.names().join(", ");
        context.terminal.note(&terminal::clean_line(&format!("Roles that will be created, without login: {roles}")));
    }
    if !backup.contents.has_rows() {
        let file = context.shown(&backup.path);
        context.terminal.warn(&format!("{file} holds no rows: every table of the restored database will be empty"));
    }
    name_foreign_tables(backup, context);
    for change in &fitting.version_changes {
        context.terminal.note(&terminal::clean_line(&format!("Note: {}", change.line())));
    }
    if !fitting.space_known {
        context.terminal.note("Free space on the server: not known");
    }
    Ok(())
}

/// What the database itself gets from the backup, and what it does not.
fn properties(merged: &Merged, context: &Context) {
    if !merged.from_backup.is_empty() {
        context
            .terminal
            .note("The live database has only defaults for these properties; the restored one gets the backup's:");
        merged.from_backup.iter().for_each(|line| context.terminal.note(&format!("  {}", shortened(line))));
    }
    if !merged.not_applied.is_empty() {
        let what = "The live database's own properties differ from the backup's; the restore keeps the live ones.";
        context.terminal.note(&format!("{what} To apply the backup's (cargo xtask db-shell):"));
        for statement in &merged.not_applied {
            context.terminal.note(&format!("  {}", terminal::clean_line(statement)));
        }
    }
}

/// What reads a foreign table while the file loads, such as a materialized view, connects to another server.
pub(in crate::commands) fn name_foreign_tables(backup: &Proven, context: &Context) {
    let count = backup.contents.foreign_tables;
    if count > 0 {
        let tables = terminal::counted(count, "foreign table", "foreign tables");
        context.terminal.note(&format!(
            "{} has {tables}: while it loads, the server may connect to other servers (materialized views)",
            context.shown(&backup.path)
        ));
    }
}

/// One line, of which the beginning is enough to know it by.
fn shortened(line: &str) -> String {
    let (clean, shown) = (terminal::clean_line(line), LINE_SHOWN);
    match clean.char_indices().nth(shown) {
        Some((end, _)) => format!("{}…", clean.get(..end).unwrap_or(&clean)),
        None => clean,
    }
}

/// What would come and go; `then` heads the column of what is there afterwards.
pub(in crate::commands) fn changes(plan: &Plan, then: &str, context: &Context) {
    let terminal = &context.terminal;
    if let Some(why) = &plan.unreadable {
        terminal.warn(&format!("The live database cannot be read: {why}"));
    }
    let number = |rows: Option<u64>, estimated: bool| {
        rows.map_or_else(
            || "-".to_owned(),
            |rows| format!("{}{}", if estimated { "≈ " } else { "" }, terminal::count(rows)),
        )
    };
    if let Some(why) = &plan.not_compared {
        terminal.warn(&format!("The live OpenFGA stores and models are not compared: {why}"));
    }
    if let Some(tables) = &plan.tables {
        let rows: Vec<Vec<String>> = tables
            .iter()
            .map(|table| {
                let name = format!("{}.{}", table.schema, table.table);
                vec![name, number(table.now, table.estimated), "→".to_owned(), number(table.backup, false)]
            })
            .collect();
        if !rows.is_empty() {
            terminal.note_table(&["TABLE", "ROWS NOW", "", then], &rows, &[1, 3]);
        }
    }
    for store in &plan.stores_gained {
        terminal.note(&terminal::clean_line(&format!("OpenFGA store comes back: {store}")));
    }
    for store in &plan.stores_lost {
        terminal.note(&terminal::clean_line(&format!("OpenFGA store disappears: {store}")));
    }
    if plan.models_gained + plan.models_lost > 0 {
        terminal.note(&format!("OpenFGA models: {} come back, {} disappear", plan.models_gained, plan.models_lost));
    }
    if !plan.sessions.is_empty() {
        terminal
            .note(&terminal::clean_line(&format!("Sessions that will be terminated: {}", plan.sessions.join(", "))));
    }
    if !plan.workers.is_empty() {
        let workers = plan.workers.join(", ");
        let text = format!("Background workers that will end, perhaps until the server restarts: {workers}");
        terminal.note(&terminal::clean_line(&text));
    }
}

pub(super) fn ask(args: &Args, target: &Target, backup: &Proven, context: &Context) -> Result<(), Fault> {
    let latest = if args.file.is_some() { "this backup" } else { "the latest backup" };
    let taken = backup.manifest.as_ref().map(|manifest| manifest.started_at.time());
    let age = taken.map_or_else(String::new, |time| format!(", {}", age_of(&time.with_timezone(&Local))));
    context.terminal.warn(&format!(" This will restore from {latest}"));
    context.terminal.note(&format!("{}{age}", context.shown(&backup.path)));
    context.terminal.note(&format!("into {}", target.shown()));
    target
        .services()
        .notice(backup.contents.openfga.is_some())?
        .iter()
        .for_each(|notice| context.terminal.note(notice));
    context.terminal.confirm("Continue?", args.yes)
}
