//! What killed runs left behind: named for those who only look, mended for those who change.

use super::live::Live;
use super::maintenance_database;
use super::mark::{self, Mark, Marked, Use};
use super::staging::drop_database;
use super::swap;
use crate::postgres::session;
use crate::target::Target;
use anyhow::Result;

/// One thing to mend.
#[derive(Debug)]
pub enum Leftover {
    /// The live database accepts no connections since a run was killed in its swap.
    LockedOut(String),
    /// A staging or throwaway database of a run that was killed.
    Abandoned(String),
    /// A swap took effect, but its services were not started again.
    NotStarted(Marked),
}

impl Leftover {
    /// For people.
    pub fn shown(&self) -> String {
        match self {
            Self::LockedOut(name) => format!("{name} is locked out since a restore was killed"),
            Self::Abandoned(name) => format!("{name} was left behind by a run that was killed"),
            Self::NotStarted(marked) => {
                format!("{} were not started again after a swap", marked.mark.stopped.join(", "))
            }
        }
    }
}

/// Looks for leftovers of this target's database. Runs that are alive are left alone.
pub fn find(target: &Target, run: &str) -> Result<Vec<Leftover>> {
    let ours = |marked: &Marked| marked.mark.database == target.database() && !marked.alive;
    let marked: Vec<Marked> = mark::marked(target, run)?.into_iter().filter(ours).collect();
    let mut found = Vec::new();
    let is_staging = |marked: &&Marked| marked.mark.r#use == Use::Staging;
    if marked.iter().any(|marked| is_staging(&marked)) {
        let live = Live::of(target, run)?;
        if live.properties.is_some() && !live.facts.accepts_connections {
            found.push(Leftover::LockedOut(target.database().to_owned()));
        }
    }
    for database in marked {
        match database.mark.r#use {
            Use::Before if database.mark.stopped.is_empty() => {}
            Use::Before => found.push(Leftover::NotStarted(database)),
            Use::Staging | Use::Verify => {
                // Its services were stopped before the swap that never came.
                if !database.mark.stopped.is_empty() {
                    found.push(Leftover::NotStarted(database.clone()));
                }
                found.push(Leftover::Abandoned(database.name));
            }
        }
    }
    Ok(found)
}

/// Mends one; `start` starts the services that a mark names. To be called under the lock.
pub fn mend(target: &Target, run: &str, leftover: &Leftover, start: &dyn Fn(&Mark) -> Result<()>) -> Result<()> {
    match leftover {
        Leftover::LockedOut(name) => swap::unlock(target, run, name),
        Leftover::Abandoned(name) => drop_database(target, run, name),
        Leftover::NotStarted(marked) => {
            start(&marked.mark)?;
            if marked.mark.r#use == Use::Before {
                settle(target, run, &marked.name, &marked.mark)?;
            }
            Ok(())
        }
    }
}

/// Notes that the services of a swap run again.
pub fn settle(target: &Target, run: &str, name: &str, mark: &Mark) -> Result<()> {
    let settled = Mark { stopped: Vec::new(), ..mark.clone() };
    session::ask_in(target, maintenance_database(target), run, &settled.sql(name)?).map(drop)
}
