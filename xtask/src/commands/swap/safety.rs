//! The safety backup: the live database as it is, before another one takes its place.

use super::line::Line;
use crate::backup::listing;
use crate::backup::name::Purpose;
use crate::backup::proof::Proven;
use crate::backup::take::{self, BackupOptions, Event, Taken};
use crate::commands::full_backup;
use crate::context::Context;
use crate::postgres::locks;
use crate::postgres::server::Server;
use crate::restore::live::Live;
use crate::restore::preflight;
use crate::target::Target;
use anyhow::{Error, Result};
use std::path::PathBuf;
use std::time::Duration;

/// How the live database is backed up before it is swapped out.
#[derive(Debug, clap::Args)]
pub struct SafetyOptions {
    /// Continue where the live database cannot be backed up; the previous database is then the only way back
    #[arg(long)]
    no_safety_backup: bool,
    /// Seconds that the safety backup waits for a table that another session locks [setting: XTASK_LOCK_TIMEOUT,
    /// default: 30]
    #[arg(long, value_name = "SECONDS", value_parser = locks::parse_timeout, allow_negative_numbers = true)]
    lock_timeout: Option<Duration>,
}

const UNSAVED: &str = "The safety backup of the live database failed; nothing was changed";
const WAIVER: &str = "if the live database cannot be read any more: --no-safety-backup restores without one, and \
     keeps that database under another name";

/// Refuses backups that do not fit on the server's disk beside the safety backups of so many bytes.
pub fn check_room(server: &Server<'_>, backups: &[&Proven], bytes: u64, context: &Context) -> Result<()> {
    if bytes == 0 {
        return Ok(());
    }
    let (folder, unmade) = (context.backups_folder(), &context.root);
    let folder = if folder.is_dir() { &folder } else { unmade };
    preflight::check_room_beside(server, backups, preflight::Safety { folder, bytes })
}

/// A proven backup of the live database as it is; `None` where there is nothing to keep.
pub fn safety_backup(
    options: &SafetyOptions,
    target: &Target,
    live: &Live,
    context: &Context,
) -> Result<Option<PathBuf>> {
    if !options.is_wanted(live) {
        return Ok(None);
    }
    let taken = full_backup::take_full(target, Purpose::PreRestore, options.lock_timeout, context).map_err(unsaved)?;
    say_taken(&taken, context);
    Ok(Some(taken.path))
}

impl SafetyOptions {
    /// About how many bytes the safety backup of this live database will take: by its newest backup, else by the size of the
    /// database.
    ///
    /// # Errors
    /// The settings name no way to compress.
    pub fn bytes(&self, database: &str, live: &Live, context: &Context) -> Result<u64> {
        let Some(properties) = live.properties.as_ref().filter(|_| self.is_wanted(live)) else { return Ok(0) };
        let codec = full_backup::codec(None, context)?;
        let needed = listing::needed(&context.backups_folder(), database, &*codec);
        Ok(needed.unwrap_or_else(|| properties.size_bytes.get()))
    }

    /// Whether there is something to keep, and it is to be kept.
    pub fn is_wanted(&self, live: &Live) -> bool {
        live.properties.is_some() && !self.no_safety_backup
    }
}

fn unsaved(error: Error) -> Error {
    full_backup::explain_missing(error, UNSAVED, WAIVER)
}

fn say_taken(taken: &Taken, context: &Context) {
    context.terminal.done(&format!("Safety backup: {}", context.shown(&taken.path)));
}

/// A safety backup that is taken beside a load.
pub struct Beside<'t> {
    server: Server<'t>,
    options: BackupOptions,
}

impl<'t> Beside<'t> {
    /// Says beforehand what is to be said of it.
    pub fn prepare(options: &SafetyOptions, target: &'t Target, context: &Context) -> Result<Self> {
        let options = full_backup::options_of_full(Purpose::PreRestore, options.lock_timeout, context)?;
        full_backup::note_codec(&options, context);
        Ok(Self { server: Server::new(target)?, options })
    }

    /// Its sessions.
    pub fn sessions(&self) -> &Server<'t> {
        &self.server
    }

    /// Takes it. What it says stands above the line, which shows how far it has come.
    pub fn take(&self, line: &Line, context: &Context) -> Result<PathBuf> {
        let tell = |event| match event {
            Event::Written(bytes, _) => line.saved(bytes),
            Event::Cleared(files) => line.aside(|| full_backup::note_cleared(files, context)),
        };
        let taken = take::take(&self.server, &self.options, &tell).map_err(unsaved)?;
        line.saved(0);
        line.aside(|| {
            full_backup::warn_of_extensions(&taken, self.server.target(), context);
            say_taken(&taken, context);
        });
        Ok(taken.path)
    }
}
