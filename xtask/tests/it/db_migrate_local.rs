//! `db-migrate` on the local target: the whole way, and a server that dies.

use crate::harness::migrations::SLOW;
use crate::harness::sandbox::checkout;
use crate::harness::{Local, Sandbox, Test, wait_until};
use rustix::process::Signal;
use std::fs;

pub fn tests() -> Vec<Test> {
    tests![
        [Postgres] the_whole_way_and_a_server_that_dies,
        [Postgres] setup_env_runs_the_migrations,
    ]
}

fn with_first_migrations(sandbox: &Sandbox) {
    for entry in fs::read_dir(checkout().join("migrations")).unwrap() {
        let path = entry.unwrap().path();
        sandbox.write(format!("migrations/{}", path.file_name().unwrap().to_str().unwrap()), fs::read(path).unwrap());
    }
}

fn the_whole_way_and_a_server_that_dies() {
    let local = Local::new();
    local.xtask(["up"]).run().ok();
    local.sandbox.tables(3);
    local.xtask(["db-migrate", "verify"]).run().ok().stderr_has("✓ 3 migrations verified");
    local.xtask(["db-migrate"]).run().ok().stderr_has("✓ 3 migrations applied").stderr_has("Migrating local server");
    local.xtask(["db-migrate", "down", "--yes"]).run().ok().stderr_has("✓ 1 migration taken back");
    local.xtask(["db-migrate", "status"]).run().ok().stdout_has("pending");
    local.xtask(["db-migrate"]).run().ok();

    local.sandbox.migration(4, "slow", &format!("CREATE TABLE t4 (a int);\n{SLOW}"), None);
    let running = local.xtask(["db-migrate"]).spawn();
    let sleeping = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    wait_until("the migration sleeps", || local.sql("openfga", sleeping) == "1");
    crate::harness::local::signal(local.pid(), Signal::QUIT);
    let run = running.wait();
    run.stderr_has("4_slow.up.sql")
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
    local.sandbox.migration(4, "slow", "CREATE TABLE t4 (a int);", None);
    local.xtask(["db-migrate"]).run().ok();
}

fn setup_env_runs_the_migrations() {
    let local = Local::new();
    with_first_migrations(&local.sandbox);
    let run = local.xtask(["setup-env", "--yes"]).run();
    run.ok().stderr_has("✓ 20251021140000 create sessions (").stderr_has("✓ First backup: ").stderr_lacks("✓ Backup: ");
    assert_eq!(local.sql("openfga", "SELECT count(*) FROM app.session"), "0");
    local.xtask(["setup-env", "--yes"]).run().ok().stderr_has("✓ Every migration is applied");
}
