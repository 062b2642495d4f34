//! What Prometheus learns of the backups: a small text file beside them, which `db-backup` and `db-verify` keep.
//!
//! It lies in a folder of its own, so that a program that reads it needs to see no backup. It holds no secret, and is
//! readable for every user: the one who reads it is another one.

mod records;
mod text;

pub use records::{Event, OnServer};

use crate::error::Fault;
use crate::platform;
use crate::target::file_lock::FileLock;
use crate::target::state_folder::{self, Whose};
use anyhow::{Context as _, Result};
use records::{Records, forget, is_of, label, note};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};
use text::{parsed, written};

const FOLDER: &str = "metrics";
const FILE: &str = "xtask_backup.prom";
const LOCK: &str = "xtask_backup.lock";
/// A longer file is not ours, in bytes.
const LONGEST: u64 = 1 << 20;
const READABLE: u32 = 0o644;

/// Makes the folder, which every user may enter, and gives it.
pub fn make_folder(backups: &Path) -> Result<PathBuf> {
    state_folder::make_below(backups, Path::new(FOLDER), 0o755, Whose::Own)
}

/// Writes down what happened just now. Other databases keep what is known of them.
///
/// # Errors
/// The file cannot be written: a backup is no worse for that.
pub fn record(backups: &Path, database: &str, event: Event) -> Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64().floor());
    change(backups, &|records| note(&mut records.series, database, event, now))
}

/// Forgets databases of this server that it no longer has: no backup of them can be made, and an alert would never end.
/// Another server's stay. `made`: those that were backed up from it just now.
///
/// # Errors
/// The file cannot be written.
pub fn forget_gone(backups: &Path, there: &OnServer<'_>, made: &[&str]) -> Result<()> {
    change(backups, &|records| forget(records, there, made))
}

/// Writes down that the database is not on the server: a run of a database that was backed up before has failed. A name
/// that was never backed up, such as a mistyped one, is not written down.
///
/// # Errors
/// The file cannot be written.
pub fn record_missing(backups: &Path, database: &str) -> Result<()> {
    let is_known = read(&backups.join(FOLDER).join(FILE)).series.keys().any(|series| is_of(series, &label(database)));
    if is_known { record(backups, database, Event::Failed) } else { Ok(()) }
}

fn change(backups: &Path, change: &dyn Fn(&mut Records)) -> Result<()> {
    let folder = make_folder(backups)?;
    let _lock = FileLock::take(&folder.join(LOCK), &|_| ())?;
    let path = folder.join(FILE);
    let mut records = read(&path);
    change(&mut records);
    write(&path, &written(&records)).with_context(|| Fault::failed(format!("{} cannot be written", path.display())))
}

fn read(path: &Path) -> Records {
    platform::read_regular(path, LONGEST).map(|bytes| parsed(&bytes)).unwrap_or_default()
}

/// Replaces the file in one step: a reader sees the old text or the new one.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    platform::replace_file(path, text.as_bytes(), &|fresh| platform::set_mode_of(fresh, READABLE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn nothing_is_written_behind_a_link_or_into_another_users_folder() {
        let backups = std::env::temp_dir().join(format!("xtask-metrics-link-{}", std::process::id()));
        let (folder, victim) = (backups.join("metrics"), backups.join("victim"));
        fs::create_dir_all(&victim).unwrap();
        #[expect(deprecated, reason = "it makes a link on every system")]
        if fs::soft_link(&victim, &folder).is_ok() && folder.is_symlink() {
            let refused = record(&backups, "a", Event::Failed).unwrap_err().to_string();
            assert!(refused.contains("metrics is a symbolic link"), "{refused}");
            assert_eq!(fs::read_dir(&victim).unwrap().count(), 0);
        }
        fs::remove_dir_all(&backups).unwrap();
    }

    #[test]
    fn the_file_is_readable_for_everybody_and_written_in_one_step() {
        let backups = std::env::temp_dir().join(format!("xtask-metrics-{}", std::process::id()));
        let _ = fs::remove_dir_all(&backups);
        fs::create_dir_all(&backups).unwrap();
        record(&backups, "a", Event::Failed).unwrap();
        record(&backups, "b", Event::Made { bytes: 1, seconds: 0.25 }).unwrap();
        let path = backups.join("metrics/xtask_backup.prom");
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains("{database=\"a\"} 0\n") && text.contains("{database=\"b\"} 0.25\n"), "{text}");
        assert!(platform::mode(&path).unwrap().is_none_or(|mode| mode == READABLE));
        let mut names: Vec<_> =
            fs::read_dir(backups.join("metrics")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["xtask_backup.lock", "xtask_backup.prom"]);
        fs::remove_dir_all(&backups).unwrap();
    }
}
