//! `db-migrate up`: what is pending, oldest first, each file in its own transaction with its row.

use super::report::{self, Report};
use crate::commands::migrations::{Order, Waiting, Work, apply};
use crate::context::Context;
use crate::migration::checks::Direction;
use crate::migration::plan::Limit;
use crate::words::number;
use anyhow::Result;

/// Apply what is pending, oldest first, after a backup
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How many [default: all]
    #[arg(value_name = "N", value_parser = number::<usize>)]
    pub(super) count: Option<usize>,
    #[command(flatten)]
    pub(super) options: Options,
}

#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Only this version and older ones
    #[arg(long, value_name = "VERSION", allow_negative_numbers = true, value_parser = number::<i64>)]
    to: Option<i64>,
    /// Print the SQL in order, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Also apply versions below the newest applied one
    #[arg(long)]
    allow_out_of_order: bool,
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

pub(super) fn run(count: Option<usize>, options: &Options, context: &Context) -> Result<()> {
    let target = context.target()?;
    let order = Order {
        limit: Limit { count, to: options.to },
        allow_out_of_order: options.allow_out_of_order,
        no_backup: options.no_backup,
        limits: options.waiting.limits(context)?,
    };
    context.terminal.note(&format!("Migrating {}", target.shown()));
    let work = Work::opened(&target, context, options.ignore_missing)?;
    if options.dry_run {
        let steps = order.steps(&work, &work.compare()?, true)?;
        return report::dry_run(&steps, Direction::Up, options.json, &target, context);
    }
    let applied = apply(&work, order)?;
    let (backup, done, newest) = (applied.backup.as_deref(), applied.done.as_slice(), applied.newest);
    Report { direction: Direction::Up, backup, done, newest }.show(options.json, &target, context)
}
