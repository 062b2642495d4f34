//! The safety backup as commands ask for it, and what is shown of it.

use super::line::Line;
use crate::backup::listing;
use crate::backup::name::Purpose;
use crate::backup::take::{Event, Taken};
use crate::commands::full_backup;
use crate::context::Context;
use crate::postgres::locks;
use crate::postgres::server::Server;
use crate::restore::live::Live;
use crate::restore::safety::SafetyBackup;
use crate::target::Target;
use anyhow::Result;
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

    /// The safety backup of the target's database, and beforehand what a person should know of it.
    pub fn prepare<'t>(&self, target: &'t Target, context: &Context) -> Result<SafetyBackup<'t>> {
        let options = full_backup::options_of_full(Purpose::PreRestore, self.lock_timeout, context)?;
        full_backup::note_codec(&options, context);
        Ok(SafetyBackup { server: Server::new(target)?, options })
    }
}

/// A proven backup of the live database as it is; `None` where there is nothing to keep.
pub fn take(options: &SafetyOptions, target: &Target, live: &Live, context: &Context) -> Result<Option<PathBuf>> {
    if !options.is_wanted(live) {
        return Ok(None);
    }
    let backup = options.prepare(target, context)?;
    let taken = full_backup::visibly(context, |tell| backup.take(tell))?;
    say_taken(&taken, target, context);
    Ok(Some(taken.path))
}

/// Takes it beside a load. Its messages stand above the line, which shows how far it has come.
pub fn take_beside(backup: &SafetyBackup<'_>, line: &Line, context: &Context) -> Result<PathBuf> {
    let taken = backup.take(&|event| match event {
        Event::Written(bytes, _) => line.saved(bytes),
        Event::Cleared(files) => line.aside(|| full_backup::note_cleared(files, context)),
    })?;
    line.saved(0);
    line.aside(|| say_taken(&taken, backup.server.target(), context));
    Ok(taken.path)
}

fn say_taken(taken: &Taken, target: &Target, context: &Context) {
    full_backup::warn_of_extensions(taken, target, context);
    context.terminal.done(&format!("Safety backup: {}", context.shown(&taken.path)));
}
