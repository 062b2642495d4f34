//! `db-migrate verify`: up, down and up again in a scratch database, the whole schema compared after each step.

use super::cautions;
use super::work::Work;
use crate::context::Context;
use crate::error::Fault;
use crate::migration::catalog::Catalog;
use crate::migration::checks::Direction;
use crate::migration::files::Migration;
use crate::migration::plan::Wanted;
use crate::migration::run::Runner;
use crate::postgres::open_session::OpenSession;
use crate::postgres::properties::Properties;
use crate::restore::record::{Purpose, Record};
use crate::restore::staging::Staging;
use crate::restore::{maintenance_database, repair};
use crate::target::Target;
use crate::terminal;
use anyhow::Result;
use serde::Serialize;
use std::time::Duration;

/// Statements that differ are shown up to so many.
const SHOWN: usize = 5;
/// Nobody else is in the scratch database.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// Try every file in a scratch database: up, down, up, the schema compared after each step
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Write the report as JSON
    #[arg(long)]
    json: bool,
}

/// What was found out about one version.
#[derive(Debug, Serialize)]
struct Verdict {
    version: i64,
    description: String,
    /// null: it has no way back.
    reversible: Option<bool>,
    /// What differs, in words.
    differences: Vec<String>,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<()> {
    let target = context.target()?;
    context.terminal.note(&format!("Trying the migrations in a scratch database of {}", target.shown()));
    let verdicts = in_scratch(&target, context, &|verdict| if args.json { Ok(()) } else { verdict.show(context) })?;
    if args.json {
        context.terminal.json(&serde_json::json!({ "version": 1, "migrations": &verdicts }))?;
    }
    let wrong = verdicts.iter().filter(|verdict| verdict.reversible == Some(false)).count();
    if wrong > 0 {
        let count = terminal::counted(wrong as u64, "migration is", "migrations are");
        return Err(Fault::failed(format!("{count} not taken back by the .down.sql file"))
            .hint("mend the .down.sql file; on a database that has the version, what is left is taken away by hand")
            .into());
    }
    let count = terminal::counted(verdicts.len() as u64, "migration", "migrations");
    context.terminal.done(&format!("{count} verified"));
    Ok(())
}

/// Tries version after version, and tells of each: one whose file fails ends it.
fn in_scratch(target: &Target, context: &Context, tell: &dyn Fn(&Verdict) -> Result<()>) -> Result<Vec<Verdict>> {
    let run = crate::postgres::session::fresh_name()?;
    let record = Record::new(target, &run, OpenSession::start(target, maintenance_database(target), &run)?);
    for leftover in repair::clear_throwaways(&record)? {
        context.terminal.note(&format!("Dropped {leftover}, the throwaway database of a run that was killed"));
    }
    let like = Properties::named(target, &run, target.database())?;
    let scratch = Staging::create(&record, Purpose::Verify, like.as_ref())?;
    let verdicts = try_each(target, scratch.name(), &run, context, tell)?;
    scratch.discard()?;
    Ok(verdicts)
}

/// Tries version after version in this database.
fn try_each(
    target: &Target,
    name: &str,
    run: &str,
    context: &Context,
    tell: &dyn Fn(&Verdict) -> Result<()>,
) -> Result<Vec<Verdict>> {
    let work = Work::on(target, name, context)?;
    let mut session = work.session()?;
    let ledger = work.writer(&mut session, &work.ledger()?, LOCK_TIMEOUT)?;
    let mut runner = Runner { session: &mut session, ledger, lock_timeout: LOCK_TIMEOUT };
    let mut before = Catalog::of(target, name, run)?;
    let progress = context.terminal.waiting("trying");
    let mut verdicts = Vec::new();
    for migration in &work.folder.migrations {
        progress.say(&terminal::clean(&format!("trying {} {}", migration.version, migration.description)));
        let after = step(&work, &mut runner, migration, Direction::Up)?;
        let mut verdict = Verdict {
            version: migration.version,
            description: migration.description.clone(),
            reversible: None,
            differences: Vec::new(),
        };
        if migration.down.is_some() {
            let back = step(&work, &mut runner, migration, Direction::Down)?;
            verdict.compare(&before, &back, "after down");
            let again = step(&work, &mut runner, migration, Direction::Up)?;
            verdict.compare(&after, &again, "after the second up");
            verdict.reversible = Some(verdict.differences.is_empty());
            before = again;
        } else {
            before = after;
        }
        progress.aside(|| tell(&verdict))?;
        verdicts.push(verdict);
    }
    Ok(verdicts)
}

/// Runs one file and gives the schema that it leaves.
fn step(work: &Work<'_>, runner: &mut Runner<'_, '_>, migration: &Migration, direction: Direction) -> Result<Catalog> {
    let wanted = match (&migration.down, direction) {
        (Some(down), Direction::Down) => Wanted::down(migration.version, &migration.description, down),
        _ => Wanted::up(migration),
    };
    let checked = cautions::check(&[wanted], direction, &work.config.ignored)?;
    work.run_each(runner, &checked.steps, &|_, _| {})?;
    Catalog::of(work.target, work.database, &work.run)
}

impl Verdict {
    fn compare(&mut self, expected: &Catalog, found: &Catalog, when: &str) {
        if expected == found {
            return;
        }
        let [gone, left] = expected.differences(found);
        let mut say = |entries: Vec<String>, what: &str| {
            let more = entries.len().saturating_sub(SHOWN);
            self.differences.extend(entries.into_iter().take(SHOWN).map(|entry| format!("{when} {what}: {entry}")));
            if more > 0 {
                self.differences.push(format!("{when} {what}: {more} more"));
            }
        };
        if gone.is_empty() && left.is_empty() {
            say(vec!["the order of what is there".to_owned()], "differs");
        }
        say(gone, "missing");
        say(left, "left over");
    }

    fn show(&self, context: &Context) -> Result<()> {
        let name = terminal::clean(&format!("{} {}", self.version, self.description));
        if self.reversible == Some(false) {
            context.terminal.error(&anyhow::Error::msg(self.differences.join("\n")).context(name));
            return Ok(());
        }
        let ways = if self.reversible.is_some() { "up, down, up" } else { "up; it has no way back" };
        context.terminal.result(&context.terminal.done_line(&format!("{name}: {ways}")))
    }
}
