//! `db-migrate verify`: up, down and up again in a scratch database, the whole schema compared after each step.

use super::scratch;
use crate::commands::migrations::{Work, check_extensions};
use crate::context::Context;
use crate::error::Fault;
use crate::migration::catalog::Catalog;
use crate::migration::checks::Direction;
use crate::migration::files::Migration;
use crate::migration::plan::{self, State};
use crate::migration::scratch::{Ran, Scratch, makes_role};
use crate::restore::preflight::Beside;
use crate::terminal::{self, Progress};
use anyhow::Result;
use serde::Serialize;
use std::collections::BTreeSet;

/// Statements that differ are shown up to so many.
const SHOWN: usize = 5;

/// Try every file in a scratch database: up, down, up, the schema compared after each step
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only those that are pending, on top of the files of the applied ones
    #[arg(long)]
    pending: bool,
    /// Write the report as JSON
    #[arg(long)]
    json: bool,
}

/// What was found out about one version.
#[derive(Debug, Serialize)]
struct Verdict {
    version: i64,
    description: String,
    /// null: it cannot be reverted, or its up file failed.
    reversible: Option<bool>,
    /// What differs, in words.
    differences: Vec<String>,
    /// Tables whose columns have another order afterwards: no statement can change that, and little depends on it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    column_order: Vec<String>,
    /// Statements that were left out, because they reach beyond the scratch database.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    left_out: Vec<String>,
    /// Why a file failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// The .up.sql failed the second time, on what the .down.sql had left.
    #[serde(skip)]
    left_behind: bool,
    /// The target's own database has it.
    #[serde(skip)]
    was_applied: bool,
    /// What the failed file makes is there already.
    #[serde(skip)]
    exists: bool,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<()> {
    let target = context.target()?;
    context.terminal.note(&format!("Trying the migrations in a scratch database of {}", target.shown()));
    let work = Work::opened(&target, context, false)?;
    if work.folder.migrations.is_empty() {
        let none = "There is no migration to verify";
        let empty = || Fault::failed(none).hint("name the folder that holds them: XTASK_MIGRATIONS=DIR");
        return Err(plan::refused(&work.folder, none).unwrap_or_else(empty).into());
    }
    // The files can be tried; `up` refuses the folder.
    if let Some(refused) = plan::refused(&work.folder, "db-migrate up refuses the folder") {
        context.terminal.warn_of(&refused);
    }
    let (applied, wanted) = chosen(args, &work)?;
    check_extensions(&work, applied.iter().chain(&wanted), Beside::Scratch(None))?;
    // A database without a ledger that can be read has none that was applied.
    let versions = work.look().map(|look| look.ledger.rows.iter().map(|row| row.version).collect());
    let was_applied = versions.unwrap_or_default();
    let mut trial = Trial { applied, was_applied, verdicts: Vec::new(), json: args.json, context };
    let tried = trial.run(&work, &wanted);
    let verdicts = trial.verdicts;
    if args.json {
        context.terminal.json(&serde_json::json!({ "version": 1, "migrations": &verdicts }))?;
    }
    tried?;
    conclude(&verdicts, context)
}

/// # Errors
/// Exit 1: a file fails, or is not reverted.
fn conclude(verdicts: &[Verdict], context: &Context) -> Result<()> {
    let failed = verdicts.iter().filter(|verdict| verdict.error.is_some()).count();
    let wrong = verdicts.iter().filter(|verdict| verdict.error.is_none() && verdict.reversible == Some(false)).count();
    if failed > 0 {
        let count =
            terminal::counted(failed as u64, "migration has a file that fails", "migrations have a file that fails");
        return Err(Fault::failed(count).hint(hint_of_failures(verdicts)).into());
    }
    if wrong > 0 {
        let count = terminal::counted(wrong as u64, "migration is", "migrations are");
        return Err(Fault::failed(format!("{count} not reverted by the .down.sql file"))
            .hint("fix the .down.sql file; on a database that has the version, remove by hand what is left")
            .into());
    }
    if verdicts.is_empty() {
        context.terminal.note("Nothing is pending: nothing was tried");
    } else {
        let count = terminal::counted(verdicts.len() as u64, "migration", "migrations");
        context.terminal.done(&format!("{count} verified"));
    }
    Ok(())
}

/// What to do about each kind of failure, in lines.
fn hint_of_failures(verdicts: &[Verdict]) -> String {
    let failed = || verdicts.iter().filter(|verdict| verdict.error.is_some());
    let mut lines = Vec::new();
    if failed().any(|verdict| !verdict.left_behind) {
        lines.push("fix the file; the later files were tried without it".to_owned());
    }
    let in_the_way = failed().find(|verdict| !verdict.left_behind && verdict.exists && verdict.was_applied);
    lines.extend(in_the_way.map(|verdict| makes_role(verdict.version)));
    for verdict in failed().filter(|verdict| verdict.left_behind).take(SHOWN) {
        let version = verdict.version;
        lines.push(format!(
            "fix the .down.sql of {version}: something that it leaves behind makes the .up.sql fail the second time"
        ));
    }
    if failed().any(|verdict| verdict.left_behind && verdict.exists) {
        lines.push(
            "no statement removes a value of an enum: add it with IF NOT EXISTS, or in a plain .sql file without a .down.sql"
                .to_owned(),
        );
    }
    lines.join("\n")
}

/// What is applied beforehand, and what is tried.
fn chosen(args: &Args, work: &Work<'_>) -> Result<(Vec<Migration>, Vec<Migration>)> {
    if !args.pending {
        return Ok((Vec::new(), work.folder.migrations.clone()));
    }
    let entries = work.look()?.entries;
    let is_pending = |state: State| matches!(state, State::Pending | State::OutOfOrder);
    let of = |pending: bool| {
        let entries = entries.iter().filter(|entry| is_pending(entry.state) == pending);
        entries.filter_map(|entry| entry.migration.clone()).collect()
    };
    Ok((of(false), of(true)))
}

/// Version after version is tried; where a database is left that is not known, a fresh one goes on from there.
struct Trial<'a> {
    /// Migrations whose .up.sql works, in order.
    applied: Vec<Migration>,
    /// The versions that the target's own database has.
    was_applied: BTreeSet<i64>,
    verdicts: Vec<Verdict>,
    json: bool,
    context: &'a Context,
}

impl Trial<'_> {
    fn run(&mut self, work: &Work<'_>, wanted: &[Migration]) -> Result<()> {
        let mut rest = wanted;
        let progress = self.context.terminal.waiting("trying");
        while !rest.is_empty() {
            let (tried, changed) = scratch::with(work, |scratch, sees_changes| {
                scratch.replay(&self.applied)?;
                scratch.left_out();
                let tried = self.in_one(scratch, rest, &progress)?;
                if sees_changes() {
                    self.revert_applied(scratch)?;
                }
                Ok(tried)
            })?;
            changed.map_or(Ok(()), Err)?;
            rest = &rest[tried..];
        }
        Ok(())
    }

    /// Runs the .down.sql files once more, the newest first, up to one that does not revert its migration: what files
    /// changed outside of the scratch database stays when that is dropped.
    fn revert_applied(&self, scratch: &mut Scratch<'_, '_>) -> Result<()> {
        for migration in self.applied.iter().rev() {
            let verdict = self.verdicts.iter().find(|verdict| verdict.version == migration.version);
            let is_revertible = verdict.is_some_and(|verdict| verdict.reversible == Some(true));
            if !is_revertible || !matches!(scratch.run(migration, Direction::Down)?, Ran::Well) {
                break;
            }
        }
        Ok(())
    }

    /// Tries as many as one database is good for; gives their number.
    fn in_one(&mut self, scratch: &mut Scratch<'_, '_>, wanted: &[Migration], progress: &Progress) -> Result<usize> {
        let mut before = scratch.catalog()?;
        for (index, migration) in wanted.iter().enumerate() {
            progress.say(&terminal::clean_line(&format!("trying {} {}", migration.version, migration.description)));
            let mut verdict = Verdict::of(migration, self.was_applied.contains(&migration.version));
            let known = verdict.find(scratch, migration, &mut before)?;
            verdict.left_out = scratch.left_out();
            if verdict.error.is_none() || verdict.reversible.is_some() {
                self.applied.push(migration.clone());
            }
            if !self.json {
                progress.aside(|| verdict.show(self.context))?;
            }
            self.verdicts.push(verdict);
            if !known {
                return Ok(index + 1);
            }
        }
        Ok(wanted.len())
    }
}

impl Verdict {
    fn of(migration: &Migration, was_applied: bool) -> Self {
        let (version, description) = (migration.version, migration.description.clone());
        Self {
            version,
            description,
            reversible: None,
            differences: Vec::new(),
            column_order: Vec::new(),
            left_out: Vec::new(),
            error: None,
            left_behind: false,
            was_applied,
            exists: false,
        }
    }

    /// Tries its files; whether the database is known afterwards: `before` is its schema then.
    fn find(&mut self, scratch: &mut Scratch<'_, '_>, migration: &Migration, before: &mut Catalog) -> Result<bool> {
        let was_applied = self.was_applied;
        let up = |scratch: &mut Scratch<'_, '_>| {
            if was_applied { scratch.rerun(migration) } else { scratch.run(migration, Direction::Up) }
        };
        if let Some(known) = self.failed(up(scratch)?) {
            return Ok(known);
        }
        let after = scratch.catalog()?;
        if migration.down.is_none() {
            *before = after;
            return Ok(true);
        }
        self.reversible = Some(false);
        if let Some(known) = self.failed(scratch.run(migration, Direction::Down)?) {
            *before = after;
            return Ok(known);
        }
        self.compare(before, &scratch.catalog()?, "after down");
        if self.failed(up(scratch)?).is_some() {
            self.left_behind = !self.differences.is_empty();
            return Ok(false);
        }
        let again = scratch.catalog()?;
        self.compare(&after, &again, "after the second up");
        self.reversible = Some(self.differences.is_empty());
        *before = again;
        Ok(true)
    }

    /// Keeps why a file failed; whether the database is as before it then.
    fn failed(&mut self, ran: Ran) -> Option<bool> {
        let (known, why) = match ran {
            Ran::Well => return None,
            Ran::RolledBack(why) => (true, why),
            Ran::HalfWay(why) => (false, why),
        };
        self.exists = why.exists;
        self.error = Some(why.said);
        Some(known)
    }

    fn compare(&mut self, expected: &Catalog, found: &Catalog, when: &str) {
        let found = expected.differences(found);
        let mut say = |entries: Vec<String>, what: &str| {
            let more = entries.len().saturating_sub(SHOWN);
            self.differences.extend(entries.into_iter().take(SHOWN).map(|entry| format!("{when} {what}: {entry}")));
            if more > 0 {
                self.differences.push(format!("{when} {what}: {more} more"));
            }
        };
        say(found.missing, "missing");
        say(found.extra, "left over");
        self.column_order.extend(found.reordered.into_iter().map(|table| format!("{when}: {table}")));
    }

    fn show(&self, context: &Context) -> Result<()> {
        let name = terminal::clean_line(&format!("{} {}", self.version, self.description));
        if let Some(error) = &self.error {
            let told: Vec<&str> = self.differences.iter().map(String::as_str).chain([error.as_str()]).collect();
            context.terminal.error(&anyhow::Error::msg(told.join("\n")).context(name));
            return Ok(());
        }
        if self.reversible == Some(false) {
            context.terminal.error(&anyhow::Error::msg(self.differences.join("\n")).context(name));
            return Ok(());
        }
        for table in &self.column_order {
            context
                .terminal
                .warn(&terminal::clean_line(&format!("{name}: the columns have a different order {table}")));
        }
        let ways = if self.reversible.is_some() { "up, down, up" } else { "up; it cannot be reverted" };
        let without = match self.left_out.len() as u64 {
            0 => String::new(),
            count => format!(", without {}", terminal::counted(count, "statement", "statements")),
        };
        context.terminal.result_report(&context.terminal.done_line(&format!("{name}: {ways}{without}")))
    }
}
