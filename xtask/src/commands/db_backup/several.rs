//! Several databases of one server: a file for each, and a set that proves which belong together.

use super::args::{self, Args};
use super::choice::Choice;
use super::report::Report;
use super::warnings::warn_of_restores;
use crate::backup::globals;
use crate::backup::name::Purpose;
use crate::backup::retention::Scope;
use crate::backup::set::{self, ServerSet, SetFile};
use crate::backup::several::{Job, Outcome, Several};
use crate::backup::space;
use crate::backup::take::{self, BackupOptions, Destination, Taken};
use crate::commands::full_backup::{codec, forget_gone, take_visibly, tell_metrics_of};
use crate::commands::leftovers;
use crate::commands::removal;
use crate::context::Context;
use crate::error::{self, Exit, Fault};
use crate::postgres::identity::Identity;
use crate::postgres::locks;
use crate::postgres::server::Server;
use crate::process::signals;
use crate::restore::record;
use crate::terminal;
use anyhow::{Error, Result};
use chrono::Local;
use std::path::{Path, PathBuf};

/// Makes them; gives the files of the databases.
pub(super) fn run(args: &Args, choice: &Choice, context: &Context) -> Result<Vec<PathBuf>> {
    args.check_policy()?;
    let folder = folder(args, context)?;
    let target = context.target()?;
    context.terminal.note(&format!("Creating backups of several databases of {}...", target.place()));
    let server = Server::new(&target)?;
    let identity = Identity::ask(&server)?;
    let started = Local::now();
    let mut outcome = take(args, choice, &server, &folder, context)?;
    signals::check().map_err(|fault| interrupted(fault, &outcome))?;
    let made: Vec<&str> = outcome.taken.iter().map(|taken| taken.manifest.database.as_str()).collect();
    forget_gone(&server, &made, context);
    if let Some(error) = outcome.unlisted.take() {
        return Err(unlisted(error, &outcome, context));
    }
    if outcome.taken.is_empty() {
        return Err(none(outcome, &server, context));
    }
    outcome.globals = args.all.then(|| globals::take(&target, &Destination::Folder(folder.clone())));
    signals::check().map_err(|fault| interrupted(fault, &outcome))?;
    let set = ServerSet { all: matches!(choice, Choice::All { .. }), ..outcome.set(identity, &started)? };
    let path = set::write(&folder, &set, server.session())?;
    // What was written is what is found.
    let made = set::read(&path)?;
    set::check_presence(&made)?;
    Report { path: &path, set: &set, outcome: &outcome }.tell(args.json, &target, context)?;
    leftovers::name_leftovers(&target, context);
    prune_old(args, &made, context)?;
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

/// Takes what was chosen.
fn take(args: &Args, choice: &Choice, server: &Server<'_>, folder: &Path, context: &Context) -> Result<Outcome> {
    let take = |job: &Job| take_one(args, job, folder, context);
    let several = Several { server, at_once: args.jobs.into(), take: &take };
    match choice {
        Choice::Named(names) => Ok(several.named(names)),
        Choice::All { excluded } => several.all(&|| set::select(server, &record::own_databases(server)?, excluded)),
    }
}

/// One database, as `--database` would take it.
fn take_one(args: &Args, job: &Job, folder: &Path, context: &Context) -> Result<Taken> {
    let context = context.with_database(&job.database);
    let target = context.target()?;
    let lock_timeout = locks::timeout(args.lock_timeout, &context.settings, take::LOCK_TIMEOUT)?;
    let (destination, codec) = (Destination::Folder(folder.to_owned()), codec(args.compress.as_deref(), &context)?);
    let options = BackupOptions {
        first_copy: job.first_copy,
        one_session: args.jobs > 1,
        ..BackupOptions::of(Purpose::Backup, destination, codec, lock_timeout)
    };
    let taken = if args.jobs > 1 {
        // Their progress would be one line for all.
        let taken = take::take(&Server::new(&target)?, &options, &|_| ());
        tell_metrics_of(&taken, target.database(), &context);
        taken?
    } else {
        take_visibly(&target, &options, &context)?
    };
    warn_of_restores(&taken, &target, &context);
    Ok(taken)
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

/// The server could not be asked again which databases there are: a set of all may lack one.
fn unlisted(error: Error, outcome: &Outcome, context: &Context) -> Error {
    if outcome.taken.is_empty() {
        return error;
    }
    warn_of(&outcome.failed, context);
    for taken in &outcome.taken {
        context.terminal.note(&format!("Written:   {}", context.shown(&taken.path)));
    }
    let files =
        terminal::counted(outcome.taken.len() as u64, "backup is written and stays", "backups are written and stay");
    let message = format!("{files}; the server could not be asked for its databases again, so there is no set of them");
    let first = error::fault(&error).and_then(Fault::hint_text).map(|hint| format!("{hint}\n")).unwrap_or_default();
    let hint = format!("{first}for a set, run it again: cargo xtask db-backup --all");
    error.context(Fault::new(Exit::Partial, message).hint(hint))
}

/// No backup was made: why, and how that ends.
fn none(outcome: Outcome, server: &Server<'_>, context: &Context) -> Error {
    let Outcome { mut failed, .. } = outcome;
    match failed.len() {
        0 => Fault::failed("There is no database to back up")
            .hint(format!("see what there is: cargo xtask db-shell -- -l -d {}", server.maintenance_database()))
            .into(),
        1 => failed.swap_remove(0).1,
        many => {
            let exit = failed.first().map_or(Exit::Failed, |(_, error)| error::exit(error));
            warn_of(&failed, context);
            let fault = Fault::new(exit, format!("None of the {many} databases could be backed up"));
            fault.hint("fix each error above, then run it again").into()
        }
    }
}

fn warn_of(failed: &[(String, Error)], context: &Context) {
    for (database, error) in failed {
        let context = context.with_database(database);
        let hint =
            error::fault(error).and_then(Fault::hint_text).map(|hint| format!("\n{}", context.terminal.to_type(hint)));
        let hint = hint.unwrap_or_default();
        let why = terminal::clean_line(&format!("{error:#}"));
        context.terminal.warn(&format!("{} was not backed up: {why}{hint}", terminal::clean_line(database)));
    }
}

fn prune_old(args: &Args, made: &SetFile, context: &Context) -> Result<()> {
    let paths = made.paths();
    let paths: Vec<&Path> = std::iter::once(&made.path).chain(&paths).map(PathBuf::as_path).collect();
    let unpruned = "The backups are written, but old ones could not be removed";
    removal::prune(&paths, Scope::Set(&made.set), &args.policy, unpruned, context)
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
        context.terminal.warn(&format!("The server's roles could not be saved: {why}"));
    }
    warn_of(&outcome.failed, context);
    let names: Vec<&str> = outcome.failed.iter().map(|(database, _)| database.as_str()).collect();
    let all = outcome.failed.len().saturating_add(outcome.taken.len());
    let message = format!("{} of {all} databases could not be backed up: {}", names.len(), names.join(", "));
    Err(Fault::new(Exit::Partial, message)
        .hint("fix each error above, then try again; to leave one out for good: XTASK_BACKUP_EXCLUDE=NAME,NAME")
        .into())
}
