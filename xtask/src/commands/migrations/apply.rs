//! What is pending is applied, oldest first, each file in its own transaction with its row.

use super::limits::{Limits, Waiting};
use super::work::{Compared, Work};
use crate::context::Context;
use crate::error::Fault;
use crate::migration::checks::Direction;
use crate::migration::plan::{self, FOLDER_HINT, Limit, State};
use crate::migration::run::{Done, Runner, Step};
use crate::postgres::server::Server;
use crate::target::Target;
use crate::terminal::clean_line;
use anyhow::Result;
use std::path::PathBuf;

/// How an `up` goes.
#[derive(Debug, Clone, Copy)]
pub struct Order {
    pub limit: Limit,
    pub allow_out_of_order: bool,
    pub no_backup: bool,
    pub limits: Limits,
}

/// What an `up` did.
pub struct Applied {
    pub done: Vec<Done>,
    pub backup: Option<PathBuf>,
    /// The newest version that is applied now.
    pub newest: Option<i64>,
}

/// Everything that is pending, on the target's own database; says what it did. For commands that set up a database.
/// Asks first where the database is not this program's so far.
pub fn up_all(target: &Target, yes: bool, context: &Context) -> Result<()> {
    let work = Work::opened(target, context, false)?;
    if work.is_left_out() || (work.folder.migrations.is_empty() && work.folder.refusals.is_empty()) {
        return Ok(());
    }
    let compared = work.compare()?;
    if let Some(ledgers) = work.other_ledgers(&compared)? {
        context.terminal.warn(&format!("The migrations are left out: {ledgers}"));
        return Ok(());
    }
    work.confirm_first(&compared, yes)?;
    let limits = Waiting::default().limits(context)?;
    let order = Order { limit: Limit::default(), allow_out_of_order: false, no_backup: false, limits };
    if apply(&work, order)?.done.is_empty() {
        context.terminal.done("Every migration is applied");
    }
    Ok(())
}

/// Everything that is pending, on a database that only this run knows: no lock, no backup.
pub fn fill(target: &Target, database: &str, context: &Context) -> Result<()> {
    let work = Work::on(&Server::new(target)?.in_database(database), context)?;
    if work.is_left_out() {
        return Ok(());
    }
    let limits = Waiting::default().limits(context)?;
    let order = Order { limit: Limit::default(), allow_out_of_order: false, no_backup: true, limits };
    let compared = work.compare()?;
    let steps = order.steps(&work, &compared, false)?;
    if steps.is_empty() {
        return Ok(());
    }
    let mut session = work.session()?;
    let ledger = work.writer(&mut session, &compared.ledger, limits.table)?;
    let mut runner = Runner { session: &mut session, ledger, lock_timeout: limits.table };
    work.execute(&mut runner, &steps).map(drop)
}

impl Order {
    /// The files to run, checked; `all` cautions are shown.
    pub fn steps(&self, work: &Work<'_>, compared: &Compared, all: bool) -> Result<Vec<Step>> {
        let wanted = plan::pending(&work.folder, &compared.entries, self.limit, self.allow_out_of_order)?;
        let steps = work.steps(&wanted, Direction::Up, compared, all)?;
        let applied = |step: &Step| {
            let same = |entry: &&plan::Entry| {
                // One that is ignored is another program's, or this one under another name.
                let is_applied = matches!(entry.state, State::Applied | State::Ignored);
                is_applied && entry.row.as_ref().is_some_and(|row| row.checksum == step.checksum)
            };
            compared.entries.iter().find(same)
        };
        for (step, entry) in steps.iter().filter_map(|step| Some((step, applied(step)?))) {
            let line = format!(
                "{} {} has the same bytes as {}, which is applied",
                step.version,
                step.description,
                entry.named()
            );
            work.context.terminal.warn(&clean_line(&line));
        }
        for step in &steps {
            warn_of_same_words(step, work, compared);
        }
        Ok(steps)
    }
}

/// Of a version without a file that `--ignore-missing` leaves out, where this file may be it, renamed and changed.
fn warn_of_same_words(step: &Step, work: &Work<'_>, compared: &Compared) {
    let same = |entry: &&plan::Entry| {
        let description = entry.row.as_ref().map(|row| row.description.as_str()).filter(|words| !words.is_empty());
        entry.state == State::Ignored && description == Some(step.description.as_str())
    };
    if let Some(entry) = compared.entries.iter().find(same) {
        let (step, entry) = (format!("{} {}", step.version, step.description), entry.version);
        work.context.terminal.warn(&clean_line(&format!(
            "{step} has the description of version {entry}, which is applied and has no file here: if it is the same change, \
             its changes are made twice"
        )));
    }
}

/// Looks and judges under the locks: a run that is at work leaves versions half done until it ends.
pub fn apply(work: &Work<'_>, order: Order) -> Result<Applied> {
    let compared = work.compare()?;
    if compared.is_in_order() {
        // Also what is refused, and a version that is not there, is said.
        order.steps(work, &compared, false)?;
        return Ok(Applied { done: Vec::new(), backup: None, newest: compared.newest() });
    }
    let mut locked = work.lock(order.limits)?;
    let compared = work.compare()?;
    let steps = order.steps(work, &compared, false)?;
    if let Some(ledgers) = work.other_ledgers(&compared)? {
        let hint = format!(
            "if these files are meant for it, mark what it has already: cargo xtask db-migrate baseline VERSION; else {FOLDER_HINT}"
        );
        return Err(Fault::failed(format!("Nothing is applied: {ledgers}")).hint(hint).into());
    }
    if steps.is_empty() {
        return Ok(Applied { done: Vec::new(), backup: None, newest: compared.newest() });
    }
    let backup = if order.no_backup { None } else { work.back_up()? };
    let ledger = work.writer(&mut locked.session, &compared.ledger, order.limits.table)?;
    let mut runner = Runner { session: &mut locked.session, ledger, lock_timeout: order.limits.table };
    let done = work.execute(&mut runner, &steps)?;
    let newest = done.iter().map(|done| done.version).chain(compared.newest()).max();
    Ok(Applied { done, backup, newest })
}
