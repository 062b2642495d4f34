//! The safety backup: the live database as it is, before another one takes its place.

use crate::backup::take::{self, BackupOptions, Event, Taken};
use crate::postgres::server::Server;
use anyhow::Result;

const UNSAVED: &str = "The safety backup of the live database failed; nothing was changed";
const WAIVER: &str = "if the live database cannot be read any more: --no-safety-backup restores without one, and \
     keeps that database under another name";

/// A safety backup that is to be taken.
#[derive(Debug)]
pub struct SafetyBackup<'t> {
    /// Its sessions have another name than those of the run: it may be taken beside a load.
    pub server: Server<'t>,
    pub options: BackupOptions,
}

impl SafetyBackup<'_> {
    /// Takes and proves it; `tell` hears how far it has come.
    ///
    /// # Errors
    /// The database could not be saved. Where that lasts, the hint says how to go on without a safety backup.
    pub fn take(&self, tell: &dyn Fn(Event)) -> Result<Taken> {
        take::take(&self.server, &self.options, tell).map_err(|error| take::explain_missing(error, UNSAVED, WAIVER))
    }
}
