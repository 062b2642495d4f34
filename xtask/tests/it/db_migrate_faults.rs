//! `db-migrate` that dies or is interrupted: whole files, and a ledger that tells the truth.

use crate::harness::migrations::SLOW;
use crate::harness::patience::is_within;
use crate::harness::stack::Database;
use crate::harness::{Test, UrlDatabase, Xtask, shared, wait_until};
use rustix::process::Signal;
use std::time::{Duration, Instant};

pub fn tests() -> Vec<Test> {
    tests![
        [Stack] a_run_killed_at_any_point_is_completed_by_the_next,
        [Stack] ctrl_c_at_any_point_leaves_whole_versions,
        [Stack, Clients] ended_runs_through_a_url_leave_whole_versions,
        [Stack] a_down_that_is_ended_leaves_file_and_row_together,
        [Stack] a_run_ended_within_its_commit_leaves_file_and_row_together,
        [Stack] what_a_killed_verify_left_is_dropped_by_the_next,
        [Stack] a_run_ended_within_a_statement_applies_nothing_of_it,
        [Stack] half_of_a_file_outside_a_transaction_is_recorded_as_dirty,
        [Stack] an_invalid_index_is_found,
        [Stack] what_a_file_sets_ends_with_it,
        [Stack] what_another_reading_hides,
    ]
}

/// Points, whether the first version stands from there on.
const POINTS: &[(&str, bool)] =
    &[("locked", false), ("backup", false), ("ledger", false), ("applying", false), ("committed", true)];

/// How a run reaches its database.
type Way = fn(&Database<'_>, &[&'static str]) -> Xtask;
const COMPOSE: Way = |database, args| database.migrate(args.iter().copied());
const URL: Way = |database, args| database.migrate_by_url(args.iter().copied());

/// Two versions to apply, and a row to lose.
pub fn prepared() -> Database<'static> {
    let database = shared().database();
    database.sql("CREATE TABLE data AS SELECT 1 AS a");
    database.sandbox.tables(2);
    database
}

#[track_caller]
fn completes(database: &Database<'_>) {
    database.migrate(["--no-backup"]).run().ok();
    assert_eq!((database.ledger(), database.tables()), ("1 2".to_owned(), "data t1 t2".to_owned()));
    wait_until("no session of ours is left", || database.our_sessions() == 0);
    database.migrate(["down", "2", "--yes", "--no-backup"]).run().ok();
}

fn a_run_killed_at_any_point_is_completed_by_the_next() {
    killed(COMPOSE, POINTS);
}

fn ended_runs_through_a_url_leave_whole_versions() {
    // What a killed run had begun goes on in the server.
    let _alone = UrlDatabase::new().alone();
    killed(URL, POINTS);
    interrupted(URL, POINTS);
}

fn killed(way: Way, points: &[(&str, bool)]) {
    let database = prepared();
    for &(point, first) in points {
        let running = crate::harness::restore::paused(way(&database, &[]), point);
        running.signal(Signal::KILL);
        assert_eq!(running.wait().signal, Some(9));
        wait_until("its sessions are gone", || database.our_sessions() == 0);
        let tables = if first { "data t1" } else { "data" };
        assert_eq!(database.tables(), tables, "{point}");
        assert_eq!(database.states(), [if first { "applied" } else { "pending" }, "pending"], "{point}");
        completes(&database);
    }
}

fn ctrl_c_at_any_point_leaves_whole_versions() {
    interrupted(COMPOSE, POINTS);
}

fn interrupted(way: Way, points: &[(&str, bool)]) {
    let database = prepared();
    for &(point, first) in points {
        let running = crate::harness::restore::paused(way(&database, &[]), point);
        running.signal(Signal::INT);
        running.signal(Signal::CONT);
        let run = running.wait();
        if first {
            run.code(6).stderr_has("✗ Ended by signal 2; 1 of 2 were run").stderr_has("→ run it again");
        } else {
            run.code(130).stderr_has("✗ Ended by Ctrl-C (SIGINT); nothing was changed");
        }
        assert_eq!(database.tables(), if first { "data t1" } else { "data" }, "{point}");
        completes(&database);
    }
}

fn a_down_that_is_ended_leaves_file_and_row_together() {
    let database = prepared();
    database.migrate(["--no-backup"]).run().ok();
    for (signal, point, second) in [
        (Signal::KILL, "locked", true),
        (Signal::KILL, "applying", true),
        (Signal::INT, "applying", true),
        (Signal::KILL, "committed", false),
        (Signal::INT, "committed", false),
    ] {
        let running = crate::harness::restore::paused(database.migrate(["down", "2", "--yes", "--no-backup"]), point);
        running.signal(signal);
        running.signal(Signal::CONT);
        let run = running.wait();
        if signal == Signal::INT {
            run.code(if second { 130 } else { 6 });
        }
        wait_until("its sessions are gone", || database.our_sessions() == 0);
        let left = if second { ("1 2", "data t1 t2") } else { ("1", "data t1") };
        assert_eq!((database.ledger().as_str(), database.tables().as_str()), left, "{point}");
        database.migrate(["--no-backup"]).run().ok();
    }
}

/// A trigger that waits for COMMIT makes it last: whichever way it ends, file and row stand together or not at all.
fn a_run_ended_within_its_commit_leaves_file_and_row_together() {
    let database = shared().database();
    let up = "CREATE TABLE t1 (a int);\n\
        CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(60); RETURN NULL; END $$;\n\
        CREATE CONSTRAINT TRIGGER late AFTER INSERT ON t1 DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION late();\n\
        INSERT INTO t1 VALUES (1);\n";
    database.sandbox.migration(1, "late", up, None);
    let running = database.migrate([]).spawn();
    wait_for_the_sleep(&database);
    running.signal(Signal::INT);
    running.wait().code(130).stderr_has("nothing was changed");
    wait_until("its sessions are gone", || database.our_sessions() == 0);
    assert_eq!(database.tables(), "");
    // Killed outright, psql and the server go on: the next run waits for them, and finds what they did.
    database.sandbox.migration(1, "late", &up.replace("(60)", "(3)"), None);
    let running = database.migrate([]).spawn();
    wait_for_the_sleep(&database);
    running.signal(Signal::KILL);
    running.wait();
    database.migrate(["--wait-for-run", "60"]).run().ok().stderr_has("✓ Nothing to do");
    let wrong = database.migrate([]).env("XTASK_WAIT_FOR_RUN", "x").run();
    wrong.code(2).stderr_has("XTASK_WAIT_FOR_RUN is \"x\"").stderr_has("→ write the seconds alone, such as 60");
    for args in [&["up", "x"][..], &["--to", "x"], &["baseline", "x"]] {
        database.migrate(args.iter().copied()).run().code(2).prints_nothing().stderr_has("\"x\" is not a number");
    }
    assert_eq!((database.ledger(), database.tables()), ("1".to_owned(), "t1".to_owned()));
}

fn what_a_killed_verify_left_is_dropped_by_the_next() {
    let database = prepared();
    let running = crate::harness::restore::paused(database.migrate(["verify"]), "applying");
    running.signal(Signal::KILL);
    running.wait();
    wait_until("its sessions are gone", || database.our_sessions() == 0);
    database.migrate(["verify"]).run().ok().stderr_has("Dropped ").stderr_has("of a run that was killed");
    let left = format!("SELECT count(*) FROM pg_database WHERE datname LIKE '{}_verify_%'", database.name);
    assert_eq!((database.stack.admin(&left), database.tables()), ("0".to_owned(), "data".to_owned()));
}

/// Waits until a migration of this database is in its sleep.
#[track_caller]
fn wait_for_the_sleep(database: &Database<'_>) {
    let sql =
        format!("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = '{}'", database.name);
    wait_until("the migration sleeps", || database.stack.admin(&sql) == "1");
}

fn a_run_ended_within_a_statement_applies_nothing_of_it() {
    let database = shared().database();
    database.sandbox.migration(1, "slow", &format!("CREATE TABLE t1 (a int);\n{SLOW}"), None);
    let running = database.migrate([]).spawn();
    wait_for_the_sleep(&database);
    let sent = Instant::now();
    running.signal(Signal::INT);
    let run = running.wait();
    run.code(130).stderr_has("nothing was changed");
    run.holds(is_within(sent.elapsed(), Duration::from_secs(20)), "it should end soon");
    wait_until("its sessions are gone", || database.our_sessions() == 0);
    assert_eq!(database.tables(), "");
    // Killed outright, the server's session goes on for a while; the next run names it.
    let running = database.migrate([]).spawn();
    wait_for_the_sleep(&database);
    running.signal(Signal::KILL);
    running.wait();
    let run = database.migrate(["--wait-for-run", "1"]).run();
    run.code(5).stderr_has("is being changed by session ").stderr_has("-migrate, user postgres, since ");
    database.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()");
    assert_eq!(database.tables(), "");
}

/// A file may change how psql reads the strings that come after.
fn what_another_reading_hides() {
    let database = shared().database();
    let off = "DO $$ BEGIN PERFORM set_config('standard_con'||'forming_strings','off',false); END $$;\n";
    let hidden = format!("{off}SELECT 'a\\'' \\unrestrict `touch /tmp/xtask-hidden` --';\nSELECT 1;\n");
    database.sandbox.migration(1, "hidden", &hidden, None);
    let run = database.migrate(["--no-backup"]).run();
    run.code(1).stderr_has("hidden.up.sql:2: `\\unrestrict`").stderr_has("nothing was sent");
    database.migrate(["verify"]).run().code(1).stderr_has("hidden.up.sql:2: `\\unrestrict`");
    // A table called `stdin`: no rows follow.
    let rows = "CREATE TABLE stdin (a int);\nCOPY (SELECT * FROM stdin) TO stdout;\nCOMMIT;\nCREATE TABLE c ();\n";
    database.sandbox.migration(1, "hidden", rows, None);
    let run = database.migrate(["--no-backup"]).run();
    run.code(1).stderr_has("hidden.up.sql:3: COMMIT in a file that runs in one transaction");
    for (end, words) in [("SELECT 1/0;\n", "division by zero"), ("", "The file ended its transaction")] {
        let text = format!("CREATE TABLE half ();\n{off}SELECT 'a\\''; COMMIT; --';\n{end}");
        database.sandbox.migration(1, "hidden", &text, None);
        let run = database.migrate(["--no-backup"]).run();
        run.code(6).stderr_has(words).stderr_has("it ended its transaction itself, and parts of it stay");
        assert_eq!((database.ledger(), database.tables()), (String::new(), "half".to_owned()));
        database.sql("DROP TABLE half");
    }
    database.sandbox.migration(1, "hidden", "CREATE TABLE t AS SELECT 'C:\\dir\\' AS path;\n", None);
    database.migrate(["--no-backup"]).run().ok();
    assert_eq!((database.ledger(), database.tables()), ("1".to_owned(), "t".to_owned()));
}

fn half_of_a_file_outside_a_transaction_is_recorded_as_dirty() {
    let database = shared().database();
    database.sandbox.tables(1);
    let down = "-- no-transaction\nDROP INDEX CONCURRENTLY i;\n";
    database.sandbox.migration(2, "index", "-- no-transaction\nCREATE INDEX CONCURRENTLY i ON t1 (a);\n", Some(down));
    database.migrate([]).run().ok();
    assert_eq!(database.ledger(), "1 2");
    database.migrate(["down", "--yes"]).run().ok();
    assert_eq!((database.ledger(), database.sql("SELECT to_regclass('i') IS NULL")), ("1".to_owned(), "t".to_owned()));
    // Half of it stays, and is recorded.
    database.sandbox.migration(2, "index", "-- no-transaction\nCREATE TABLE half (a int);\nSELECT nothing;\n", None);
    let run = database.migrate([]).run();
    run.code(6).stderr_has(
        "✗ migrations/2_index.up.sql:3 failed; its changes up to that point stay; its version is marked as dirty",
    );
    run.stderr_has("→ undo it by hand, then: cargo xtask db-migrate repair 2\n  or finish it by hand, then: cargo xtask db-migrate repair --applied 2");
    assert_eq!((database.ledger(), database.states()[1].as_str()), ("1 2!".to_owned(), "dirty"));
    for args in [&[][..], &["down", "--yes"]] {
        let run = database.migrate(args.iter().copied()).run();
        run.code(6).stderr_has("✗ Started outside a transaction and not finished: 2 index");
    }
    database.sql("DROP TABLE half");
    database.migrate(["repair", "--yes"]).run().ok().stderr_has("✓ 1 version repaired");
    assert_eq!(database.ledger(), "1");
    // What it leaves open is rolled back, and it is not taken for done.
    database.sandbox.migration(2, "index", "-- no-transaction\nBEGIN;\nCREATE TABLE open (a int);\n", None);
    database.migrate([]).run().code(6).stderr_has("The file leaves a transaction open");
    assert_eq!((database.ledger(), database.tables()), ("1 2!".to_owned(), "t1".to_owned()));
    database.migrate(["repair", "--yes"]).run().ok();
    // Killed with the dirty row, or after the file: the next run says so.
    database.sandbox.migration(2, "index", "-- no-transaction\nCREATE TABLE done (a int);\n", None);
    for (point, table) in [("dirty", false), ("ran", true)] {
        let running = database.migration_paused_at(point);
        running.signal(Signal::KILL);
        running.wait();
        assert_eq!(database.ledger(), "1 2!", "{point}");
        assert_eq!(database.tables().contains("done"), table, "{point}");
        database.migrate([]).run().code(6).stderr_has("not finished: 2 index");
        if !table {
            database.migrate(["repair", "--yes"]).run().ok();
        }
    }
    database.migrate(["repair", "--applied", "--yes"]).run().ok();
    assert_eq!((database.ledger(), database.states()[1].as_str()), ("1 2".to_owned(), "applied"));
}

fn an_invalid_index_is_found() {
    let database = shared().database();
    database.sql("CREATE TABLE t (a int); INSERT INTO t VALUES (1), (1)");
    let up = "-- no-transaction\nCREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS once ON t (a);\n";
    database.sandbox.migration(1, "unique", up, None);
    let run = database.migrate(["--no-backup"]).run();
    run.code(6).stderr_has("1_unique.up.sql:2 failed").stderr_has("could not create unique index");
    // The index is there, so that the second try does nothing; it is of no use all the same.
    database.sql("DELETE FROM t; DELETE FROM _sqlx_migrations");
    let run = database.migrate(["--no-backup"]).run();
    run.code(6).stderr_has("Invalid indexes are left: public.once").stderr_has("DROP INDEX CONCURRENTLY public.once;");
    database.sql("DROP INDEX once; DELETE FROM _sqlx_migrations");
    database.migrate(["--no-backup"]).run().ok();
}

fn what_a_file_sets_ends_with_it() {
    let database = shared().database();
    database.sandbox.migration(
        1,
        "settings",
        "SET statement_timeout TO '200ms'; SET default_transaction_read_only TO on;",
        None,
    );
    database.sandbox.migration(2, "after", "SELECT pg_sleep(0.4); CREATE TABLE t (a int);", None);
    database.migrate([]).run().ok();
    assert_eq!(database.ledger(), "1 2");
    let leaves = "CREATE TEMP TABLE t (a int); PREPARE p AS SELECT 1; DECLARE c CURSOR WITH HOLD FOR SELECT 1;";
    database.sandbox.migration(3, "leaves", leaves, Some("SELECT 1;"));
    let meets = "INSERT INTO t VALUES (1); PREPARE p AS SELECT 2; DECLARE c CURSOR WITH HOLD FOR SELECT 1;";
    database.sandbox.migration(4, "meets", meets, Some("SELECT 1;"));
    database.migrate([]).run().ok();
    assert_eq!(database.sql("SELECT count(*) FROM t"), "1", "the row is in the table, not in an earlier file's own");
    database.migrate(["verify"]).run().ok();
}
