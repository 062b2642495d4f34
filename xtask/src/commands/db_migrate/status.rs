//! `db-migrate status`: every version of files and ledger, and what is amiss with it.

use super::work::Work;
use crate::context::Context;
use crate::error::Fault;
use crate::migration::difference;
use crate::migration::plan::{Entry, State};
use crate::terminal;
use anyhow::Result;
use serde::Serialize;
use std::borrow::Cow;
use std::time::Duration;

/// Show which versions are applied, pending, or amiss
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Exit with 1 unless every version is applied as its file says
    #[arg(long)]
    check: bool,
    /// Write the report as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<()> {
    let target = context.target()?;
    let work = Work::on(&target, target.database(), context)?;
    let look = work.look()?;
    let entries = look.entries;
    if args.json {
        let schema = look.ledger.schema.as_deref().filter(|_| look.ledger.exists);
        let migrations = entries.iter().map(Item::of).collect::<Result<Vec<_>>>()?;
        context.terminal.json(&Document { version: 1, database: target.database(), schema, migrations })?;
    } else if entries.is_empty() {
        context.terminal.note("No migrations; make one with: cargo xtask db-migrate new WORDS");
    } else {
        let head = ["VERSION", "DESCRIPTION", "STATE", "APPLIED", "TOOK"];
        context.terminal.table(&head, &rows(&entries), &[4])?;
        for entry in &entries {
            if let Some(reason) = reason(entry)? {
                let line = format!("{} {}: {reason}", entry.version, entry.description());
                context.terminal.warn(&terminal::clean(&line));
            }
        }
    }
    let amiss = entries.iter().filter(|entry| entry.state != State::Applied).count();
    if args.check && amiss > 0 {
        let versions = terminal::counted(amiss as u64, "version is", "versions are");
        return Err(Fault::failed(format!("{versions} not applied as the files say"))
            .hint("apply what is pending: cargo xtask db-migrate; mend what is amiss: cargo xtask db-migrate repair")
            .into());
    }
    Ok(())
}

fn rows(entries: &[Entry]) -> Vec<Vec<String>> {
    let dash = || "-".to_owned();
    let row = |entry: &Entry| {
        vec![
            entry.version.to_string(),
            entry.description().to_owned(),
            entry.state.words().to_owned(),
            entry.row.as_ref().map_or_else(dash, |row| row.installed_on.clone()),
            time(entry).map_or_else(dash, terminal::duration),
        ]
    };
    entries.iter().map(row).collect()
}

fn time(entry: &Entry) -> Option<Duration> {
    entry.row.as_ref().and_then(|row| u64::try_from(row.execution_time).ok()).map(Duration::from_nanos)
}

/// What is amiss, where the state alone does not say it.
pub(super) fn reason(entry: &Entry) -> Result<Option<String>> {
    Ok(match (entry.state, &entry.migration, &entry.row) {
        (State::Changed, Some(migration), Some(row)) => {
            Some(difference::cause(&migration.up, &row.checksum)?.words().to_owned())
        }
        (State::Dirty, ..) => Some("it was begun outside of a transaction and did not come to its end".to_owned()),
        (State::MissingFile, ..) => Some("it is applied, but migrations/ has no file of it".to_owned()),
        (State::OutOfOrder, ..) => Some("it is pending below a version that is applied".to_owned()),
        _ => None,
    })
}

/// `--json`, version 1.
#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    database: &'a str,
    /// The ledger's schema; null where there is no ledger yet.
    schema: Option<&'a str>,
    migrations: Vec<Item<'a>>,
}

#[derive(Serialize)]
struct Item<'a> {
    version: i64,
    description: &'a str,
    state: State,
    reason: Option<String>,
    file: Option<Cow<'a, str>>,
    /// Whether there is a way back.
    reversible: bool,
    /// RFC 3339.
    installed_on: Option<&'a str>,
    seconds: Option<f64>,
}

impl<'a> Item<'a> {
    fn of(entry: &'a Entry) -> Result<Self> {
        let migration = entry.migration.as_ref();
        Ok(Self {
            version: entry.version,
            description: entry.description(),
            state: entry.state,
            reason: reason(entry)?,
            file: migration.map(|migration| migration.up.to_string_lossy()),
            reversible: migration.is_some_and(|migration| migration.down.is_some()),
            installed_on: entry.row.as_ref().map(|row| row.installed_on.as_str()),
            seconds: time(entry).map(|time| time.as_secs_f64()),
        })
    }
}
