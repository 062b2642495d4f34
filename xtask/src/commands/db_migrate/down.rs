//! `db-migrate down`: the newest versions reverted, each by its `.down.sql` file.

use super::report::{self, Report};
use crate::commands::migrations::{Waiting, Work};
use crate::context::Context;
use crate::error::{Exit, Fault};
use crate::migration::checks::Direction;
use crate::migration::plan::{self, Entry, Limit};
use crate::migration::run::{Runner, Step};
use crate::terminal;
use crate::words::number;
use anyhow::Result;

/// Revert the newest version, or several, newest first, after a question and a backup
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How many [default: 1]
    #[arg(value_name = "N", value_parser = number::<usize>)]
    count: Option<usize>,
    /// Everything newer than this version; 0 is everything
    #[arg(long, value_name = "VERSION", conflicts_with = "count", allow_negative_numbers = true, value_parser = number::<i64>)]
    to: Option<i64>,
    /// Print the SQL in order, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long, short, conflicts_with = "dry_run")]
    yes: bool,
    /// Ignore applied versions that have no file here: another program's
    #[arg(long)]
    ignore_missing: bool,
    /// Take no backup first
    #[arg(long)]
    no_backup: bool,
    #[command(flatten)]
    waiting: Waiting,
    /// Write the report as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<()> {
    let target = context.target()?;
    target.check_consent(args.yes)?;
    let limits = args.waiting.limits(context)?;
    let limit = Limit { count: args.count, to: args.to };
    context.terminal.note(&format!("Reverting migrations of {}", target.shown()));
    let work = Work::opened(&target, context, args.ignore_missing)?;
    let compared = if args.dry_run { work.compare()? } else { work.settled(limits)? };
    let (wanted, stop) = plan::reverting(&compared.entries, limit)?;
    let steps = work.steps(&wanted, Direction::Down, &compared, args.dry_run)?;
    if args.dry_run {
        return report::dry_run(&steps, Direction::Down, args.json, &target, context);
    }
    let stays = |version: &i64| !steps.iter().any(|step| step.version == *version);
    let newest = compared.ledger.rows.iter().map(|row| row.version).filter(stays).max();
    let mut report = Report { direction: Direction::Down, backup: None, done: &[], newest };
    if steps.is_empty() {
        return report.show(args.json, &target, context);
    }
    show(&steps, stop, context);
    let count = terminal::counted(steps.len() as u64, "migration", "migrations");
    context.terminal.confirm(&format!("Revert {count} of {}?", target.shown()), args.yes)?;

    let mut locked = work.lock(limits)?;
    let again = work.compare()?;
    if again.ledger != compared.ledger {
        return Err(Fault::failed("Another run changed the ledger meanwhile; nothing was reverted")
            .hint("check it again: cargo xtask db-migrate status")
            .into());
    }
    let backup = if args.no_backup { None } else { work.back_up()? };
    let ledger = work.writer(&mut locked.session, &again.ledger, limits.table)?;
    let mut runner = Runner { session: &mut locked.session, ledger, lock_timeout: limits.table };
    let done = work.execute(&mut runner, &steps)?;
    report.backup = backup.as_deref();
    report.done = &done;
    report.show(args.json, &target, context)?;
    stop.map_or(Ok(()), |stop| {
        let fault = Fault::new(Exit::Partial, format!("Stopped at {}: it cannot be reverted", stop.version));
        Err(fault.hint("go back further with: cargo xtask db-restore").into())
    })
}

/// The versions to be reverted, and the one before which it stops.
fn show(steps: &[Step], stop: Option<&Entry>, context: &Context) {
    for step in steps {
        context.terminal.note(&terminal::clean_line(&format!("  {} {}", step.version, step.description)));
    }
    if let Some(stop) = stop {
        context.terminal.warn(&format!("It stops there: {} cannot be reverted", stop.version));
    }
}
