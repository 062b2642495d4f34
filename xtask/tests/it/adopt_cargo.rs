//! `adopt`: what cargo could do in the repository before, it can do afterwards.

use crate::adopt::{COMPOSE, MAIN, PACKAGE, Theirs, write};
use crate::harness::{Fakes, Test, wait_until};
use crate::root::{committed, git};
use rustix::process::Signal;
use std::path::Path;

pub fn tests() -> Vec<Test> {
    tests![
        [Git] a_path_dependency_with_a_workspace_of_its_own_stays_out,
        [Git] submodules_stay_out_whatever_is_in_them,
        [Git] a_signal_is_reported_as_one_and_not_as_a_missing_git,
        [Git] a_repository_that_git_refuses_is_not_created_again,
    ]
}

const LIBRARY: &str = "[package]\nname = \"lib\"\nversion = \"0.1.0\"\nedition = \"2021\"\n";

fn with_dependency(path: &str) -> String {
    format!("{PACKAGE}[dependencies]\nlib = {{ path = \"{path}\" }}\n")
}

/// A package that is a repository of its own, beside theirs.
fn library(theirs: &Theirs, name: &str, manifest: &str) -> String {
    let folder = theirs.sandbox.beside(name);
    write(&folder.join("Cargo.toml"), manifest);
    write(&folder.join("src/lib.rs"), "");
    committed(&folder);
    folder.display().to_string()
}

fn add_submodule(folder: &Path, from: &str, to: &str) {
    git(folder, &["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", from, to]);
}

fn a_path_dependency_with_a_workspace_of_its_own_stays_out() {
    let own = format!("{LIBRARY}[workspace]\n");
    let manifest = with_dependency("./tools/../vendor/lib");
    let files = [
        COMPOSE,
        ("Cargo.toml", manifest.as_str()),
        ("src/main.rs", MAIN),
        ("vendor/lib/Cargo.toml", &own),
        ("vendor/lib/src/lib.rs", ""),
    ];
    let theirs = Theirs::with(&files);
    theirs.adopted(&[]);
    assert!(theirs.text("Cargo.toml").contains("exclude = [\"vendor/lib\"]"));
    assert_eq!(theirs.packages(""), ["app", "xtask"]);
    assert_eq!(theirs.packages("vendor/lib"), ["lib"]);
    theirs.commit();
    theirs.adopt(&["--yes"]).run().ok().stderr_has("Nothing to do");

    // Git lists no file of what it ignores, or of another repository.
    let theirs =
        Theirs::with(&[COMPOSE, ("Cargo.toml", &manifest), ("src/main.rs", MAIN), (".gitignore", "/vendor/\n")]);
    write(&theirs.folder.join("vendor/lib/Cargo.toml"), &own);
    write(&theirs.folder.join("vendor/lib/src/lib.rs"), "");
    theirs.adopted(&[]);
    assert_eq!(theirs.packages(""), ["app", "xtask"]);
}

fn submodules_stay_out_whatever_is_in_them() {
    let theirs = Theirs::with(&[COMPOSE, ("Cargo.toml", &with_dependency("vendor/lib")), ("src/main.rs", MAIN)]);
    let (own, plain) = (format!("{LIBRARY}[workspace]\n"), LIBRARY.replace("lib", "tool"));
    add_submodule(&theirs.folder, &library(&theirs, "own", &own), "vendor/lib");
    add_submodule(&theirs.folder, &library(&theirs, "plain", &plain), "tools/tool");
    theirs.commit();
    theirs.adopted(&[]);
    assert!(theirs.text("Cargo.toml").contains("exclude = [\"tools/tool\",\"vendor/lib\"]"));
    assert_eq!(theirs.packages(""), ["app", "xtask"]);
    assert_eq!(
        (theirs.packages("tools/tool"), theirs.packages("vendor/lib")),
        (vec!["tool".into()], vec!["lib".into()])
    );

    let theirs = Theirs::with(&[COMPOSE]);
    add_submodule(&theirs.folder, &library(&theirs, "plain", &plain), "tools/tool");
    theirs.commit();
    theirs.adopted(&[]);
    assert_eq!((theirs.packages(""), theirs.packages("tools/tool")), (vec!["xtask".into()], vec!["tool".into()]));
}

fn a_signal_is_reported_as_one_and_not_as_a_missing_git() {
    let theirs = Theirs::with(&[COMPOSE]);
    let fakes = Fakes::new(&theirs.sandbox).program("git", "exec sleep 30");
    let running = fakes.over(theirs.adopt(&["--yes"])).spawn();
    wait_until("git runs", || fakes.calls().iter().any(|call| call[0] == "git"));
    running.signal(Signal::INT);
    running.wait().code(130).stderr_has("Ended by Ctrl-C (SIGINT); nothing was changed").stderr_lacks("install git");
}

fn a_repository_that_git_refuses_is_not_created_again() {
    let theirs = Theirs::with(&[COMPOSE]);
    let words = "echo \"fatal: detected dubious ownership in repository at '$PWD'\" >&2; exit 128";
    let run = Fakes::new(&theirs.sandbox).program("git", words).over(theirs.adopt(&["--yes"])).run();
    run.code(2).stderr_has("dubious ownership").stderr_has("→ do what git says there").stderr_lacks("git init");
}
