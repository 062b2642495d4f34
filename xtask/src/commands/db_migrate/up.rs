//! `db-migrate up`: what is pending, oldest first, each file in its own transaction with its row.

use super::execute::Done;
use super::report::Report;
use super::work::{Look, Waiting, Work};
use crate::context::Context;
use crate::migration::checks::Direction;
use crate::migration::checksum;
use crate::migration::files::shown;
use crate::migration::plan::{self, Limit};
use crate::migration::run::{Runner, Step};
use crate::target::Target;
use anyhow::Result;
use std::path::PathBuf;
use std::time::Duration;

/// Apply what is pending, oldest first, after a backup
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only so many
    #[arg(value_name = "N")]
    pub(super) count: Option<usize>,
    #[command(flatten)]
    pub(super) options: Options,
}

#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Only this version and older ones
    #[arg(long, value_name = "VERSION")]
    to: Option<i64>,
    /// Print the SQL in order, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Also apply versions below the newest applied one
    #[arg(long)]
    allow_out_of_order: bool,
    /// Take no backup first
    #[arg(long)]
    no_backup: bool,
    #[command(flatten)]
    waiting: Waiting,
    /// Write the report as JSON
    #[arg(long, conflicts_with = "dry_run")]
    json: bool,
}

/// How an `up` goes.
struct Order {
    limit: Limit,
    allow_out_of_order: bool,
    no_backup: bool,
    patience: Duration,
}

/// What an `up` did.
struct Applied {
    done: Vec<Done>,
    backup: Option<PathBuf>,
}

pub(super) fn run(count: Option<usize>, options: &Options, context: &Context) -> Result<()> {
    let target = context.target()?;
    let order = Order {
        limit: Limit { count, to: options.to },
        allow_out_of_order: options.allow_out_of_order,
        no_backup: options.no_backup,
        patience: options.waiting.patience(context)?,
    };
    context.terminal.note(&format!("Migrating {}", target.shown()));
    let work = Work::on(&target, target.database(), context)?;
    let look = work.look()?;
    let steps = order.steps(&work, &look)?;
    if options.dry_run {
        return print(&steps, context);
    }
    let applied = apply(&work, &order, &steps)?;
    let newest =
        look.ledger.rows.iter().map(|row| row.version).chain(applied.done.iter().map(|done| done.version)).max();
    let report = Report { direction: Direction::Up, backup: applied.backup.as_deref(), done: &applied.done, newest };
    report.show(options.json, &target, context)
}

/// Everything that is pending, on the target's own database; says what it did. For commands that set up a database.
pub fn up_all(target: &Target, context: &Context) -> Result<()> {
    let work = Work::on(target, target.database(), context)?;
    if work.files.is_empty() {
        return Ok(());
    }
    let order = Order {
        limit: Limit::default(),
        allow_out_of_order: false,
        no_backup: false,
        patience: Waiting::default().patience(context)?,
    };
    let steps = order.steps(&work, &work.look()?)?;
    if apply(&work, &order, &steps)?.done.is_empty() {
        context.terminal.done("Every migration is applied");
    }
    Ok(())
}

/// Everything that is pending, on a database of the target's server that nobody else knows yet: no lock, no backup.
pub fn fill(target: &Target, database: &str, context: &Context) -> Result<()> {
    let work = Work::on(target, database, context)?;
    let look = work.look()?;
    let steps = work.steps(&plan::pending(&look.entries, Limit::default(), false)?, Direction::Up)?;
    if steps.is_empty() {
        return Ok(());
    }
    let mut session = work.session()?;
    let lock_timeout = Waiting::default().patience(context)?;
    let ledger = work.writer(&mut session, &look.ledger, lock_timeout)?;
    let mut runner = Runner { session: &mut session, ledger, lock_timeout };
    work.execute(&mut runner, &steps).map(drop)
}

impl Order {
    fn steps(&self, work: &Work<'_>, look: &Look) -> Result<Vec<Step>> {
        work.steps(&plan::pending(&look.entries, self.limit, self.allow_out_of_order)?, Direction::Up)
    }
}

/// Looks again under the locks: another run may have applied some of it meanwhile.
fn apply(work: &Work<'_>, order: &Order, steps: &[Step]) -> Result<Applied> {
    if steps.is_empty() {
        return Ok(Applied { done: Vec::new(), backup: None });
    }
    let mut locked = work.lock(order.patience)?;
    let Look { ledger, entries } = work.look()?;
    let still: Vec<i64> = plan::pending(&entries, order.limit, order.allow_out_of_order)?
        .iter()
        .map(|migration| migration.version)
        .collect();
    let steps: Vec<Step> = steps.iter().filter(|step| still.contains(&step.migration.version)).cloned().collect();
    if steps.is_empty() {
        return Ok(Applied { done: Vec::new(), backup: None });
    }
    let backup = if order.no_backup { None } else { work.back_up()? };
    let ledger = work.writer(&mut locked.session, &ledger, order.patience)?;
    let mut runner = Runner { session: &mut locked.session, ledger, lock_timeout: order.patience };
    let done = work.execute(&mut runner, &steps)?;
    Ok(Applied { done, backup })
}

/// The files as they would be sent, each under its name.
pub(super) fn print(steps: &[Step], context: &Context) -> Result<()> {
    for step in steps {
        context.terminal.result(&format!("-- {}", shown(step.file())))?;
        checksum::in_pieces(step.file(), &mut |piece| context.terminal.result_piece(piece))?;
        context.terminal.result("")?;
    }
    if steps.is_empty() {
        context.terminal.note("Nothing to do");
    }
    Ok(())
}
