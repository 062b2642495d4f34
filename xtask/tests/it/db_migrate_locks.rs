//! `db-migrate` beside others: another run, a held table, a ledger or a file that changes meanwhile.

use crate::db_migrate_faults::prepared;
use crate::harness::migrations::sqlx_lock;
use crate::harness::{Health, Test, shared};
use rustix::process::Signal;
use std::time::Duration;

pub fn tests() -> Vec<Test> {
    tests![
        [Stack] two_runs_at_once_apply_each_version_once,
        [Stack] the_locks_are_the_restores_and_sqlxs,
        [Stack] a_table_that_another_session_holds_is_named_with_it,
        [Stack] a_file_outside_a_transaction_names_whom_it_waits_for,
        [Stack] a_ledger_that_another_session_holds_is_named_with_it,
        [Stack] a_ledger_that_a_migration_hides_is_noticed,
        [Stack] a_file_that_changes_while_it_runs_is_not_applied,
    ]
}

fn two_runs_at_once_apply_each_version_once() {
    let database = shared().database();
    database.sandbox.tables(20);
    let runs = [database.migrate([]).spawn(), database.migrate([]).spawn()].map(crate::harness::run::Running::wait);
    for run in &runs {
        run.ok();
    }
    assert_eq!(database.sql("SELECT count(*) FROM _sqlx_migrations WHERE success"), "20");
    let worked = runs.iter().filter(|run| run.stderr.contains("✓ 20 migrations applied")).count();
    let idle = runs.iter().filter(|run| run.stderr.contains("✓ Nothing to do")).count();
    assert_eq!((worked, idle), (1, 1));
}

fn the_locks_are_the_restores_and_sqlxs() {
    let database = prepared();
    let running = database.migration_paused_at("locked");
    for (run, seconds) in [
        (database.migrate(["--wait-for-run", "1"]).run(), 1),
        (database.migrate(["baseline", "1", "--yes", "--no-compare", "--wait-for-run", "1"]).run(), 1),
        (database.xtask(["db-restore", "--repair"]).run(), 30),
    ] {
        run.code(5).stderr_has("is being changed by session ").stderr_has("(xtask-");
        run.stderr_has(&format!("; waiting up to {seconds} s"));
    }
    running.signal(Signal::CONT);
    running.wait().ok();
    // A service that migrates with sqlx holds this one, in the database itself.
    let mut service = database.session();
    service.sql("SET application_name = 'the service'");
    let number = sqlx_lock(&database.name);
    service.sql(&format!("SELECT pg_advisory_lock({number})"));
    let run = database.migrate(["down", "--yes", "--no-backup", "--wait-for-run", "1"]).run();
    run.code(5).stderr_has("(the service, user postgres").stderr_has("→ wait until it has ended");
    drop(service);
    database.migrate(["down", "--yes", "--no-backup"]).run().ok();
}

fn a_table_that_another_session_holds_is_named_with_it() {
    let database = shared().database();
    database.sql("CREATE TABLE t (a int)");
    database.sandbox.migration(1, "column", "ALTER TABLE t ADD b int;", None);
    let holder = database.hold("t");
    let run = database.migrate(["--no-backup", "--lock-timeout", "2"]).run();
    run.code(5).stderr_has("✗ migrations/1_column.up.sql:1 failed; nothing was applied");
    run.stderr_has("canceling statement due to lock timeout").stderr_has("--lock-timeout SECONDS");
    run.stderr_has("table public.t is held by session ").stderr_has("user postgres").stderr_has("idle in transaction");
    run.stderr_has("\n1 waits up to 2 s (--lock-timeout): table public.t is held by session ");
    drop(holder);
    database.migrate(["--no-backup"]).run().ok();
}

fn a_file_outside_a_transaction_names_whom_it_waits_for() {
    let database = shared().database();
    database.sql("CREATE TABLE t (a int)");
    let full = "-- no-transaction\nVACUUM FULL t;\n";
    database.sandbox.migration(1, "full", full, Some(full));
    // Nothing of the only statement is run where it waits in vain, so that nothing is marked.
    let holder = database.hold("t");
    let run = database.migrate(["--no-backup", "--lock-timeout", "2"]).run();
    run.code(5).stderr_has("✗ migrations/1_full.up.sql:2 failed; nothing was applied");
    run.stderr_has("\n1 waits up to 2 s (--lock-timeout): table public.t is held by session ");
    run.stderr_has("→ wait until the table is free, then run it again");
    database.migrate(["status"]).run().ok().stdout_has("pending").stdout_lacks("dirty");
    drop(holder);
    database.migrate(["--no-backup"]).run().ok();
    let row = "SELECT success, execution_time >= 0 FROM _sqlx_migrations";
    assert_eq!(database.sql(row), "t|t");
    let holder = database.hold("t");
    let run = database.migrate(["down", "--yes", "--no-backup", "--lock-timeout", "2"]).run();
    run.code(5).stderr_has("✗ migrations/1_full.down.sql:2 failed; nothing was reverted");
    assert_eq!(database.sql(row), "t|t");
    drop(holder);
    // One that would leave something behind waits as long as it must, and says for whom.
    for (version, text) in [
        (2, "-- no-transaction\nCREATE INDEX CONCURRENTLY i ON t (a);\n"),
        (3, "-- no-transaction\nCREATE TABLE u (a int);\nVACUUM FULL t;\n"),
    ] {
        database.sandbox.migration(version, "waits", text, None);
        let holder = database.hold("t");
        let running = database.migrate(["--no-backup", "--lock-timeout", "1"]).spawn();
        let line =
            format!("\n{version} waits without a limit, because it runs outside a transaction: table public.t is held");
        crate::harness::wait_until("it says for whom it waits", || running.stderr().contains(&line));
        std::thread::sleep(Duration::from_secs(2));
        drop(holder);
        running.wait().ok();
    }
}

fn a_ledger_that_another_session_holds_is_named_with_it() {
    let database = prepared();
    database.migrate(["--no-backup"]).run().ok();
    let holder = database.hold("_sqlx_migrations");
    for args in [&["status"][..], &["up", "--dry-run"]] {
        let run = database.migrate(args.iter().copied()).run();
        run.code(5).stderr_has("✗ The ledger cannot be read: table public._sqlx_migrations is held by session ");
        run.stderr_has("user postgres").stderr_has("-c 'SELECT pg_catalog.pg_terminate_backend(");
        run.within(Duration::from_secs(20), "it waited for long");
    }
    let health = Health::of(database.xtask([]), &["--only", "migrations"]);
    health.says("migrations", "fail", "_sqlx_migrations is held by session ", "pg_terminate_backend(");
    drop(holder);
    database.migrate(["status", "--check"]).run().ok();
}

fn a_ledger_that_a_migration_hides_is_noticed() {
    let database = shared().database();
    database.sandbox.migration(
        1,
        "away",
        "CREATE SCHEMA elsewhere; SET search_path TO elsewhere; CREATE TABLE t (a int);",
        None,
    );
    database.sandbox.migration(2, "local", "SELECT set_config('search_path', '', false); SET ROLE pg_monitor;", None);
    database.sandbox.migration(3, "nameless", "CREATE TABLE u (a int);", None);
    database.migrate([]).run().ok();
    assert_eq!(database.sql("SELECT count(*) FROM public._sqlx_migrations"), "3");
    assert_eq!(database.sql("SELECT to_regclass('elsewhere.t'), to_regclass('public.u')"), "elsewhere.t|u");
    // For good, for every session to come: that is seen at once.
    let up = format!("ALTER DATABASE {} SET search_path TO elsewhere;", database.name);
    database.sandbox.migration(4, "hide", &up, None);
    let run = database.migrate([]).run();
    run.code(6).stderr_has("✗ The migrations ran, but the ledger does not show them");
    run.stderr_has("The ledger is in schema public, which is not in search_path");
    let run = database.migrate(["status"]).run();
    run.code(1).stderr_has("→ name it in sqlx.toml: table-name = \"public._sqlx_migrations\" under [migrate]");
    database.sql(&format!("ALTER DATABASE {} RESET search_path", database.name));
    database.migrate(["status", "--check"]).run().ok();
}

fn a_file_that_changes_while_it_runs_is_not_applied() {
    let database = shared().database();
    database.sandbox.tables(1);
    let running = database.migration_paused_at("ledger");
    database.sandbox.migration(1, "make a table", "CREATE TABLE other (a int);\n", None);
    running.signal(Signal::CONT);
    running.wait().code(1).stderr_has("The file was changed while it ran");
    assert_eq!(database.tables(), "");
    // Nothing of the new bytes is sent, wherever they are.
    let honest = format!("SELECT 1;\n{}CREATE TABLE honest (a int);        \n", "-- padding\n".repeat(60_000));
    let evil = honest.replace("CREATE TABLE honest (a int);", "CREATE TABLE e (); COMMIT;  ");
    assert_eq!(honest.len(), evil.len());
    database.sandbox.migration(1, "make a table", &honest, None);
    let running = database.migration_paused_at("ledger");
    database.sandbox.migration(1, "make a table", &evil, None);
    running.signal(Signal::CONT);
    running.wait().code(1).stderr_has("The file was changed while it ran").stderr_has("nothing was applied");
    assert_eq!(database.tables(), "");
}
