//! `db-schedule install`: what is to be done and when, written down, and the timer set.

use super::place::{checkout, confirm_edited, own_program};
use crate::backup::manifest::StartedAt as Time;
use crate::backup::retention::Policy;
use crate::commands::notices;
use crate::context::Context;
use crate::error::Fault;
use crate::platform;
use crate::schedule::lines::Lines;
use crate::schedule::plan::{Plan, Verification, Work};
use crate::schedule::rhythm::{Every, Rhythm, TimeOfDay};
use crate::schedule::timer::Timer;
use crate::schedule::{cron, crontab, kept_environment, name, paste, start, systemd, unheard};
use crate::settings;
use anyhow::{Error, Result};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long loginctl may take.
const LINGER: Duration = Duration::from_secs(10);

/// Install a schedule, in place of the one that is there
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The time of the day, such as 03:00, by this machine's clock
    #[arg(long, value_name = "HH:MM")]
    at: TimeOfDay,
    /// The time between two backups, such as 6h
    #[arg(long, value_name = "TIME", default_value = "24h")]
    every: Every,
    /// After each backup, remove old ones by these rules, as db-prune does
    #[command(flatten)]
    policy: Policy,
    /// Back up every database, as db-backup --all does
    #[arg(long)]
    all: bool,
    /// Also restore the new backups into a scratch database, as db-verify --restore does, once in this time
    #[arg(long, value_enum, value_name = "HOW_OFTEN")]
    verify: Option<Verification>,
    /// File that holds the address to ping, readable by you only: ADDRESS/start at the beginning, ADDRESS or ADDRESS/fail at
    /// the end [setting: XTASK_PING_URL]
    #[arg(long, value_name = "FILE")]
    ping_file: Option<PathBuf>,
    /// Who starts the runs; paste prints the lines for another timer [default: what this machine has]
    #[arg(long, value_enum)]
    timer: Option<Timer>,
    /// Do not ask before lines of crontab or units that a person edited are replaced
    #[arg(long, short)]
    yes: bool,
}

pub fn run(args: &Args, command_line: clap::Command, context: &Context) -> Result<()> {
    // A doubt about the server would end every run.
    context.target()?;
    let root = checkout(context);
    let mut plan = args.plan(&root, command_line, context)?;
    let shown = root.display();
    context.terminal.note(&format!("Scheduling backups of the checkout {shown} ({})", plan.rhythm));
    context.made_backups_folder()?;
    plan.timer = args.timer.map_or_else(|| choose(context), Ok)?;
    // One that cannot be read is replaced.
    let before = Plan::read(&root).ok().flatten();
    let name = name::of(&root);
    if plan.timer == Timer::Cron {
        plan.block = Some(crontab::block(&plan, &name)?);
    }
    // A copy of a checkout brings the plan of the other one, which goes on.
    let before = before.filter(|before| before.is_of(&root) || is_gone(before));
    let own = before.as_ref().filter(|before| before.is_of(&root) && before.timer == plan.timer);
    let removed = removed(before.as_ref(), &plan, own.is_some());
    confirm_edited(&Lines::next(&plan, own), "Replace these lines?", args.yes, context)?;
    removed.iter().try_for_each(|lines| confirm_edited(lines, "Remove these lines?", args.yes, context))?;
    before.iter().for_each(|before| warn_of_lost(before, &plan, context));
    plan.write(&root)?;
    let unset = || removed.iter().try_for_each(|lines| lines.remove().map(drop));
    // Two timers are none that a plan describes.
    let unset = || unset().inspect_err(|_| drop(Lines::of(&plan).remove()));
    if let Err(error) = start::set(&plan, &name).and_then(|()| unset()) {
        // What is not started by a timer is no schedule.
        let undone = before.map_or_else(|| Plan::remove(&root), |before| before.write(&root));
        undone.err().iter().for_each(|error| context.terminal.warn(&format!("{error:#}")));
        return Err(error);
    }
    unheard::of_plan(&plan).iter().for_each(|fault| warn_of(fault, context));
    tell(&plan, &name, context)
}

/// Warns of what the schedule before had of its day's environment and this one lacks.
fn warn_of_lost(before: &Plan, plan: &Plan, context: &Context) {
    notices::warn_of_lost(&before.notices, &plan.notices, context);
    let settings = &context.settings;
    let elsewhere = |name: &str| {
        let typed = settings.flag(name).and(before.environment.get(name));
        typed.cloned().or_else(|| settings.in_file(name).map(str::to_owned))
    };
    let lost = kept_environment::lost(&before.environment, &plan.environment, elsewhere);
    if !lost.is_empty() {
        let names = lost.join(", ");
        let what = format!(
            "The runs before had {names} of your environment. These have not: they may mean another server or database, or \
             reach no ping"
        );
        context.terminal.warn(&what);
        let needs_environment = lost.iter().any(|name| kept_environment::is_of_environment_alone(name));
        let place = if needs_environment { "in the environment" } else { "in the environment, or in .env" };
        context.terminal.hint(&format!("to keep them, set them {place}, and install again"));
    }
}

/// What would keep the runs from telling others how they ended.
fn warn_of(fault: &Fault, context: &Context) {
    context.terminal.warn(&format!("As it is, {fault}"));
    fault.hint_text().into_iter().for_each(|hint| context.terminal.hint(hint));
}

/// Whether the checkout of this plan was moved away.
fn is_gone(plan: &Plan) -> bool {
    !Plan::is_there(Path::new(&plan.root))
}

/// The timer that this machine has: systemd's where it goes on after its user logged out, else cron's.
fn choose(context: &Context) -> Result<Timer, Fault> {
    if !platform::LINUX {
        return Ok(Timer::Paste);
    }
    if !systemd::answers() {
        return Ok(Timer::Cron);
    }
    if systemd::lingers(LINGER) {
        return Ok(Timer::Systemd);
    }
    let terminal = &context.terminal;
    terminal
        .warn("A timer of your systemd stops when you log out, unless lingering is enabled: loginctl enable-linger");
    if terminal.ask("Enable it now?")? == Some(true) {
        match systemd::enable_linger() {
            Ok(()) => return Ok(Timer::Systemd),
            Err(error) => terminal.warn(&format!("{error:#}")),
        }
    }
    let timer = if cron::is_there() { Timer::Cron } else { Timer::Systemd };
    terminal.note(&format!(
        "Taking {} therefore; --timer names another one",
        if timer == Timer::Cron { "cron" } else { "systemd" }
    ));
    Ok(timer)
}

/// Lines of another timer or place that go: those of the plan before, or where there is none, what is left of this checkout.
fn removed<'p>(before: Option<&'p Plan>, plan: &'p Plan, is_replaced: bool) -> Vec<Lines<'p>> {
    match before {
        Some(_) if is_replaced => Vec::new(),
        Some(before) => vec![Lines::of(before)],
        None => {
            let left = Lines::left(&name::of(Path::new(&plan.root)), &plan.environment).into_iter();
            // A user who may have no crontab has no lines there.
            left.filter(|lines| lines.timer != plan.timer && lines.are_there().unwrap_or(false)).collect()
        }
    }
}

impl Args {
    fn plan(&self, root: &Path, command_line: clap::Command, context: &Context) -> Result<Plan> {
        if self.policy.is_given() {
            self.policy.check()?;
        } else {
            context.terminal.warn("No --keep-… rule was given: every backup stays, until the disk is full");
        }
        let mut backup = self.policy.words();
        if self.all {
            backup.push("--all".to_owned());
        }
        let databases = context.typed_databases();
        if databases.len() > 1 {
            backup.extend(databases.iter().map(|database| format!("--database={database}")));
        }
        let work = Work {
            rhythm: Rhythm { at: self.at, every: self.every },
            options: typed_options(context),
            backup,
            verify: self.verify,
            notices: notices::to_keep(self.ping_file.as_deref(), context)?,
            environment: kept_environment::of(context.settings.environment()),
        };
        check_words(&work, command_line)?;
        let now = Time::try_from(settings::now().fixed_offset()).map_err(Error::msg)?;
        Ok(Plan::new(work, &own_program()?, root, now)?)
    }
}

/// The options of every command that say which database is meant, as they were typed. Only `db-backup` takes several.
fn typed_options(context: &Context) -> Vec<String> {
    let one = context.typed_database().filter(|_| context.typed_databases().len() == 1);
    let typed = [("--target", context.settings.flag("XTASK_TARGET")), ("--database", one)];
    typed.into_iter().filter_map(|(option, value)| Some(format!("{option}={}", value?))).collect()
}

/// Checks that `db-backup` accepts these words: at night its usage text is not read.
fn check_words(work: &Work, command_line: clap::Command) -> Result<(), Fault> {
    let words = ["xtask".to_owned()].into_iter().chain(work.options.iter().cloned());
    let words = words.chain(["db-backup".to_owned()]).chain(work.backup.iter().cloned());
    let parsed = command_line.try_get_matches_from(words);
    parsed.map(drop).map_err(|error| {
        let said = error.to_string();
        let first = said.lines().next().unwrap_or_default().trim_start_matches("error: ");
        Fault::usage(format!("db-backup does not take these options: {first}")).hint("see cargo xtask db-backup --help")
    })
}

fn tell(plan: &Plan, name: &str, context: &Context) -> Result<()> {
    let terminal = &context.terminal;
    let mut kept = kept_environment::notable(&plan.environment);
    kept.extend(plan.notices.of_environment());
    if !kept.is_empty() {
        let path = context.shown(&Plan::path(Path::new(&plan.root)));
        terminal.note(&format!(
            "Kept for the runs from your environment, in {path} (only you may read it): {}",
            kept.join(", ")
        ));
    }
    if plan.timer == Timer::Paste {
        terminal.warn("Nothing starts the runs until you add this to a timer of the system:");
        return terminal.result(&paste::lines(plan, name)?);
    }
    if plan.timer == Timer::Systemd && !systemd::lingers(LINGER) {
        terminal.warn("This timer stops when you log out; to have it go on: loginctl enable-linger");
    }
    if plan.timer == Timer::Cron
        && let Some(caution) = cron::caution(LINGER)
    {
        terminal.warn(&caution);
        terminal.hint(cron::START);
    }
    let next = plan.rhythm.next(&settings::now());
    let next = next.map_or_else(|| "not known".to_owned(), |next| next.format("%Y-%m-%d %H:%M").to_string());
    let (ping, on_failure) = notices::shown(&plan.notices, context);
    let lines = [
        terminal.done_line(&format!("Backups are scheduled: {}", plan.rhythm)),
        String::new(),
        format!("Timer:     {}", plan.timer.shown(name)),
        format!("Program:   {}", plan.program),
        format!("Next run:  {next}"),
        format!("Options:   {}", plan.shown_options()),
        format!("Restored:  {}", plan.verify.map_or("never; see --verify", Verification::as_str)),
        format!("Ping:      {ping}"),
        format!("Failure:   {on_failure}"),
    ];
    terminal.result_report(&crate::terminal::report(&lines))?;
    terminal.note(&terminal.to_type("Try it now: cargo xtask db-schedule run"));
    Ok(())
}
