//! `adopt` that is killed, or repeated with a newer version: the next run completes it, and loses no change.

use crate::adopt::{COMPOSE, OLD_RECIPES, Theirs, write};
use crate::harness::Test;
use crate::harness::backup::sha256;
use crate::harness::restore::paused;
use rustix::process::Signal;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

pub fn tests() -> Vec<Test> {
    tests![
        [Git] a_run_that_is_killed_anywhere_is_completed_by_the_next,
        [Git] an_update_brings_new_files_and_removes_old_ones_also_after_a_kill,
        [Git] an_update_loses_nobodys_changes,
        [Git] a_list_that_says_to_remove_something_else_is_not_obeyed,
        [Git] a_list_of_an_interrupted_run_that_is_a_link_is_refused,
    ]
}

/// Every file of a folder but git's own, by its path.
fn tree(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for path in
            fs::read_dir(next).unwrap().map(|entry| entry.unwrap().path()).filter(|path| !path.ends_with(".git"))
        {
            if path.is_dir() {
                open.push(path);
            } else {
                found.insert(path.strip_prefix(folder).unwrap().to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    found
}

fn a_run_that_is_killed_anywhere_is_completed_by_the_next() {
    let files = [COMPOSE, ("Makefile", OLD_RECIPES)];
    let whole = Theirs::with(&files);
    whole.adopted(&[]);
    let expected = tree(&whole.folder);
    for point in ["adopting-0", "adopting-copied", "adopting-1", "adopting-3", "adopting-5"] {
        let theirs = Theirs::with(&files);
        let running = paused(theirs.adopt(&["--yes"]), point);
        running.signal(Signal::KILL);
        running.wait();
        theirs.adopted(&[]);
        assert!(tree(&theirs.folder) == expected, "{point}: {}", theirs.status());
        theirs.adopt(&[]).run().ok().stderr_has("Nothing to do");
    }
}

/// As if an older version had been adopted: another text of one file, and one that is gone since.
fn made_older(theirs: &Theirs) {
    let list = theirs.text("xtask/.adopted");
    let hash = |text: &str| {
        let folder = theirs.sandbox.beside("hashed");
        fs::write(&folder, text).unwrap();
        let run = Command::new("sha256sum").arg(folder).output().unwrap();
        String::from_utf8(run.stdout).unwrap().split(' ').next().unwrap().to_owned()
    };
    let old = "fn main() { /* older */ }\n";
    let lines = list.lines().map(|line| match line.split_once("  ") {
        Some((_, "src/main.rs")) => format!("{}  src/main.rs\n", hash(old)),
        _ => format!("{line}\n"),
    });
    let list = lines.collect::<String>() + &format!("{}  src/gone/old.rs\n", hash("// old\n"));
    write(&theirs.folder.join("xtask/.adopted"), &list);
    write(&theirs.folder.join("xtask/src/main.rs"), old);
    write(&theirs.folder.join("xtask/src/gone/old.rs"), "// old\n");
}

/// An older version of ours in a repository of theirs, and the files that a new one has.
fn old_and_new() -> (Theirs, BTreeMap<PathBuf, Vec<u8>>) {
    let theirs = Theirs::with(&[COMPOSE]);
    theirs.adopted(&[]);
    let new = tree(&theirs.folder);
    made_older(&theirs);
    theirs.commit();
    (theirs, new)
}

fn an_update_brings_new_files_and_removes_old_ones_also_after_a_kill() {
    let none = Theirs::with(&[COMPOSE]);
    none.adopt(&["--update"]).run().code(1).stderr_has("Nothing was adopted in ").stderr_has("their repo'");
    let (theirs, new) = old_and_new();
    let run = theirs.adopt(&["--yes"]).run();
    run.code(1).stderr_has("xtask was adopted there in version ");
    run.stderr_has(&format!("→ bring them there: cargo xtask adopt --update '{}'\n", theirs.folder.display()));
    let running = paused(theirs.adopt(&["--update", "--yes"]), "adopting-2");
    running.signal(Signal::KILL);
    running.wait();
    theirs.adopted(&["--update"]);
    assert!(tree(&theirs.folder) == new, "{}", theirs.status());
    theirs.commit();
    theirs.adopt(&["--update"]).run().ok().stderr_has("Nothing to do");
}

fn an_update_loses_nobodys_changes() {
    let (theirs, _) = old_and_new();
    let main = theirs.folder.join("xtask/src/main.rs");
    fs::write(&main, "fn main() { /* ours */ }\n").unwrap();
    fs::write(theirs.folder.join("xtask/src/ours.rs"), "// ours\n").unwrap();
    theirs.commit();
    let run = theirs.adopt(&["--update", "--yes"]).run();
    run.code(1).stderr_has("Files of xtask were changed since they were adopted; nothing was changed");
    run.stderr_has("changed since: src/main.rs, src/ours.rs").stderr_has("-fn main() { /* older */ }\n");
    run.stderr_has("+fn main() { /* ours */ }\n").stderr_has("+// ours");
    assert_eq!(theirs.status(), "");
}

fn a_list_that_says_to_remove_something_else_is_not_obeyed() {
    let theirs = Theirs::with(&[COMPOSE]);
    theirs.adopted(&[]);
    let list = theirs.text("xtask/.adopted");
    fs::write(theirs.folder.join("xtask/.adopted"), list.replace("src/main.rs", "../compose.yaml")).unwrap();
    theirs.commit();
    theirs.adopt(&["--update", "--yes"]).run().code(1).stderr_has("xtask/.adopted is not as adopt wrote it");
    // A file of an older version, behind a link that git ignores.
    let outside = theirs.sandbox.home.join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("kept"), "kept").unwrap();
    symlink(&outside, theirs.folder.join("xtask/src/old")).unwrap();
    fs::write(theirs.folder.join(".git/info/exclude"), "old\n").unwrap();
    let entry = format!("{}  src/old/kept\n", sha256(b"kept"));
    fs::write(theirs.folder.join("xtask/.adopted"), list + &entry).unwrap();
    theirs.commit();
    let run = theirs.adopt(&["--update", "--yes"]).run();
    run.code(1).stderr_has("xtask/src/old/kept is a symbolic link, or lies behind one");
    assert_eq!(fs::read_to_string(outside.join("kept")).unwrap(), "kept");
    // The same name, and another file.
    fs::remove_file(theirs.folder.join("xtask/src/old")).unwrap();
    write(&theirs.folder.join("xtask/src/old/kept"), "mine");
    let run = theirs.adopt(&["--update", "--yes"]).run();
    run.code(1).stderr_has("xtask/src/old/kept is not the file that was adopted");
    assert_eq!(theirs.text("xtask/src/old/kept"), "mine");
}

fn a_list_of_an_interrupted_run_that_is_a_link_is_refused() {
    let theirs = Theirs::with(&[COMPOSE]);
    let outside = theirs.sandbox.home.join("outside");
    fs::write(&outside, "kept").unwrap();
    let journal = theirs.folder.join(".git/xtask-adopt");
    symlink(&outside, &journal).unwrap();
    let refused = || {
        let run = theirs.adopt(&["--yes"]).run();
        run.code(1).stderr_has(".git/xtask-adopt is no list that adopt wrote").stderr_has("→ remove it");
    };
    refused();
    assert_eq!(fs::read_to_string(&outside).unwrap(), "kept");
    fs::remove_file(&journal).unwrap();
    let pipe = Command::new("mkfifo").arg(&journal).status().unwrap();
    assert!(pipe.success());
    refused();
}
