//! So many backups at once.

use crate::backup::set;
use crate::backup::take::Taken;
use crate::process::signals;
use anyhow::Result;
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

/// One database to back up.
#[derive(Debug)]
pub struct Job {
    pub database: String,
    /// The first number for the file's name: names that differ only in case have numbers of their own.
    pub first_copy: u32,
}

/// Numbers the databases; the files of those before count.
pub fn jobs(databases: &[String], before: &[String]) -> Vec<Job> {
    let mut copies: HashMap<String, u32> = HashMap::new();
    let mut copy = |database: &String| {
        let copy = copies.entry(set::folded(database)).or_default();
        *copy = copy.saturating_add(1);
        *copy
    };
    for database in before {
        copy(database);
    }
    databases.iter().map(|database| Job { first_copy: copy(database), database: database.clone() }).collect()
}

/// Takes each backup by `take`, `at_once` of them side by side, in order. A signal ends it: what was not begun by then is
/// not in the answer.
pub fn take_all(
    jobs: Vec<Job>,
    at_once: usize,
    take: &(dyn Fn(&Job) -> Result<Taken> + Sync),
) -> Vec<(Job, Result<Taken>)> {
    let waiting = Mutex::new(jobs.into_iter().collect::<VecDeque<_>>());
    let done = Mutex::new(Vec::new());
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    let work = || {
        while let Some(job) = next().filter(|_| signals::pending().is_none()) {
            let taken = take(&job);
            done.lock().unwrap_or_else(PoisonError::into_inner).push((job, taken));
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..at_once {
            scope.spawn(work);
        }
        work();
    });
    done.into_inner().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_differ_only_in_case_get_files_that_differ_in_more() {
        let names = ["APP", "App", "app", "b"].map(str::to_owned);
        let copies = |before: &[String]| jobs(&names, before).iter().map(|job| job.first_copy).collect::<Vec<_>>();
        assert_eq!(copies(&[]), [1, 2, 3, 1]);
        assert_eq!(copies(&["aPP".to_owned()]), [2, 3, 4, 1]);
    }
}
