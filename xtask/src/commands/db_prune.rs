//! `db-prune`: old backups removed by rules, each file with the reason why it stays or goes.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

use crate::backup::listing::{self, Backup};
use crate::backup::proof;
use crate::backup::retention::{self, Decision, Policy};
use crate::context::Context;
use crate::error::{Exit, Fault};
use crate::terminal;
use anyhow::Result;
use chrono::Local;
use serde::Serialize;
use std::borrow::Cow;
use std::path::Path;

/// Remove old backups of every database, or of --database, by rules; shows why each file stays or goes, then asks
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    policy: Policy,
    /// Only show what would go
    #[arg(long)]
    dry_run: bool,
    /// Remove without asking
    #[arg(long, short, conflicts_with = "dry_run")]
    yes: bool,
    /// Write the report as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args, context: &Context) -> Result<()> {
    check(&args.policy)?;
    let terminal = &context.terminal;
    let folder = context.backups_folder();
    let database = context.typed_database();
    let of = database.map(|name| terminal::clean_line(&format!(" of database {name}"))).unwrap_or_default();
    terminal.note(&format!("Pruning the backups{of} in {}", context.shown(&folder)));
    let mut backups = listing::list(&folder, &proof::glance)?;
    if database.is_some() {
        backups.retain(|backup| backup.database.as_deref() == database);
    }
    let decisions = retention::decide(&backups, &args.policy, Local::now().fixed_offset(), &retention::is_whole)?;
    let going: Vec<&Backup> =
        backups.iter().zip(&decisions).filter(|(_, decision)| !decision.keep).map(|(backup, _)| backup).collect();
    if args.json {
        let entries: Vec<Entry> = backups.iter().zip(&decisions).map(Entry::of).collect();
        terminal.json_list("files", &entries)?;
    } else if !backups.is_empty() {
        show(&backups, &decisions, context)?;
    }
    if going.is_empty() {
        terminal.note("Nothing to remove");
        return Ok(());
    }
    let files = terminal::counted(going.len() as u64, "backup", "backups");
    let bytes = terminal::size(going.iter().fold(0u64, |total, backup| total.saturating_add(backup.examined.bytes)));
    if args.dry_run {
        terminal.note(&format!("Would remove {files} ({bytes})"));
        return Ok(());
    }
    terminal.confirm(&format!("Remove {files}{of} ({bytes}) from {}?", context.shown(&folder)), args.yes)?;
    remove(&going, context)
}

/// After a backup: the same rules for its folder and database, without a question. The new one itself stays,
/// even where a clock was wrong and others seem newer.
pub fn after_backup(made: &Path, database: &str, policy: &Policy, context: &Context) -> Result<()> {
    let folder = made.parent().unwrap_or(&context.root);
    let mut backups = listing::list(folder, &proof::glance)?;
    backups.retain(|backup| backup.database.as_deref() == Some(database));
    let decisions = retention::decide(&backups, policy, Local::now().fixed_offset(), &retention::is_whole)?;
    let goes = |(backup, decision): &(&Backup, &Decision)| !decision.keep && backup.path != made;
    let going: Vec<&Backup> = backups.iter().zip(&decisions).filter(goes).map(|(backup, _)| backup).collect();
    remove(&going, context)
}

/// Refuses rules that would keep nothing.
pub fn check(policy: &Policy) -> Result<(), Fault> {
    if policy.keeps_nothing() {
        return Err(Fault::usage("These rules keep no backup")
            .hint("add a rule that keeps some, such as --keep-last 7 or --keep-daily 30"));
    }
    Ok(())
}

fn remove(going: &[&Backup], context: &Context) -> Result<()> {
    let mut in_use = 0usize;
    for (done, backup) in going.iter().enumerate() {
        match retention::remove(backup) {
            Ok(true) => context.terminal.done(&format!("Removed {}", context.shown(&backup.path))),
            Ok(false) => {
                in_use = in_use.saturating_add(1);
                context.terminal.warn(&format!("{} is in use by another run and stays", context.shown(&backup.path)));
            }
            Err(error) if done > in_use => {
                let fault = Fault::new(Exit::Partial, "Only some of the old backups were removed");
                return Err(error.context(fault.hint("list the backups: cargo xtask db-list")));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn show(backups: &[Backup], decisions: &[Decision], context: &Context) -> Result<()> {
    let now = Local::now().fixed_offset();
    let rows: Vec<Vec<String>> = backups
        .iter()
        .zip(decisions)
        .map(|(backup, decision)| {
            vec![
                context.shown(&backup.path),
                backup.time.map_or_else(
                    || "-".to_owned(),
                    |time| terminal::span(now.signed_duration_since(time).num_seconds().max(0)),
                ),
                terminal::size(backup.examined.bytes),
                if decision.keep { "stays" } else { "goes" }.to_owned(),
                decision.reason.clone(),
            ]
        })
        .collect();
    context.terminal.table(&["FILE", "AGE", "SIZE", "", "REASON"], &rows, &[1, 2])
}

/// One file in `--json`, version 1.
#[derive(Serialize)]
struct Entry<'a> {
    file: Cow<'a, str>,
    database: Option<&'a str>,
    bytes: u64,
    keep: bool,
    reason: &'a str,
}

impl<'a> Entry<'a> {
    fn of((backup, decision): (&'a Backup, &'a Decision)) -> Self {
        Self {
            file: backup.path.to_string_lossy(),
            database: backup.database.as_deref(),
            bytes: backup.examined.bytes,
            keep: decision.keep,
            reason: &decision.reason,
        }
    }
}
