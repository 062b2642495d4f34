//! `db-schedule status`: what is installed, the next and the last runs, and what is wrong.

use super::place::checkout;
use crate::commands::notices;
use crate::context::Context;
use crate::error::Fault;
use crate::schedule::flaw::{Flaw, Gravity};
use crate::schedule::history::{Outcome, Run};
use crate::schedule::judge::Standing;
use crate::schedule::lines::Lines;
use crate::schedule::plan::{INSTALL_EXAMPLE, Unfit, Verification};
use crate::schedule::timer::Timer;
use crate::schedule::{kept_environment, log, name};
use crate::terminal::{self, clean_line};
use anyhow::Result;
use chrono::{DateTime, Local};
use serde::Serialize;
use std::path::Path;
use std::time::Duration;

/// Runs that a person sees.
const SHOWN: usize = 7;
/// How long the timer's program may take to answer.
const DEADLINE: Duration = Duration::from_secs(10);

/// Show what is installed, the next and the last runs and how they ended
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Write the report as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args, context: &Context) -> Result<()> {
    let Some(standing) = Standing::read(&context.root, DEADLINE)? else {
        if args.json {
            return context.terminal.json(&Document::default());
        }
        context.terminal.result("No schedule is installed")?;
        warn_of_left(context);
        context.terminal.note(&context.terminal.to_type(&format!("Install one: {INSTALL_EXAMPLE}")));
        return Ok(());
    };
    let flaws = standing.flaws();
    if args.json {
        context.terminal.json(&Document::of(&standing, &flaws))?;
    } else {
        show(&standing, &flaws, context)?;
    }
    match flaws.iter().find(|flaw| flaw.gravity == Gravity::Failure) {
        Some(flaw) => {
            // The report has just said it to a person.
            let why = if args.json { &flaw.what } else { "its report says why" };
            Err(Fault::failed(format!("The schedule does not work: {why}")).hint(hint(flaw, context)).into())
        }
        None => Ok(()),
    }
}

/// A timer without its plan starts runs that fail, and no report of a schedule says so.
fn warn_of_left(context: &Context) {
    let environment = kept_environment::of(context.settings.environment());
    for left in Lines::left(&name::of(&checkout(context)), &environment) {
        // What cannot be seen is not known to be there.
        if left.are_there().unwrap_or(false) {
            let timer = left.timer.shown(&left.name);
            context.terminal.warn(&format!("There is a timer without its plan: {timer}. Each of its runs fails"));
            context.terminal.hint("remove it: cargo xtask db-schedule remove");
        }
    }
}

/// What to type next, for a reader of this report.
fn hint(flaw: &Flaw, context: &Context) -> String {
    let log = log::path(&checkout(context));
    flaw.hint.for_status(log.is_file().then(|| context.as_word(&log)).as_deref())
}

fn show(standing: &Standing, flaws: &[Flaw], context: &Context) -> Result<()> {
    let plan = &standing.plan;
    let root = checkout(context);
    // That of a checkout that was moved or copied has the name of the place for which it was installed.
    let timer = plan.timer.shown(&name::of(Path::new(&plan.root)));
    let next = standing.next().map_or_else(|| "not known".to_owned(), minute);
    let program = match standing.unfit_program {
        None => "",
        Some(Unfit::Gone) => " (it is gone)",
        Some(Unfit::NotExecutable | Unfit::NoProgram) => " (it cannot be run)",
    };
    let going = if standing.runs_now { "; one goes on now" } else { "" };
    let (ping, on_failure) = notices::shown(&plan.notices, context);
    let mut lines = vec![
        format!("Schedule:  {}", plan.rhythm),
        format!("Timer:     {timer}"),
        format!("Program:   {}{program}", plan.program),
        format!("Next run:  {next}{going}"),
        format!("Last run:  {}", last(standing)),
        format!("Options:   {}", plan.shown_options()),
        format!("Restored:  {}", plan.verify.map_or("never; see --verify", Verification::as_str)),
        format!("Ping:      {ping}"),
        format!("Failure:   {on_failure}"),
        format!("Log:       {}", context.shown(&log::path(&root))),
    ];
    lines = lines.iter().map(|line| clean_line(line)).collect();
    lines.extend(flaws.iter().flat_map(|flaw| flaw_lines(flaw, context)));
    context.terminal.result_report(&lines.join("\n"))?;
    let rows: Vec<Vec<String>> = runs(standing).iter().rev().take(SHOWN).map(row).collect();
    if rows.is_empty() {
        return Ok(());
    }
    context.terminal.result("")?;
    context.terminal.table(&["BEGAN", "TOOK", "ENDED", "BACKUPS"], &rows, &[1])
}

/// One thing that is wrong, and below it what to type next.
fn flaw_lines(flaw: &Flaw, context: &Context) -> Vec<String> {
    let what = clean_line(&flaw.what);
    let line = match flaw.gravity {
        Gravity::Failure => context.terminal.failure_line(&what),
        Gravity::Warning => context.terminal.warning_line(&what),
    };
    let hint = hint(flaw, context);
    let hints = hint.lines().map(|hint| format!("  {}", context.terminal.hint_line(&clean_line(hint))));
    std::iter::once(line).chain(hints).collect()
}

fn minute(time: DateTime<Local>) -> String {
    time.format("%Y-%m-%d %H:%M").to_string()
}

/// The last runs, the oldest first.
fn runs(standing: &Standing) -> Vec<Run> {
    standing.history.as_ref().map_or_else(|_| Vec::new(), |history| history.shown(standing.runs_now))
}

fn last(standing: &Standing) -> String {
    runs(standing).last().map_or_else(
        || "none yet".to_owned(),
        |run| {
            let began = run.started_at.time().with_timezone(&Local);
            format!("{} ({}), {}", minute(began), standing.age(began), ending(run))
        },
    )
}

fn ending(run: &Run) -> String {
    match (run.outcome, run.verified) {
        (Outcome::Running, _) => "goes on".to_owned(),
        (Outcome::Unknown, _) => "not known".to_owned(),
        (Outcome::Done, Some(true)) => "done, restored".to_owned(),
        (Outcome::Done, _) => "done".to_owned(),
        (Outcome::Failed, _) => run.exit.map_or_else(|| "failed".to_owned(), |exit| format!("failed ({exit})")),
    }
}

fn row(run: &Run) -> Vec<String> {
    let took = run
        .seconds
        .map_or_else(|| "-".to_owned(), |seconds| terminal::duration(Duration::from_secs_f64(seconds.into())));
    let backups = match &run.message {
        Some(message) => message.lines().next().unwrap_or_default().to_owned(),
        None => run.files.join(", "),
    };
    vec![minute(run.started_at.time().with_timezone(&Local)), took, ending(run), backups]
}

/// `--json`, version 1.
#[derive(Debug, Serialize)]
struct Document<'a> {
    version: u32,
    installed: bool,
    ok: bool,
    timer: Option<Timer>,
    schedule: Option<String>,
    program: Option<&'a str>,
    program_exists: Option<bool>,
    next_run_at: Option<String>,
    missed: u32,
    failed: u32,
    running: bool,
    problems: Vec<&'a str>,
    runs: Vec<Run>,
}

impl Default for Document<'_> {
    fn default() -> Self {
        Self {
            version: 1,
            installed: false,
            ok: true,
            timer: None,
            schedule: None,
            program: None,
            program_exists: None,
            next_run_at: None,
            missed: 0,
            failed: 0,
            running: false,
            problems: Vec::new(),
            runs: Vec::new(),
        }
    }
}

impl<'a> Document<'a> {
    fn of(standing: &'a Standing, flaws: &'a [Flaw]) -> Self {
        Self {
            version: 1,
            installed: true,
            ok: flaws.iter().all(|flaw| flaw.gravity != Gravity::Failure),
            timer: Some(standing.plan.timer),
            schedule: Some(standing.plan.rhythm.to_string()),
            program: Some(&standing.plan.program),
            program_exists: Some(standing.unfit_program != Some(Unfit::Gone)),
            next_run_at: standing.next().map(|next| next.to_rfc3339()),
            missed: standing.missed(),
            failed: standing.failed(),
            running: standing.runs_now,
            problems: flaws.iter().map(|flaw| flaw.what.as_str()).collect(),
            runs: runs(standing),
        }
    }
}
