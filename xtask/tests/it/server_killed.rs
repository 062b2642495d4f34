//! PostgreSQL's container is killed in the middle of a run, and psql dies with it without a word: each command says that the
//! server is gone, what is true now, and how to go on.

use crate::harness::migrations::SLOW;
use crate::harness::restore::{slow, wait_for_the_sleep};
use crate::harness::stack::{Database, Stack};
use crate::harness::{Test, wait_until};

pub fn tests() -> Vec<Test> {
    tests![[OwnStack] a_server_that_is_killed_is_reported_as_one_that_is_gone]
}

/// Waits for the sleep in a database of such a name, then kills the server.
fn kill_asleep(database: &Database<'_>, beside: &str) {
    let names = format!("starts_with(datname, '{}{beside}')", database.name);
    let sql = format!("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND {names}");
    wait_until("the server sleeps", || database.stack.admin(&sql) == "1");
    kill(database.stack);
}

/// The tests' own sessions end with it.
fn kill(stack: &Stack) {
    stack.docker(&["kill", stack.postgres()]);
    stack.forget_sessions();
}

fn a_server_that_is_killed_is_reported_as_one_that_is_gone() {
    const GONE: &str = "The postgres service is not running";
    let stack = Stack::postgres_only();
    stack.up();
    let database = stack.database();
    database.sql("CREATE TABLE kept AS SELECT 1 AS a");
    let notice = "DO $$BEGIN RAISE NOTICE 'something else'; END$$;";
    database.sandbox.migration(1, "slow", &format!("{notice}\nCREATE TABLE t1 (a int);\n{SLOW}"), None);
    for (args, beside) in [(&["--no-backup"][..], ""), (&["verify"], "_verify_")] {
        let running = database.migrate(args.iter().copied()).spawn();
        kill_asleep(&database, beside);
        let run = running.wait();
        run.code(4).prints_nothing().stderr_has(GONE).stderr_has("start it again with").stderr_lacks("137");
        run.holds(beside == "_verify_" || run.stderr.contains("failed; nothing was applied"), "nothing was applied");
        stack.up();
    }
    let file = slow(&database, 60);
    let running = database.xtask(["db-verify", "--restore", &file]).spawn();
    kill_asleep(&database, "_verify_");
    let run = running.wait();
    run.code(4).prints_nothing().stderr_has(GONE).stderr_has("✗ 1 backup of 1 could not be tried");
    run.stderr_lacks("did not pass");
    stack.up();
    let running = database.restore([file.as_str()]).spawn();
    wait_for_the_sleep(&database);
    kill(&stack);
    let run = running.wait();
    run.code(4).prints_nothing().stderr_has(GONE).stderr_lacks("also");
    run.stderr_has(&format!("slow.sql cannot be loaded; {}_staging_", database.name)).stderr_has("stays on the server");
    run.stderr_has(&format!("{} is unchanged, and so are its services", database.name));
    run.stderr_has("once the server answers, drop it: cargo xtask db-restore --repair");
    stack.up();
    assert_eq!(database.beside("staging").len(), 1);
    assert!(database.repair().contains("✓ Repaired: "));
    assert!(database.beside("staging").is_empty() && database.sql("SELECT a FROM kept") == "1");
}
