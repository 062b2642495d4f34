//! What killed runs left behind. A command that only looks names it; one that changes the database repairs it.

use super::blockers::Stuck;
use super::record::{self, Doubt, Entry, OwnedDatabase, Purpose, Record, Unrecorded, Verdict, View, Wanted};
use super::swap;
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
    NotStarted(Box<Entry>),
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

/// What was found of it.
#[derive(Debug, Default)]
pub struct Findings {
    pub view: View,
    /// The live databases that they are about: the target's, and those of a set of which a run was killed.
    pub lives: BTreeSet<String>,
    pub leftovers: Vec<Leftover>,
    /// Named like ours, and left alone.
    pub unrecorded: Vec<Unrecorded>,
    /// Databases of ours that could not be dropped, and why.
    pub stuck: Vec<Stuck>,
}

/// What [`list_from`] wants to be asked, in whichever database of the server.
pub const QUESTION: &str = record::QUESTION;

/// Finds leftovers without changing anything. What a living run made is none.
pub fn list(server: &Server<'_>, wanted: Wanted) -> Result<Findings> {
    findings(server, record::read(server, wanted)?)
}

/// The same, where [`QUESTION`] was asked already.
pub fn list_from(answer: &str, server: &Server<'_>) -> Result<Findings> {
    findings(server, record::read_answer(answer, server, Wanted::default())?)
}

fn findings(server: &Server<'_>, view: View) -> Result<Findings> {
    let live = server.target().database();
    let lives = lives(&view, live);
    Ok(found(view, lives, live, is_left))
}

/// Whether the entry's run has ended, and left what the entry stands for.
pub(super) fn is_left(entry: &Entry) -> bool {
    !entry.alive
}

/// The same for a run that holds the locks: an entry that seems alive is an orphan's. Drills take no lock and may be at
/// work.
fn is_repairable(entry: &Entry) -> bool {
    is_left(entry) || entry.purpose != Purpose::Verify
}

/// Looks for leftovers of the target's database, and of the sets that it belongs to: such a set is repaired as one, under
/// the locks on all its databases. To be called under the lock on the target's database.
///
/// # Errors
/// Exit 5: another run changes a database of the set.
pub fn find(record: &Record<'_>) -> Result<Findings> {
    let live = record.target().database();
    let lives = lives(&record.view()?, live);
    record.lock(lives.iter().map(String::as_str).filter(|name| *name != live), TIMEOUT)?;
    let view = without_orphans(record, &lives)?;
    Ok(found(view, lives, live, is_repairable))
}

/// This live database, and those of the sets that it belongs to where something of them may have to be repaired.
fn lives(view: &View, live: &str) -> BTreeSet<String> {
    let unfinished = |entry: &&Entry| entry.purpose != Purpose::Previous || !entry.details.is_settled();
    let others = view.entries().iter().filter(|entry| entry.concerns(live)).filter(unfinished);
    others.map(|entry| entry.live.clone()).chain([live.to_owned()]).collect()
}

/// What there is to repair among the entries that may be repaired.
fn found(view: View, lives: BTreeSet<String>, live: &str, may_be: impl Fn(&Entry) -> bool) -> Findings {
    let entries = view.entries().iter();
    let entries = entries.filter(|entry| lives.contains(&entry.live) && entry.concerns(live) && may_be(entry));
    let leftovers = among(&view, entries, live);
    let unrecorded = view.unrecorded(live);
    Findings { view, lives, leftovers, unrecorded, stuck: Vec::new() }
}

/// Removes the entries that say nothing any more: their database is gone, or another one has its name. To be called
/// under the locks on these live databases, after the repairs.
pub fn forget_void(record: &Record<'_>, lives: &BTreeSet<String>) -> Result<()> {
    let view = record.view()?;
    let entries = view.entries().iter().filter(|entry| lives.contains(&entry.live));
    for entry in entries.filter(|entry| entry.purpose.is_beside() && !entry.alive && entry.details.is_settled()) {
        let verdict = view.judge(entry, record.target().database());
        if matches!(verdict, Verdict::Gone | Verdict::Doubtful(Doubt::AnotherDatabase)) {
            record.forget(entry.id)?;
        }
    }
    Ok(())
}

/// What there is to repair among these entries, for a run on this database.
pub(super) fn among<'e>(view: &View, entries: impl Iterator<Item = &'e Entry> + Clone, live: &str) -> Vec<Leftover> {
    let may_have_locked = |entry: &&Entry| entry.purpose == Purpose::Staging || entry.details.swapping;
    let locking: BTreeSet<&str> = entries.clone().filter(may_have_locked).map(|entry| entry.live.as_str()).collect();
    let locked_out = locking.into_iter().filter(|name| view.is_locked_out(name));
    let mut found: Vec<Leftover> = locked_out.map(|name| Leftover::LockedOut(name.to_owned())).collect();
    for entry in entries {
        // Its services were stopped before the swap that never came, or not started after it.
        if entry.purpose == Purpose::First || !entry.details.is_settled() {
            found.push(Leftover::NotStarted(Box::new(entry.clone())));
        }
        if matches!(entry.purpose, Purpose::Staging | Purpose::Verify) {
            found.extend(view.owned(entry, live).map(Leftover::Abandoned));
        }
    }
    found
}

/// The record, once no session of the runs that made entries of these live databases works any more. The holder of the
/// locks is alone: such sessions are orphans, and what they still do must end before anything is repaired.
fn without_orphans(record: &Record<'_>, lives: &BTreeSet<String>) -> Result<View> {
    let end = Instant::now() + TIMEOUT;
    loop {
        let view = record.view()?;
        let orphan =
            |entry: &&Entry| entry.alive && entry.purpose != Purpose::Verify && entry.run != record.server().session();
        let of_these = |entry: &&Entry| lives.contains(&entry.live);
        let orphans: BTreeSet<&str> =
            view.entries().iter().filter(of_these).filter(orphan).map(|entry| entry.run.as_str()).collect();
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
pub fn repair(record: &Record<'_>, leftover: &Leftover, start: &dyn Fn(&Entry) -> Result<()>) -> Result<()> {
    match leftover {
        Leftover::LockedOut(name) => swap::unlock(record.server(), name),
        Leftover::Abandoned(database) => record.drop_database(database),
        Leftover::NotStarted(entry) => {
            start(entry)?;
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

/// Drops a database of ours, or says why that does not work: no leftover stops what is to be done.
///
/// # Errors
/// The server is gone, or the live database is (6).
pub fn drop_or_name(record: &Record<'_>, database: &OwnedDatabase) -> Result<Option<Stuck>> {
    let Err(error) = record.drop_database(database) else { return Ok(None) };
    if error::exit(&error) != Exit::Failed {
        return Err(error);
    }
    Stuck::by(&error, record.server(), database.name()).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::restore::previous;
    use serde_json::{Value, json};

    fn entry(id: u32, purpose: &str, live: &str, details: &Value) -> Value {
        let word = if purpose == "staging" { "staging" } else { "before" };
        json!({ "id": id, "purpose": purpose, "live": live, "name": format!("{live}_{word}_20251021_163105"),
            "oid": id, "owner": 10, "live_oid": 1, "run": "xtask-0123456789ab", "at": "2025-10-21T16:31:05+02:00",
            "details": details.to_string(), "alive": false })
    }

    fn view(entries: &[Value]) -> View {
        let database = |oid: &Value, name: &Value, open: bool| {
            json!({ "oid": oid, "name": name, "owner": 10, "owner_name": "x",
            "has_known_owner": true, "accepts_connections": open, "bytes": null })
        };
        let mut databases: Vec<Value> = entries.iter().map(|one| database(&one["oid"], &one["name"], true)).collect();
        databases.extend(
            [("a", 101), ("b", 102), ("template0", 4)].map(|(name, oid)| database(&json!(oid), &json!(name), false)),
        );
        let answer = json!({ "role": 10, "entries": entries, "databases": databases, "similar": [] });
        View::read(&answer.to_string()).unwrap()
    }

    fn found_for(entries: &[Value], live: &str) -> (Vec<String>, Vec<String>) {
        let view = view(entries);
        let lives = lives(&view, live);
        let Findings { lives, leftovers, .. } = found(view, lives, live, is_left);
        (lives.into_iter().collect(), leftovers.iter().map(Leftover::shown).collect())
    }

    #[test]
    fn what_a_killed_run_left_of_a_set_is_found_from_each_of_its_databases_and_from_no_other() {
        let set = json!({ "set": { "run": "xtask-0123456789ab", "databases": ["a", "b"] } });
        let first = json!({ "set": set["set"], "stopped": ["web"] });
        let entries = [entry(7, "staging", "a", &first), entry(8, "staging", "b", &set)];
        let (lives, leftovers) = found_for(&entries, "a");
        assert_eq!((lives.as_slice(), leftovers.len()), (&["a".to_owned(), "b".to_owned()][..], 5), "{leftovers:?}");
        assert_eq!((lives, leftovers), found_for(&entries, "b"));
        assert_eq!(found_for(&entries, "c"), (vec!["c".to_owned()], Vec::new()));
    }

    #[test]
    fn no_entry_opens_the_servers_own_template() {
        let set = json!({ "set": { "run": "xtask-0123456789ab", "databases": ["a", "template0"] } });
        let (lives, leftovers) = found_for(&[entry(7, "staging", "template0", &set)], "a");
        assert_eq!(lives, ["a", "template0"]);
        assert!(leftovers.iter().all(|leftover| !leftover.contains("accepts no connections")), "{leftovers:?}");
    }

    #[test]
    fn a_set_that_is_done_is_nothing_to_repair_and_locks_no_other_database() {
        let set = json!({ "set": { "run": "xtask-0123456789ab", "databases": ["a", "b"], "made": ["b"] } });
        let entries = [entry(7, "before", "a", &set), entry(8, "staging", "c", &json!({}))];
        assert_eq!(found_for(&entries, "a"), (vec!["a".to_owned()], Vec::new()));
        assert_eq!(found_for(&entries, "b"), (vec!["b".to_owned()], Vec::new()));
    }

    #[test]
    fn a_set_goes_back_as_one_only_while_it_is_the_newest_swap_of_each_of_its_databases() {
        let set = json!({ "set": { "run": "xtask-0123456789ab", "databases": ["a", "b", "new"], "made": ["new"] } });
        let [a, b] = ["a", "b"].map(|live| entry(if live == "a" { 7 } else { 8 }, "before", live, &set));
        let whole = view(&[a.clone(), b.clone()]);
        let newest = previous::newest_set(&whole, "new").unwrap();
        assert_eq!(previous::newest_set(&whole, "c"), None);
        let of_set = previous::of_set(&whole, newest).unwrap();
        assert_eq!(of_set.iter().map(|old| old.entry.live.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        let mut later = entry(9, "before", "b", &json!({}));
        (later["name"], later["at"]) = (json!("b_before_20251021_163106"), json!("2025-10-21T16:31:06+02:00"));
        let broken = view(&[a, b, later]);
        assert_eq!(previous::of_set(&broken, previous::newest_set(&broken, "a").unwrap()).unwrap_err(), ["b"]);
    }
}
