//! Room on the server's disk: looked at beforehand, and watched while a backup is loaded, because a disk that is full
//! stops the live database, too.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

use crate::backup::proof::Proven;
use crate::error::Fault;
use crate::postgres::server::Server;
use crate::target::disk::Disk;
use anyhow::Result;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// What the live database is left with: a few files of its write-ahead log, and some seconds of writing.
const RESERVE: u64 = 128 << 20;
/// A database takes about so many times its dump, with its indexes; where no manifest says how much it took.
const DUMP_TO_DATABASE: u64 = 2;
/// The disk is looked at at least and at most so often, in seconds. Each look costs the server a process.
const CHECK_INTERVALS: (u64, u64) = (1, 10);
/// No server writes more bytes in a second, data and log together.
const FASTEST_WRITE: u64 = 2 << 30;
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// How long `df` may take.
const DEADLINE: Duration = Duration::from_secs(10);

/// Refuses backups that would not fit beside each other; whether that could be known.
pub fn check(server: &Server<'_>, backups: &[&Proven]) -> Result<bool> {
    let Some(free) = free(&disks(server, &folders_of(server))) else { return Ok(false) };
    let needed = needed(backups);
    let wanted = needed.saturating_add(RESERVE);
    if free >= wanted {
        return Ok(true);
    }
    let what = if let [_] = backups { "the backup" } else { "all backups of the set at once" };
    let message = format!(
        "The server's disk has no room for {what}: {} are free, about {} are needed beside a reserve of {}; {} are missing",
        megabytes(free),
        megabytes(needed),
        megabytes(RESERVE),
        megabytes(wanted.saturating_sub(free))
    );
    Err(Fault::failed(message).hint(MAKE_ROOM).into())
}

/// Safety backups that are to be written while backups are loaded.
#[derive(Debug, Clone, Copy)]
pub struct Safety<'a> {
    /// Where they go; it need not exist yet.
    pub folder: &'a Path,
    /// About so many bytes; 0: there are none.
    pub bytes: u64,
}

/// Refuses backups that fit beside each other, but not beside the safety backup on the same disk.
pub fn check_beside(server: &Server<'_>, backups: &[&Proven], safety: Safety<'_>) -> Result<()> {
    if safety.bytes == 0 {
        return Ok(());
    }
    let Some(folder) = safety.folder.ancestors().find(|folder| folder.is_dir()) else { return Ok(()) };
    let Ok(here) = Disk::of(folder) else { return Ok(()) };
    let needed = needed(backups).saturating_add(safety.bytes);
    let wanted = needed.saturating_add(RESERVE);
    if here.free >= wanted || !disks(server, &folders_of(server)).iter().any(|disk| disk.may_be(&here)) {
        return Ok(());
    }
    let message = format!(
        "The disk that the server shares with {} has no room for the restore and its safety backup: {} are free, about {} are \
         needed beside a reserve of {}; {} are missing",
        folder.display(),
        megabytes(here.free),
        megabytes(needed),
        megabytes(RESERVE),
        megabytes(wanted.saturating_sub(here.free))
    );
    Err(Fault::failed(message).hint(MAKE_ROOM).into())
}

fn needed(backups: &[&Proven]) -> u64 {
    backups.iter().fold(0_u64, |sum, backup| sum.saturating_add(size_of(backup)))
}

/// What the restored database will take, about.
fn size_of(backup: &Proven) -> u64 {
    let by_manifest = backup.manifest.as_ref().map(|manifest| manifest.properties.size_bytes.get());
    by_manifest.unwrap_or_else(|| backup.bytes().saturating_mul(DUMP_TO_DATABASE))
}

/// What to do where the server's disk is full.
pub(in crate::restore) const MAKE_ROOM: &str =
    "make room on the server; list the previous databases: cargo xtask db-list";

/// Looks at the server's disk again and again, and ends the loading session before the disk is full.
#[derive(Debug, Default)]
pub struct Watch {
    over: AtomicBool,
    full: Mutex<Option<Fault>>,
}

impl Watch {
    /// Runs the task while the disk is watched; `loader` is the session that is ended.
    ///
    /// # Errors
    /// The task's, or that the load was stopped.
    pub fn during<T>(server: &Server<'_>, loader: &str, task: impl FnOnce() -> Result<T>) -> Result<T> {
        let watch = Self::default();
        let result = thread::scope(|scope| {
            scope.spawn(|| watch.run(server, loader));
            let result = task();
            watch.over.store(true, Ordering::Relaxed);
            result
        });
        let full = watch.full.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        match (result, full) {
            // What psql said of the session that was ended is no cause of its own.
            (Err(_), Some(full)) => Err(full.into()),
            (result, _) => result,
        }
    }

    fn run(&self, server: &Server<'_>, loader: &str) {
        let mut folders = None;
        let mut pause = until_next_check(0);
        while self.waits(pause) {
            let folders = folders.get_or_insert_with(|| folders_of(server));
            let left = free(&disks(server, folders));
            pause = until_next_check(left.unwrap_or_default());
            if let Some(left) = left.filter(|left| *left < RESERVE) {
                let message = format!("The load was stopped: the server's disk has only {} left", megabytes(left));
                *self.full.lock().unwrap_or_else(std::sync::PoisonError::into_inner) =
                    Some(Fault::failed(message).hint(MAKE_ROOM));
                // If that fails, it is tried again after the next look.
                let _ = server.named(loader).in_maintenance().terminate();
            }
        }
    }

    /// A pause; whether the task still runs after it.
    fn waits(&self, pause: Duration) -> bool {
        let start = Instant::now();
        while start.elapsed() < pause && !self.over.load(Ordering::Relaxed) {
            thread::sleep(POLL_INTERVAL);
        }
        !self.over.load(Ordering::Relaxed)
    }
}

/// How long a disk with so many free bytes cannot fill down to the reserve.
fn until_next_check(free: u64) -> Duration {
    let (least, most) = CHECK_INTERVALS;
    let seconds = free.saturating_sub(RESERVE).checked_div(FASTEST_WRITE).unwrap_or_default();
    Duration::from_secs(seconds.clamp(least, most))
}

/// What may still be written to any of these disks; `None`: they are not known.
fn free(disks: &[Disk]) -> Option<u64> {
    disks.iter().map(|disk| disk.free).min()
}

/// The disks of these folders; none where they are not known.
fn disks(server: &Server<'_>, folders: &[String]) -> Vec<Disk> {
    if folders.is_empty() { Vec::new() } else { server.target().access().disks(folders, DEADLINE).unwrap_or_default() }
}

/// Where the server writes data and log; none where this role may not know it.
fn folders_of(server: &Server<'_>) -> Vec<String> {
    let sql = "SHOW data_directory";
    let answer = server.ask_maintenance(sql).unwrap_or_default();
    let folder = answer.trim();
    if folder.is_empty() { Vec::new() } else { vec![folder.to_owned(), format!("{folder}/pg_wal")] }
}

fn megabytes(bytes: u64) -> String {
    format!("{} MB", bytes.div_ceil(1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_looked_at_before_it_can_be_full() {
        for (free, seconds) in [(0, 1), (RESERVE, 1), (3 << 30, 1), (9 << 30, 4), (1 << 40, 10), (u64::MAX, 10)] {
            assert_eq!(until_next_check(free).as_secs(), seconds, "{free}");
        }
    }
}
