//! What killed runs left behind: named for those who only look, mended for those who change.

use super::live::Live;
use super::maintenance_database;
use super::mark::{self, Mark, Marked, Use};
use super::staging::drop_database;
use super::swap;
use crate::postgres::{quote, session};
use crate::target::Target;
use anyhow::Result;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// How long the server may take to end a session.
const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(50);

/// One thing to mend.
#[derive(Debug)]
pub enum Leftover {
    /// The live database accepts no connections since a run was killed in its swap.
    LockedOut(String),
    /// A staging or throwaway database of a run that was killed.
    Abandoned(String),
    /// A run was killed around its swap, and its services were not started again.
    NotStarted(Marked),
}

impl Leftover {
    /// For people.
    pub fn shown(&self) -> String {
        match self {
            Self::LockedOut(name) => format!("{name} is locked out since a restore was killed"),
            Self::Abandoned(name) => format!("{name} was left behind by a run that was killed"),
            Self::NotStarted(marked) if marked.mark.r#use == Use::First && marked.mark.stopped.is_empty() => {
                "a first restore was killed after its swap".to_owned()
            }
            Self::NotStarted(marked) if marked.mark.stopped.is_empty() && marked.mark.migrate => {
                "OpenFGA's tables were not migrated after a swap".to_owned()
            }
            Self::NotStarted(marked) if marked.mark.stopped.is_empty() => {
                "an undo was killed before the databases were exchanged".to_owned()
            }
            Self::NotStarted(marked) => {
                format!("stopped for a swap and not started again: {}", marked.mark.stopped.join(", "))
            }
        }
    }
}

/// Looks for leftovers of this target's database. To be called under the lock.
pub fn find(target: &Target, run: &str) -> Result<Vec<Leftover>> {
    let mut found = among(target, run, without_orphans(target, run)?)?;
    found.extend(mark::unmarked(target, run)?.into_iter().map(Leftover::Abandoned));
    Ok(found)
}

/// The same for those who only look: nothing of a run that lives, nothing without a mark, and no throwaway database,
/// which the next `db-verify` drops.
pub fn look(target: &Target, run: &str) -> Result<Vec<Leftover>> {
    look_among(target, run, mark::marked(target, run)?)
}

/// What `look_in` wants to be asked, in whichever database of the server; its answer is one line.
pub const QUESTION: &str = mark::QUERY;

/// The same as `look`, where the server was asked already.
pub fn look_in(answer: &str, target: &Target, run: &str) -> Result<Vec<Leftover>> {
    look_among(target, run, mark::read(answer)?)
}

fn look_among(target: &Target, run: &str, marked: Vec<Marked>) -> Result<Vec<Leftover>> {
    let is_left = |marked: &Marked| {
        marked.mark.database == target.database() && marked.mark.r#use != Use::Verify && !marked.alive
    };
    among(target, run, marked.into_iter().filter(is_left).collect())
}

fn among(target: &Target, run: &str, marked: Vec<Marked>) -> Result<Vec<Leftover>> {
    let mut found = Vec::new();
    let may_have_locked = |marked: &Marked| marked.mark.r#use == Use::Staging || marked.mark.swapping;
    if marked.iter().any(may_have_locked) {
        let live = Live::of(target, run)?;
        if live.properties.is_some() && !live.facts.accepts_connections {
            found.push(Leftover::LockedOut(target.database().to_owned()));
        }
    }
    for database in marked {
        match database.mark.r#use {
            Use::Before if database.mark.is_settled() => {}
            Use::Before | Use::First => found.push(Leftover::NotStarted(database)),
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

/// The marked databases of this target's, once no session of the runs that made them works any more. Whoever holds
/// the lock is alone: such sessions are orphans, and what they still do must end before anything is mended.
fn without_orphans(target: &Target, run: &str) -> Result<Vec<Marked>> {
    let end = Instant::now() + PATIENCE;
    loop {
        let mut marked = mark::marked(target, run)?;
        // A run of db-verify takes no lock: it may well be at work.
        marked.retain(|marked| {
            marked.mark.database == target.database() && !(marked.alive && marked.mark.r#use == Use::Verify)
        });
        let orphans: BTreeSet<&str> =
            marked.iter().filter(|marked| marked.alive).map(|marked| marked.mark.run.as_str()).collect();
        if orphans.is_empty() || Instant::now() >= end {
            return Ok(marked);
        }
        for orphan in orphans {
            for name in [orphan, &swap::session_name(orphan)] {
                session::terminate_from(target, maintenance_database(target), name)?;
            }
        }
        std::thread::sleep(PAUSE);
    }
}

/// Mends one; `start` starts the services that a mark names. To be called under the lock.
pub fn mend(target: &Target, run: &str, leftover: &Leftover, start: &dyn Fn(&Mark) -> Result<()>) -> Result<()> {
    match leftover {
        Leftover::LockedOut(name) => swap::unlock(target, run, name),
        Leftover::Abandoned(name) => drop_database(target, run, name),
        Leftover::NotStarted(marked) => {
            start(&marked.mark)?;
            if matches!(marked.mark.r#use, Use::Before | Use::First) {
                settle(target, run, &marked.name, &marked.mark)?;
            }
            Ok(())
        }
    }
}

/// Notes that the services of a swap run again: a first restore's database gets its own comment back.
pub fn settle(target: &Target, run: &str, name: &str, mark: &Mark) -> Result<()> {
    let sql = if mark.r#use == Use::First {
        let comment = quote::literal_or_null(mark.comment.as_deref())?;
        format!("COMMENT ON DATABASE {} IS {comment}", quote::identifier(name)?)
    } else {
        Mark { stopped: Vec::new(), swapping: false, migrate: false, ..mark.clone() }.sql(name)?
    };
    session::ask_in(target, maintenance_database(target), run, &sql).map(drop)
}
