//! Scratch databases, in which a backup or migrations are tried.

use super::blockers::Stuck;
use super::record::{Purpose, Record, Verdict};
use super::repair;
use super::staging::Staging;
use crate::postgres::open_session::OpenSession;
use crate::postgres::properties::Properties;
use crate::postgres::server::Server;
use anyhow::Result;

/// A run that tries something in a scratch database.
#[derive(Debug)]
pub struct Drill<'t> {
    record: Record<'t>,
}

/// Scratch databases of runs that were killed.
#[derive(Debug, Default)]
pub struct Cleared {
    /// The names of those that were dropped.
    pub dropped: Vec<String>,
    /// Those that could not be dropped.
    pub stuck: Vec<Stuck>,
}

impl<'t> Drill<'t> {
    /// Drops first what drills left that were killed.
    ///
    /// # Errors
    /// The server does not answer, or the live database is gone (6).
    pub fn begin(server: &Server<'t>) -> Result<(Self, Cleared)> {
        let record = Record::new(server, OpenSession::start(&server.in_maintenance())?);
        let cleared = clear(&record)?;
        Ok((Self { record }, cleared))
    }

    /// Makes the scratch database, as [`Staging::create`] does.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn create(&self, like: Option<&Properties>, owner: Option<&str>) -> Result<Staging<'_, 't>> {
        Staging::create(&self.record, Purpose::Verify, like, owner)
    }
}

fn clear(record: &Record<'_>) -> Result<Cleared> {
    let view = record.view()?;
    let mut cleared = Cleared::default();
    for entry in view.entries().iter().filter(|entry| entry.purpose == Purpose::Verify && !entry.alive) {
        match view.judge(entry, record.target().database()) {
            Verdict::Owned(database) => match repair::drop_or_name(record, &database)? {
                None => cleared.dropped.push(entry.name.clone()),
                Some(left) => cleared.stuck.push(left),
            },
            Verdict::Gone => record.forget(entry.id)?,
            Verdict::Doubtful(_) => {}
        }
    }
    Ok(cleared)
}
