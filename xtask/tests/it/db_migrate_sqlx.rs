//! Our ledger against the real sqlx-cli: what one applied is installed for the other.

use crate::harness::stack::Database;
use crate::harness::{Outcome, Test, needs, shared};
use std::fs;

pub fn tests() -> Vec<Test> {
    tests![
        [Stack, Sqlx] what_we_applied_is_installed_for_sqlx,
        [Stack, Sqlx] what_sqlx_applied_is_applied_for_us,
        [Stack, Sqlx] beside_a_sqlx_that_runs_at_the_same_time,
    ]
}

/// sqlx-cli on this database and its checkout's migrations.
fn sqlx(database: &Database<'_>, args: &[&str]) -> crate::harness::Xtask {
    let url = format!("postgres://postgres:postgres@127.0.0.1:{}/{}", database.stack.postgres_port, database.name);
    let words = ["migrate"].iter().chain(args).copied();
    database.xtask(words).program(needs::sqlx().unwrap()).env("DATABASE_URL", url)
}

#[track_caller]
fn info(database: &Database<'_>) -> String {
    let run = sqlx(database, &["info"]).run();
    run.ok();
    run.text()
}

/// Versions of every kind: with and without a way back, in and outside of a transaction.
fn prepared(database: &Database<'_>) {
    database.sandbox.tables(2);
    let up = "-- no-transaction\nCREATE INDEX CONCURRENTLY i ON t1 (a);\n";
    database.sandbox.migration(3, "an_index", up, Some("-- no-transaction\nDROP INDEX CONCURRENTLY i;\n"));
    database.sandbox.migration(4, "it's_über", "SELECT 'é';", Some("SELECT 1;"));
}

fn what_we_applied_is_installed_for_sqlx() {
    let database = shared().database();
    prepared(&database);
    database.migrate([]).run().ok();
    let info = info(&database);
    assert_eq!(info.lines().filter(|line| line.contains("/installed ")).count(), 4, "{info}");
    assert!(!info.contains("pending") && !info.contains("different"), "{info}");
    sqlx(&database, &["run"]).run().ok();
    sqlx(&database, &["revert"]).run().ok();
    assert_eq!(database.states(), ["applied", "applied", "applied", "pending"]);
    // A version that we left dirty is dirty for it.
    database.sandbox.migration(4, "it's_über", "-- no-transaction\nSELECT nothing;", Some("SELECT 1;"));
    database.migrate([]).run().code(6);
    let run = sqlx(&database, &["run"]).run();
    run.code(1).stdout_has("partially applied");
    // A file that changed is changed for both.
    database.migrate(["repair", "--yes"]).run().ok();
    let path = database.sandbox.path("migrations/1_make a table.up.sql");
    fs::write(&path, fs::read_to_string(&path).unwrap().replace('\n', "\r\n")).unwrap();
    sqlx(&database, &["run"]).run().code(1).stdout_has("previously applied but has been modified");
    database.migrate([]).run().code(1).stderr_has("Changed since it was applied: 1 make a table");
}

fn what_sqlx_applied_is_applied_for_us() {
    let database = shared().database();
    prepared(&database);
    sqlx(&database, &["run"]).run().ok();
    let run = database.migrate(["status", "--check"]).run();
    run.ok().says_nothing().stdout_has("it's über").stdout_lacks("pending");
    database.migrate(["down", "2", "--yes"]).run().ok();
    let info = info(&database);
    assert_eq!(info.lines().filter(|line| line.contains("/pending ")).count(), 2, "{info}");
    database.migrate([]).run().ok();
    assert_eq!(database.ledger(), "1 2 3 4");
}

/// sqlx-cli takes no lock: each version stands once all the same, and whoever was slower says so.
fn beside_a_sqlx_that_runs_at_the_same_time() {
    let database = shared().database();
    database.sandbox.tables(40);
    let [ours, theirs] =
        [database.migrate([]).spawn(), sqlx(&database, &["run"]).spawn()].map(|running| running.wait());
    let one_worked = |run: &Outcome| run.code == Some(0);
    assert!(one_worked(&ours) || one_worked(&theirs), "{}\n{}", ours.stderr, theirs.stderr);
    ours.holds(matches!(ours.code, Some(0 | 5 | 6)), "done, or another program was faster");
    database.migrate([]).run().ok();
    assert_eq!(database.sql("SELECT count(*) FILTER (WHERE success), count(*) FROM _sqlx_migrations"), "40|40");
    sqlx(&database, &["run"]).run().ok();
    database.migrate(["status", "--check"]).run().ok();
}
