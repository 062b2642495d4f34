//! `health-check` and what can be wrong with a database, its migrations and its backups; each planted, each named.

use crate::harness::health::until;
use crate::harness::restore::paused;
use crate::harness::stack::Database;
use crate::harness::{Health, Test, shared};
use rustix::process::Signal;
use std::fs;

pub fn tests() -> Vec<Test> {
    tests![
        [Stack] a_missing_refused_or_locked_database_is_distinguished,
        [Stack] a_wrong_password_is_named_and_not_shown,
        [Stack] old_transactions_and_invalid_indexes_are_named,
        [Stack] a_table_that_a_session_locks_is_not_waited_for,
        [Stack] settings_that_load_code_or_hide_names_are_warned_of,
        [Stack] pending_changed_and_dirty_migrations_are_distinguished,
        [Stack] missing_old_and_damaged_backups_are_distinguished,
        [Stack, Mount] a_nearly_full_disk_is_warned_of,
        [Stack] leftovers_of_a_killed_restore_are_warned_of,
        [Stack, Openfga] an_openfga_that_serves_another_database_is_named,
    ]
}

fn health(database: &Database<'_>, words: &[&str]) -> Health {
    Health::of(database.xtask([]), &[&["--only"], words].concat())
}

fn a_missing_refused_or_locked_database_is_distinguished() {
    let database = shared().database();
    let missing = Health::of(database.xtask([]).env("POSTGRES_DB", "nosuch"), &["--only", "postgres", "connections"]);
    missing.says("postgres", "fail", "no database nosuch", "POSTGRES_DB").says(
        "connections",
        "skipped",
        "not asked",
        "",
    );
    database.sql(&format!("ALTER DATABASE {} SET default_transaction_read_only = on", database.name));
    health(&database, &["postgres"]).says("postgres", "fail", "is read-only", "RESET default_transaction_read_only");
    database.stack.admin(&format!("ALTER DATABASE {} ALLOW_CONNECTIONS false", database.name));
    let locked = health(&database, &["postgres", "migrations", "leftovers"]);
    locked.says("postgres", "fail", "accepts no connections", "").fails_only(&["postgres"]).says(
        "leftovers",
        "ok",
        "none",
        "",
    );
}

fn a_wrong_password_is_named_and_not_shown() {
    let database = shared().database();
    // Inside its container the image lets everyone in: only over the network is the password looked at.
    let wrong = Health::of(database.xtask([]).env("POSTGRES_PASSWORD", "hunter2"), &["--only", "postgres"]);
    wrong.says("postgres", "fail", "refuses the password of user postgres", "POSTGRES_PASSWORD");
    wrong.outcome.stdout_lacks("hunter2");
    let loud =
        database.xtask(["--verbose", "health-check", "--only", "postgres"]).env("POSTGRES_PASSWORD", "hunter2").run();
    loud.code(1).stdout_lacks("hunter2").stderr_lacks("hunter2").stderr_has("PGPASSWORD=***");
}

fn old_transactions_and_invalid_indexes_are_named() {
    let database = shared().database();
    health(&database, &["transactions", "indexes"])
        .says("transactions", "ok", "none open", "")
        .says("indexes", "ok", "", "");
    let mut idle: Vec<_> = (0..5).map(|_| database.session()).collect();
    idle.iter_mut().for_each(|session| drop(session.sql("BEGIN; SELECT 1")));
    health(&database, &["transactions"]).says("transactions", "ok", "5 sessions idle in transaction", "");
    let old = || Health::of(database.xtask([]).env("XTASK_TRANSACTION_MAX_AGE", "1s"), &["--only", "transactions"]);
    let old = until(&old, "transactions", "warn");
    old.says("transactions", "warn", "5 sessions idle in transaction: session ", "pg_terminate_backend").outcome.ok();
    let wrong = Health::of(database.xtask([]).env("XTASK_TRANSACTION_MAX_AGE", "long"), &["--only", "transactions"]);
    wrong.says("transactions", "fail", "XTASK_TRANSACTION_MAX_AGE", "");
    drop(idle);
    database.sql("CREATE TABLE a (i int); INSERT INTO a VALUES (1), (1)");
    let mut session = database.session();
    assert!(session.try_sql("CREATE UNIQUE INDEX CONCURRENTLY twice ON a (i)").is_err());
    health(&database, &["indexes"]).says(
        "indexes",
        "warn",
        "invalid: public.twice",
        "REINDEX INDEX CONCURRENTLY public.twice",
    );
}

fn a_table_that_a_session_locks_is_not_waited_for() {
    let database = shared().database();
    database.sql("CREATE TABLE held (i int)");
    let mut session = database.session();
    session.sql("BEGIN; LOCK TABLE held");
    // Rows may be in it.
    let held = health(&database, &["postgres", "transactions", "backups"]);
    held.says("postgres", "ok", "", "").says("transactions", "ok", "idle in transaction", "");
    held.says("backups", "warn", "no backup of ", "").fails_only(&[]);
    session.sql("ROLLBACK");
    health(&database, &["backups"]).says("backups", "ok", "none yet, and nothing to save", "");
}

/// What loads code or changes what a name means for the sessions of a database is reported, whichever role set it.
fn settings_that_load_code_or_hide_names_are_warned_of() {
    let database = shared().database();
    let look = || health(&database, &["settings"]);
    look().says("settings", "ok", "none", "");
    let (role, name) = (format!("loads_{}", database.name), database.quoted());
    let stack = database.stack;
    stack.admin(&format!("CREATE ROLE {role}; ALTER DATABASE {name} SET work_mem TO '8MB'"));
    look().says("settings", "ok", "none", "");
    stack.admin(&format!("ALTER ROLE {role} IN DATABASE {name} SET session_preload_libraries TO 'auto_explain'"));
    let loads = format!("role {role} in database {}: session_preload_libraries is auto_explain", database.name);
    look().says("settings", "warn", &loads, "\\drds").outcome.ok();
    stack.admin(&format!("ALTER DATABASE {name} SET search_path TO public, pg_catalog"));
    let hides = format!("database {}: search_path is public, pg_catalog", database.name);
    look().says("settings", "warn", &hides, "RESET");
    stack.admin(&format!("ALTER DATABASE {name} SET search_path TO \"$user\", public, team"));
    look().says("settings", "warn", "session_preload", "");
    database.sql("CREATE SCHEMA team; GRANT CREATE ON SCHEMA team TO PUBLIC");
    look().says("settings", "warn", "every role may create something in schema team", "");
    stack.admin(&format!(
        "ALTER ROLE {role} IN DATABASE {name} RESET ALL; ALTER DATABASE {name} RESET ALL; DROP ROLE {role}"
    ));
    look().says("settings", "ok", "none", "");
}

fn pending_changed_and_dirty_migrations_are_distinguished() {
    let database = shared().database();
    let look = || health(&database, &["migrations"]);
    look().says("migrations", "skipped", "there are none", "");
    let first = database.sandbox.write("migrations/20250101000000_first.up.sql", "CREATE TABLE a (i int);\n");
    look().says("migrations", "fail", "none of 1 migration is applied", "cargo xtask db-migrate");
    database.xtask(["db-migrate", "--no-backup"]).run().ok();
    look().says("migrations", "ok", "1 applied", "");
    database.sandbox.write("migrations/20250102000000_second.up.sql", "CREATE TABLE b (i int);\n");
    look()
        .says("migrations", "warn", "1 migration pending: 20250102000000 second", "cargo xtask db-migrate")
        .outcome
        .ok();
    fs::write(&first, "CREATE TABLE a (i bigint);\n").unwrap();
    look().says("migrations", "fail", "changed since it was applied: 20250101000000 first", "db-migrate repair");
    database.sql("UPDATE _sqlx_migrations SET success = false, execution_time = -1");
    look().says("migrations", "fail", "dirty, started and not finished: 20250101000000 first", "db-migrate repair");
}

fn missing_old_and_damaged_backups_are_distinguished() {
    let database = shared().database();
    let look = || health(&database, &["backups"]);
    look().says("backups", "ok", "nothing to save", "");
    database.sql("CREATE TABLE a AS SELECT repeat('x', 1000) AS t FROM generate_series(1, 100)");
    look().says("backups", "warn", "no backup of", "cargo xtask db-backup").outcome.ok();
    let file = database.backup();
    look().says("backups", "ok", "whole", "");
    let old = || Health::of(database.xtask([]).env("XTASK_BACKUP_MAX_AGE", "1s"), &["--only", "backups"]);
    until(&old, "backups", "warn").says("backups", "warn", "more than 1 s", "cargo xtask db-backup");
    // One bit in its middle: both ends are right.
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&file, bytes).unwrap();
    look().says("backups", "fail", "is damaged", "db-list --check");
}

fn a_nearly_full_disk_is_warned_of() {
    let database = shared().database();
    let disk = database.sandbox.path("backups");
    let run = database.xtask(["health-check", "--json", "--only", "disk"]);
    let (run, _) = crate::harness::backup::on_disk(run, &disk, "size=8m", "");
    run.ok().stdout_has("\"warn\"").stdout_has("free for backups, less than 1.0 GB").stdout_has("db-prune");
}

fn leftovers_of_a_killed_restore_are_warned_of() {
    let database = shared().database();
    let look = || health(&database, &["leftovers"]);
    look().says("leftovers", "ok", "none", "");
    let run = paused(database.xtask(["db-reset", "--yes"]), "created").ended_by(Signal::KILL);
    run.holds(run.signal == Some(9), "it should be killed");
    let staging = database.only_beside("staging");
    let named = until(&look, "leftovers", "warn");
    named.says("leftovers", "warn", &format!("{staging} was left behind"), "db-restore --repair").outcome.ok();
    database.repair();
    look().says("leftovers", "ok", "none", "");
    let unproven = format!("{}_before_20250101_000000", database.name);
    database.stack.admin(&format!("CREATE DATABASE {unproven}"));
    let by_hand = format!("ALTER DATABASE \"{unproven}\" RENAME TO \"{}\";", database.name);
    look().says("leftovers", "warn", &format!("{unproven} (owner postgres) is named like"), &by_hand).outcome.ok();
    database.stack.admin(&format!("DROP DATABASE {unproven}"));
}

fn an_openfga_that_serves_another_database_is_named() {
    let stack = shared();
    stack.openfga().create_store("elsewhere");
    let database = stack.database();
    let found = health(&database, &["openfga"]);
    found.says("openfga", "fail", &format!("does not use the database {}", database.name), "POSTGRES_DB");
    found.says("openfga/schema", "fail", "has no OpenFGA tables", "setup-openfga");
}
