//! `db-migrate verify`: up, down and up again in a scratch database, the whole schema compared after each step.

use super::scratch;
use super::verdict::{self, Verdict, hint_of_failures};
use crate::commands::migrations::{Work, check_extensions};
use crate::context::Context;
use crate::error::Fault;
use crate::migration::checks::Direction;
use crate::migration::files::Migration;
use crate::migration::plan::{self, State};
use crate::migration::scratch::{Ran, Scratch};
use crate::restore::preflight::Beside;
use crate::terminal::{self, Progress};
use anyhow::Result;
use std::collections::BTreeSet;

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
    let versions = work.compare().map(|compared| compared.ledger.rows.iter().map(|row| row.version).collect());
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
        let without = verdict::without(verdicts.iter().map(|verdict| verdict.left_out.len()).sum());
        context.terminal.done(&format!("{count} verified{without}"));
    }
    Ok(())
}

/// What is applied beforehand, and what is tried.
fn chosen(args: &Args, work: &Work<'_>) -> Result<(Vec<Migration>, Vec<Migration>)> {
    if !args.pending {
        return Ok((Vec::new(), work.folder.migrations.clone()));
    }
    let entries = work.compare()?.entries;
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
                self.revert_applied(scratch, sees_changes)?;
                Ok(tried)
            })?;
            changed.map_or(Ok(()), Err)?;
            rest = &rest[tried..];
        }
        Ok(())
    }

    /// Runs the .down.sql files once more, the newest first, as long as something outside of the scratch database is other than
    /// before: what files changed there stays when that is dropped. It ends at a file that does not revert its migration, and
    /// at one that the live database has: what that one gave is to stay.
    fn revert_applied(&self, scratch: &mut Scratch<'_, '_>, sees_changes: &dyn Fn() -> bool) -> Result<()> {
        let is_pending = |migration: &&Migration| !self.was_applied.contains(&migration.version);
        for migration in self.applied.iter().rev().take_while(is_pending) {
            if !sees_changes() {
                break;
            }
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
