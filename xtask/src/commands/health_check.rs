//! `health-check`: every part asked by its own protocol, and what is wrong with it, with the next command.

mod show;

pub use show::show;

use crate::context::Context;
use crate::error::Fault;
use crate::health::report::{Check, Report, Status};
use crate::health::{self, DEADLINE, Options, Scene};
use crate::process::signals;
use crate::terminal;
use crate::words::number_within;
use anyhow::Result;
use serde::Serialize;
use std::time::{Duration, Instant};

/// Between two looks under `--wait`.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
const FIRST_LOOK: Duration = Duration::from_secs(3);
/// A year: what an instant can be moved by on every system.
const LONGEST_WAIT: u64 = 31_536_000;

/// Check every part of the stack; show the cause of each fault and the next command
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Check again until nothing is wrong
    #[arg(long)]
    wait: bool,
    /// Seconds after which --wait gives up
    #[arg(long, value_name = "SECONDS", default_value = "60", requires = "wait", value_parser = number_within(0..=LONGEST_WAIT))]
    timeout: u64,
    /// Only these checks, such as postgres or service/redis; openfga means openfga/… as well
    #[arg(long, value_name = "NAME", num_args = 1..)]
    only: Vec<String>,
    /// A warning counts as a failure
    #[arg(long)]
    strict: bool,
    /// Write the report as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args, context: &Context) -> Result<()> {
    let options = Options { only: &args.only, logs: context.verbose, of_up: false };
    let mut report = if args.wait {
        wait(args, &options, context)?
    } else {
        check_once(&options, Instant::now() + DEADLINE, context)?
    };
    for hint in report.checks.iter_mut().filter_map(|check| check.hint.as_mut()) {
        *hint = context.terminal.to_type(hint);
    }
    if let Some(name) = options.unknown(&report) {
        let known: Vec<&str> = health::names().collect();
        return Err(Fault::usage(format!("There is no check {name}"))
            .hint(format!("the checks are: {}", known.join(", ")))
            .into());
    }
    if args.json {
        context.terminal.json(&Document { version: 1, ok: report.is_ok(args.strict), checks: &report.checks })?;
    } else {
        show(&report, context)?;
    }
    conclusion(&report, args.strict)
}

/// How long Docker and Compose may each take, within one look, to say which server is meant.
const IDENTIFIED: Duration = Duration::from_secs(4);

/// One look at everything that is wanted. Each begins from the start: a container made meanwhile has another id.
pub fn check_once(options: &Options, end: Instant, context: &Context) -> Result<Report> {
    let target = context.target_within(IDENTIFIED.min(end.saturating_duration_since(Instant::now())))?.until(end);
    let scene = Scene::new(&target, &context.settings, &context.root, end)?;
    let waiting = context.terminal.waiting("asking every part");
    let report = health::examine(&scene, options);
    drop(waiting);
    // Programs that a signal ended have answered nothing.
    signals::check()?;
    Ok(report)
}

/// Looks until nothing is wrong any more, or the time is over.
fn wait(args: &Args, options: &Options, context: &Context) -> Result<Report> {
    let end = Instant::now() + Duration::from_secs(args.timeout);
    let mut whole = None;
    loop {
        // The first look has the time that it takes to find out anything.
        let least = Instant::now() + if whole.is_none() { FIRST_LOOK } else { Duration::ZERO };
        let report = check_once(options, end.max(least).min(Instant::now() + DEADLINE), context)?;
        if report.is_ok(args.strict) || options.unknown(&report).is_some() {
            return Ok(report);
        }
        if Instant::now() + POLL_INTERVAL >= end {
            // A look that was cut short knows less than the one before it.
            return Ok(whole.filter(|_| Instant::now() >= end).unwrap_or(report));
        }
        whole = Some(report);
        std::thread::sleep(POLL_INTERVAL);
        signals::check()?;
    }
}

/// The exit code of a report, and how it is said.
pub fn conclusion(report: &Report, strict: bool) -> Result<()> {
    let (failed, warned) = (report.count(Status::Fail), report.count(Status::Warn));
    if report.is_ok(strict) {
        return Ok(());
    }
    let failures = (failed > 0).then(|| terminal::counted(failed as u64, "check failed", "checks failed"));
    let warnings = (strict && warned > 0).then(|| terminal::counted(warned as u64, "warning", "warnings"));
    let counts: Vec<String> = failures.into_iter().chain(warnings).collect();
    Err(Fault::failed(counts.join(", ")).into())
}

/// `--json`, version 1.
#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    ok: bool,
    checks: &'a [Check],
}
