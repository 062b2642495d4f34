//! How a swap went, and what is left of earlier ones.

use crate::context::Context;
use crate::process::signals;
use crate::restore::previous;
use crate::restore::record::Record;
use crate::terminal;
use anyhow::Result;
use std::time::Duration;

/// How a swap went.
#[derive(Debug)]
pub struct Done {
    /// In the order of what was swapped in.
    pub databases: Vec<Swapped>,
    /// How long no session could connect.
    pub database_outage: Duration,
    /// How long the services were stopped.
    pub services_outage: Option<Duration>,
}

/// One database that is live now.
#[derive(Debug)]
pub struct Swapped {
    /// Its live name.
    pub name: String,
    pub(super) oid: u32,
    /// There was no such database before.
    pub is_new: bool,
    /// The previous database, under its new name; `None`: there was none, or it is dropped already.
    pub before: Option<String>,
}

impl Swapped {
    /// Whether the live name belongs to the database that was swapped in.
    ///
    /// # Errors
    /// It does not (6).
    pub fn check(&self, record: &Record<'_>) -> Result<()> {
        signals::shielded(|| record.check_live(self.oid))
    }

    /// Drops what earlier swaps left but for the newest. The swap is done, and stays done where that does not work: a
    /// client of any database that reads nothing keeps DROP DATABASE waiting.
    ///
    /// # Errors
    /// The live database is not the one that was swapped in, or is gone (6).
    pub(super) fn drop_old(&mut self, keep: usize, record: &Record<'_>, context: &Context) -> Result<()> {
        let terminal = &context.terminal;
        let refused = |what: &str, error: &anyhow::Error| {
            let next = "the next restore tries again; see what is kept: cargo xtask db-list";
            let why = terminal::clean_line(&format!("{error:#}"));
            terminal.warn(&format!("{what} could not be dropped: {why}; {next}"));
        };
        // A signal that comes now must not say that nothing was done.
        match signals::shielded(|| previous::drop_old(record, keep)) {
            Ok(old) => old.iter().for_each(|(name, dropped)| match dropped {
                // The report must not offer it for undo.
                Ok(()) if self.before.as_ref() == Some(name) => self.before = None,
                Ok(()) => terminal.note(&format!("Dropped {name}, which was kept from an earlier restore")),
                Err(error) => refused(name, error),
            }),
            Err(error) => refused("The previous databases of earlier restores", &error),
        }
        self.check(record)
    }
}
