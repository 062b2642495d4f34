//! An adopted copy of the program is built in its repository, and does the work there.

use crate::adopt::OLD_RECIPES;
use crate::harness::stack::Database;
use crate::harness::{Test, Xtask, shared};
use crate::root::{committed, git};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub fn tests() -> Vec<Test> {
    tests![
        [Git, Stack, Make] an_adopted_copy_is_built_there_and_does_the_work_by_cargo_and_make,
    ]
}

/// What cargo leaves of a build of another repository in the folder that all builds share.
struct Built(PathBuf);

impl Drop for Built {
    fn drop(&mut self) {
        for folder in ["", "deps", ".fingerprint", "incremental"] {
            for entry in fs::read_dir(self.0.join(folder)).into_iter().flatten().flatten() {
                let name = entry.file_name().to_string_lossy().replace('_', "-");
                if name.starts_with("db-tool") {
                    let _ = fs::remove_file(entry.path()).or_else(|_| fs::remove_dir_all(entry.path()));
                }
            }
        }
    }
}

/// The shape of the project that the old guide is of, with its data: a Makefile with recipes, no Rust. This program is
/// adopted there under a name of its own: the tests start `xtask` from the folder of the same builds.
fn adopted_as_db_tool() -> Database<'static> {
    let database = shared().database();
    database.sql("CREATE TABLE t AS SELECT 1 AS a");
    let theirs = &database.sandbox;
    fs::remove_dir_all(theirs.path("backups")).unwrap();
    fs::remove_file(theirs.path("Makefile")).unwrap();
    theirs.write("Makefile", OLD_RECIPES);
    committed(&theirs.root);
    let run = Xtask::bare(&theirs.home, &theirs.home).args(["adopt", "--yes", "--name", "db-tool"]);
    let run = run.args([&theirs.root]).run();
    run.ok().stderr_has("Makefile:5: db-backup keeps its recipe");
    git(&theirs.root, &["add", "--all"]);
    git(&theirs.root, &["commit", "--quiet", "--message", "Adopted"]);
    fs::create_dir(theirs.path("migrations-of-theirs")).unwrap();
    database
}

/// Builds it there, however long it takes: the machine may be busy. `CARGO_PKG_NAME` is one of the variables for which
/// build scripts run again: neither this build nor those that follow have it.
fn build(root: &Path, target: &Path) {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--locked", "--offline", "--package", "db-tool"]).current_dir(root);
    cargo.env("CARGO_TARGET_DIR", target);
    // What cargo says of our package to its tests would have build scripts run again.
    for (name, _) in std::env::vars_os() {
        if ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|start| name.to_string_lossy().starts_with(start)) {
            cargo.env_remove(name);
        }
    }
    let built = cargo.output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
}

fn an_adopted_copy_is_built_there_and_does_the_work_by_cargo_and_make() {
    let database = adopted_as_db_tool();
    let theirs = &database.sandbox;
    let debug = Path::new(env!("CARGO_BIN_EXE_xtask")).parent().unwrap();
    let target = debug.parent().unwrap();
    let _built = Built(debug.to_owned());
    build(&theirs.root, target);
    let home = PathBuf::from(std::env::var_os("HOME").unwrap());
    let of_home = |name: &str, folder: &str| std::env::var_os(name).map_or_else(|| home.join(folder), PathBuf::from);
    let in_it = |words: &[&str]| {
        let run = Xtask::bare(&theirs.path("migrations-of-theirs"), &theirs.home).program(words[0]).args(&words[1..]);
        let run = run.unset("CARGO_PKG_NAME");
        let run = run.env("CARGO_HOME", of_home("CARGO_HOME", ".cargo"));
        let run = run.env("RUSTUP_HOME", of_home("RUSTUP_HOME", ".rustup")).env("CARGO_NET_OFFLINE", "true");
        run.env("CARGO_TARGET_DIR", target).env("POSTGRES_DB", &database.name).run()
    };
    // Make runs in the top folder.
    let make = |goal: &str| in_it(&["make", "--directory", "..", goal]);
    in_it(&["cargo", "db-tool", "--help"]).ok().stdout_has("Usage: cargo db-tool");
    in_it(&["cargo", "db-tool", "db-backup"]).ok().stdout_has("../backups/");
    database.sql("DELETE FROM t");
    make("db-list").ok().stderr_lacks("cargo xtask");
    make("db-verify").ok();
    let restored = in_it(&["cargo", "db-tool", "db-restore", "--yes"]);
    restored.ok().stderr_has("cargo db-tool db-restore --undo");
    assert_eq!(database.sql("SELECT count(*) FROM t"), "1");
    in_it(&["cargo", "db-tool", "health-check", "--only", "postgres", "--only", "backups"]).ok();
    make("help").ok().stdout_has("their help\n");
    assert_eq!(git(&theirs.root, &["status", "--porcelain"]), "", "lock and ignored files are as they were committed");
}
