//! Tuples sent in requests of the size that a server takes, several at a time.

use crate::openfga::api::Api;
use crate::openfga::tuples::Tuple;
use crate::process::signals;
use anyhow::Result;
use serde_json::Value;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

/// The most that a server takes in one request.
pub const LARGEST: usize = 100;
const MOST_BYTES: usize = 480_000;
/// Requests under way at once.
const WORKERS: usize = 6;

/// Writes tuples; `done` hears how many are written.
pub fn write(api: &Api, store: &str, model: &str, tuples: &[&Tuple], done: &(dyn Fn(u64) + Sync)) -> Result<()> {
    let written = AtomicU64::new(0);
    in_parallel(&batches(tuples, |tuple| size(tuple)), &|batch| {
        let bodies: Vec<Value> = batch.iter().map(|tuple| tuple.to_json()).collect();
        api.write(store, model, &bodies)?;
        done(written.fetch_add(bodies.len() as u64, Ordering::Relaxed) + bodies.len() as u64);
        Ok(())
    })
}

/// Deletes the tuples of these keys; `done` hears how many are deleted.
pub fn delete(api: &Api, store: &str, keys: &[Value], done: &(dyn Fn(u64) + Sync)) -> Result<()> {
    let batches: Vec<&[Value]> = keys.chunks(LARGEST).collect();
    let deleted = AtomicU64::new(0);
    in_parallel(&batches, &|batch| {
        api.delete(store, batch)?;
        done(deleted.fetch_add(batch.len() as u64, Ordering::Relaxed) + batch.len() as u64);
        Ok(())
    })
}

/// In order, no more at once than a request may hold.
pub fn batches<T>(items: &[T], size: impl Fn(&T) -> usize) -> Vec<&[T]> {
    let mut batches = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (at, item) in items.iter().enumerate() {
        let size = size(item);
        if at > start && (at - start >= LARGEST || bytes + size > MOST_BYTES) {
            batches.push(&items[start..at]);
            (start, bytes) = (at, 0);
        }
        bytes += size;
    }
    if start < items.len() {
        batches.push(&items[start..]);
    }
    batches
}

/// About as many bytes as it has in a request.
pub fn size(tuple: &Tuple) -> usize {
    match &tuple.condition {
        Some(_) => tuple.to_json().to_string().len() + 1,
        None => tuple.user.len() + tuple.relation.len() + tuple.object.len() + 40,
    }
}

/// Does the same to every item, several at a time; the first failure ends it, and so does a signal.
pub fn in_parallel<T: Sync>(items: &[T], work: &(dyn Fn(&T) -> Result<()> + Sync)) -> Result<()> {
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
        let lengths = |tuples: &[Tuple]| {
            let refs: Vec<&Tuple> = tuples.iter().collect();
            batches(&refs, |tuple| size(tuple)).iter().map(|batch| batch.len()).collect::<Vec<_>>()
        };
        assert_eq!(lengths(&(0..250).map(|user| tuple(user, 0)).collect::<Vec<_>>()), [100, 100, 50]);
        assert_eq!(lengths(&(0..3).map(|user| tuple(user, 300_000)).collect::<Vec<_>>()), [1, 1, 1]);
        assert!(lengths(&[]).is_empty());
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
