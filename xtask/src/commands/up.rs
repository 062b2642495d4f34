//! `up`: the stack of the target, started and answering.

use crate::context::Context;
use crate::error::Fault;
use crate::stack::{self, Callbacks};
use anyhow::Result;

/// Start the stack, and wait until PostgreSQL and OpenFGA really answer
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Download PostgreSQL without asking, where the local target finds none on this host
    #[arg(long)]
    yes: bool,
}

pub fn run(args: &Args, context: &Context) -> Result<()> {
    let target = context.target()?;
    let terminal = &context.terminal;
    terminal.note(&format!("Starting {}", target.shown()));
    let progress = terminal.waiting("starting");
    let consent = |question: &str| {
        if args.yes {
            return Ok(true);
        }
        progress.aside(|| terminal.ask(question)).ok_or_else(|| {
            let fault = Fault::failed(format!("{question} There is no terminal to ask on"));
            fault.hint(format!("cargo xtask up --target {} --yes", target.kind())).into()
        })
    };
    let callbacks = Callbacks {
        stage: &|stage| progress.say(stage),
        note: &|note| progress.aside(|| terminal.note(note)),
        consent: &consent,
    };
    let answering = stack::up(&target, context.settings.get("OPENFGA_API_TOKEN"), &callbacks)?;
    drop(progress);
    let already = if answering.started { "" } else { "already runs and " };
    terminal.done(&format!("PostgreSQL {} {already}answers ({})", answering.postgres, target.place()));
    if let Some(url) = answering.openfga {
        terminal.done(&format!("OpenFGA {already}answers at {url}"));
    }
    Ok(())
}
