//! The stack is started in front of a person: by its own command, and by those that need it.

use crate::context::Context;
use crate::error::{Exit, Fault};
use crate::postgres::startup;
use crate::process::signals::with_outcome;
use crate::target::Target;
use crate::target::backend::Extent;
use crate::target::startup::{Callbacks, FailedService};
use crate::terminal;
use anyhow::Result;

/// Starts the stack in front of a person, and says what answers, and where; whether OpenFGA is among it.
pub fn start(target: &Target, extent: Extent, yes: bool, context: &Context) -> Result<bool> {
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
        note: &|note| progress.aside(|| terminal.note(&terminal.to_type(note))),
        consent: &consent,
    };
    let answering = startup::up(target, extent, &context.settings, &callbacks)
        .map_err(|error| with_outcome(error, || "run it again to complete the start".to_owned()))?;
    drop(progress);
    let was_running = target.stack().starts_server() && !answering.started;
    let already = if was_running { "already runs and " } else { "" };
    terminal.done(&format!("PostgreSQL {} {already}answers ({})", answering.postgres, target.place()));
    if let Some(url) = &answering.openfga {
        terminal.done(&format!("OpenFGA {already}answers at {url}"));
    }
    check_all_started(&answering.failed, target, context)?;
    Ok(answering.openfga.is_some())
}

/// Names the services that failed; the others stay up.
fn check_all_started(failed: &[FailedService], target: &Target, context: &Context) -> Result<()> {
    if failed.is_empty() {
        return Ok(());
    }
    for FailedService { service, why } in failed {
        context.terminal.warn(&terminal::clean_line(&format!("{service} did not start: {why}")));
    }
    let names: Vec<&str> = failed.iter().map(|failed| failed.service.as_str()).collect();
    let message = format!("Services that did not start: {}; the others are up", names.join(", "));
    let hints: Vec<String> = names.iter().map(|name| target.hints().service_log_hint(name)).collect();
    Err(Fault::new(Exit::Partial, message).hint(hints.join("\n")).into())
}
