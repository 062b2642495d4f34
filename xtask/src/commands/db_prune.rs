//! `db-prune`: old backups removed by rules, each file with the reason why it stays or goes.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

use super::removal;
use crate::backup::retention::{Policy, Ruled, Scope, prune};
use crate::context::Context;
use crate::terminal;
use anyhow::Result;
use chrono::Local;
use serde::Serialize;
use std::borrow::Cow;

/// Remove old backups of every database, or of --database, by rules; shows why each file stays or goes, then asks
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    policy: Policy,
    /// Show what would go, and stop
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
    args.policy.check()?;
    context.settings.check_understood()?;
    let terminal = &context.terminal;
    let folder = context.backups_folder();
    let database = context.typed_database();
    let of = database.map(|name| terminal::clean_line(&format!(" of database {name}"))).unwrap_or_default();
    terminal.note(&format!("Pruning the backups{of} in {}", context.shown(&folder)));
    let scope = database.map_or(Scope::All, Scope::Database);
    let files = scope.decide(&folder, &args.policy)?;
    let going: Vec<&Ruled> = files.iter().filter(|file| !file.decision.keep).collect();
    if args.json {
        let entries: Vec<Entry> = files.iter().map(Entry::of).collect();
        terminal.json_list("files", &entries)?;
    } else if !files.is_empty() {
        show(&files, context)?;
    }
    if going.is_empty() {
        terminal.note("Nothing to remove");
        return Ok(());
    }
    let count = terminal::counted(going.len() as u64, "backup", "backups");
    let bytes = terminal::size(going.iter().fold(0u64, |total, file| total.saturating_add(file.bytes)));
    if args.dry_run {
        terminal.note(&format!("Would remove {count} ({bytes})"));
        return Ok(());
    }
    terminal.confirm(&format!("Remove {count}{of} ({bytes}) from {}?", context.shown(&folder)), args.yes)?;
    prune::remove(&going, &|file| removal::say(file, context))
}

fn show(files: &[Ruled], context: &Context) -> Result<()> {
    let now = Local::now().fixed_offset();
    let age = |time| terminal::span(now.signed_duration_since(time).num_seconds().max(0));
    let row = |file: &Ruled| {
        vec![
            context.shown(&file.path),
            file.time.map_or_else(|| "-".to_owned(), age),
            terminal::size(file.bytes),
            if file.decision.keep { "stays" } else { "goes" }.to_owned(),
            file.decision.reason.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = files.iter().map(row).collect();
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
    fn of(file: &'a Ruled) -> Self {
        Self {
            file: file.path.to_string_lossy(),
            database: file.database.as_deref(),
            bytes: file.bytes,
            keep: file.decision.keep,
            reason: &file.decision.reason,
        }
    }
}
