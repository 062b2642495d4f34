//! Sets that a killed run left unfinished: found from databases that are in none of them, and from several at once.

use super::record::{Entry, SwapSet, View};
use super::repair::{Leftover, among, is_left};
use crate::words::shell_word;
use std::collections::{BTreeMap, BTreeSet};

/// A set that a killed run left something of.
#[derive(Debug)]
pub struct KilledSet<'v>(&'v SwapSet);

impl KilledSet<'_> {
    /// For people.
    pub fn shown(&self) -> String {
        format!("a restore of the set of {}, or its undo, was killed", self.0.databases.join(", "))
    }

    /// The command that repairs all of it.
    pub fn repair(&self) -> String {
        let SwapSet { databases, made, .. } = self.0;
        // One that the swap was to make may not be there.
        let there = databases.iter().find(|name| !made.contains(name)).or(databases.first());
        let name = there.map(|name| shell_word(name)).unwrap_or_default();
        format!("cargo xtask db-restore --repair --database {name}")
    }
}

/// Those without any of these databases. A run for these repairs none of them.
pub fn without<'v>(view: &'v View, databases: &[&str]) -> Vec<KilledSet<'v>> {
    let is_other = |entry: &Entry| !databases.iter().any(|live| entry.concerns(live));
    let mut entries_of: BTreeMap<&[String], (&SwapSet, Vec<&Entry>)> = BTreeMap::new();
    for entry in view.entries().iter().filter(|entry| is_left(entry) && is_other(entry)) {
        if let Some(set) = &entry.details.set {
            entries_of.entry(&set.databases).or_insert((set, Vec::new())).1.push(entry);
        }
    }
    let has_leftovers =
        |entries: &[&Entry]| entries.iter().any(|entry| !among(view, [*entry].into_iter(), &entry.live).is_empty());
    entries_of.into_values().filter(|(_, entries)| has_leftovers(entries)).map(|(set, _)| KilledSet(set)).collect()
}

/// What killed runs left of any of these databases, each once.
pub fn leftovers_of(view: &View, databases: &[&str]) -> Vec<Leftover> {
    let mut seen = BTreeSet::new();
    let of_one = |live: &&str| {
        let entries = view.entries().iter().filter(|entry| entry.concerns(live) && is_left(entry));
        among(view, entries, live)
    };
    databases.iter().flat_map(of_one).filter(|leftover| seen.insert(leftover.shown())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn view(purpose: &str, word: &str, alive: bool) -> View {
        let set = json!({ "set": { "run": "r", "databases": ["a", "it's"], "made": ["a"] } });
        let entry = |(id, live): (u32, &str)| {
            json!({ "id": id, "purpose": purpose, "live": live, "name": format!("{live}_{word}_20251021_163105"),
                "oid": id, "owner": 10, "live_oid": 1, "run": "r", "at": "2025-10-21T16:31:05+02:00",
                "details": set.to_string(), "alive": alive })
        };
        let entries: Vec<Value> = [(7, "a"), (8, "it's")].map(entry).to_vec();
        let database = |entry: &Value| {
            json!({ "oid": entry["oid"], "name": entry["name"], "owner": 10, "owner_name": "x",
                "accepts_connections": true, "bytes": null })
        };
        let databases: Vec<Value> = entries.iter().map(database).collect();
        let answer = json!({ "role": 10, "entries": entries, "databases": databases, "similar": [] });
        View::read(&answer.to_string()).unwrap()
    }

    #[test]
    fn a_killed_set_is_named_from_the_databases_that_are_not_in_it() {
        let killed = view("staging", "staging", false);
        let sets = without(&killed, &["c"]);
        let shown: Vec<_> = sets.iter().map(|set| (set.shown(), set.repair())).collect();
        let words = "a restore of the set of a, it's, or its undo, was killed";
        let repair = "cargo xtask db-restore --repair --database 'it'\\''s'";
        assert_eq!(shown, [(words.to_owned(), repair.to_owned())]);
        assert_eq!((without(&killed, &["c", "a"]).len(), without(&killed, &["it's"]).len()), (0, 0));
        assert_eq!(leftovers_of(&killed, &["a", "it's"]).len(), 2);
        assert_eq!(leftovers_of(&killed, &["c"]).len(), 0);
        // One that lives, and one that is done.
        for other in [view("staging", "staging", true), view("before", "before", false)] {
            assert_eq!((without(&other, &["c"]).len(), leftovers_of(&other, &["a"]).len()), (0, 0));
        }
    }
}
