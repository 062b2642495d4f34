//! `db-schedule run`: what the timer starts, also by hand.

use super::place::{checkout, own_program};
use crate::commands::notices;
use crate::context::Context;
use crate::error::Fault;
use crate::schedule::history::Run;
use crate::schedule::plan::{INSTALL_EXAMPLE, Plan};
use crate::schedule::run::{Ended, Runner, not_begun};
use crate::terminal;
use anyhow::Result;
use serde::Serialize;
use std::path::Path;
use std::time::Duration;

/// Make the backups of the schedule now, as its timer does
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Write the run as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args, context: &Context) -> Result<()> {
    let root = checkout(context);
    let program = own_program()?;
    let Some(plan) = Plan::read(&root)? else {
        let fault = Fault::failed(format!("No schedule is installed for the checkout {}", root.display()));
        return Err(fault.hint(format!("install one: {INSTALL_EXAMPLE}")).into());
    };
    if !plan.is_of(&root) {
        let what =
            format!("The schedule was installed for the checkout {}, not for this one, {}", plan.root, root.display());
        return Err(Fault::failed(what).hint(plan.install_hint("install it here, too")).into());
    }
    context.terminal.note(&format!("Making the scheduled backups of the checkout {}", root.display()));
    let notifier = notices::of_plan(&plan, context);
    let mut warn = |text: &str| context.terminal.warn(text);
    if let Err(error) = context.made_backups_folder() {
        return Err(not_begun(error, notifier, &root, &mut warn));
    }
    let backups = root.join("backups");
    let runner = Runner { plan: &plan, root: &root, backups: &backups, program: &program };
    let ended = runner.run(notifier, &mut warn)?;
    report(args, &ended, &backups, context)?;
    match (ended.error, ended.unwritten_entry) {
        (Some(error), unwritten_entry) => {
            unwritten_entry.iter().for_each(|error| context.terminal.warn(&format!("{error:#}")));
            Err(error)
        }
        (None, Some(unwritten_entry)) => Err(unwritten_entry),
        (None, None) => Ok(()),
    }
}

fn report(args: &Args, ended: &Ended, backups: &Path, context: &Context) -> Result<()> {
    let run = &ended.run;
    if args.json {
        return context.terminal.json(&Document { version: 1, run });
    }
    if ended.error.is_some() {
        return Ok(());
    }
    if !context.terminal.stdout_is_terminal() {
        let mut paths = run.files.iter().map(|file| context.relative_path(&backups.join(file)));
        return paths.try_for_each(|path| context.terminal.result_path(&path));
    }
    let seconds = run.seconds.map_or(0.0, f64::from);
    let restored = if run.verified == Some(true) { ", restored and compared" } else { "" };
    let size = terminal::size(run.bytes);
    let time = terminal::duration(Duration::from_secs_f64(seconds));
    let text = format!("Backups proven{restored}: {} ({size}, {time})", run.files.join(", "));
    context.terminal.result_report(&context.terminal.done_line(&text))
}

/// `--json`, version 1.
#[derive(Debug, Serialize)]
struct Document<'a> {
    version: u32,
    #[serde(flatten)]
    run: &'a Run,
}
