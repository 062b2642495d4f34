//! Our ledger against the real sqlx-cli: what one applied is installed for the other.

use crate::harness::stack::Database;
use crate::harness::{Outcome, Test, needs, shared};
use std::fs;

pub fn tests() -> Vec<Test> {
    tests![
        [Stack, Sqlx] what_we_applied_is_installed_for_sqlx,
        [Stack, Sqlx] what_sqlx_applied_is_applied_for_us,
        [Stack, Sqlx] beside_a_sqlx_that_runs_at_the_same_time,
        [Stack, Sqlx] sqlx_toml_means_the_same_to_both,
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

/// sqlx-cli without its feature `sqlx-toml` would pass over the file, and fail here: see `.ci/sqlx`.
fn sqlx_toml_means_the_same_to_both() {
    let database = shared().database();
    let url = format!("postgres://postgres:postgres@127.0.0.1:{}/{}", database.stack.postgres_port, database.name);
    let sqlx = |args: &[&str]| {
        let run = database.xtask(["migrate"].iter().chain(args).copied()).program(needs::sqlx().unwrap());
        run.env("APP_DATABASE", &url).run()
    };
    let ours = |args: &[&str]| database.migrate(args.iter().copied()).env("APP_DATABASE", &url).run();
    let text = "[common]\ndatabase-url-var = 'APP_DATABASE'\n[drivers]\n[macros]\n[migrate]\n\
        table-name = 'Ledger.\"Done\"'\ncreate-schemas = ['ledger', '\"Two Words\"']\nmigrations-dir = 'db/steps'\n\
        ignored-chars = [\"\\r\", \"\\uFEFF\", \" \"]\n";
    database.sandbox.write("sqlx.toml", text);
    let step = |version: i64, text: &str| database.sandbox.write(format!("db/steps/{version}_step.sql"), text);
    step(1, "CREATE TABLE a (a int);\n");
    sqlx(&["run"]).ok();
    let made = "SELECT count(*) FROM pg_namespace WHERE nspname IN ('ledger', 'Two Words')";
    assert_eq!(database.sql(made), "2");
    // Letters that do not count, in a file that sqlx applied, and in one that we did.
    step(1, "CREATE  TABLE a (a int);\r\n");
    ours(&["status", "--check"]).ok().stdout_lacks("pending");
    step(2, "CREATE TABLE b (a int);\r\n");
    ours(&["up"]).ok().stderr_has("✓ 2 step");
    step(2, "CREATE TABLE b (a int);\n");
    let info = sqlx(&["info"]);
    info.ok();
    assert_eq!(info.text().matches("/installed ").count(), 2, "{}", info.text());
    sqlx(&["run"]).ok();
    assert_eq!(database.sql("SELECT count(*) FROM ledger.\"Done\" WHERE success"), "2");
    assert_eq!(database.sql("SELECT to_regclass('public._sqlx_migrations') IS NULL"), "t");
    // Letters that count.
    step(2, "CREATE TABLE b (b int);\n");
    sqlx(&["run"]).code(1).stdout_has("has been modified");
    ours(&["up"]).code(1).stderr_has("Changed since it was applied: 2 step");
    step(2, "CREATE TABLE b (a int);\n");
    // We make what sqlx makes.
    database.sql("DROP TABLE ledger.\"Done\", a, b; DROP SCHEMA ledger, \"Two Words\"");
    ours(&["up"]).ok();
    assert_eq!(database.sql(made), "2");
    sqlx(&["run"]).ok();
    assert_eq!(database.sql("SELECT count(*) FROM ledger.\"Done\""), "2");
    // What one refuses the other does, too.
    for (text, accepted) in [
        ("[migrate]\nmigrations-dir = 'db/steps'\n[macros]\npreferred-crates.date-time = 'chrono'\n", true),
        (
            "[migrate]\nmigrations-dir = 'db/steps'\n[migrate.defaults]\nmigration-type = 'simple'\nmigration-versioning = 'sequential'\n",
            true,
        ),
        ("[migrate.defaults]\nmigration-type = 'both'\n", false),
        ("[migrate]\ntable = 'x'\n", false),
        ("[common]\nurl = 'x'\n", false),
        ("[migrate]\nignored-chars = ['ab']\n", false),
        ("[migrate]\ncreate-schemas = 'ledger'\n", false),
        ("[other]\nx = 1\n", false),
        ("[migrate\n", false),
    ] {
        database.sandbox.write("sqlx.toml", text);
        let theirs =
            database.xtask(["migrate", "info"]).program(needs::sqlx().unwrap()).env("DATABASE_URL", &url).run();
        let ours = ours(&["status"]);
        assert_eq!((theirs.code == Some(0), ours.code == Some(0)), (accepted, accepted), "{text}\n{}", theirs.text());
    }
}
