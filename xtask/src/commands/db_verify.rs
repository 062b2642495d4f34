//! `db-verify`: backups proven, and with `--restore` loaded into a database of their own, without touching the live
//! one.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod subject;

use self::subject::Subject;
use super::swap::preview;
use super::{full_backup, leftovers, standard_input};
use crate::backup::listing;
use crate::backup::manifest::{self, Manifest};
use crate::backup::metrics::Event;
use crate::backup::name;
use crate::backup::proof::{self, Proven, Verdict};
use crate::context::Context;
use crate::error::{self, Cause, Exit, Fault};
use crate::postgres::search_path::SearchPath;
use crate::postgres::server::Server;
use crate::postgres::text::Name;
use crate::restore::jobs::{AGAIN, Jobs};
use crate::restore::load_failure::LoadOptions;
use crate::restore::preflight::{self, Consent, Destination};
use crate::restore::{live, rights};
use crate::target::Target;
use crate::terminal;
use crate::words::number_within;
use anyhow::{Error, Result};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Prove backups; with --restore load each into a scratch database, compare, and drop it
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Backup files, or sets: then every file of each; - reads one from stdin [default: the newest full backup of this database]
    files: Vec<PathBuf>,
    /// Every backup of backups/; with --database every one of that database
    #[arg(long, conflicts_with = "files")]
    all: bool,
    /// Also load each into a scratch database of the target's server
    #[arg(long)]
    restore: bool,
    /// Load with this search_path, for functions of the backup that need one: public, or a list of schemas
    #[arg(long, value_name = "SCHEMAS", requires = "restore")]
    search_path: Option<SearchPath>,
    /// Load through so many server sessions: rows of different tables, and indexes, side by side [default: the cores
    /// that this host and the server both have, at most 8; 1 for a small backup]
    #[arg(long, value_name = "N", value_parser = number_within(1u16..=64), requires = "restore")]
    jobs: Option<u16>,
    /// Write the report as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args, context: &Context) -> Result<()> {
    let subjects = args.choose(context)?;
    let target = if args.restore { Some(context.target()?) } else { None };
    if let Some(target) = &target {
        context.terminal.note(&format!("Restoring into a scratch database of {}", target.shown()));
    }
    let mut report = Vec::new();
    for subject in &subjects {
        let entry = verify(subject, target.as_ref(), args, context)?;
        if !args.json {
            entry.show(context)?;
        }
        report.push(entry);
    }
    // A file that is refused starts no program on the server. What is only read here is repaired by the command that
    // changes the database next.
    if let Some(target) = target.as_ref().filter(|_| report.iter().any(|entry| entry.was_tried)) {
        leftovers::name_leftovers(target, context);
        name_absence(target, context);
    }
    tell_metrics(&report, context);
    if args.json {
        context.terminal.json_list("files", &report)?;
    }
    conclusion(&report)
}

/// Writes down for Prometheus whether the backups of each database are good.
fn tell_metrics(report: &[Entry], context: &Context) {
    let mut found: BTreeMap<String, Event> = BTreeMap::new();
    for entry in report {
        let file = Path::new(&entry.file).file_name().unwrap_or_default().to_string_lossy();
        let named = name::parse(&file);
        // Some of its tables are no backup of a database.
        if named.as_ref().is_some_and(|named| named.purpose == name::Purpose::Tables) {
            continue;
        }
        let Some(database) = entry.database.clone().or(named.map(|named| named.database)) else { continue };
        let event = match (&entry.error, entry.restored) {
            (Some(error), _) if !is_judged(error) => continue,
            (Some(_), _) => Event::Unfit,
            (None, restored) => Event::Verified { restored: restored == Some(true) },
        };
        let so_far = found.entry(database.as_str().to_owned()).or_insert(event);
        if event == Event::Unfit {
            *so_far = event;
        }
    }
    found.into_iter().for_each(|(database, event)| full_backup::tell_metrics(&database, event, context));
}

impl Args {
    fn choose(&self, context: &Context) -> Result<Vec<Subject>> {
        if !self.files.is_empty() {
            let of_stdin = self.files.iter().filter(|file| standard_input::is_meant(file)).count();
            if of_stdin > 1 {
                return Err(Fault::usage("Standard input holds one backup").hint("name - once").into());
            }
            let subjects = |file: &PathBuf| match standard_input::is_meant(file) {
                true => vec![Subject::stdin()],
                false => Subject::typed(context.typed(file)),
            };
            return Ok(self.files.iter().flat_map(subjects).collect());
        }
        let mut backups = listing::list(&context.backups_folder(), &proof::glance)?;
        if let Some(database) = context.typed_database().filter(|_| self.all) {
            backups.retain(|backup| backup.database.as_deref() == Some(database));
        }
        if !self.all {
            let target = context.target()?;
            backups.retain(|backup| backup.database.as_deref() == Some(target.database()));
            // One that is unfit is not passed over: a report on an older one would hide it.
            let newest = backups.iter().position(listing::Backup::claims_to_be_full);
            backups = newest.map(|at| backups.swap_remove(at)).into_iter().collect();
        }
        if backups.is_empty() {
            return Err(Fault::failed("There is no backup to verify")
                .hint("make one with: cargo xtask db-backup")
                .into());
        }
        Ok(backups.into_iter().map(|backup| Subject::file(backup.path)).collect())
    }
}

/// What was found out about one file; in `--json`, version 1.
#[derive(Debug, Default, Serialize)]
struct Entry {
    file: String,
    verdict: Option<Verdict>,
    database: Option<Name>,
    tables: Option<u64>,
    rows: Option<u64>,
    /// How many roles it holds; only of a file with a server's roles.
    #[serde(skip_serializing_if = "Option::is_none")]
    roles: Option<u64>,
    /// Whether it was loaded and compared; null where that was not asked or not possible.
    restored: Option<bool>,
    /// How long loading took.
    seconds: Option<f64>,
    /// Why it is unfit or was not loaded.
    reason: Option<String>,
    #[serde(skip)]
    error: Option<Error>,
    /// Why `db-restore` refuses it on every server, though it is whole.
    #[serde(skip)]
    refused: Option<Fault>,
    /// A program was started on the server for it.
    #[serde(skip)]
    was_tried: bool,
}

fn verify(subject: &Subject, target: Option<&Target>, args: &Args, context: &Context) -> Result<Entry> {
    let path = &subject.path;
    let progress = context.terminal.progress("reading", std::fs::metadata(path).ok().map(|facts| facts.len()));
    let mut entry = Entry { file: path.to_string_lossy().into_owned(), ..Entry::default() };
    if subject.is_globals() {
        return Ok(entry.of_globals(subject, args, context));
    }
    let proven = match subject.is_stdin() {
        true => standard_input::proven("db-verify -", context),
        false => subject.prove(&|bytes| progress.set(bytes)),
    };
    let backup = match proven {
        Ok(backup) => backup,
        Err(error) if matches!(error::exit(&error), Exit::Signal(_)) => {
            return Err(error);
        }
        Err(error) => return Ok(entry.failed(error, context)),
    };
    drop(progress);
    entry.verdict = Some(if backup.manifest.is_some() { Verdict::Whole } else { Verdict::MadeElsewhere });
    entry.database = backup.manifest.as_ref().map(|manifest| manifest.database.clone());
    let filled = backup.contents.filled();
    entry.tables = Some(manifest::tables(&filled).len() as u64);
    entry.rows = Some(manifest::rows(&filled));
    let is_full = backup.manifest.as_ref().is_none_or(Manifest::is_full);
    let Some(target) = target else {
        entry.refused = if is_full { preflight::refuse_parts(&backup).err() } else { None };
        if args.json {
            entry.reason = entry.refused.as_ref().map(|fault| format!("db-restore refuses it: {fault}"));
        }
        return Ok(entry);
    };
    if !is_full {
        entry.reason = Some("a partial backup: proven, not loaded".to_owned());
        return Ok(entry);
    }
    let clock = Instant::now();
    entry.was_tried = true;
    match restore(target, &backup, args, context) {
        Ok(()) => {
            entry.restored = Some(true);
            entry.seconds = Some((clock.elapsed().as_secs_f64() * 1000.0).round() / 1000.0);
            Ok(entry)
        }
        Err(error) if matches!(error::exit(&error), Exit::Signal(_)) => Err(error),
        Err(error) => {
            // Changes beside the database are the file's, or another session's.
            let is_known = is_judged(&error) || error::exit(&error) == Exit::Partial;
            entry.restored = is_known.then_some(false);
            Ok(entry.failed(error, context))
        }
    }
}

fn restore(target: &Target, backup: &Proven, args: &Args, context: &Context) -> Result<()> {
    let server = &Server::new(target)?;
    let drill = leftovers::begin_drill(server, context)?;
    let properties = backup.manifest.as_ref().map(|manifest| &manifest.properties);
    let owner = match properties.map(|properties| properties.owner.as_str()) {
        Some(owner) if rights::may_act_as(server, owner)? => Some(owner),
        _ => None,
    };
    let encoding = properties.map(|properties| &properties.encoding);
    let destination = Destination { made_like: None, encoding, owner };
    let fitting = preflight::check(server, backup, destination, Consent::default())?;
    fitting.unchecked_letters.iter().for_each(|letters| context.terminal.warn(letters));
    name_unchecked_live(server, backup, context)?;
    preview::name_foreign_tables(backup, context);
    let progress = context.terminal.progress("loading", None);
    let (search_path, version_changes) = (args.search_path.as_ref(), &fitting.version_changes[..]);
    let again = || progress.aside(|| context.terminal.note(AGAIN));
    Jobs::of(args.jobs, backup, target).load(again, |jobs| {
        let staging = drill.create(properties, owner)?;
        let options = LoadOptions { search_path, version_changes, jobs, beside: None };
        let checked = staging.load(backup, options, &|bytes| progress.set(bytes))?;
        let warn = |what: String| progress.aside(|| context.terminal.warn(&terminal::clean_line(&what)));
        checked.warnings().into_iter().for_each(warn);
        checked.discard()
    })
}

/// What a restore into the live database would meet that the scratch database, which has the backup's encoding, does not.
fn name_unchecked_live(server: &Server<'_>, backup: &Proven, context: &Context) -> Result<()> {
    let terminal = &context.terminal;
    match preflight::beside_live(server, backup)? {
        Some(Ok(letters)) => terminal.warn(&letters),
        Some(Err(fault)) => {
            let database = server.target().database();
            terminal.warn(&format!("A restore into {database} would be refused: {fault}"));
            fault.hint_text().into_iter().for_each(|hint| terminal.said_below(hint));
        }
        None => (),
    }
    Ok(())
}

/// A drill needs no live database; a person who reads that a backup is good may think that there is one.
fn name_absence(target: &Target, context: &Context) {
    // Where the server does not answer there is nothing to say.
    let exists = Server::new(target).and_then(|server| live::exists(&server)).unwrap_or(true);
    if !exists {
        let database = target.database();
        let restore = context.terminal.to_type("cargo xtask db-restore");
        context.terminal.warn(&format!("There is no database {database} on this server; restore it: {restore}"));
    }
}

impl Entry {
    /// A file with a server's roles is proven as what it is.
    fn of_globals(mut self, subject: &Subject, args: &Args, context: &Context) -> Self {
        match subject.prove_globals() {
            Ok(proven) => {
                self.verdict = Some(Verdict::Whole);
                self.roles = Some(proven.manifest.roles.get());
                self.reason = args.restore.then(|| "a server's roles: proven, not loaded".to_owned());
                self
            }
            Err(error) => self.failed(error, context),
        }
    }

    fn failed(mut self, error: Error, context: &Context) -> Self {
        self.reason = Some(format!("{error:#}"));
        self.error = Some(match error::fault(&error) {
            Some(_) => error,
            None => {
                let message = format!("{} cannot be checked", context.shown(Path::new(&self.file)));
                error.context(Fault::failed(message).hint("list the files: cargo xtask db-list"))
            }
        });
        self
    }

    fn show(&self, context: &Context) -> Result<()> {
        let file = terminal::clean_line(&context.shown(Path::new(&self.file)));
        if let Some(error) = &self.error {
            context.terminal.error(error);
            return Ok(());
        }
        let words = self.verdict.map_or("", Verdict::as_str);
        let mut line = format!("{file}: {words} ({})", self.counts());
        if let Some(seconds) = self.seconds {
            line.push_str(&format!(", restored and compared in {seconds:.1} s"));
        }
        if let Some(reason) = &self.reason {
            line.push_str(&format!("; {reason}"));
        }
        context.terminal.result_report(&context.terminal.done_line(&line))?;
        if let Some(fault) = &self.refused {
            context.terminal.warn(&format!("db-restore refuses it: {fault}"));
            fault.hint_text().into_iter().for_each(|hint| context.terminal.said_below(hint));
        }
        Ok(())
    }

    fn counts(&self) -> String {
        if let Some(roles) = self.roles {
            return terminal::counted(roles, "role", "roles");
        }
        let tables = terminal::counted(self.tables.unwrap_or_default(), "table", "tables");
        format!("{tables}, {}", terminal::counted(self.rows.unwrap_or_default(), "row", "rows"))
    }
}

/// Whether the file may be the cause. A server that does not answer and a lock say nothing about the file.
fn is_judged(error: &Error) -> bool {
    matches!(error::exit(error), Exit::Refused | Exit::Failed)
}

/// The worst of the report decides the exit code: an unfit file (3) before a failed load.
fn conclusion(report: &[Entry]) -> Result<()> {
    let exits = report.iter().filter_map(|entry| entry.error.as_ref());
    let exits: Vec<Exit> = exits.map(error::exit).collect();
    let Some(first) = exits.first() else { return Ok(()) };
    let exit = if exits.contains(&Exit::Refused) { Exit::Refused } else { *first };
    let of = terminal::count(report.len() as u64);
    let unjudged = exits.iter().filter(|exit| matches!(exit, Exit::Unreachable | Exit::Locked)).count();
    let failed = exits.len().saturating_sub(unjudged);
    let backups = |number: usize| terminal::counted(number as u64, "backup", "backups");
    let message = match (failed, unjudged) {
        (failed, 0) => format!("{} of {of} did not pass", backups(failed)),
        (0, unjudged) => format!("{} of {of} could not be tried", backups(unjudged)),
        (failed, unjudged) => {
            let unjudged = terminal::count(unjudged as u64);
            format!("{} of {of} did not pass, {unjudged} could not be tried", backups(failed))
        }
    };
    let fault = Fault::new(exit, message);
    // A backup that is whole and cannot be loaded fails for what its database holds: a new one would fail, too.
    let has_own_way =
        |error: &Error| error::exit(error) != Exit::Refused || error::cause(error) == Some(Cause::OtherKind);
    let next = match report.iter().filter_map(|entry| entry.error.as_ref()).all(has_own_way) {
        true => "see above what each one needs",
        false => "take a new one: cargo xtask db-backup",
    };
    Err(fault.hint(next).into())
}
