//! `db-schedule remove`: the timer and the plan go; backups, log and the history of the runs stay.

use super::place::{checkout, confirm_edited};
use crate::context::Context;
use crate::schedule::lines::Lines;
use crate::schedule::plan::Plan;
use crate::schedule::timer::Timer;
use crate::schedule::{kept_environment, name};
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
    let environment = kept_environment::of(context.settings.environment());
    let mut removed = Plan::is_there(&root);
    let lines: Vec<Lines<'_>> = match plan.as_ref().filter(|plan| plan.is_of(&root)) {
        Some(plan) => vec![Lines::of(plan)],
        None => Lines::left(&name, &environment).into(),
    };
    for lines in lines {
        if lines.written.is_some() || lines.are_there().unwrap_or(false) {
            confirm_edited(&lines, "Remove these lines?", args.yes, context)?;
            removed |= lines.remove()?;
        }
    }
    Plan::remove(&root)?;
    if plan.is_some_and(|plan| plan.timer == Timer::Paste) {
        terminal.warn("Also remove the lines that you added to a timer of the system yourself");
    }
    let text =
        if removed { terminal.done_line("The schedule is removed") } else { "No schedule is installed".to_owned() };
    terminal.result_report(&text)
}
