//! `db-restore` whose server dies, or whose services do not come back: nothing is lost, and the next run repairs it.

use crate::harness::restore::{States, slow, wait_for_the_sleep, whole_and_repaired};
use crate::harness::run::Running;
use crate::harness::stack::Database;
use crate::harness::{Session, Stack, Test, wait_until};
use rustix::process::Signal;
use std::fs;

pub fn tests() -> Vec<Test> {
    tests![
        [OwnStack] services_run_again_after_a_kill_and_after_a_server_that_dies,
        [OwnStack] a_swap_that_is_held_up_or_ended_leaves_one_whole_database,
        [OwnStack] a_first_restore_that_is_killed_is_repaired,
    ]
}

fn services_run_again_after_a_kill_and_after_a_server_that_dies() {
    let stack = Stack::postgres_only();
    let database = with_a_client(&stack);
    let mut states = database.backed_up_and_changed();
    a_kill_is_repaired(&database, &states);
    // What did not run before is not started.
    stack.docker(&["stop", &stack.container_of("client")]);
    database.restore([]).run().ok().stderr_lacks("Services:");
    assert!(!stack.runs("client"));
    stack.docker(&["start", &stack.container_of("client")]);
    database.restore(["--keep-old", "0"]).run().ok().stderr_has("Services:  stopped for ");
    assert!(stack.runs("client"));
    states.old.clone_from(&states.restored);

    for point in ["loading", "restarted while loading", "stopped"] {
        a_dead_server_is_a_failure(&database, point);
        whole_and_repaired(&database, &states, false, point);
        assert!(stack.runs("client"));
    }
    // Between lock-out and the exchange only the server can die: then no session may connect until the next run.
    let running = database.restore_paused_at("marked");
    running.signal(Signal::KILL);
    running.wait();
    stack.admin(&format!("ALTER DATABASE {} ALLOW_CONNECTIONS false", database.name));
    let run = database.restore([]).run();
    run.ok().stderr_has("accepts no connections since a restore was killed").stderr_has("✓ Database restored");
    whole_and_repaired(&database, &states, true, "locked out");
    managed_from_template1(&stack);
}

fn a_kill_is_repaired(database: &Database<'_>, states: &States) {
    let stack = database.stack;
    for (point, signal, swapped) in
        [("stopped", Signal::INT, false), ("stopped", Signal::KILL, false), ("swapped", Signal::KILL, true)]
    {
        assert!(stack.runs("client"));
        let running = database.restore_paused_at(point);
        assert!(!stack.runs("client"));
        let run = running.ended_by(signal);
        run.holds(stack.runs("client") == (signal == Signal::INT), "an end in order starts them again");
        if swapped {
            wait_until("its sessions have ended", || database.our_sessions() == 0);
            let status = database.xtask(["db-migrate", "status"]).run();
            status.stderr_has(
                "⚠ stopped for a swap and not started again: client; repair it with: cargo xtask db-restore",
            );
        }
        let said = whole_and_repaired(database, states, swapped, point);
        let repaired = said.contains("Repaired: stopped for a swap and not started again: client");
        assert!(stack.runs("client") && repaired == (signal == Signal::KILL), "{point}: {said}");
    }
}

/// Afterwards the server runs again.
fn a_dead_server_is_a_failure(database: &Database<'_>, point: &str) {
    let stack = database.stack;
    let running = if point.ends_with("loading") {
        let file = slow(database, 100);
        let running = database.restore([file.as_str()]).spawn();
        wait_for_the_sleep(database);
        running
    } else {
        database.restore_paused_at(point)
    };
    // What is restarted comes back by itself, and the run meets a server that knows it no more.
    let end: &[&str] = if point.starts_with("restarted") { &["restart", "--time", "10"] } else { &["kill"] };
    stack.docker(&[end, &[stack.postgres()]].concat());
    running.signal(Signal::CONT);
    let run = running.wait();
    run.holds(matches!(run.code, Some(1 | 4 | 6)), "a dead server is a failure").stderr_lacks("✓ Database restored");
    stack.up();
    stack.forget_sessions();
}

fn managed_from_template1(stack: &Stack) {
    let rows = || stack.psql("postgres", "SELECT count(*) FROM t");
    stack.psql("postgres", "CREATE TABLE t AS SELECT 1 AS i");
    stack.forget_sessions();
    let xtask = |words: &[&'static str]| stack.xtask(words.iter().copied()).env("POSTGRES_DB", "postgres").run();
    xtask(&["db-backup"]).ok();
    stack.psql("postgres", "DELETE FROM t");
    xtask(&["db-restore", "--yes"]).ok();
    assert_eq!(rows(), "1");
    xtask(&["db-restore", "--undo", "--yes"]).ok();
    assert_eq!(rows(), "0");
}

/// A stack of a test's own whose client runs, and a database of it with both states.
fn with_a_client(stack: &Stack) -> Database<'_> {
    stack.with_a_client();
    stack.up();
    let database = stack.database();
    let services = fs::read(stack.sandbox.path("docker-compose.override.yml")).unwrap();
    database.sandbox.write("docker-compose.override.yml", services);
    database
}

fn a_swap_that_is_held_up_or_ended_leaves_one_whole_database() {
    let stack = Stack::postgres_only();
    let database = with_a_client(&stack);
    let states = database.backed_up_and_changed();
    a_held_name_is_left_alone(&database, &states);
    a_name_that_is_held_at_the_last_moment_is_given_up(&database, &states);
    a_swap_whose_session_is_ended_comes_to_nothing(&database, &states);
    a_swap_whose_server_is_killed_is_repaired(&database, &states);
    a_swap_whose_server_is_restarted_is_repaired(&database, &states);
    a_swap_whose_client_is_killed_is_finished(&database, &states);
}

/// A restore inside of its swap: a session that describes this database holds its name.
fn held_up(database: &Database<'_>, held: &str) -> (Running, Session) {
    let running = database.restore_paused_at("stopped");
    let mut holder = database.stack.session("postgres");
    let held = if held == "staging" { database.only_beside("staging") } else { database.name.clone() };
    holder.sql(&format!("BEGIN; COMMENT ON DATABASE {held} IS 'held'"));
    running.signal(Signal::CONT);
    wait_until("the live database is locked out", || !database.is_open());
    (running, holder)
}

/// Nothing is stopped, nobody locked out.
fn a_held_name_is_left_alone(database: &Database<'_>, states: &States) {
    let stack = database.stack;
    let mut holder = stack.session("postgres");
    let pid = holder.sql("SELECT pg_backend_pid()");
    holder.sql(&format!("BEGIN; COMMENT ON DATABASE {} IS 'held'", database.name));
    let started = || stack.docker(&["inspect", "--format", "{{.State.StartedAt}}", &stack.container_of("client")]);
    let before = started();
    let run = database.restore([]).run();
    run.code(1).stderr_has(&format!("✗ {} cannot be swapped now; it is unchanged", database.name));
    run.stderr_has(&format!("\n  database {} is held by session {}, user postgres", database.name, pid.trim()));
    let ends = format!("db-shell -- -d postgres -c 'SELECT pg_catalog.pg_terminate_backend({})'", pid.trim());
    run.stderr_has(&ends);
    assert_eq!(started(), before, "no service was stopped");
    assert!(whole_and_repaired(database, states, false, "held before").contains("✓ Nothing to repair"));
}

fn a_name_that_is_held_at_the_last_moment_is_given_up(database: &Database<'_>, states: &States) {
    // Opened again, with the holder's name.
    let (running, holder) = held_up(database, "staging");
    let run = running.wait();
    run.code(1).stderr_has("could not be swapped; it is unchanged").stderr_has(" is held by session ");
    assert!(database.stack.runs("client"));
    drop(holder);
    // Its staging database was held, too: the next run drops it.
    let said = whole_and_repaired(database, states, false, "held");
    assert!(said.contains("was left behind by a run that was killed"), "{said}");
    // A person changes the database itself: it is not even locked out.
    let running = database.restore_paused_at("stopped");
    let mut holder = database.stack.session("postgres");
    holder.sql(&format!("BEGIN; ALTER DATABASE {} CONNECTION LIMIT 50", database.name));
    let run = running.ended_by(Signal::CONT);
    run.code(1).stderr_has("could not be swapped; it is unchanged").stderr_has(" is held by session ");
    drop(holder);
    assert!(whole_and_repaired(database, states, false, "changed").contains("✓ Nothing to repair"));
}

/// The server says that nothing came of it.
fn a_swap_whose_session_is_ended_comes_to_nothing(database: &Database<'_>, states: &States) {
    let (running, holder) = held_up(database, "staging");
    let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name ~ '^xtask-.*-swap$'";
    database.stack.admin(sql);
    drop(holder);
    let run = running.wait();
    run.code(1).stderr_has("could not be swapped; it is unchanged").stderr_lacks("✓ Database restored");
    assert!(database.stack.runs("client"));
    assert!(whole_and_repaired(database, states, false, "ended session").contains("✓ Nothing to repair"));
}

/// How it ended is not known; the next run finds it out.
fn a_swap_whose_server_is_killed_is_repaired(database: &Database<'_>, states: &States) {
    let stack = database.stack;
    let (running, _holder) = held_up(database, "staging");
    stack.docker(&["kill", stack.postgres()]);
    let run = running.wait();
    run.code(6).stderr_has(&format!("The server was lost while {} was swapped", database.name));
    run.stderr_has("db-restore --repair").stderr_lacks("✓ Database restored");
    stack.up();
    stack.forget_sessions();
    assert!(!database.is_open());
    let said = database.repair();
    assert!(said.contains(&format!("{} accepts no connections since a restore was killed", database.name)), "{said}");
    assert!(said.contains("stopped for a swap and not started again: client") && stack.runs("client"), "{said}");
    whole_and_repaired(database, states, false, "killed server");

    // Between lock-out and the first renaming.
    let (running, _holder) = held_up(database, "live");
    stack.docker(&["kill", stack.postgres()]);
    running.wait().code(6).stderr_has("db-restore --repair").stderr_lacks("✓ Database restored");
    stack.up();
    stack.forget_sessions();
    assert!(!database.is_open());
    database.xtask(["db-list"]).run().ok().stderr_has("accepts no connections since a restore was killed");
    whole_and_repaired_after_a_lock_out(database, states);
    assert!(stack.runs("client"));
}

/// In order: how it ended is not known, until the server is back.
fn a_swap_whose_server_is_restarted_is_repaired(database: &Database<'_>, states: &States) {
    let stack = database.stack;
    let (running, _holder) = held_up(database, "staging");
    stack.docker(&["restart", "--time", "10", stack.postgres()]);
    let run = running.wait();
    run.holds(matches!(run.code, Some(1 | 6)), "a server that went away is a failure");
    run.stderr_lacks("✓ Database restored");
    stack.up();
    stack.forget_sessions();
    whole_and_repaired_after_a_lock_out(database, states);
    assert!(stack.runs("client"));
}

/// Only our own psql dies: the server goes on, and is asked how it ended.
fn a_swap_whose_client_is_killed_is_finished(database: &Database<'_>, states: &States) {
    let (running, mut holder) = held_up(database, "staging");
    kill_the_client("-swap");
    holder.sql("ROLLBACK");
    let run = running.wait();
    run.ok().stderr_has("✓ Database restored");
    assert!(database.stack.runs("client"));
    whole_and_repaired(database, states, true, "lost answer");
}

/// The database may be locked out, which is repaired first.
fn whole_and_repaired_after_a_lock_out(database: &Database<'_>, states: &States) {
    database.repair();
    assert!(whole_and_repaired(database, states, false, "lock-out").contains("✓ Nothing to repair"));
}

/// Kills the `docker exec` whose session's name ends so.
fn kill_the_client(name: &str) {
    let is_it = |words: &[u8]| {
        let words = String::from_utf8_lossy(words);
        words.contains("PGAPPNAME=xtask-")
            && words.split('\0').any(|word| word.starts_with("PGAPPNAME=") && word.ends_with(name))
    };
    let mut killed = 0;
    for process in fs::read_dir("/proc").unwrap().flatten() {
        let words = fs::read(process.path().join("cmdline")).unwrap_or_default();
        let number = process.file_name().to_string_lossy().parse::<i32>();
        if let (true, Ok(number)) = (is_it(&words), number) {
            rustix::process::kill_process(rustix::process::Pid::from_raw(number).unwrap(), Signal::KILL).unwrap();
            killed += 1;
        }
    }
    assert!(killed > 0, "no client of the exchange was found");
}

/// There is no old database that could remember which services were stopped.
fn a_first_restore_that_is_killed_is_repaired() {
    let stack = Stack::postgres_only();
    let database = with_a_client(&stack);
    stack.admin(&format!("COMMENT ON DATABASE {} IS 'its own'", database.name));
    let states = database.backed_up_and_changed();
    let comment =
        format!("SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = '{}'", database.name);
    for point in ["stopped", "swapped"] {
        stack.admin(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", database.name));
        let run = database.restore_paused_at(point).ended_by(Signal::KILL);
        run.holds(run.signal == Some(9) && !stack.runs("client"), "it should be killed");
        let absent = format!("There is no database {} on this server", database.name);
        let repaired = database.restore(["--repair"]).run();
        repaired.stderr_has("stopped for a swap and not started again: client");
        repaired.holds(stack.runs("client"), "the service runs again");
        if point == "stopped" {
            // Part of it is done: there is still no database.
            repaired.code(6).stderr_has("A first restore did not finish").stderr_has(&absent);
            repaired.stderr_has("restore it from a backup: cargo xtask db-restore");
            database.restore(["--repair"]).run().code(1).stderr_has(&absent).stderr_lacks("✓");
        } else {
            repaired.ok();
            database.restore(["--repair"]).run().ok().stderr_has("✓ Nothing to repair");
        }
        assert_eq!(database.beside("staging"), [""; 0]);
    }
    assert_eq!(database.dump(), states.restored);
    assert_eq!(stack.admin(&comment), "its own");
    stack.admin(&format!("DROP DATABASE {}", database.name));
    database.restore([]).run().ok().stderr_has("Services:  stopped for ");
    assert_eq!((stack.runs("client"), stack.admin(&comment)), (true, "its own".to_owned()));
}
