//! `up`: the stack of the target, started and answering.

use crate::context::Context;
use crate::error::{self, Exit, Fault};
use crate::postgres::startup;
use crate::process::signals;
use crate::target::Target;
use crate::target::startup::Callbacks;
use anyhow::Result;

/// Start the stack, and wait until PostgreSQL and OpenFGA answer
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Download PostgreSQL without asking, where the local target finds none on this host
    #[arg(long)]
    yes: bool,
}

pub fn run(args: &Args, context: &Context) -> Result<()> {
    let target = context.target()?;
    let doing = if target.stack().starts_server() { "Starting" } else { "Nothing to start on" };
    context.terminal.note(&format!("{doing} {}", target.shown()));
    start(&target, args.yes, context).map(drop)
}

/// Starts the stack in front of a person, and says what answers, and where; whether OpenFGA is among it.
pub fn start(target: &Target, yes: bool, context: &Context) -> Result<bool> {
    let terminal = &context.terminal;
    let progress = terminal.waiting("starting");
    let consent = |question: &str| {
        if yes {
            return Ok(true);
        }
        progress.aside(|| terminal.ask(question))?.ok_or_else(|| {
            let fault = Fault::failed(format!("{question} There is no terminal to ask on"));
            fault.hint("answer yes on the command line: --yes").into()
        })
    };
    let callbacks = Callbacks {
        stage: &|stage| progress.say(stage),
        note: &|note| progress.aside(|| terminal.note(note)),
        consent: &consent,
    };
    let answering = startup::up(target, &context.settings, &callbacks).map_err(|error| match error::exit(&error) {
        Exit::Signal(signal) => signals::interrupted_while(signal, "run it again to complete the start").into(),
        _ => error,
    })?;
    drop(progress);
    let was_running = target.stack().starts_server() && !answering.started;
    let already = if was_running { "already runs and " } else { "" };
    terminal.done(&format!("PostgreSQL {} {already}answers ({})", answering.postgres, target.place()));
    if let Some(url) = &answering.openfga {
        terminal.done(&format!("OpenFGA {already}answers at {url}"));
    }
    Ok(answering.openfga.is_some())
}
