//! The database of before the last restore, swapped back in.

use super::exchange::Swap;
use super::report::Report;
use super::{Args, age_of};
use crate::context::Context;
use crate::error::Fault;
use crate::process::signals;
use crate::restore::live::Live;
use crate::restore::lock::Lock;
use crate::restore::mark::{self, Marked, Use};
use crate::restore::{repair, rights, staging, swap};
use crate::stack::services;
use crate::target::Target;
use anyhow::Result;
use chrono::{DateTime, Local};
use std::time::Duration;

pub(super) fn undo(args: &Args, target: &Target, run: &str, context: &Context) -> Result<()> {
    context.terminal.note(&format!("Undoing the last restore of {}", target.shown()));
    let Some(old) = befores(target, run)?.into_iter().next() else {
        let message = format!("There is no database of before a restore of {}", target.database());
        return Err(Fault::failed(message).hint("what there is: cargo xtask db-list").into());
    };
    let at = DateTime::parse_from_rfc3339(&old.mark.at).map(|at| age_of(&at.with_timezone(&Local))).unwrap_or_default();
    context.terminal.warn(&format!(
        "{} will be as it was before the restore of {at}; what was written since goes",
        target.database()
    ));
    context
        .terminal
        .note(&format!("The database of now stays as another {}_before_…; undo again to come back", target.database()));
    services::notice(target, false)?.iter().for_each(|notice| context.terminal.note(notice));
    if args.dry_run {
        return Ok(());
    }
    context.terminal.confirm("Continue?", args.yes)?;
    let mut lock = Lock::take(target, run, Duration::ZERO)?;
    super::mend::mend_leftovers(target, run, context)?;
    let live = Live::of(target, run)?;
    live.check_swappable(target)?;
    live.check_open(target)?;
    rights::check_swap(target, run, &live)?;
    let mut mark = old.mark.clone();
    run.clone_into(&mut mark.run);
    mark.stopped = services::running_users(target)?;
    mark.swapping = true;
    lock.run(&mark.sql(&old.name)?)?;
    let swap = Swap { target, run, live: &live, context, stopped: mark.stopped, openfga: false, only_way_back: false };
    let done = swap.perform(&old.name, None, old.mark.comment.as_deref(), |exchange| {
        swap::exchange_names(target, run, live.properties.is_some(), exchange)
    });
    // Where the exchange took place nothing bears that name any more; where the server is gone the next run mends.
    let done = done.inspect_err(|_| drop(signals::shielded(|| repair::settle(target, run, &old.name, &old.mark))))?;
    Report { file: None, safety: None, done: &done }.show(args, target, context)
}

/// The newest databases of before a restore stay, older ones are dropped.
pub(super) fn drop_old(args: &Args, target: &Target, run: &str, context: &Context) -> Result<()> {
    let kept = befores(target, run)?.into_iter().skip(args.keep_old);
    for old in kept.filter(|old| !old.mark.only_way_back) {
        staging::drop_database(target, run, &old.name)?;
        context.terminal.note(&format!("Dropped {}, which was kept from an earlier restore", old.name));
    }
    Ok(())
}

/// The databases of before a restore, newest first.
fn befores(target: &Target, run: &str) -> Result<Vec<Marked>> {
    let ours = |marked: &Marked| marked.mark.r#use == Use::Before && marked.mark.database == target.database();
    let mut marked: Vec<Marked> = mark::marked(target, run)?.into_iter().filter(ours).collect();
    marked.sort_by(|one, other| other.mark.at.cmp(&one.mark.at).then_with(|| other.name.cmp(&one.name)));
    Ok(marked)
}
