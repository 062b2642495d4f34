//! What would change, and the question.

use super::args::Args;
use crate::backup::proof::Proven;
use crate::commands::swap::preview::{changes, name_foreign_tables, name_lost_keys, name_rights_beyond_database};
use crate::commands::swap::services;
use crate::context::Context;
use crate::error::Fault;
use crate::migration::beyond::pending_beyond;
use crate::restore::locale_difference;
use crate::restore::merged::Merged;
use crate::restore::new_database::NewDatabase;
use crate::restore::preflight::Fitting;
use crate::restore::proposal::Proposal;
use crate::target::Target;
use crate::target::backend::ServiceUser;
use crate::terminal;
use crate::words::{first_names, shortened};
use anyhow::Result;
use chrono::Local;

/// At most this many pending migrations are named.
const NAMED: usize = 5;
/// At most this many tables without rows are named.
const TABLES_NAMED: usize = 20;
/// At most this many letters of a property are shown.
const LINE_SHOWN: usize = 200;

/// `--json`, version 1: what would change. `users` are the services that use the database; `None`: it is one of a set,
/// whose services are shown once.
pub(super) fn document(
    proposal: &Proposal<'_>,
    users: Option<&[ServiceUser]>,
    (target, context): (&Target, &Context),
) -> Result<serde_json::Value, Fault> {
    let Proposal { backup, merged, fitting, plan, .. } = proposal;
    Ok(serde_json::json!({
        "version": 1, "database": target.database(), "file": &backup.path, "plan": plan,
        "roles_to_make": fitting.missing_roles.names(), "pending_migrations": pending(proposal, users.is_none(), (target, context)),
        "new_database": proposal.of_elsewhere().map(NewDatabase::of), "properties_from_backup": merged.from_backup,
        "properties_not_applied": merged.all_not_applied(target.database())?, "services": users.unwrap_or_default(),
    }))
}

/// Files that cannot be read are a matter for db-migrate, not for a restore. The checkout's migrations belong to one
/// database of a set: to one that has their ledger.
fn pending(proposal: &Proposal<'_>, is_of_set: bool, (target, context): (&Target, &Context)) -> Vec<String> {
    if is_of_set && proposal.backup.contents.migrations.is_none() {
        return Vec::new();
    }
    let applied = proposal.backup.contents.migrations.as_ref();
    pending_beyond(applied, target, &context.settings, &context.root).unwrap_or_else(|error| {
        let text = format!("The migrations that will be pending are not known: {error:#}");
        context.terminal.warn(&text);
        Vec::new()
    })
}

/// The same for people.
pub(super) fn show(
    proposal: &Proposal<'_>,
    users: Option<&[ServiceUser]>,
    args: &Args,
    (target, context): (&Target, &Context),
) -> Result<()> {
    let Proposal { backup, merged, fitting, plan, .. } = proposal;
    if args.json && args.dry_run {
        return context.terminal.json(&document(proposal, users, (target, context))?);
    }
    let pending = pending(proposal, users.is_none(), (target, context));
    let new_database = proposal.of_elsewhere().map(NewDatabase::of);
    changes(plan, "IN THE BACKUP", context);
    services::show(users.unwrap_or_default(), context);
    if let Some(new) = &new_database {
        context.terminal.note("The database will be created with the backup's properties:");
        new.lines().iter().for_each(|line| note_property(line, context));
    }
    locale_difference(merged, backup, (target, context))?;
    properties(merged, context);
    if backup.manifest.as_ref().is_some_and(|manifest| manifest.without_public) {
        context.terminal.note("The backup's database has no schema public; the restored one will have none");
    }
    if !pending.is_empty() {
        let named = first_names(&pending, NAMED);
        context.terminal.note(&terminal::clean_line(&format!("Migrations that will be pending: {named}")));
    }
    if !fitting.missing_roles.is_empty() {
        let roles = fitting.missing_roles.names().join(", ");
        context.terminal.note(&terminal::clean_line(&format!("Roles that will be created, without login: {roles}")));
    }
    if !backup.contents.has_rows() && plan.has_tables() {
        let file = context.shown(&backup.path);
        context.terminal.warn(&format!("{file} holds no rows: every table of the restored database will be empty"));
    }
    name_tables_without_rows(backup, context);
    name_foreign_tables(backup, context);
    name_rights_beyond_database(backup, context);
    name_lost_keys(backup, proposal.keys_lost, (target, context));
    remarks(fitting, context);
    Ok(())
}

/// What the server will make of it.
fn remarks(fitting: &Fitting, context: &Context) {
    fitting.unchecked_letters.iter().for_each(|letters| context.terminal.warn(letters));
    for change in &fitting.version_changes {
        context.terminal.note(&terminal::clean_line(&format!("Note: {}", change.line())));
    }
    if !fitting.space_known {
        context.terminal.note("Free space on the server: not known");
    }
}

/// Rows that an option of pg_dump left out of the file.
fn name_tables_without_rows(backup: &Proven, context: &Context) {
    let Some(tables) = backup.contents.without_rows().filter(|tables| !tables.is_empty()) else { return };
    if !backup.contents.has_rows() {
        return;
    }
    let names: Vec<String> =
        tables.iter().map(|(schema, name)| terminal::clean_line(&format!("{schema}.{name}"))).collect();
    let text = format!(
        "{} creates {} without rows: {}\n\
         an option of pg_dump leaves them out (--exclude-table-data, --no-unlogged-table-data); they will be empty",
        context.shown(&backup.path),
        terminal::counted(names.len() as u64, "table", "tables"),
        first_names(&names, TABLES_NAMED)
    );
    context.terminal.warn(&text);
}

/// The report's first line: that the database is restored, and which rows it lacks.
pub(super) fn done(backup: &Proven) -> String {
    let left_out = backup.contents.without_rows().map_or(0, |tables| tables.len() as u64);
    match left_out {
        _ if !backup.contents.has_rows() => "Database restored, without any rows".to_owned(),
        0 => "Database restored".to_owned(),
        tables => format!("Database restored, without rows of {}", terminal::counted(tables, "table", "tables")),
    }
}

/// What the database itself gets from the backup, and what it does not.
fn properties(merged: &Merged, context: &Context) {
    if !merged.from_backup.is_empty() {
        context
            .terminal
            .note("The live database has only defaults for these properties; the restored one gets the backup's:");
        merged.from_backup.iter().for_each(|line| note_property(line, context));
    }
    if !merged.not_applied.is_empty() {
        let what = "The live database's own properties differ from the backup's; the restore keeps the live ones.";
        let shell = context.terminal.to_type("cargo xtask db-shell");
        context.terminal.note(&format!("{what} To apply the backup's ({shell}):"));
        for statement in &merged.not_applied {
            context.terminal.note(&format!("  {}", terminal::clean_line(statement)));
        }
    }
}

/// Encoding and locale that the database does not get.
fn locale_difference(merged: &Merged, backup: &Proven, (target, context): (&Target, &Context)) -> Result<(), Fault> {
    let Some(difference) = &merged.locale_difference else { return Ok(()) };
    let commands = context.terminal.to_type(&locale_difference::commands(backup, target)?);
    let text = format!(
        "Encoding and locale of {} differ from the backup's; the restore keeps them:\n  now:            {}\n  \
         in the backup:  {}\nOnly a new database gets the backup's. To recreate it from this backup alone:\n  {}",
        target.database(),
        terminal::clean_line(&difference.live),
        terminal::clean_line(&difference.backup),
        commands.replace('\n', "\n  ")
    );
    context.terminal.note(&text);
    Ok(())
}

/// A property, of which the beginning is enough to know it by.
fn note_property(line: &str, context: &Context) {
    context.terminal.note(&format!("  {}", shortened(&terminal::clean_line(line), LINE_SHOWN)));
}

pub(super) fn ask(args: &Args, target: &Target, backup: &Proven, context: &Context) -> Result<(), Fault> {
    let latest = if args.file.is_some() { "this backup" } else { "the latest backup" };
    let taken = backup.manifest.as_ref().map(|manifest| manifest.started_at.time());
    let age = taken.map_or_else(String::new, |time| format!(", {}", terminal::age_of(&time.with_timezone(&Local))));
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
