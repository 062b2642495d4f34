//! `db-verify`: backups proven, and with `--restore` loaded into a database of their own, without touching the live
//! one.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod report;
mod subject;

use self::report::{Entry, conclusion, is_judged, tell_metrics};
use self::subject::Subject;
use super::leftovers;
use super::standard_input;
use super::swap::preview;
use crate::backup::listing;
use crate::backup::manifest::Manifest;
use crate::backup::proof::{self, Proven, Verdict};
use crate::context::Context;
use crate::error::{self, Exit, Fault};
use crate::postgres::search_path::SearchPath;
use crate::postgres::server::Server;
use crate::restore::jobs::{AGAIN, Jobs};
use crate::restore::load_failure::LoadOptions;
use crate::restore::preflight::{self, Consent, Destination};
use crate::restore::{keys_lost, live, rights};
use crate::target::Target;
use crate::words::number_within;
use anyhow::Result;
use std::path::PathBuf;
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
    let (subjects, chosen_by) = args.choose(context)?;
    let target = match chosen_by.filter(|_| args.restore) {
        None if args.restore => Some(context.target()?),
        chosen_by => chosen_by,
    };
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
        // Where the server does not answer there is nothing to say.
        if let Ok(server) = Server::new(target) {
            leftovers::name_leftovers_on(&server, context);
            name_absence(&server, context);
        }
    }
    tell_metrics(&report, context);
    if args.json {
        context.terminal.json_list("files", &report)?;
    }
    conclusion(&report, !args.json, context)
}

impl Args {
    /// What is verified, and the target whose backups were looked for.
    fn choose(&self, context: &Context) -> Result<(Vec<Subject>, Option<Target>)> {
        if !self.files.is_empty() {
            let of_stdin = self.files.iter().filter(|file| standard_input::is_meant(file)).count();
            if of_stdin > 1 {
                return Err(Fault::usage("Standard input holds one backup").hint("name - once").into());
            }
            let subjects = |file: &PathBuf| match standard_input::is_meant(file) {
                true => vec![Subject::stdin()],
                false => Subject::typed(context.typed(file)),
            };
            return Ok((self.files.iter().flat_map(subjects).collect(), None));
        }
        let mut chosen_by = None;
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
            chosen_by = Some(target);
        }
        if backups.is_empty() {
            return Err(Fault::failed("There is no backup to verify")
                .hint("make one with: cargo xtask db-backup")
                .into());
        }
        Ok((backups.into_iter().map(|backup| Subject::file(backup.path)).collect(), chosen_by))
    }
}

fn verify(subject: &Subject, target: Option<&Target>, args: &Args, context: &Context) -> Result<Entry> {
    let mut entry = Entry::of(&subject.path);
    if subject.is_globals() {
        return Ok(of_globals(entry, subject, args, context));
    }
    let backup = match prove(subject, context) {
        Ok(backup) => backup,
        Err(error) if matches!(error::exit(&error), Exit::Signal(_)) => return Err(error),
        // Nothing was piped in: no backup was looked at.
        Err(error) if subject.is_stdin() && error::exit(&error) == Exit::Usage => return Err(error),
        Err(error) => return Ok(entry.failed(error, context)),
    };
    entry.holds(&backup);
    name_lost_keys(&backup, target, context);
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

fn prove(subject: &Subject, context: &Context) -> Result<Proven> {
    if subject.is_stdin() {
        return standard_input::proven("db-verify -", context);
    }
    let size = std::fs::metadata(&subject.path).ok().map(|facts| facts.len());
    let progress = context.terminal.progress("reading", size);
    subject.prove(&|bytes| progress.set(bytes))
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
    preview::name_rights_beyond_database(backup, context);
    let progress = context.terminal.progress("loading", None);
    let (search_path, version_changes) = (args.search_path.as_ref(), &fitting.version_changes[..]);
    let again = || progress.aside(|| context.terminal.note(AGAIN));
    Jobs::of(args.jobs, backup, target).load(again, |jobs| {
        let staging = drill.create(properties, owner)?;
        let options = LoadOptions { search_path, version_changes, jobs, beside: None };
        let mut checked = staging.load(backup, options, &|bytes| progress.set(bytes))?;
        checked.try_analyze(backup, options)?;
        checked.warnings().iter().for_each(|warning| progress.aside(|| preview::load_warning(warning, context)));
        checked.discard()
    })
}

/// What a restore would take from the live database, where there is a server that can be asked.
fn name_lost_keys(backup: &Proven, target: Option<&Target>, context: &Context) {
    if backup.manifest.is_some() || !backup.contents.lacks_keys {
        return;
    }
    let own = if target.is_none() { context.target().ok() } else { None };
    let Some(target) = target.or(own.as_ref()) else { return };
    let lost = Server::new(target).ok().and_then(|server| keys_lost::of(&server, backup));
    preview::name_lost_keys(backup, lost, (target, context));
}

/// What a restore into the live database would meet that the scratch database, which has the backup's encoding, does not.
fn name_unchecked_live(server: &Server<'_>, backup: &Proven, context: &Context) -> Result<()> {
    let terminal = &context.terminal;
    match preflight::beside_live(server, backup)? {
        Some(Ok(letters)) => terminal.warn(&letters),
        Some(Err(fault)) => {
            let database = server.target().database();
            terminal.warn(&format!("A restore into {database} would be refused: {fault}"));
            fault.hint_text().into_iter().for_each(|hint| terminal.hint(hint));
        }
        None => (),
    }
    Ok(())
}

/// A drill needs no live database; a person who reads that a backup is good may think that there is one.
fn name_absence(server: &Server<'_>, context: &Context) {
    if !live::exists(server).unwrap_or(true) {
        let database = server.target().database();
        let restore = context.terminal.to_type("cargo xtask db-restore");
        context.terminal.warn(&format!("There is no database {database} on this server; restore it: {restore}"));
    }
}

/// A file with a server's roles is proven as what it is.
fn of_globals(mut entry: Entry, subject: &Subject, args: &Args, context: &Context) -> Entry {
    match subject.prove_globals() {
        Ok(proven) => {
            entry.verdict = Some(Verdict::Whole);
            entry.roles = Some(proven.manifest.roles.get());
            entry.reason = args.restore.then(|| "a server's roles: proven, not loaded".to_owned());
            entry
        }
        Err(error) => entry.failed(error, context),
    }
}
