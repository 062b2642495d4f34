//! Which backup: the one that was named, else the newest full one of this database.

use super::args::Args;
use crate::backup::listing::{self, Backup};
use crate::backup::name::Purpose;
use crate::backup::proof::{self, Proven};
use crate::backup::server_name::Kind;
use crate::commands::standard_input;
use crate::context::Context;
use crate::error::{self, Exit, Fault};
use crate::target::Target;
use crate::terminal;
use anyhow::Result;
use chrono::Local;
use std::path::{Path, PathBuf};

/// FILE, else the newest full backup of this database; proven.
pub(super) fn choose(args: &Args, target: &Target, context: &Context) -> Result<Proven> {
    let backup = match &args.file {
        Some(file) if standard_input::is_meant(file) => from_stdin(args, context)?,
        Some(file) => proven(&context.typed(file), context)?,
        None => proven(&newest(args, target, context)?, context)?,
    };
    let shown = context.shown(&backup.path);
    let Some(manifest) = &backup.manifest else { return Ok(backup) };
    if !manifest.is_full() {
        let hint = format!("load it by hand: cargo xtask db-shell -- -f {}", context.as_word(&backup.path));
        let message = format!("{shown} holds only some tables; a restore replaces the whole database");
        return Err(Fault::new(Exit::Refused, message).hint(hint).into());
    }
    if *manifest.database != *target.database() {
        let (from, to) = (&manifest.database, target.database());
        let itself = terminal::shell_word(from);
        context.terminal.warn(&format!(
            "{shown} is a backup of {from}, not of {to}; to restore {from} itself, name it: --database {itself}"
        ));
        context.terminal.confirm(&format!("Restore the backup of {from} into {to}?"), args.yes)?;
    }
    Ok(backup)
}

fn proven(path: &Path, context: &Context) -> Result<Proven> {
    let name = path.file_name().and_then(|name| name.to_str());
    if name.is_some_and(|name| Kind::Set.parse(name).is_some()) {
        let message = format!("{} is a set: it names backups, and holds none", context.shown(path));
        let hint =
            format!("restore all its databases together: cargo xtask db-restore --set {}", context.as_word(path));
        return Err(Fault::new(Exit::Refused, message).hint(hint).into());
    }
    let size = std::fs::metadata(path).ok().map(|facts| facts.len());
    let progress = context.terminal.progress("proving the backup", size);
    proof::prove(path, &|bytes| progress.set(bytes)).map_err(|error| {
        let unusable = || Fault::failed(format!("{} cannot be restored", context.shown(path)));
        error::explain(error, || unusable().hint("list the backups: cargo xtask db-list"))
    })
}

/// The backup that comes on stdin: no question can be answered there.
fn from_stdin(args: &Args, context: &Context) -> Result<Proven> {
    if !args.yes && !args.dry_run {
        let fault = Fault::failed("The backup is read from standard input, so that no question can be answered there");
        return Err(fault.hint("answer yes on the command line: --yes; or see the changes first: --dry-run").into());
    }
    standard_input::proven("db-restore - --yes", context)
}

fn newest(args: &Args, target: &Target, context: &Context) -> Result<PathBuf> {
    let mut backups = listing::list(&context.backups_folder(), &proof::glance)?;
    let make = if backups.is_empty() { "make one: cargo xtask db-backup; or " } else { "" };
    backups.retain(|backup| backup.database.as_deref() == Some(target.database()));
    let fits = |backup: &&Backup| backup.is_full() && backup.purpose.is_some_and(Purpose::may_be_newest);
    let Some(newest) = backups.iter().find(fits) else {
        let message =
            format!("There is no full backup of {} in {}", target.database(), context.shown(&context.backups_folder()));
        return Err(Fault::failed(message).hint(format!("{make}name a file: cargo xtask db-restore FILE")).into());
    };
    for backup in backups.iter().take(5) {
        let age = backup.time.map_or_else(String::new, |time| terminal::age_of(&time.with_timezone(&Local)));
        let words = backup.examined.verdict.as_str();
        context.terminal.note(&format!("  {}  {age}  {words}", context.shown(&backup.path)));
    }
    let newer = backups.iter().take_while(|backup| backup.path != newest.path);
    if let Some(unfit) = newer.into_iter().find(|backup| backup.examined.verdict.is_unfit()) {
        let message = format!("{} is newer, but {}", context.shown(&unfit.path), unfit.examined.verdict.as_str());
        if args.yes || !context.terminal.can_ask() {
            let hint = format!("name the file that you want: cargo xtask db-restore {}", context.as_word(&newest.path));
            return Err(Fault::new(Exit::Refused, message).hint(hint).into());
        }
        context.terminal.warn(&message);
        context.terminal.confirm(&format!("Continue with {}?", context.shown(&newest.path)), false)?;
    }
    Ok(newest.path.clone())
}
