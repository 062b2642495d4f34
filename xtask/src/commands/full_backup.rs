//! A backup that is made on the way: by its own command, and by those that want one before they go on.

use crate::backup::codec::{self, Asked, Codec};
use crate::backup::metrics;
use crate::backup::name::Purpose;
use crate::backup::take::{self, BackupOptions, Destination, Taken};
use crate::context::Context;
use crate::error::{self, Cause, Fault};
use crate::postgres::databases;
use crate::postgres::identity::Identity;
use crate::postgres::locks;
use crate::postgres::server::Server;
use crate::restore::preflight::extension_advice;
use crate::target::Target;
use crate::terminal;
use anyhow::Result;
use std::cell::OnceCell;
use std::time::Duration;

/// A backup of the whole database among the others, as another command wants it before it goes on.
pub fn take_full(
    target: &Target,
    purpose: Purpose,
    lock_timeout: Option<Duration>,
    context: &Context,
) -> Result<Taken> {
    let taken = take_visibly(target, &options_of_full(purpose, lock_timeout, context)?, context)?;
    warn_of_extensions(&taken, target, context);
    Ok(taken)
}

/// How such a backup is taken. It waits for a held table as long as was typed, else as long as the setting says.
pub fn options_of_full(purpose: Purpose, lock_timeout: Option<Duration>, context: &Context) -> Result<BackupOptions> {
    let lock_timeout = locks::timeout(lock_timeout, &context.settings, take::LOCK_TIMEOUT)?;
    let destination = Destination::Folder(context.made_backups_folder()?);
    Ok(BackupOptions::of(purpose, destination, codec(None, context)?, lock_timeout))
}

/// How a backup's text lies in its file: as was typed, else as the setting says.
///
/// # Errors
/// There is no such level.
pub fn codec(typed: Option<&str>, context: &Context) -> Result<Box<dyn Codec>, Fault> {
    const SETTING: &str = "XTASK_COMPRESS";
    let program = context.settings.get("XTASK_ZSTD");
    let (name, word) = match (typed, context.settings.get(SETTING)) {
        (Some(typed), _) => ("--compress", typed),
        (None, Some(set)) => (SETTING, set),
        (None, None) => return Ok(codec::plain()),
    };
    codec::asked(Asked { name, word, program })
}

/// Says of a whole database's backup that its extensions keep db-restore from loading it.
pub fn warn_of_extensions(taken: &Taken, target: &Target, context: &Context) {
    if let Some((why, hint)) = extension_advice(target, &taken.manifest, &taken.path) {
        context.terminal.warn(&format!("{why}\n{}", context.terminal.to_type(&hint)));
    }
}

/// Takes a backup and shows how far it has come.
pub fn take_visibly(target: &Target, options: &BackupOptions, context: &Context) -> Result<Taken> {
    note_codec(options, context);
    let server = Server::new(target)?;
    let taken = visibly(context, |tell| take::take(&server, options, tell));
    if options.purpose == Purpose::Backup {
        tell_metrics_of(&taken, target.database(), context);
    }
    taken
}

/// Writes down for Prometheus how the backup of this database ended.
pub fn tell_metrics_of(taken: &Result<Taken>, database: &str, context: &Context) {
    match taken {
        Ok(taken) => {
            let (bytes, seconds) = (taken.bytes, taken.manifest.seconds.get());
            tell_metrics(database, metrics::Event::Made { bytes, seconds }, context);
        }
        Err(error) if error::cause(error) == Some(Cause::DatabaseMissing) => {
            if context.backups_folder().is_dir() {
                // The backup that failed says why itself.
                let _ = metrics::record_missing(&context.backups_folder(), database);
            }
        }
        Err(_) => tell_metrics(database, metrics::Event::Failed, context),
    }
}

/// Has Prometheus forget databases that this server no longer has; `made`: those that were backed up from it just now.
pub fn forget_gone(server: &Server<'_>, made: &[&str], context: &Context) {
    let folder = context.backups_folder();
    if made.is_empty() || !folder.is_dir() {
        return;
    }
    let (Ok(identity), Ok(listed)) = (Identity::ask(server), databases::list(server)) else { return };
    let databases: Vec<&str> = listed.iter().map(|database| database.name.as_str()).collect();
    let identifier = identity.system_identifier;
    let there = metrics::OnServer { server: identifier.as_ref().map(|number| number.as_str()), databases: &databases };
    if let Err(error) = metrics::forget_gone(&folder, &there, made) {
        context.terminal.warn(&format!("The dashboards may show databases that are gone: {error:#}"));
    }
}

/// Shows how far a backup has come while it is taken.
pub fn visibly<T>(context: &Context, take: impl FnOnce(&dyn Fn(take::Event)) -> T) -> T {
    let progress = OnceCell::new();
    take(&|event| match event {
        take::Event::Written(bytes, expected) => {
            progress.get_or_init(|| context.terminal.progress("pg_dump", expected)).set(bytes);
        }
        take::Event::Cleared(files) => note_cleared(files, context),
    })
}

/// Writes down for Prometheus what happened to the backups of this database, where the checkout has backups. A backup that
/// failed says why itself.
pub fn tell_metrics(database: &str, event: metrics::Event, context: &Context) {
    let folder = context.backups_folder();
    if !folder.is_dir() {
        return;
    }
    match metrics::record(&folder, database, event) {
        Err(error) if event != metrics::Event::Failed => {
            context.terminal.warn(&format!("The dashboards will not show this: {error:#}"));
        }
        _ => {}
    }
}

/// What a person should know of the way in which the file will be written.
pub fn note_codec(options: &BackupOptions, context: &Context) {
    if let Some(note) = options.codec.note() {
        context.terminal.note(&note);
    }
}

/// Unfinished files of killed runs were removed.
pub fn note_cleared(files: usize, context: &Context) {
    let files = terminal::counted(files as u64, "unfinished backup", "unfinished backups");
    context.terminal.note(&format!("Removed {files} of a run that was killed"));
}
