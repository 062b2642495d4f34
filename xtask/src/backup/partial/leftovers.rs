//! What killed runs left.

use crate::backup::name::UNFINISHED;
use crate::platform;
use crate::postgres::session;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// Removes what killed runs left in the folder; gives the names of their runs, whose sessions may still be there.
///
/// A living run whose file is made and not locked yet loses it, too, and makes it again. Such a file is empty, and its run
/// is not named. Others may write in the folder and plant a file: only one of this user's own names a run, and none does
/// while a file of that run is held.
pub(in crate::backup) fn clear_leftovers(folder: &Path) -> Vec<String> {
    let unfinished = unfinished_in(folder);
    let mut living = BTreeSet::new();
    let mut killed = BTreeSet::new();
    for (path, run) in &unfinished {
        match platform::open_unless_held(path) {
            Ok(None) => drop(living.insert(run)),
            Ok(Some(file)) if cleared(path, &file) => drop(killed.insert(run)),
            // Another user's, or gone meanwhile.
            Ok(Some(_)) | Err(_) => {}
        }
    }
    killed.difference(&living).map(|run| (*run).clone()).collect()
}

/// The unfinished backups, each with the name of its run.
fn unfinished_in(folder: &Path) -> Vec<(PathBuf, String)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let unfinished = |path: PathBuf| {
        let (_, run) = path.file_name()?.to_str()?.strip_suffix(UNFINISHED)?.rsplit_once('.')?;
        // Sessions of that name are ended: no other name than one of a run's own may say which.
        let run = session::is_fresh_name(run).then(|| run.to_owned())?;
        Some((path, run))
    };
    entries.filter_map(|entry| unfinished(entry.path())).collect()
}

/// Removes a file that no process held, and holds it until it is gone; whether a run of this user's had begun it.
fn cleared(path: &Path, held: &File) -> bool {
    // Its run may have ended, and another file may have its name.
    if !platform::is_still_at(held, path).unwrap_or(false) {
        return false;
    }
    let is_begun = held.metadata().is_ok_and(|facts| facts.is_file() && facts.len() > 0);
    let is_own = platform::is_own(held).unwrap_or(false);
    fs::remove_file(path).is_ok() && is_begun && is_own
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::partial::Partial;

    #[test]
    fn only_leftovers_are_cleared_and_nothing_is_ever_replaced() {
        let folder = std::env::temp_dir().join(format!("xtask-partial-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let mut running = Partial::create(&folder, "a", "xtask-0000000000a1").unwrap();
        running.write(b"new").unwrap();
        fs::write(folder.join("b.xtask-0000000000a2.partial"), "left").unwrap();
        for name in ["b.xtask-2.partial", "b.xtask-0000000000a2-load.partial", "b.xtask-0000000000A2.partial"] {
            fs::write(folder.join(name), "of no run").unwrap();
        }
        fs::write(folder.join("notes.partial"), "a person's").unwrap();
        fs::write(folder.join("e.xtask-0000000000a4.partial"), "").unwrap();
        assert_eq!(clear_leftovers(&folder), ["xtask-0000000000a2"]);
        fs::write(folder.join("a.sql"), "old").unwrap();
        let published = running.publish([folder.join("a.sql"), folder.join("a_2.sql")].into_iter()).unwrap();
        assert_eq!(published, folder.join("a_2.sql"));
        assert_eq!(fs::read(folder.join("a.sql")).unwrap(), b"old");
        drop(Partial::create(&folder, "c", "xtask-0000000000a3").unwrap());
        let mut names: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        let others = ["b.xtask-0000000000A2.partial", "b.xtask-0000000000a2-load.partial", "b.xtask-2.partial"];
        assert_eq!(names, [&["a.sql", "a_2.sql"][..], &others, &["notes.partial"]].concat());
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_planted_file_ends_no_living_run() {
        let folder = std::env::temp_dir().join(format!("xtask-planted-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let mut running = Partial::create(&folder, "a", "xtask-0000000000b1").unwrap();
        running.write(b"begun").unwrap();
        for start in ["A", "z"] {
            fs::write(folder.join(format!("{start}.xtask-0000000000b1.partial")), "planted").unwrap();
        }
        assert_eq!(clear_leftovers(&folder), [""; 0], "a file of that run is held");
        assert!(platform::is_still_at(&running.file, &running.path).unwrap());
        if platform::is_root() {
            let planted = folder.join("b.xtask-0000000000b2.partial");
            fs::write(&planted, "planted").unwrap();
            platform::change_owner_of(&File::open(&planted).unwrap(), 65534, None).unwrap();
            assert_eq!(clear_leftovers(&folder), [""; 0], "another user wrote it");
        }
        drop(running);
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_run_that_begins_while_another_clears_is_not_taken_for_a_killed_one() {
        let folder = std::env::temp_dir().join(format!("xtask-clearing-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let begin = || {
            for _ in 0..500 {
                let run = session::fresh_name().unwrap();
                // Pushed aside 100 times in a row: it gives up, and names no run.
                let Ok(mut partial) = Partial::create(&folder, "a", &run) else { continue };
                partial.write(b"begun").unwrap();
                assert!(platform::is_still_at(&partial.file, &partial.path).unwrap());
            }
        };
        std::thread::scope(|scope| {
            let beginning = [scope.spawn(begin), scope.spawn(begin)];
            while beginning.iter().any(|thread| !thread.is_finished()) {
                assert_eq!(clear_leftovers(&folder), [""; 0]);
            }
        });
        fs::remove_dir_all(&folder).unwrap();
    }
}
