//! Several databases of one server: a file for each, and a set that proves which belong together.

use super::args::{self, Args};
use super::choice::Choice;
use super::outcome::Outcome;
use super::report::Report;
use super::warnings::warn_of_restores;
use super::work::{self, Job};
use crate::backup::globals::{self, TakenGlobals};
use crate::backup::manifest::{Digest, StartedAt};
use crate::backup::name::Purpose;
use crate::backup::set::{
    self, DatabaseFile, GlobalsFile, NotTaken, NotTakenBecause, Selection, ServerSet, SetFile,
};
use crate::backup::space;
use crate::backup::take::{self, BackupOptions, Destination, Taken};
use crate::commands::db_prune::{self, Scope};
use crate::commands::full_backup::{codec, take_visibly};
use crate::commands::leftovers;
use crate::context::Context;
use crate::error::{self, Exit, Fault};
use crate::postgres::count::Count;
use crate::postgres::identity::Identity;
use crate::postgres::locks;
use crate::postgres::server::Server;
use crate::postgres::text::{ObjectName, Text};
use crate::process::signals;
use crate::restore::record;
use crate::terminal;
use anyhow::{Context as _, Error, Result};
use chrono::{DateTime, Local};
use std::path::{Path, PathBuf};

/// Makes them; gives the files of the databases.
pub(super) fn run(args: &Args, choice: &Choice, context: &Context) -> Result<Vec<PathBuf>> {
    args.check_policy()?;
    let folder = folder(args, context)?;
    let target = context.target()?;
    context.terminal.note(&format!("Creating backups of several databases of {}...", target.place()));
    let server = Server::new(&target)?;
    let identity = Identity::ask(&server)?;
    let run = Run { args, folder: &folder, context };
    let started = Local::now();
    let mut outcome = run.take(choice, &server)?;
    signals::check().map_err(|fault| interrupted(fault, &outcome))?;
    if outcome.taken.is_empty() {
        return Err(none(outcome, context));
    }
    outcome.globals = args.all.then(|| globals::take(&target, &Destination::Folder(folder.clone())));
    signals::check().map_err(|fault| interrupted(fault, &outcome))?;
    let set = ServerSet { all: matches!(choice, Choice::All { .. }), ..set_of(&outcome, identity, &started)? };
    let path = set::write(&folder, &set, server.session())?;
    // What was written is what is found.
    let made = set::read(&path)?;
    set::check_presence(&made)?;
    Report { path: &path, set: &set, outcome: &outcome }.tell(args.json, &target, context)?;
    leftovers::name_leftovers(&target, context);
    prune(args, &made, context)?;
    conclude(outcome, context)
}

/// Where the files go.
///
/// # Errors
/// Exit 2: `--output` names one file.
fn folder(args: &Args, context: &Context) -> Result<PathBuf> {
    let destination = match &args.output {
        None => Destination::Folder(context.made_backups_folder()?),
        Some(path) => args::destination(path, context.typed(path))?,
    };
    match destination {
        Destination::Folder(folder) => {
            space::make_folder(&folder)?;
            Ok(folder)
        }
        Destination::File(file) => {
            Err(Fault::usage(format!("{} is one file; each database gets its own", file.display()))
                .hint("name a folder: --output DIR/")
                .into())
        }
    }
}

/// What holds for all databases of a run.
struct Run<'a> {
    args: &'a Args,
    folder: &'a Path,
    context: &'a Context,
}

impl Run<'_> {
    /// Takes what was chosen. Of all databases, those that were made meanwhile, too.
    fn take(&self, choice: &Choice, server: &Server<'_>) -> Result<Outcome> {
        let excluded = match choice {
            Choice::Named(names) => return Ok(outcome(self.round(server, names, &[]), Vec::new())),
            Choice::All { excluded } => excluded,
        };
        let before = set::select(server, &record::own_databases(server)?, excluded)?;
        let names = names_of(&before);
        let mut results = self.round(server, &names, &[]);
        if signals::pending().is_some() {
            return Ok(outcome(results, before.left_out));
        }
        let now = set::select(server, &record::own_databases(server)?, excluded)?;
        let new: Vec<String> = names_of(&now).into_iter().filter(|name| !names.contains(name)).collect();
        results.extend(self.round(server, &new, &names));
        let there = names_of(&set::select(server, &record::own_databases(server)?, excluded)?);
        let (gone, results): (Vec<_>, Vec<_>) =
            results.into_iter().partition(|(job, taken)| taken.is_err() && !there.contains(&job.database));
        let mut outcome = outcome(results, now.left_out);
        outcome.not_taken.extend(gone.into_iter().filter_map(|(job, _)| {
            let reason = Text::reason("it was dropped or renamed while the set was taken");
            let database = ObjectName::try_from(job.database).ok()?;
            Some(NotTaken { database, because: NotTakenBecause::Dropped, reason })
        }));
        Ok(outcome)
    }

    fn round(&self, server: &Server<'_>, databases: &[String], before: &[String]) -> Vec<(Job, Result<Taken>)> {
        // The psql that waits for the next question is a session, too.
        drop(server.target().waiting().take(server.session()));
        work::take_all(work::jobs(databases, before), self.args.jobs.into(), &|job| self.take_one(job))
    }

    /// One database, as `--database` would take it.
    fn take_one(&self, job: &Job) -> Result<Taken> {
        let context = self.context.with_database(&job.database);
        let target = context.target()?;
        let options = BackupOptions {
            purpose: Purpose::Backup,
            tables: Vec::new(),
            lock_timeout: locks::timeout(self.args.lock_timeout, &context.settings, take::LOCK_TIMEOUT)?,
            question: "",
            destination: Destination::Folder(self.folder.to_owned()),
            codec: codec(self.args.compress.as_deref(), &context)?,
            first_copy: job.first_copy,
            one_session: self.args.jobs > 1,
        };
        let taken = if self.args.jobs > 1 {
            // Their progress would be one line for all.
            take::take(&target, &options, &|_| ())?
        } else {
            take_visibly(&target, &options, &context)?
        };
        warn_of_restores(&taken, &target, &context);
        Ok(taken)
    }
}

fn names_of(selection: &Selection) -> Vec<String> {
    selection.taken.iter().map(|database| database.name.to_string()).collect()
}

fn outcome(results: Vec<(Job, Result<Taken>)>, left_out: Vec<NotTaken>) -> Outcome {
    let mut outcome = Outcome { not_taken: left_out, ..Outcome::default() };
    for (job, result) in results {
        match result {
            Ok(taken) => outcome.taken.push(taken),
            Err(error) => {
                let reason = Text::reason(&terminal::clean_line(&error.to_string()));
                if let Ok(database) = ObjectName::try_from(job.database.as_str()) {
                    outcome.not_taken.push(NotTaken { database, because: NotTakenBecause::Failed, reason });
                }
                outcome.failed.push((job.database, error));
            }
        }
    }
    outcome.taken.sort_by(|one, other| one.manifest.database.cmp(&other.manifest.database));
    outcome
}

fn set_of(outcome: &Outcome, identity: Identity, started: &DateTime<Local>) -> Result<ServerSet> {
    let time = |time: &DateTime<Local>| StartedAt::try_from(time.fixed_offset());
    let databases = outcome.taken.iter().map(database_file).collect::<Result<Vec<_>, _>>();
    let globals = outcome.globals.iter().flatten().map(globals_file).next().transpose();
    let set = databases
        .and_then(|databases| ServerSet::new(identity, time(started)?, time(&Local::now())?, databases))
        .and_then(|set| Ok(ServerSet { globals: globals?, ..set }))
        .map_err(|why| {
            Fault::new(Exit::Partial, format!("The backups are written, but the set of them cannot be: {why}"))
                .hint("the files are whole and can be restored one by one: cargo xtask db-list")
        })?;
    Ok(ServerSet { not_taken: outcome.not_taken.clone(), ..set })
}

fn database_file(taken: &Taken) -> Result<DatabaseFile, String> {
    let name = taken.path.file_name().unwrap_or_default().to_string_lossy();
    Ok(DatabaseFile {
        database: taken.manifest.database.clone(),
        file: name.as_ref().try_into()?,
        bytes: Count::try_from(taken.bytes)?,
        sha256: Digest::try_from(taken.sha256.as_str())?,
        started_at: taken.manifest.started_at,
        seconds: taken.manifest.seconds,
    })
}

fn globals_file(taken: &TakenGlobals) -> Result<GlobalsFile, String> {
    let name = taken.path.file_name().unwrap_or_default().to_string_lossy();
    Ok(GlobalsFile {
        file: name.as_ref().try_into()?,
        bytes: Count::try_from(taken.bytes)?,
        sha256: Digest::try_from(taken.sha256.as_str())?,
    })
}

fn interrupted(fault: Fault, outcome: &Outcome) -> Fault {
    let Exit::Signal(signal) = fault.exit else { return fault };
    if outcome.taken.is_empty() {
        return fault;
    }
    let files =
        terminal::counted(outcome.taken.len() as u64, "backup is written and stays", "backups are written and stay");
    signals::interrupted_while(signal, &format!("{files}; there is no set of them"))
}

/// No backup was made: why, and how that ends.
fn none(outcome: Outcome, context: &Context) -> Error {
    let Outcome { mut failed, .. } = outcome;
    match failed.len() {
        0 => Fault::failed("There is no database to back up")
            .hint("see what there is: cargo xtask db-shell -- -l -d postgres")
            .into(),
        1 => failed.swap_remove(0).1,
        many => {
            let exit = failed.first().map_or(Exit::Failed, |(_, error)| error::exit(error));
            warn_of(&failed, context);
            let fault = Fault::new(exit, format!("None of the {many} databases could be backed up"));
            fault.hint("fix what is said of each of them above, then run it again").into()
        }
    }
}

fn warn_of(failed: &[(String, Error)], context: &Context) {
    for (database, error) in failed {
        let context = context.with_database(database);
        let hint = error::fault(error).and_then(Fault::hint_text).map(|hint| format!("\n{hint}")).unwrap_or_default();
        let why = terminal::clean_line(&format!("{error:#}"));
        context
            .terminal
            .warn(&terminal::clean(&format!("{} was not backed up: {why}{hint}", terminal::clean_line(database))));
    }
}

fn prune(args: &Args, made: &SetFile, context: &Context) -> Result<()> {
    if !args.policy.is_given() {
        return Ok(());
    }
    let paths = made.paths();
    let paths: Vec<&Path> = std::iter::once(&made.path).chain(&paths).map(PathBuf::as_path).collect();
    let pruned = db_prune::after_backup(&paths, Scope::Set(&made.set), &args.policy, context);
    pruned.context(Fault::new(Exit::Partial, "The backups are written, but old ones could not be removed"))
}

/// # Errors
/// Exit 6: a database is missing, or the roles are.
fn conclude(mut outcome: Outcome, context: &Context) -> Result<Vec<PathBuf>> {
    let globals = outcome.globals.take().and_then(Result::err);
    if outcome.failed.is_empty() {
        let paths = outcome.taken.into_iter().map(|taken| taken.path).collect();
        return match globals {
            None => Ok(paths),
            Some(error) => {
                let message = "The databases are backed up, but the server's roles could not be saved";
                Err(error.context(
                    Fault::new(Exit::Partial, message).hint("save them alone: cargo xtask db-backup --globals"),
                ))
            }
        };
    }
    if let Some(error) = globals {
        let why = terminal::clean_line(&format!("{error:#}"));
        context.terminal.warn(&terminal::clean(&format!("The server's roles could not be saved: {why}")));
    }
    warn_of(&outcome.failed, context);
    let names: Vec<&str> = outcome.failed.iter().map(|(database, _)| database.as_str()).collect();
    let all = outcome.failed.len().saturating_add(outcome.taken.len());
    let message = format!("{} of {all} databases could not be backed up: {}", names.len(), names.join(", "));
    Err(Fault::new(Exit::Partial, message)
        .hint("fix what is said above, then try again; to leave one out for good: XTASK_BACKUP_EXCLUDE=NAME,NAME")
        .into())
}
