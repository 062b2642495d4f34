//! The safety backup: the live database as it is, before another one takes its place.

use crate::backup::name::Purpose;
use crate::commands::full_backup;
use crate::context::Context;
use crate::postgres::locks;
use crate::restore::live::Live;
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

const UNSAVED: &str = "The safety backup of the live database failed; nothing was changed";
const WAIVER: &str = "if the live database cannot be read any more: --no-safety-backup restores without one, and \
     keeps that database under another name";

/// A proven backup of the live database as it is; `None` where there is nothing to keep.
pub fn safety_backup(
    options: &SafetyOptions,
    target: &Target,
    live: &Live,
    context: &Context,
) -> Result<Option<PathBuf>> {
    if live.properties.is_none() || options.no_safety_backup {
        return Ok(None);
    }
    let taken = full_backup::take_full(target, Purpose::PreRestore, options.lock_timeout, context)
        .map_err(|error| full_backup::explain_missing(error, UNSAVED, WAIVER))?;
    context.terminal.done(&format!("Safety backup: {}", context.shown(&taken.path)));
    Ok(Some(taken.path))
}
