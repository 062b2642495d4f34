//! What became of several databases, and the set of them.

use super::work::Job;
use crate::backup::globals::TakenGlobals;
use crate::backup::manifest::{Digest, StartedAt};
use crate::backup::set::{DatabaseFile, GlobalsFile, NotTaken, NotTakenBecause, ServerSet};
use crate::backup::take::Taken;
use crate::error::{Exit, Fault};
use crate::postgres::count::Count;
use crate::postgres::identity::Identity;
use crate::postgres::text::{ObjectName, Text};
use crate::words::clean_line;
use anyhow::{Error, Result};
use chrono::{DateTime, Local};

/// The result for each database.
#[derive(Debug, Default)]
pub struct Outcome {
    pub taken: Vec<Taken>,
    pub not_taken: Vec<NotTaken>,
    /// Those of them that should have been taken.
    pub failed: Vec<(String, Error)>,
    /// The server's roles; `None` where some databases were named.
    pub globals: Option<Result<TakenGlobals, Error>>,
    /// Why the server could not be asked again which databases there are: others may be missing.
    pub unlisted: Option<Error>,
}

impl Outcome {
    pub(super) fn of(results: Vec<(Job, Result<Taken>)>, left_out: Vec<NotTaken>) -> Self {
        let mut outcome = Self { not_taken: left_out, ..Self::default() };
        for (job, result) in results {
            match result {
                Ok(taken) => outcome.taken.push(taken),
                Err(error) => {
                    let reason = Text::reason(&clean_line(&error.to_string()));
                    if let Ok(database) = ObjectName::try_from(job.database.as_str()) {
                        outcome.not_taken.push(NotTaken { database, because: NotTakenBecause::Failed, reason });
                    }
                    outcome.failed.push((job.database, error));
                }
            }
        }
        outcome.taken.sort_by(|one, other| one.manifest.database.cmp(&other.manifest.database));
        outcome
    }

    /// The same, where it is not known whether that is all.
    pub(super) fn unlisted(self, error: Error) -> Self {
        Self { unlisted: Some(error), ..self }
    }

    /// The set of what was taken from this server since then.
    ///
    /// # Errors
    /// No set can hold it (6).
    pub fn set(&self, identity: Identity, started: &DateTime<Local>) -> Result<ServerSet> {
        let time = |time: &DateTime<Local>| StartedAt::try_from(time.fixed_offset());
        let databases = self.taken.iter().map(database_file).collect::<Result<Vec<_>, _>>();
        let globals = self.globals.iter().flatten().map(globals_file).next().transpose();
        let set = databases
            .and_then(|databases| ServerSet::new(identity, time(started)?, time(&Local::now())?, databases))
            .and_then(|set| Ok(ServerSet { globals: globals?, ..set }))
            .map_err(|why| {
                Fault::new(Exit::Partial, format!("The backups are written, but the set of them cannot be: {why}"))
                    .hint("the files are whole and can be restored one by one: cargo xtask db-list")
            })?;
        Ok(ServerSet { not_taken: self.not_taken.clone(), ..set })
    }
}

fn database_file(taken: &Taken) -> Result<DatabaseFile, String> {
    let name = taken.path.file_name().unwrap_or_default().to_string_lossy();
    Ok(DatabaseFile {
        database: taken.manifest.database.clone(),
        file: name.as_ref().try_into()?,
        bytes: Count::try_from(taken.bytes)?,
        sha256: Digest::try_from(taken.sha256.as_str())?,
        started_at: taken.manifest.started_at,
        seconds: taken.manifest.seconds,
    })
}

fn globals_file(taken: &TakenGlobals) -> Result<GlobalsFile, String> {
    let name = taken.path.file_name().unwrap_or_default().to_string_lossy();
    Ok(GlobalsFile {
        file: name.as_ref().try_into()?,
        bytes: Count::try_from(taken.bytes)?,
        sha256: Digest::try_from(taken.sha256.as_str())?,
    })
}
