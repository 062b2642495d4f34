//! A store's tuples next to the file's: what is missing, what changed, and the way from one to the other.

use super::api::{Api, Stored};
use super::tuples::{Condition, Key, Tuple, same_condition};
use crate::process::signals;
use anyhow::Result;
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

/// The most that a server takes in one request.
const BATCH: usize = 100;
const BATCH_BYTES: usize = 480_000;
/// Requests under way at once.
const WORKERS: usize = 6;
/// A store that holds far more than the file is not read to its end: the cost grows with the file.
const PAGES_AT_LEAST: usize = 10;
const TIMES_THE_FILE: usize = 4;
const PAGE: usize = 100;

/// What is to be done to a store's tuples.
#[derive(Debug, Default)]
pub struct Plan<'t> {
    pub missing: Vec<&'t Tuple>,
    /// Tuples whose condition differs, with the one that the store has.
    pub changed: Vec<(&'t Tuple, Option<Condition>)>,
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
        let ours: HashMap<Key<'_>, usize> = tuples.iter().enumerate().map(|(at, tuple)| (tuple.key(), at)).collect();
        let mut found: Vec<Option<Option<Condition>>> = vec![None; tuples.len()];
        let mut plan = Self { only_ours: true, ..Self::default() };
        let pages = PAGES_AT_LEAST + TIMES_THE_FILE * tuples.len().div_ceil(PAGE);
        let mut token = String::new();
        let mut read = 0;
        let mut complete = false;
        for page in 0.. {
            if !all_others && page >= pages {
                break;
            }
            signals::check()?;
            let (stored, next) = api.read_page(store, &token)?;
            read += stored.len() as u64;
            seen(read);
            for stored in stored {
                match ours.get(&stored.key()) {
                    Some(&at) => found[at] = Some(stored.condition),
                    None => {
                        plan.only_ours = false;
                        if all_others || plan.others.is_empty() {
                            plan.others.push(stored);
                        }
                    }
                }
            }
            if next.is_empty() {
                complete = true;
                break;
            }
            token = next;
        }
        drop(ours);
        if !complete {
            plan.only_ours = false;
            ask_one_by_one(api, store, tuples, &mut found, read, seen)?;
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

    /// Does it: what changed goes first, because one request cannot delete and write the same tuple. A run that is
    /// interrupted in between leaves them missing, and the next one writes them. `done` hears how many are written.
    pub fn apply(&self, api: &Api, store: &str, model: &str, done: &(dyn Fn(u64) + Sync)) -> Result<()> {
        let changed: Vec<&Tuple> = self.changed.iter().map(|(tuple, _)| *tuple).collect();
        delete(api, store, model, changed.iter().map(|tuple| tuple.key_json()), &|_| ())?;
        let writes: Vec<&Tuple> = changed.into_iter().chain(self.missing.iter().copied()).collect();
        let batches = batches(&writes);
        let written = AtomicU64::new(0);
        in_parallel(&batches, &|batch| {
            let bodies: Vec<Value> = batch.iter().map(|tuple| tuple.to_json()).collect();
            api.write(store, model, &bodies)?;
            done(written.fetch_add(bodies.len() as u64, Ordering::Relaxed) + bodies.len() as u64);
            Ok(())
        })
    }

    /// Deletes what the file does not name.
    pub fn prune(&self, api: &Api, store: &str, model: &str, done: &(dyn Fn(u64) + Sync)) -> Result<()> {
        let key = |other: &Stored| json!({ "user": other.user, "relation": other.relation, "object": other.object });
        delete(api, store, model, self.others.iter().map(key), done)
    }
}

/// Whether the store holds only what the file names; at most one page more than the file has is read.
pub fn holds_only(api: &Api, store: &str, tuples: &[Tuple]) -> Result<bool> {
    let ours: HashSet<Key<'_>> = tuples.iter().map(Tuple::key).collect();
    let mut token = String::new();
    loop {
        let (stored, next) = api.read_page(store, &token)?;
        if stored.iter().any(|stored| !ours.contains(&stored.key())) {
            return Ok(false);
        }
        if next.is_empty() {
            return Ok(true);
        }
        token = next;
    }
}

fn ask_one_by_one(
    api: &Api,
    store: &str,
    tuples: &[Tuple],
    found: &mut [Option<Option<Condition>>],
    read: u64,
    seen: &(dyn Fn(u64) + Sync),
) -> Result<()> {
    let open: Vec<usize> = (0..tuples.len()).filter(|at| found[*at].is_none()).collect();
    let answers = Mutex::new(Vec::new());
    let count = AtomicU64::new(read);
    in_parallel(&open, &|&at| {
        if let Some(stored) = api.read_one(store, &tuples[at])? {
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

fn delete(
    api: &Api,
    store: &str,
    model: &str,
    keys: impl Iterator<Item = Value>,
    done: &(dyn Fn(u64) + Sync),
) -> Result<()> {
    let keys: Vec<Value> = keys.collect();
    let batches: Vec<&[Value]> = keys.chunks(BATCH).collect();
    let deleted = AtomicU64::new(0);
    in_parallel(&batches, &|batch| {
        api.delete(store, model, batch)?;
        done(deleted.fetch_add(batch.len() as u64, Ordering::Relaxed) + batch.len() as u64);
        Ok(())
    })
}

/// Tuples in the order of the file, no more at once than a request may hold.
fn batches<'a, 't>(tuples: &'a [&'t Tuple]) -> Vec<&'a [&'t Tuple]> {
    let mut batches = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (at, tuple) in tuples.iter().enumerate() {
        let size = size(tuple);
        if at > start && (at - start >= BATCH || bytes + size > BATCH_BYTES) {
            batches.push(&tuples[start..at]);
            (start, bytes) = (at, 0);
        }
        bytes += size;
    }
    if start < tuples.len() {
        batches.push(&tuples[start..]);
    }
    batches
}

/// About as many bytes as it has in a request.
fn size(tuple: &Tuple) -> usize {
    match &tuple.condition {
        Some(_) => tuple.to_json().to_string().len() + 1,
        None => tuple.user.len() + tuple.relation.len() + tuple.object.len() + 40,
    }
}

/// Does the same to every item, several at a time; the first failure ends it, and so does a signal.
fn in_parallel<T: Sync>(items: &[T], work: &(dyn Fn(&T) -> Result<()> + Sync)) -> Result<()> {
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let failure = Mutex::new(None);
    let worker = || {
        while !failed.load(Ordering::Relaxed) {
            let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) else { return };
            if let Err(error) = signals::check().map_err(Into::into).and_then(|()| work(item)) {
                failed.store(true, Ordering::Relaxed);
                failure.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get_or_insert(error);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..WORKERS.min(items.len()) {
            scope.spawn(worker);
        }
        worker();
    });
    failure.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner).map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openfga::store_file::findings::Place;

    fn tuple(user: usize, length: usize) -> Tuple {
        let user = format!("user:{user}{}", "x".repeat(length));
        let place = Place { line: 1, column: 1 };
        Tuple { user, relation: "r".into(), object: "o:1".into(), condition: None, file: "f".into(), place }
    }

    #[test]
    fn a_request_holds_at_most_a_hundred_tuples_and_its_bytes() {
        let small: Vec<Tuple> = (0..250).map(|user| tuple(user, 0)).collect();
        let refs: Vec<&Tuple> = small.iter().collect();
        assert_eq!(batches(&refs).iter().map(|batch| batch.len()).collect::<Vec<_>>(), [100, 100, 50]);
        let large: Vec<Tuple> = (0..3).map(|user| tuple(user, 300_000)).collect();
        let refs: Vec<&Tuple> = large.iter().collect();
        assert_eq!(batches(&refs).iter().map(|batch| batch.len()).collect::<Vec<_>>(), [1, 1, 1]);
        assert!(batches(&[]).is_empty());
    }

    #[test]
    fn the_first_failure_ends_the_work() {
        let items: Vec<usize> = (0..1000).collect();
        let done = AtomicUsize::new(0);
        let ended = in_parallel(&items, &|item| {
            done.fetch_add(1, Ordering::Relaxed);
            std::thread::sleep(std::time::Duration::from_millis(1));
            if *item == 5 { anyhow::bail!("five") } else { Ok(()) }
        });
        assert_eq!(ended.unwrap_err().to_string(), "five");
        assert!(done.load(Ordering::Relaxed) < 1000);
        assert!(in_parallel(&items, &|_| Ok(())).is_ok());
    }
}
