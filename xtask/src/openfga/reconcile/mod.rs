//! A store's tuples next to the file's: what is missing, what changed, and the way from one to the other.

pub mod absent;
pub mod batches;
pub mod deleted;
pub mod pending;
pub mod replace;
pub mod stranded;

use super::api::{Api, Stored};
use super::export::MOST_TUPLES;
use super::pages::{LONGEST_STORE, Pages};
use super::tuples::{Condition, Key, Tuple, same_condition};
use crate::process::signals;
use anyhow::Result;
use batches::in_parallel;
use replace::Changed;
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
/// A store that holds far more than the file is not read to its end: the cost grows with the file.
const PAGES_AT_LEAST: usize = 10;
const TIMES_THE_FILE: usize = 4;
const PAGE: usize = 100;

/// What is to be done to a store's tuples.
#[derive(Debug, Default)]
pub struct Plan<'t> {
    pub missing: Vec<&'t Tuple>,
    /// Tuples whose condition differs, with the one that the store has.
    pub changed: Vec<Changed<'t>>,
    pub unchanged: usize,
    /// Tuples that the file does not name; all of them only where they were asked for.
    pub others: Vec<Stored>,
    /// Whether the store holds only what the file names.
    pub only_ours: bool,
}

impl<'t> Plan<'t> {
    /// Everything is missing: the store is new.
    pub fn all(tuples: &'t [Tuple]) -> Self {
        Self { missing: tuples.iter().collect(), only_ours: true, ..Self::default() }
    }

    /// Whether nothing is to be written.
    pub fn is_nothing(&self) -> bool {
        self.missing.is_empty() && self.changed.is_empty()
    }

    /// Looks at the store. `all_others` also lists every tuple that the file does not name, however many there are.
    /// `seen` hears how many tuples were read.
    pub fn draw(
        api: &Api,
        store: &str,
        tuples: &'t [Tuple],
        all_others: bool,
        seen: &(dyn Fn(u64) + Sync),
    ) -> Result<Self> {
        let mut plan = Self { only_ours: true, ..Self::default() };
        let store = Looking { api, store, tuples, seen };
        let mut found: Vec<Found> = vec![None; tuples.len()];
        let (read, complete) = plan.read(&store, all_others, &mut found)?;
        if !complete {
            plan.only_ours = false;
            store.ask_one_by_one(&mut found, read)?;
        }
        for (tuple, found) in tuples.iter().zip(found) {
            match found {
                None => plan.missing.push(tuple),
                Some(there) if same_condition(there.as_ref(), tuple.condition.as_deref()) => plan.unchanged += 1,
                Some(there) => plan.changed.push((tuple, there)),
            }
        }
        Ok(plan)
    }

    /// Reads the store's pages: how many tuples they had, and whether these were all.
    fn read(&mut self, store: &Looking<'_>, all_others: bool, found: &mut [Found]) -> Result<(u64, bool)> {
        let Looking { api, tuples, seen, .. } = store;
        let ours: HashMap<Key<'_>, usize> = tuples.iter().enumerate().map(|(at, tuple)| (tuple.key(), at)).collect();
        let pages = PAGES_AT_LEAST + TIMES_THE_FILE * tuples.len().div_ceil(PAGE);
        let mut list = Pages::of_at_most(MOST_TUPLES, LONGEST_STORE);
        let mut read = 0;
        for page in 0.. {
            if !all_others && page >= pages {
                break;
            }
            signals::check()?;
            let (stored, turn) = api.read_page(store.store, list.token())?;
            read += turn.entries as u64;
            seen(read);
            for stored in stored {
                match ours.get(&stored.key()) {
                    Some(&at) => found[at] = Some(stored.condition),
                    None => {
                        self.only_ours = false;
                        if all_others || self.others.is_empty() {
                            self.others.push(stored);
                        }
                    }
                }
            }
            if !api.go_on(&mut list, turn)? {
                return Ok((read, true));
            }
        }
        Ok((read, false))
    }

    /// Writes what is missing; `done` hears how many are written.
    pub fn write(&self, api: &Api, store: &str, model: &str, done: &(dyn Fn(u64) + Sync)) -> Result<()> {
        batches::write(api, store, model, &self.missing, done)
    }

    /// Deletes what the file does not name.
    pub fn prune(&self, api: &Api, store: &str, done: &(dyn Fn(u64) + Sync)) -> Result<()> {
        let key = |other: &Stored| json!({ "user": other.user, "relation": other.relation, "object": other.object });
        batches::delete(api, store, &self.others.iter().map(key).collect::<Vec<Value>>(), done)
    }
}

/// Whether the store holds only what the file names; at most one page more than the file has is read.
pub fn holds_only(api: &Api, store: &str, tuples: &[Tuple]) -> Result<bool> {
    let ours: HashSet<Key<'_>> = tuples.iter().map(Tuple::key).collect();
    let mut pages = Pages::of_at_most(MOST_TUPLES, LONGEST_STORE);
    let mut read = 0;
    loop {
        signals::check()?;
        let (stored, turn) = api.read_page(store, pages.token())?;
        read += stored.len();
        if read > ours.len() || stored.iter().any(|stored| !ours.contains(&stored.key())) {
            return Ok(false);
        }
        if !api.go_on(&mut pages, turn)? {
            return Ok(true);
        }
    }
}

/// A tuple's condition in the store; the outer `None` where the tuple was not seen there.
type Found = Option<Option<Condition>>;

/// A store beside these tuples; `seen` hears how many were read.
struct Looking<'a> {
    api: &'a Api,
    store: &'a str,
    tuples: &'a [Tuple],
    seen: &'a (dyn Fn(u64) + Sync),
}

impl Looking<'_> {
    fn ask_one_by_one(&self, found: &mut [Found], read: u64) -> Result<()> {
        let Self { api, store, tuples, seen } = self;
        let open: Vec<usize> = (0..tuples.len()).filter(|at| found[*at].is_none()).collect();
        let answers = Mutex::new(Vec::new());
        let count = AtomicU64::new(read);
        in_parallel(&open, &|&at| {
            if let Some(stored) = api.read_one(store, tuples[at].key())? {
                answers.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((at, stored.condition));
            }
            seen(count.fetch_add(1, Ordering::Relaxed) + 1);
            Ok(())
        })?;
        for (at, condition) in answers.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
            found[at] = Some(condition);
        }
        Ok(())
    }
}
