//! What killed runs left behind: named for those who only look, repaired by those who change.

use super::live::Live;
use super::record::{self, Details, Doubt, Entry, OwnedDatabase, Purpose, Record, Unrecorded, Verdict, View, Wanted};
use super::{subscriptions, swap};
use crate::error::{self, Exit};
use crate::postgres::server::Server;
use anyhow::Result;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// How long the server may take to end a session.
const TIMEOUT: Duration = Duration::from_secs(20);
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// One thing to repair.
#[derive(Debug)]
pub enum Leftover {
    /// The live database accepts no connections since a run was killed in its swap.
    LockedOut(String),
    /// A staging or scratch database of a run that was killed.
    Abandoned(OwnedDatabase),
    /// A run was killed around its swap, and its services were not started again.
    NotStarted(Entry),
}

impl Leftover {
    /// For people.
    pub fn shown(&self) -> String {
        match self {
            Self::LockedOut(name) => format!("{name} accepts no connections since a restore was killed"),
            Self::Abandoned(database) => format!("{} was left behind by a run that was killed", database.name()),
            Self::NotStarted(entry) => {
                let details = &entry.details;
                if !details.stopped.is_empty() {
                    format!("stopped for a swap and not started again: {}", details.stopped.join(", "))
                } else if entry.purpose == Purpose::First {
                    "a first restore was killed after its swap".to_owned()
                } else if details.migrate {
                    "OpenFGA's tables were not migrated after a swap".to_owned()
                } else {
                    "an undo was killed before the databases were swapped".to_owned()
                }
            }
        }
    }
}

/// What those find who only look.
#[derive(Debug, Default)]
pub struct Findings {
    pub view: View,
    pub leftovers: Vec<Leftover>,
    /// Named like ours, and left alone.
    pub unrecorded: Vec<Unrecorded>,
    /// Databases of ours that could not be dropped, and why.
    pub stuck: Vec<Stuck>,
}

/// A database of ours that could not be dropped. It is in nobody's way.
#[derive(Debug)]
pub struct Stuck {
    pub name: String,
    pub error: anyhow::Error,
    /// What a person types.
    pub by_hand: String,
}

/// What [`look_by`] wants to be asked, in whichever database of the server.
pub const QUESTION: &str = record::QUESTION;

/// Looks without changing anything: nothing of a run that lives, and no scratch database, which the next drill drops.
pub fn look(server: &Server<'_>, wanted: Wanted) -> Result<Findings> {
    findings(server, record::look(server, wanted)?)
}

/// The same, where [`QUESTION`] was asked already.
pub fn look_by(answer: &str, server: &Server<'_>) -> Result<Findings> {
    findings(server, record::look_by(answer, server, Wanted::default())?)
}

fn findings(server: &Server<'_>, view: View) -> Result<Findings> {
    let live = server.target().database();
    let dead = |entry: &&Entry| entry.purpose != Purpose::Verify && !entry.alive;
    let entries: Vec<&Entry> = view.of(live).filter(dead).collect();
    let leftovers = among(server, &view, &entries)?;
    let unrecorded = view.unrecorded(live);
    Ok(Findings { view, leftovers, unrecorded, stuck: Vec::new() })
}

/// Looks for leftovers of the target's database. To be called under the lock.
pub fn find(record: &Record<'_>) -> Result<Findings> {
    let target = record.target();
    let view = without_orphans(record)?;
    // A drill takes no lock: it may well be at work.
    let over = |entry: &&Entry| !(entry.alive && entry.purpose == Purpose::Verify);
    let entries: Vec<&Entry> = view.of(target.database()).filter(over).collect();
    let leftovers = among(record.server(), &view, &entries)?;
    let unrecorded = view.unrecorded(target.database());
    Ok(Findings { view, leftovers, unrecorded, stuck: Vec::new() })
}

/// Removes the entries that say nothing any more: their database is gone, or another one has its name. To be called
/// under the lock, after the repairs.
pub fn forget_void(record: &Record<'_>) -> Result<()> {
    let (view, live) = (record.view()?, record.target().database());
    for entry in view.of(live).filter(|entry| entry.purpose.is_beside() && !entry.alive && entry.details.is_settled()) {
        if matches!(view.judge(entry, live), Verdict::Gone | Verdict::Doubtful(Doubt::AnotherDatabase)) {
            record.forget(entry.id)?;
        }
    }
    Ok(())
}

fn among(server: &Server<'_>, view: &View, entries: &[&Entry]) -> Result<Vec<Leftover>> {
    let target = server.target();
    let mut found = Vec::new();
    let may_have_locked = |entry: &&&Entry| entry.purpose == Purpose::Staging || entry.details.swapping;
    if entries.iter().any(|entry| may_have_locked(&entry)) {
        let live = Live::of(server)?;
        if live.properties.is_some() && !live.facts.accepts_connections {
            found.push(Leftover::LockedOut(target.database().to_owned()));
        }
    }
    for entry in entries {
        // Its services were stopped before the swap that never came, or not started after it.
        if entry.purpose == Purpose::First || !entry.details.is_settled() {
            found.push(Leftover::NotStarted((*entry).clone()));
        }
        if matches!(entry.purpose, Purpose::Staging | Purpose::Verify) {
            found.extend(view.owned(entry, target.database()).map(Leftover::Abandoned));
        }
    }
    Ok(found)
}

/// The record, once no session of the runs that made its entries works any more. The holder of the lock is alone: such
/// sessions are orphans, and what they still do must end before anything is repaired.
fn without_orphans(record: &Record<'_>) -> Result<View> {
    let target = record.target();
    let end = Instant::now() + TIMEOUT;
    loop {
        let view = record.view()?;
        let orphan =
            |entry: &&Entry| entry.alive && entry.purpose != Purpose::Verify && entry.run != record.server().session();
        let orphans: BTreeSet<&str> =
            view.of(target.database()).filter(orphan).map(|entry| entry.run.as_str()).collect();
        if orphans.is_empty() || Instant::now() >= end {
            return Ok(view);
        }
        for orphan in orphans {
            for name in [orphan, &swap::session_name(orphan)] {
                record.server().named(name).in_maintenance().terminate()?;
            }
        }
        std::thread::sleep(POLL_INTERVAL);
    }
}

/// Repairs one; `start` starts the services that an entry names. To be called under the lock.
pub fn repair(record: &Record<'_>, leftover: &Leftover, start: &dyn Fn(&Details) -> Result<()>) -> Result<()> {
    match leftover {
        Leftover::LockedOut(name) => swap::unlock(record.server(), name),
        Leftover::Abandoned(database) => record.drop_database(database),
        Leftover::NotStarted(entry) => {
            start(&entry.details)?;
            settle(record, entry)
        }
    }
}

/// Notes that the services of a swap run again.
pub fn settle(record: &Record<'_>, entry: &Entry) -> Result<()> {
    if entry.purpose == Purpose::First {
        return record.forget(entry.id);
    }
    record.note(entry.id, &entry.details.settled())
}

/// Drops the scratch databases of drills that were killed; gives their names, and those that could not be dropped.
pub fn clear_scratch_databases(record: &Record<'_>) -> Result<(Vec<String>, Vec<Stuck>)> {
    let view = record.view()?;
    let (mut dropped, mut stuck) = (Vec::new(), Vec::new());
    for entry in view.entries().iter().filter(|entry| entry.purpose == Purpose::Verify && !entry.alive) {
        match view.judge(entry, record.target().database()) {
            Verdict::Owned(database) => match drop_or_name(record, &database)? {
                None => dropped.push(entry.name.clone()),
                Some(left) => stuck.push(left),
            },
            Verdict::Gone => record.forget(entry.id)?,
            Verdict::Doubtful(_) => {}
        }
    }
    Ok((dropped, stuck))
}

/// Drops a database of ours, or says why that does not work: no leftover stops what is to be done.
///
/// # Errors
/// The server is gone, or the live database is (6).
pub fn drop_or_name(record: &Record<'_>, database: &OwnedDatabase) -> Result<Option<Stuck>> {
    let Err(error) = record.drop_database(database) else { return Ok(None) };
    if error::exit(&error) != Exit::Failed {
        return Err(error);
    }
    let name = database.name().to_owned();
    let by_hand = subscriptions::by_hand(record.server(), &name)?;
    Ok(Some(Stuck { name, error, by_hand }))
}
