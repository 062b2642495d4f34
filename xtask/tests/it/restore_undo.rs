//! `db-restore --undo`: the state of before comes back, and the one of now in its turn.

use crate::harness::restore::paused;
use crate::harness::{Stack, Test, shared_for_restores, wait_until};
use rustix::process::Signal;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

pub fn tests() -> Vec<Test> {
    tests![
        [OwnStack, Openfga] openfga_serves_the_swapped_data_after_restore_and_undo,
        [Compose] undo_and_undo_again_swap_the_same_two_databases,
        [Compose, Script] an_undo_that_is_declined_changes_nothing,
        [Compose] a_killed_undo_leaves_one_whole_database,
        [Compose] an_undo_that_is_ended_leaves_nothing_to_repair,
        [Compose] changes_since_the_swap_are_shown_before_an_undo,
        [Compose, Script] of_two_undos_at_once_one_changes_nothing,
    ]
}

fn undo_and_undo_again_swap_the_same_two_databases() {
    let database = shared_for_restores().database();
    let comment = format!("COMMENT ON DATABASE {} IS 'it''s mine'", database.name);
    database.stack.admin(&comment);
    let states = database.backed_up_and_changed();
    database.restore(["--undo"]).run().code(1).stderr_has("There is no previous").stderr_has("cargo xtask db-list");
    database.restore([]).run().ok();
    let described = || {
        database.sql("SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database()")
    };
    for state in [&states.old, &states.restored, &states.old] {
        let run = database.restore(["--undo"]).run();
        run.ok().prints_nothing().stderr_has("✓ Restore undone").stderr_has("will be as it was before that swap");
        run.stderr_has("Changes since the swap: none, by the server's counters");
        run.stderr_has(&format!("Previous:  kept on the server as {}\n", database.only_beside("before")));
        run.holds(&database.dump() == state, "the other state should be back");
        assert_eq!(described(), "it's mine");
    }
    let run = database.restore(["--undo", "--json", "--quiet"]).run();
    run.ok();
    let report = run.json();
    assert_eq!((&report["file"], &report["before"]), (&json!(null), &json!(database.only_beside("before"))));
    assert!(report["database_outage_seconds"].as_f64().unwrap() < 1.0);
    assert_eq!(database.dump(), states.restored);
    assert!(database.repair().contains("✓ Nothing to repair"));
}

fn an_undo_that_is_declined_changes_nothing() {
    let database = shared_for_restores().database();
    let states = database.backed_up_and_changed();
    database.restore([]).run().ok();
    let old = database.only_beside("before");
    let as_restored = || assert!(database.dump() == states.restored && database.only_beside("before") == old);
    database.restore(["--undo", "--dry-run"]).run().ok().prints_nothing();
    as_restored();
    database.xtask(["db-restore", "--undo"]).run().code(1).stderr_has("There is no terminal to ask on");
    as_restored();
    for (keys, code) in [("n\n", 1), ("\x03", 130)] {
        let mut terminal = database.xtask(["db-restore", "--undo"]).terminal();
        terminal.shows("Continue? (y/n) ").types(keys);
        terminal.wait().code(code).stdout_has("nothing was changed");
        as_restored();
    }
    database.restore(["--undo", "some.sql"]).run().code(2);
    database.restore(["--undo", "--repair"]).run().code(2);
}

fn a_killed_undo_leaves_one_whole_database() {
    for (point, swapped) in [("stopped", false), ("swapped", true)] {
        let database = shared_for_restores().database();
        let states = database.backed_up_and_changed();
        database.restore([]).run().ok();
        let running = paused(database.restore(["--undo"]), point);
        running.signal(Signal::KILL);
        assert_eq!(running.wait().signal, Some(9));
        assert!(database.dump() == if swapped { states.old } else { states.restored }, "{point}");
        database.repair();
        assert!(database.repair().contains("✓ Nothing to repair"));
        database.restore(["--undo"]).run().ok();
        database.only_beside("before");
    }
}

/// It says that nothing was changed: so it is.
fn an_undo_that_is_ended_leaves_nothing_to_repair() {
    let database = shared_for_restores().database();
    let states = database.backed_up_and_changed();
    database.restore([]).run().ok();
    let kept = database.only_beside("before");
    for (point, signal) in [("marked", Signal::INT), ("stopped", Signal::TERM)] {
        let run = paused(database.restore(["--undo"]), point).ended_by(signal);
        run.code(128 + signal.as_raw()).stderr_has("nothing was changed").stderr_lacks("✓");
        database.xtask(["db-list"]).run().ok().stderr_lacks("repair it with");
        assert!(database.repair().contains("✓ Nothing to repair"), "{point}");
        assert!(database.dump() == states.restored && database.only_beside("before") == kept, "{point}");
    }
    // A signal that comes while the server still writes the entry.
    let mut holder = database.stack.session("xtask_record_postgres");
    let running = paused(database.restore(["--undo"]), "to be marked");
    holder.sql("BEGIN; LOCK TABLE xtask.databases IN SHARE MODE");
    running.signal(Signal::CONT);
    let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'xtask.databases'::regclass";
    wait_until("the entry waits to be written", || holder.sql(waits) != "0");
    running.signal(Signal::INT);
    std::thread::sleep(Duration::from_millis(200));
    holder.sql("ROLLBACK");
    drop(holder);
    running.wait().code(130).stderr_has("nothing was changed").stderr_lacks("✓");
    assert!(database.repair().contains("✓ Nothing to repair"));
    database.restore(["--undo"]).run().ok();
    assert_eq!(database.dump(), states.old);
}

/// By the server's counters, for each table; an undo of an undo counts from the undo on.
fn changes_since_the_swap_are_shown_before_an_undo() {
    let database = shared_for_restores().database();
    database.sql("CREATE TABLE kept AS SELECT 1 AS a");
    database.backed_up_and_changed();
    database.restore([]).run().ok();
    let written = || {
        let run = database.restore(["--undo", "--dry-run", "--json"]).run();
        run.ok();
        run.json()
    };
    let first = written();
    assert_eq!((&first["version"], &first["before"]), (&json!(1), &json!(database.only_beside("before"))));
    assert!(first["swapped_at"].is_string());
    assert_eq!(first["written_since"], json!({ "tables": {}, "tuples": null }));
    database.sql("INSERT INTO t SELECT 9, 'new' FROM generate_series(1, 1200); UPDATE t SET text = '' WHERE i = 1; DELETE FROM t WHERE i = 3");
    let changes = json!({ "public.t": { "inserted": 1200, "updated": 1, "deleted": 1 } });
    // The server's counters come a moment late.
    wait_until("the rows are counted", || written()["written_since"]["tables"] == changes);
    let run = database.restore(["--undo", "--dry-run"]).run();
    run.ok().prints_nothing().stderr_has("The swap was on 20").stderr_has(&database.only_beside("before"));
    run.stderr_has("public.t   ≈ 1,200      ≈ 1      ≈ 1").stderr_lacks("public.kept");
    database.restore(["--undo"]).run().ok();
    assert_eq!(written()["written_since"]["tables"], json!({}));
}

/// One asks while the other does it.
fn of_two_undos_at_once_one_changes_nothing() {
    let database = shared_for_restores().database();
    let states = database.backed_up_and_changed();
    database.restore([]).run().ok();
    let mut slow = database.xtask(["db-restore", "--undo"]).terminal();
    slow.shows("Continue? (y/n) ");
    database.restore(["--undo"]).run().ok();
    slow.types("y\n");
    slow.wait()
        .code(1)
        .stdout_has("another run swapped or dropped it first; nothing was changed")
        .stdout_lacks("Restore undone");
    assert!(database.dump() == states.old && database.repair().contains("✓ Nothing to repair"));
}

/// A client that asks OpenFGA all the time.
struct Asking {
    over: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Asking {
    fn begin(port: u16, store: &str) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let (is_over, url) = (Arc::clone(&over), format!("http://127.0.0.1:{port}/stores/{store}/check"));
        let body =
            json!({ "tuple_key": { "user": "user:alice", "relation": "member", "object": "organization:acme" } });
        let agent: ureq::Agent =
            ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(5))).proxy(None).build().into();
        let thread = std::thread::spawn(move || {
            while !is_over.load(Ordering::Relaxed) {
                // It is stopped for the swap: then there is no answer.
                let _ = agent.post(&url).send(body.to_string());
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        Self { over, thread }
    }

    fn end(self) {
        self.over.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
    }
}

/// While it is asked all the time, the data of the API goes back and forth, and OpenFGA sees it.
fn openfga_serves_the_swapped_data_after_restore_and_undo() {
    let stack = Stack::new();
    stack.up();
    let store = stack.openfga().seed("acme");
    stack.xtask(["db-backup"]).run().ok();
    stack.openfga().write_tuples(&store, &[("user:carol", "member", "organization:acme")]);
    let removed = json!({ "deletes": { "tuple_keys": [{ "user": "user:alice", "relation": "admin", "object": "organization:acme" }] } });
    assert_eq!(stack.openfga().request(&format!("/stores/{store}/write"), Some(&removed)).0, 200);
    let sees = |alice: bool, carol: bool| {
        let api = stack.openfga();
        assert_eq!(api.check(&store, "user:alice", "admin", "organization:acme"), alice);
        assert_eq!(api.check(&store, "user:carol", "member", "organization:acme"), carol);
    };
    let asking = Asking::begin(stack.openfga_port, &store);
    let run = stack.xtask(["db-restore", "--yes"]).run();
    run.ok().stderr_has("Services:  stopped for ").stderr_has("public.tuple");
    sees(true, false);
    stack.openfga().write_tuples(&store, &[("user:dave", "member", "organization:acme")]);
    let run = stack.xtask(["db-restore", "--undo", "--yes"]).run();
    run.ok().stderr_has("Services:  stopped for ");
    run.stderr_has("OpenFGA tuples since the swap, by its changelog: 1 written, 0 deleted");
    sees(false, true);

    // Killed when the services were stopped: the next run starts them again.
    for (point, words) in [("stopped", &["db-restore", "--undo", "--yes"][..]), ("swapped", &["db-restore", "--yes"])] {
        let running = paused(stack.xtask(words.iter().copied()), point);
        assert!(!stack.runs("openfga"));
        running.signal(Signal::KILL);
        running.wait();
        let run = stack.xtask(["db-restore", "--repair"]).run();
        run.ok().stderr_has("Repaired: stopped for a swap and not started again: openfga");
        sees(point == "swapped", point == "stopped");
        stack.xtask(["db-restore", "--repair"]).run().ok().stderr_has("✓ Nothing to repair");
    }
    asking.end();
    wait_until("nobody of ours is left", || {
        stack.admin("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'xtask-%'") == "0"
    });
}
