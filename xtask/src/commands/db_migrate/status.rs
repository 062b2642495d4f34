//! `db-migrate status`: every version of files and ledger, and what is wrong with it.

use super::drift;
use crate::commands::leftovers;
use crate::commands::migrations::{Compared, Work};
use crate::context::Context;
use crate::error::Fault;
use crate::migration::checks::Direction;
use crate::migration::checksum::Ignored;
use crate::migration::difference::{self, Cause};
use crate::migration::drift::Drift;
use crate::migration::left_out::LeftOutStatement;
use crate::migration::plan::{Entry, Lost, State};
use crate::terminal;
use anyhow::{Error, Result};
use serde::Serialize;
use std::borrow::Cow;
use std::time::Duration;

/// Show the state of each version: applied, pending, or what is wrong
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Exit with 1 unless every version is applied as its file says
    #[arg(long)]
    check: bool,
    /// Ignore applied versions that have no file here: another program's
    #[arg(long)]
    ignore_missing: bool,
    /// Compare the schema with the one that the files of the applied versions make, in a scratch database
    #[arg(long)]
    drift: bool,
    /// Write the report as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<()> {
    let target = context.target()?;
    let work = Work::opened(&target, context, args.ignore_missing)?;
    let compared = work.compare()?;
    leftovers::name_leftovers(&target, context);
    let ignored = &work.config.ignored;
    let (drift, changed) = match args.drift {
        true => drift_of(&work, &compared).map(|(drift, changed)| (Some(drift), changed))?,
        false => (None, None),
    };
    if args.json {
        let schema = compared.ledger.schema.as_deref().filter(|_| compared.ledger.exists);
        let migrations = compared.entries.iter().map(|entry| Item::of(entry, ignored)).collect::<Result<Vec<_>>>()?;
        context.terminal.json(&Document {
            version: 1,
            database: target.database(),
            schema,
            migrations,
            drift: drift.as_ref().map(DriftItem::of),
        })?;
    } else {
        show(&compared.entries, ignored, &work, context)?;
        drift.iter().for_each(|found| drift::show(&found.schema, &work));
        drift.iter().for_each(|found| drift::show_rights(&found.rights, found.database_has_grants, &work));
    }
    // The report is whole all the same.
    changed.map_or(Ok(()), Err)?;
    conclude(drift.as_ref(), &compared, &work, args.check, context)
}

/// Says whether the schema drifted; under `--check` each difference is a failure.
fn conclude(drift: Option<&Drift>, compared: &Compared, work: &Work<'_>, check: bool, context: &Context) -> Result<()> {
    drift.map_or(Ok(()), |drift| conclude_drift(drift, check, context))?;
    let faulty = compared.entries.iter().filter(|entry| !entry.is_in_order()).count();
    if check && faulty > 0 {
        let versions = terminal::counted(faulty as u64, "version is", "versions are");
        let running = compared.entries.iter().filter(|entry| entry.state == State::Running).count();
        let hint = if running == faulty {
            "wait until the run has ended that the report names"
        } else {
            "apply pending versions: cargo xtask db-migrate; repair the others: cargo xtask db-migrate repair"
        };
        return Err(Fault::failed(format!("{versions} not applied as the files say")).hint(hint).into());
    }
    if check && let Some(refusal) = work.folder.refusals.first() {
        return Err(Fault::failed(refusal.what.clone()).hint(refusal.cure).into());
    }
    if check && let Some(why) = &work.folder.foreign {
        return Err(Fault::failed(why.clone()).hint("name it as a migration, or move it elsewhere").into());
    }
    Ok(())
}

/// The schema and its rights are two verdicts. Under `--check` rights that only the database gives are no failure: they may
/// be for roles that no file knows.
fn conclude_drift(Drift { schema, rights, .. }: &Drift, check: bool, context: &Context) -> Result<()> {
    if check && !schema.are_none() {
        return Err(Fault::failed("The schema differs from the applied files")
            .hint("put the difference into a migration, or undo it by hand")
            .into());
    }
    if check && !rights.missing.is_empty() {
        return Err(Fault::failed("The database lacks rights or owners that the applied files give")
            .hint(
                "run the statements of the warnings: cargo xtask db-shell; --json names all of them\n\
                 or put the difference into a migration",
            )
            .into());
    }
    if schema.are_none() {
        context.terminal.done("The schema matches the applied files");
    }
    if !rights.are_none() {
        let note = "Grants, default privileges or owners differ; --check fails only where the database lacks one that the files give";
        context.terminal.note(note);
    }
    Ok(())
}

/// The live schema beside that of the applied files.
fn drift_of(work: &Work<'_>, compared: &Compared) -> Result<(Drift, Option<Error>)> {
    let applied = compared.entries.iter().filter(|entry| entry.row.as_ref().is_some_and(|row| row.success));
    let migrations: Vec<_> = applied.filter_map(|entry| entry.migration.as_ref()).collect();
    drift::of(work, &compared.ledger, &migrations, None)
}

fn show(entries: &[Entry], ignored: &Ignored, work: &Work<'_>, context: &Context) -> Result<()> {
    for refusal in work.folder.refusals.iter().map(|refusal| &refusal.what).chain(&work.folder.foreign) {
        context.terminal.warn(refusal);
    }
    if entries.is_empty() {
        if work.folder.refusals.is_empty() && work.folder.foreign.is_none() {
            let make = context.terminal.to_type("cargo xtask db-migrate new WORDS");
            context.terminal.note(&format!("No migrations; make one with: {make}"));
        }
        return Ok(());
    }
    context.terminal.table(&["VERSION", "DESCRIPTION", "STATE", "APPLIED", "TOOK"], &rows(entries), &[4])?;
    for entry in entries {
        if let Some(reason) = reason(entry, ignored)? {
            context.terminal.warn(&format!("{}: {reason}", entry.named()));
        }
        let hint = entry.hint_to_finish().map(|hint| context.terminal.to_type(&hint));
        for line in hint.iter().flat_map(|hint| hint.lines()) {
            context.terminal.note(&format!("  {line}"));
        }
    }
    Ok(())
}

fn rows(entries: &[Entry]) -> Vec<Vec<String>> {
    let dash = || "-".to_owned();
    let row = |entry: &Entry| {
        vec![
            entry.version.to_string(),
            entry.description().to_owned(),
            entry.state.as_str().to_owned(),
            entry.row.as_ref().map_or_else(dash, |row| row.installed_on.clone()),
            time(entry).map_or_else(dash, terminal::duration),
        ]
    };
    entries.iter().map(row).collect()
}

fn time(entry: &Entry) -> Option<Duration> {
    entry.row.as_ref().and_then(|row| u64::try_from(row.execution_time).ok()).map(Duration::from_nanos)
}

/// What is wrong, where the state alone does not say it.
pub(super) fn reason(entry: &Entry, ignored: &Ignored) -> Result<Option<String>> {
    let text = |text: &str| Some(text.to_owned());
    Ok(match (entry.state, &entry.migration, &entry.row) {
        (State::Changed, Some(migration), Some(row)) => {
            let cause = difference::cause(&migration.up, &row.checksum, ignored)?;
            match entry.other_words() {
                _ if matches!(entry.lost, Some(Lost::Exchanged { .. })) => exchanged(entry),
                Some(words) if cause == Cause::Content => {
                    Some(format!("it is applied as {words:?}: its file is another one, or was renamed and changed"))
                }
                _ => text(cause.as_str()),
            }
        }
        (State::Dirty, ..) if entry.begun() == Some(Direction::Down) => {
            text("its revert was started outside a transaction and did not finish")
        }
        (State::Dirty, ..) => text("it was started outside a transaction and did not finish"),
        (State::Running, ..) => {
            Some(format!("{} is running it", entry.session.as_deref().unwrap_or("another session")))
        }
        (State::MissingFile | State::Renamed, ..) => Some(match entry.lost {
            Some(Lost::Renamed { to, cause: None }) => format!("its file has version {to} now, byte for byte"),
            Some(Lost::Renamed { to, cause: Some(cause) }) => {
                format!("its file has version {to} now; {}", cause.as_str())
            }
            Some(Lost::Alike { to }) => {
                format!("it is applied, but its file is gone; {to} has the same description and other content")
            }
            Some(Lost::Ahead) => {
                "it is applied, and newer than every file: this checkout is older than the database".to_owned()
            }
            Some(Lost::OnlyWayBack) => "it is applied, but only its .down.sql file is there".to_owned(),
            Some(Lost::Gone | Lost::Exchanged { .. }) | None => "it is applied, but has no file here".to_owned(),
        }),
        (State::OutOfOrder, ..) => text("it is pending, and older than an applied version"),
        _ => None,
    })
}

/// Two files that exchanged their numbers, say.
fn exchanged(entry: &Entry) -> Option<String> {
    match entry.lost {
        Some(Lost::Exchanged { with }) => Some(format!("its file is the one that {with} was applied from")),
        _ => None,
    }
}

/// `--json`, version 1.
#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    database: &'a str,
    /// The ledger's schema; null where there is no ledger yet.
    schema: Option<&'a str>,
    migrations: Vec<Item<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    drift: Option<DriftItem<'a>>,
}

/// What the schema and the applied files do not have in common.
#[derive(Serialize)]
struct DriftItem<'a> {
    missing: &'a [String],
    extra: &'a [String],
    column_order: &'a [String],
    rights: RightsItem<'a>,
    /// Statements of the files that were left out, because they reach beyond the scratch database.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    left_out: &'a [LeftOutStatement],
}

/// Grants, default privileges and owners.
#[derive(Serialize)]
struct RightsItem<'a> {
    missing: &'a [String],
    extra: &'a [String],
}

impl<'a> DriftItem<'a> {
    fn of(Drift { schema, rights, left_out, .. }: &'a Drift) -> Self {
        let rights = RightsItem { missing: &rights.missing, extra: &rights.extra };
        Self { missing: &schema.missing, extra: &schema.extra, column_order: &schema.reordered, rights, left_out }
    }
}

#[derive(Serialize)]
struct Item<'a> {
    version: i64,
    description: &'a str,
    state: State,
    reason: Option<String>,
    /// `up` or `down`: the file that was begun outside a transaction and has not ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    unfinished: Option<&'static str>,
    file: Option<Cow<'a, str>>,
    /// Whether there is a way back.
    reversible: bool,
    /// RFC 3339.
    installed_on: Option<&'a str>,
    seconds: Option<f64>,
    /// The version that its file has now.
    #[serde(skip_serializing_if = "Option::is_none")]
    renamed_to: Option<i64>,
    /// Who runs it.
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<&'a str>,
}

impl<'a> Item<'a> {
    fn of(entry: &'a Entry, ignored: &Ignored) -> Result<Self> {
        let migration = entry.migration.as_ref();
        Ok(Self {
            version: entry.version,
            description: entry.description(),
            state: entry.state,
            reason: reason(entry, ignored)?,
            unfinished: entry.begun().map(Direction::as_str),
            file: migration.map(|migration| migration.up.to_string_lossy()),
            reversible: entry.way_back().is_some(),
            installed_on: entry.row.as_ref().map(|row| row.installed_on.as_str()),
            seconds: time(entry).map(|time| time.as_secs_f64()),
            renamed_to: match entry.lost {
                Some(Lost::Renamed { to, .. }) => Some(to),
                _ => None,
            },
            session: entry.session.as_deref(),
        })
    }
}
