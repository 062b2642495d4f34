//! `up`: the stack of the target, started and answering.

use crate::context::Context;
use crate::stack::{self, Answering};
use crate::target::Target;
use anyhow::Result;

/// Start the stack, and wait until PostgreSQL and OpenFGA really answer
#[derive(Debug, clap::Args)]
pub struct Args {}

pub fn run(_args: &Args, context: &Context) -> Result<()> {
    let target = context.target()?;
    let terminal = &context.terminal;
    terminal.note(&format!("Starting {}", target.shown()));
    let progress = terminal.waiting("starting");
    let answering = stack::up(&target, context.settings.get("OPENFGA_API_TOKEN"), &|stage| progress.say(stage))?;
    drop(progress);
    report(&target, &answering, context);
    Ok(())
}

/// Says what answers, and where.
pub fn report(target: &Target, answering: &Answering, context: &Context) {
    context.terminal.done(&format!("PostgreSQL {} answers ({})", answering.postgres, target.place()));
    if let Some(url) = &answering.openfga {
        context.terminal.done(&format!("OpenFGA answers at {url}"));
    }
}
