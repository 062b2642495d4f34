//! `db-migrate baseline`: a database that exists already gets a ledger, without anything being run.

use super::drift;
use crate::commands::migrations::{Waiting, Work};
use crate::context::Context;
use crate::error::Fault;
use crate::migration::catalog::Differences;
use crate::migration::checksum;
use crate::migration::drift::Drift;
use crate::migration::files::Migration;
use crate::migration::ledger::{Ledger, write};
use crate::migration::plan;
use crate::migration::rights::RightsDifferences;
use crate::terminal;
use crate::words::number;
use anyhow::Result;
use std::time::Duration;

/// Record that an existing database has this version and all older ones; nothing is run
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The newest version that the database has
    #[arg(allow_negative_numbers = true, value_parser = number::<i64>)]
    version: i64,
    /// Do not compare the schema with what the files make
    #[arg(long)]
    no_compare: bool,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    waiting: Waiting,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<()> {
    let target = context.target()?;
    target.check_consent(args.yes)?;
    let limits = args.waiting.limits(context)?;
    context.terminal.note(&format!("Baseline for {}", target.shown()));
    let work = Work::opened(&target, context, false)?;
    let known: Vec<&Migration> =
        work.folder.migrations.iter().filter(|migration| migration.version <= args.version).collect();
    if known.last().is_none_or(|migration| migration.version != args.version) {
        let none = format!("There is no file of version {}", args.version);
        if let Some(refused) = plan::refused(&work.folder, &none) {
            return Err(refused.into());
        }
        return Err(Fault::usage(none).hint("list them with: cargo xtask db-migrate status").into());
    }
    let ledger = check_empty(&work)?;
    if !args.no_compare {
        compare(&work, &ledger, &known)?;
    }
    for migration in &known {
        context.terminal.note(&terminal::clean_line(&format!("  {} {}", migration.version, migration.description)));
    }
    let count = terminal::counted(known.len() as u64, "migration", "migrations");
    context.terminal.confirm(&format!("Record {count} as applied, without running anything?"), args.yes)?;

    let mut locked = work.lock(limits)?;
    let ledger = check_empty(&work)?;
    let writer = work.writer(&mut locked.session, &ledger, limits.table)?;
    let mut sql = Vec::new();
    for migration in &known {
        let checksum = checksum::of(&migration.up, &work.config.ignored)?;
        let (version, description) = (migration.version, &migration.description);
        sql.push(write::insert(&writer.table, version, description, &checksum, Some(Duration::ZERO))?);
    }
    writer.change(&mut locked.session, &sql.join("\n"))?;
    context.terminal.done(&format!("{count} recorded as applied"));
    Ok(())
}

/// Refuses to record what the database does not have.
fn compare(work: &Work<'_>, ledger: &Ledger, known: &[&Migration]) -> Result<()> {
    let (Drift { schema, rights, database_has_grants, .. }, changed) =
        drift::of(work, ledger, known, Some("record it anyway: --no-compare"))?;
    let (missing, rights_are_there) = (!schema.missing.is_empty(), rights.missing.is_empty());
    // What the database has beside that may be another program's, or a later version's.
    drift::show(&Differences { extra: if missing { schema.extra } else { Vec::new() }, ..schema }, work);
    drift::show_rights(&RightsDifferences { extra: Vec::new(), ..rights }, database_has_grants, work);
    changed.map_or(Ok(()), Err)?;
    if !missing && !rights_are_there {
        let shell = work.context.terminal.to_type("cargo xtask db-shell");
        work.context
            .terminal
            .warn(&format!("Recorded files are not run any more: run the statements above yourself ({shell})"));
    }
    if missing {
        return Err(Fault::failed("The schema differs from the one that these files make; nothing was recorded")
            .hint("name the version that the database has, or record it anyway: --no-compare")
            .into());
    }
    Ok(())
}

/// The ledger, which must be empty: one with rows tells the truth already.
fn check_empty(work: &Work<'_>) -> Result<Ledger> {
    let ledger = work.ledger()?;
    if let Some(row) = ledger.rows.last() {
        return Err(Fault::failed(format!("The database has a ledger already, up to version {}", row.version))
            .hint("see the state of each version: cargo xtask db-migrate status")
            .into());
    }
    Ok(ledger)
}
