//! How a swap went, and what is left of earlier ones.

use super::blockers::Stuck;
use super::previous;
use super::record::Record;
use crate::process::signals;
use anyhow::{Error, Result};
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

/// What became of a previous database that had to go after the swap.
#[derive(Debug, Clone, Copy)]
pub enum Surplus<'a> {
    /// It is dropped.
    Dropped(&'a str),
    /// It could not be dropped.
    Stays(&'a Stuck),
    /// Which ones there are could not be asked, and why.
    Unknown(&'a Error),
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
    pub(super) fn check(&self, record: &Record<'_>) -> Result<()> {
        signals::shielded(|| record.check_live(self.oid))
    }

    /// Drops all previous databases but the newest `keep`, and tells of each. The swap is done, and stays done where that
    /// does not work: a client of any database that reads nothing keeps DROP DATABASE waiting.
    ///
    /// # Errors
    /// The live database is not the one that was swapped in, or is gone (6).
    pub(super) fn drop_old(&mut self, keep: usize, record: &Record<'_>, tell: &dyn Fn(Surplus<'_>)) -> Result<()> {
        // A signal that comes now must not say that nothing was done.
        match signals::shielded(|| previous::drop_old(record, keep)) {
            Ok(old) => old.iter().for_each(|(name, dropped)| match dropped {
                // The report must not offer it for undo.
                Ok(()) if self.before.as_ref() == Some(name) => self.before = None,
                Ok(()) => tell(Surplus::Dropped(name)),
                Err(stuck) => tell(Surplus::Stays(stuck)),
            }),
            Err(error) => tell(Surplus::Unknown(&error)),
        }
        self.check(record)
    }
}
