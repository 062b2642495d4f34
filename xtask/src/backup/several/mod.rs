//! Several databases of one server: a backup of each, some side by side, and their results.

mod outcome;
mod work;

pub use outcome::Outcome;
pub use work::Job;

use super::set::{NotTaken, NotTakenBecause, Selection};
use super::take::Taken;
use crate::postgres::server::Server;
use crate::postgres::text::{ObjectName, Text};
use crate::process::signals;
use anyhow::Result;

/// How several databases are backed up.
pub struct Several<'a> {
    pub server: &'a Server<'a>,
    /// How many of them side by side.
    pub at_once: usize,
    /// Takes the backup of one.
    pub take: &'a (dyn Fn(&Job) -> Result<Taken> + Sync),
}

impl Several<'_> {
    /// Takes those of these names.
    pub fn named(&self, names: &[String]) -> Outcome {
        Outcome::of(self.round(names, &[]), Vec::new())
    }

    /// Takes all that `select` finds, also those that are made meanwhile.
    ///
    /// # Errors
    /// The first `select` fails. What is wrong with one database is in the outcome.
    pub fn all(&self, select: &dyn Fn() -> Result<Selection>) -> Result<Outcome> {
        let before = select()?;
        let names = names_of(&before);
        let mut results = self.round(&names, &[]);
        if signals::pending().is_some() {
            return Ok(Outcome::of(results, before.left_out));
        }
        let now = match select() {
            Ok(now) => now,
            Err(error) => return Ok(Outcome::of(results, before.left_out).unlisted(error)),
        };
        let new: Vec<String> = names_of(&now).into_iter().filter(|name| !names.contains(name)).collect();
        results.extend(self.round(&new, &names));
        let there = match select() {
            Ok(there) => names_of(&there),
            Err(error) => return Ok(Outcome::of(results, now.left_out).unlisted(error)),
        };
        let (gone, results): (Vec<_>, Vec<_>) =
            results.into_iter().partition(|(job, taken)| taken.is_err() && !there.contains(&job.database));
        let mut outcome = Outcome::of(results, now.left_out);
        outcome.not_taken.extend(gone.into_iter().filter_map(|(job, _)| {
            let reason = Text::reason("it was dropped or renamed while the set was taken");
            let database = ObjectName::try_from(job.database).ok()?;
            Some(NotTaken { database, because: NotTakenBecause::Dropped, reason })
        }));
        Ok(outcome)
    }

    fn round(&self, databases: &[String], before: &[String]) -> Vec<(Job, Result<Taken>)> {
        // The psql that waits for the next question is a session, too.
        drop(self.server.target().idle_psql().take(self.server.session()));
        work::take_all(work::jobs(databases, before), self.at_once, self.take)
    }
}

fn names_of(selection: &Selection) -> Vec<String> {
    selection.taken.iter().map(|database| database.name.to_string()).collect()
}
