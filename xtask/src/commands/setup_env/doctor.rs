//! What `setup-env` looks at before it changes anything, and what it says in the end.

use crate::context::Context;
use crate::error::Fault;
use crate::health::report::{Finding, Status};
use crate::health::{self, DEADLINE, Options, Scene, doctor};
use crate::process::signals;
use crate::target::Target;
use crate::terminal::{Mark, clean, counted};
use anyhow::Result;
use std::time::Instant;

/// Says how this host stands; stops where something would keep the stack from starting, and says what the run did so far.
pub fn examine(outcome: &str, context: &Context) -> Result<()> {
    let waiting = context.terminal.waiting("looking at this host");
    let target = context.target()?;
    let scene = Scene::new(&target, &context.settings, &context.root, Instant::now() + DEADLINE)?;
    let found = doctor::examine(&scene);
    drop(waiting);
    signals::check()?;
    let failed = found.iter().filter(|(_, finding)| finding.status == Status::Fail).count();
    for (name, finding) in &found {
        say(name, finding, context);
    }
    if failed > 0 {
        let things = counted(failed as u64, "problem", "problems");
        return Err(Fault::unreachable(format!("{things} to fix first; {outcome}")).into());
    }
    Ok(())
}

/// Offers OpenFGA's program to a host that has Go and no OpenFGA; without it everything else goes on, and the start of
/// the stack says that it is left out.
pub fn offer_openfga(target: &Target, yes: bool, context: &Context) -> Result<()> {
    let Some(build) = target.own_openfga().openfga_to_build()? else { return Ok(()) };
    let terminal = &context.terminal;
    let wanted = if yes { Some(true) } else { terminal.ask(&build.question)? };
    if wanted != Some(true) {
        return Ok(());
    }
    let waiting = terminal.waiting("building OpenFGA");
    let installed = (build.install)();
    drop(waiting);
    signals::check()?;
    match installed {
        Ok(program) => terminal.done(&format!("OpenFGA is installed: {}", context.shown(&program))),
        Err(error) => terminal.error(&error),
    }
    Ok(())
}

/// The whole `health-check`, short where things are well; then where everything is. A fault of a service that `up` leaves
/// alone is a warning.
pub fn conclude(context: &Context) -> Result<()> {
    let end = Instant::now() + DEADLINE;
    let target = context.target()?.until(end);
    let scene = Scene::new(&target, &context.settings, &context.root, end)?;
    let waiting = context.terminal.waiting("asking every part");
    // What was set up is what `up` starts.
    let report = health::examine(&scene, &Options { of_up: true, ..Options::default() });
    let addresses = health::addresses(&scene);
    drop(waiting);
    signals::check()?;
    for check in report.checks.iter().filter(|check| matches!(check.status, Status::Warn | Status::Fail)) {
        say(&check.name, &check.finding(), context);
    }
    let failed = report.count(Status::Fail);
    if failed > 0 {
        let checks = counted(failed as u64, "check failed", "checks failed");
        return Err(Fault::failed(format!("Everything was set up, but {checks}"))
            .hint("fix the faults above, then: cargo xtask health-check")
            .into());
    }
    let well = counted(report.count(Status::Ok) as u64, "check", "checks");
    let warned = match report.count(Status::Warn) {
        0 => String::new(),
        number => format!(", {}", counted(number as u64, "warning", "warnings")),
    };
    context.terminal.done(&format!("health-check: {well} passed{warned}"));
    for (name, address) in addresses {
        context.terminal.note(&format!("  {name:<12} {address}"));
    }
    Ok(())
}

fn say(name: &str, finding: &Finding, context: &Context) {
    let terminal = &context.terminal;
    let line = clean(&format!("{name}: {}", finding.detail));
    match finding.status {
        Status::Ok => terminal.done(&line),
        Status::Skipped => terminal.note(&format!("  {line}")),
        Status::Warn => terminal.warn(&line),
        Status::Fail => terminal.marked_note(Mark::Failure, &line),
    }
    for hint in finding.hint.iter().flat_map(|hint| hint.lines()) {
        terminal.hint(&clean(hint));
    }
}
