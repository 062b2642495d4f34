//! `db-schedule remove`: the timer and the plan go; backups, log and the history of the runs stay.

use super::place::{checkout, confirm_edited_units};
use crate::context::Context;
use crate::schedule::plan::Plan;
use crate::schedule::timer::Timer;
use crate::schedule::{cron, name, start};
use anyhow::Result;

/// Remove the schedule; backups, log and the history of the runs stay
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Do not ask before lines of crontab or units that a person edited are removed
    #[arg(long, short)]
    yes: bool,
}

pub fn run(args: &Args, context: &Context) -> Result<()> {
    let root = checkout(context);
    let name = name::of(&root);
    let terminal = &context.terminal;
    terminal.note(&format!("Removing the schedule of the checkout {}", root.display()));
    // Without a readable plan, what is left of a timer goes all the same.
    let plan = Plan::read(&root).unwrap_or_else(|error| {
        terminal.warn(&format!("{error:#}"));
        None
    });
    let is_of_cron = plan.as_ref().map_or_else(cron::is_there, |plan| plan.timer == Timer::Cron);
    if let Some(plan) = plan.as_ref().filter(|plan| plan.timer == Timer::Systemd && plan.is_of(&root)) {
        confirm_edited_units(plan, "Remove these lines?", args.yes, context)?;
        start::unset(plan, &name)?;
    }
    let mut removed = Plan::is_there(&root);
    if is_of_cron {
        if let Some(lines) = cron::edited(plan.as_ref(), &name)? {
            terminal.warn(&format!("The block {name} of the crontab was edited by hand. It says now:\n{lines}"));
            terminal.confirm("Remove these lines?", args.yes)?;
        }
        removed |= cron::remove(&name)?;
    }
    Plan::remove(&root)?;
    if plan.is_some_and(|plan| plan.timer == Timer::Paste) {
        terminal.warn("Also remove the lines that you added to a timer of the system yourself");
    }
    let text =
        if removed { terminal.done_line("The schedule is removed") } else { "No schedule is installed".to_owned() };
    terminal.result_report(&text)
}
