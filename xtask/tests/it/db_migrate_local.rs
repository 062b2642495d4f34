//! `db-migrate` on the local and the url target: the whole way, and a server that dies.

use crate::harness::migrations::SLOW;
use crate::harness::{Local, Outcome, Test, shared, wait_until};
use rustix::process::Signal;

pub fn tests() -> Vec<Test> {
    tests![
        [Postgres] a_local_server_that_dies_has_applied_nothing,
        [Stack, Clients] migrations_run_through_a_url_as_well,
        [Postgres] setup_env_runs_the_migrations,
    ]
}

fn a_local_server_that_dies_has_applied_nothing() {
    let local = Local::new();
    local.xtask(["up"]).run().ok();
    local.sandbox.tables(3);
    local.xtask(["db-migrate", "verify"]).run().ok().stderr_has("✓ 3 migrations verified");
    local.xtask(["db-migrate"]).run().ok().stderr_has("✓ 3 migrations applied").stderr_has("Migrating local server");
    local.xtask(["db-migrate", "down", "--yes"]).run().ok().stderr_has("✓ 1 migration reverted");
    local.xtask(["db-migrate", "status"]).run().ok().stdout_has("pending");
    local.xtask(["db-migrate"]).run().ok();

    local.sandbox.migration(4, "slow", &format!("CREATE TABLE t4 (a int);\n{SLOW}"), None);
    let run = server_dies_meanwhile(&local);
    // Its COMMIT was never sent: that it had no effect is certain, though the server cannot be asked.
    run.stderr_has("4_slow.up.sql failed; nothing was applied")
        .stderr_lacks("✓ 4")
        .holds(matches!(run.code, Some(1 | 4)), "a dead server is a failure");
    local.xtask(["db-migrate", "status"]).run().code(4);
    local.xtask(["up"]).run().ok();
    assert_eq!(
        local.sql(
            "openfga",
            "SELECT string_agg(version::text, ' ' ORDER BY version), to_regclass('t4') FROM _sqlx_migrations"
        ),
        "1 2 3|"
    );
    // Outside of a transaction it is not certain, and the next run says so.
    local.sandbox.migration(4, "slow", &format!("-- no-transaction\n{SLOW}"), None);
    let run = server_dies_meanwhile(&local);
    run.code(6).stderr_has("4_slow.up.sql failed; whether it took effect is not known");
    local.xtask(["up"]).run().ok();
    local.xtask(["db-migrate"]).run().code(6).stderr_has("✗ Started outside a transaction and not finished: 4 slow");
    local.xtask(["db-migrate", "repair", "--yes"]).run().ok();
    local.sandbox.migration(4, "slow", "CREATE TABLE t4 (a int);", None);
    local.xtask(["db-migrate"]).run().ok();
}

/// A run whose server is killed while the migration sleeps.
fn server_dies_meanwhile(local: &Local) -> Outcome {
    let running = local.xtask(["db-migrate"]).spawn();
    let sleeping = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    wait_until("the migration sleeps", || local.sql("openfga", sleeping) == "1");
    crate::harness::local::signal(local.pid(), Signal::QUIT);
    running.wait()
}

fn migrations_run_through_a_url_as_well() {
    let database = shared().database();
    database.sandbox.tables(2);
    let migrate = |args: &[&str]| database.migrate_by_url(args.iter().copied()).run();
    migrate(&[]).ok().stderr_has("✓ 2 migrations applied").stderr_has("target url");
    database.migrate(["status", "--check"]).run().ok();
    migrate(&["verify"]).ok().stderr_has("✓ 2 migrations verified");
    migrate(&["down", "2", "--yes"]).ok();
    // The URL's own search_path decides where the ledger is, for every session alike.
    database.sql("CREATE SCHEMA own");
    let address = format!("127.0.0.1:{}/{}", database.stack.postgres_port, database.name);
    let url = format!("postgres://postgres:postgres@{address}?options=-csearch_path%3Down");
    let run = database.migrate_by_url(["--json"]).env("DATABASE_URL", &url).run();
    run.code(1).stderr_has("The ledger is in schema public, which is not in search_path");
    database.sql("DROP TABLE public._sqlx_migrations");
    database.migrate_by_url(["--json"]).env("DATABASE_URL", &url).run().ok();
    assert_eq!(database.sql("SELECT count(*), to_regclass('own.t2') FROM own._sqlx_migrations"), "2|own.t2");
}

fn setup_env_runs_the_migrations() {
    let local = Local::new();
    local.sandbox.copy_folder("migrations");
    let run = local.xtask(["setup-env"]).run();
    run.ok().stderr_has("✓ 20251021140000 create sessions (").stderr_has("✓ First backup: ").stderr_lacks("✓ Backup: ");
    assert_eq!(local.sql("openfga", "SELECT count(*) FROM app.session"), "0");
    local.xtask(["setup-env"]).run().ok().stderr_has("✓ Every migration is applied");
}
