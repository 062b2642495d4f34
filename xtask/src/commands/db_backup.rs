//! `db-backup`: one self-proving SQL file for each database; of several databases a set, too.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod choice;
mod report;
mod several;
mod work;

use self::choice::Choice;
use super::db_prune;
use super::full_backup::{take_visibly, warn_of_extensions};
use super::globals_backup;
use super::leftovers;
use super::notices;
use crate::backup::manifest::{Seconds, StartedAt};
use crate::backup::name::{self, Purpose};
use crate::backup::retention::Policy;
use crate::backup::take::{self, BackupOptions, Destination, Taken};
use crate::context::Context;
use crate::error::{Exit, Fault};
use crate::postgres::dump::{Copied, OpenFga};
use crate::postgres::locks;
use crate::postgres::path_dependents::PathDependent;
use crate::postgres::text::Text;
use crate::restore::repair;
use crate::target::Target;
use crate::terminal;
use anyhow::{Context as _, Result};
use serde::Serialize;
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Back up the database into one SQL file that proves itself; with --all every database of the server, as a set
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Every database of the server but templates and this program's own, or those of the setting, and a file that
    /// proves which belong together; --database may be repeated for the same with some of them [setting: XTASK_DATABASES]
    #[arg(long)]
    all: bool,
    /// Folder, or file, to write to; no file is ever replaced [default: backups/]
    #[arg(long, short, value_name = "DIR|FILE")]
    output: Option<PathBuf>,
    /// Only this table (pg_dump's pattern, may be repeated, each must match one); marked as partial, never the
    /// latest backup
    #[arg(long = "table", short, value_name = "NAME")]
    tables: Vec<String>,
    /// Every --table must match a table: always so, and taken because pg_dump has to be told
    #[arg(long, requires = "tables", hide = true)]
    strict_names: bool,
    /// Seconds to wait for a table that another session locks [setting: XTASK_LOCK_TIMEOUT, default: 30]
    #[arg(long, value_name = "SECONDS", value_parser = locks::parse_timeout, allow_negative_numbers = true)]
    lock_timeout: Option<Duration>,
    /// Save the server's roles, memberships and role settings, without passwords, in a file of their own; no database
    #[arg(long, conflicts_with_all = ["all", "tables", "lock_timeout", "Policy", "ping_file"])]
    globals: bool,
    /// After success, remove old backups of this database by these rules, as db-prune does, without asking
    #[command(flatten)]
    policy: Policy,
    /// Ping the address in this private file: /start, then itself or /fail [setting: XTASK_PING_URL]
    #[arg(long, value_name = "FILE", conflicts_with = "tables")]
    ping_file: Option<PathBuf>,
    /// Write the report as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args, context: &Context) -> Result<()> {
    if args.globals {
        let destination = args.destination(context)?;
        return globals_backup::back_up(&context.target()?, &destination, args.json, context);
    }
    // An export of some tables must not pass for a backup.
    if !args.tables.is_empty() {
        return back_up(args, context).map(drop);
    }
    notices::around(args.ping_file.as_deref(), context, || back_up(args, context))
}

/// Makes the backup; gives its file.
fn back_up(args: &Args, context: &Context) -> Result<Vec<PathBuf>> {
    if let Some(choice) = Choice::of(args, context)? {
        return several::run(args, &choice, context);
    }
    let target = context.target()?;
    args.check_policy()?;
    let options = args.options(context)?;
    context.terminal.note("Creating database backup...");
    let taken = take_visibly(&target, &options, context)?;
    args.tell(&taken, &target, context)?;
    warn_of_restores(&taken, &target, context);
    leftovers::name_leftovers_by(&taken.answer, &target, context);
    if args.policy.is_given() {
        db_prune::after_backup(&taken.path, target.database(), &args.policy, context)
            .context(Fault::new(Exit::Partial, "The backup is written, but old backups could not be removed"))?;
    }
    Ok(vec![taken.path])
}

impl Args {
    fn check_policy(&self) -> Result<(), Fault> {
        if !self.policy.is_given() {
            return Ok(());
        }
        if !self.tables.is_empty() {
            return Err(Fault::usage("--keep-… goes with a full backup, not with --table"));
        }
        db_prune::check(&self.policy)
    }

    fn tell(&self, taken: &Taken, target: &Target, context: &Context) -> Result<()> {
        // A script that waits for the path on stdout must not lose the backup with it.
        self.write(taken, target, context).with_context(|| {
            let made = format!("The backup is written, but its path could not be printed: {}", taken.path.display());
            Fault::new(Exit::Partial, made).hint("check where stdout goes; the backup is complete and stays")
        })
    }

    fn write(&self, taken: &Taken, target: &Target, context: &Context) -> Result<()> {
        if self.json {
            return context.terminal.json(&Document::of(taken));
        }
        let place = format!("{}, {}", server(&taken.manifest.server_version), target.place());
        let report = Report::of(taken, &place, context);
        if context.terminal.stdout_is_terminal() {
            return context.terminal.result(&report.text);
        }
        context.terminal.note_report(&report.text);
        context.terminal.result_path(&context.near(&taken.path))
    }

    fn options(&self, context: &Context) -> Result<BackupOptions> {
        Ok(BackupOptions {
            purpose: if self.tables.is_empty() { Purpose::Backup } else { Purpose::Tables },
            tables: self.tables.clone(),
            lock_timeout: locks::timeout(self.lock_timeout, &context.settings, take::LOCK_TIMEOUT)?,
            question: repair::QUESTION,
            destination: self.destination(context)?,
            first_copy: 1,
        })
    }

    fn destination(&self, context: &Context) -> Result<Destination> {
        match &self.output {
            None => Ok(Destination::Folder(context.made_backups_folder()?)),
            Some(path) => Ok(destination(path, context.typed(path))?),
        }
    }
}

/// Where `--output` leads; as it was typed, and from where the caller stands.
fn destination(typed: &Path, path: PathBuf) -> Result<Destination, Fault> {
    if path.is_dir() || typed.to_string_lossy().ends_with(['/', std::path::MAIN_SEPARATOR]) {
        return Ok(Destination::Folder(path));
    }
    if typed == Path::new("-") {
        return Err(Fault::usage("A backup cannot be written to stdout, which gets the backup's path")
            .hint("name a file or a folder; a file called - is written as ./-"));
    }
    if name::is_unfinished(&path) {
        // The next backup would clear it away as what a killed run left behind.
        return Err(Fault::usage(format!("{} is a name for unfinished backups", typed.display()))
            .hint("name a file that ends in .sql"));
    }
    Ok(Destination::File(path))
}

/// Says of a whole database's backup what a restore of it cannot do, or may fail at.
fn warn_of_restores(taken: &Taken, target: &Target, context: &Context) {
    if !taken.manifest.is_full() {
        return;
    }
    warn_of_extensions(taken, target, context);
    for PathDependent { object, function, names, schema } in &taken.path_dependents {
        let text = format!(
            "A restore may fail at {object}: it uses {function}, which names {names} without its schema ({schema}), and a \
             dump loads with an empty search_path\n\
             check whether it loads: cargo xtask db-verify --restore; load it with: --search-path {word}\n\
             fix it for good: ALTER FUNCTION {function} SET search_path = {schema}",
            word = terminal::shell_word(schema)
        );
        context.terminal.warn(&terminal::clean(&text));
    }
}

/// `15.18 (Debian 15.18-0+deb12u1)` → `PostgreSQL 15.18`.
fn server(version: &str) -> String {
    format!("PostgreSQL {}", version.split_whitespace().next().unwrap_or("?"))
}

struct Report {
    text: String,
}

impl Report {
    fn of(taken: &Taken, place: &str, context: &Context) -> Self {
        let manifest = &taken.manifest;
        let tables = manifest.tables();
        let folder = taken.path.parent().unwrap_or(Path::new("."));
        let shown = context.shown(folder);
        let rows = terminal::counted(manifest.rows(), "row", "rows");
        let mut lines = vec![
            context.terminal.done_line(&format!("Backup created in {}/", shown.trim_end_matches('/'))),
            String::new(),
            format!("File:      {}", context.shown(&taken.path)),
            format!("Size:      {}", terminal::size(taken.bytes)),
            format!("Database:  {} ({place})", manifest.database),
            format!("Tables:    {} ({rows})", terminal::count(tables.len() as u64)),
        ];
        if let Some(OpenFga { stores, authorization_models, tuples }) = manifest.openfga {
            lines.push(format!(
                "OpenFGA:   {}, {}, {}",
                terminal::counted(stores, "store", "stores"),
                terminal::counted(authorization_models, "model", "models"),
                terminal::counted(tuples, "tuple", "tuples")
            ));
        }
        if let Some(patterns) = &manifest.only_tables {
            lines.push(format!(
                "Partial:   only {}; db-restore will not take it for the latest backup",
                patterns.iter().map(Text::as_str).collect::<Vec<_>>().join(", ")
            ));
        }
        Self { text: terminal::report(&lines) }
    }
}

/// `--json`, version 1.
#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    /// As every path in JSON: letters that are no UTF-8 are shown as �, rather than nothing at all.
    file: Cow<'a, str>,
    bytes: u64,
    sha256: &'a str,
    database: &'a str,
    server_version: &'a str,
    tables: Vec<Copied>,
    openfga: Option<OpenFga>,
    started_at: StartedAt,
    seconds: Seconds,
}

impl<'a> Document<'a> {
    fn of(taken: &'a Taken) -> Self {
        Self {
            version: 1,
            file: taken.path.to_string_lossy(),
            bytes: taken.bytes,
            sha256: &taken.sha256,
            database: &taken.manifest.database,
            server_version: &taken.manifest.server_version,
            tables: taken.manifest.tables(),
            openfga: taken.manifest.openfga,
            started_at: taken.manifest.started_at,
            seconds: taken.manifest.seconds,
        }
    }
}
