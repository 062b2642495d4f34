//! `db-restore --undo`: the state of before comes back, and the one of now in its turn.

use crate::harness::restore::paused;
use crate::harness::stack::Database;
use crate::harness::{Stack, Test, shared_for_restores, wait_until};
use chrono::{Local, SecondsFormat, TimeDelta};
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
        [Compose] as_many_previous_databases_stay_as_asked_for,
        [Compose] a_taken_name_stops_no_swap,
        [Compose] the_only_way_back_is_never_dropped,
        [Compose] a_killed_undo_leaves_one_whole_database,
        [Compose] an_undo_that_is_ended_leaves_nothing_to_repair,
        [Compose] changes_since_the_swap_are_shown_before_an_undo,
        [Compose, Script] of_two_undos_at_once_one_changes_nothing,
        [Compose] the_newest_previous_database_is_found_by_time,
        [Compose] a_clock_set_back_hides_no_swap,
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

fn as_many_previous_databases_stay_as_asked_for() {
    let database = shared_for_restores().database();
    database.backed_up_and_changed();
    database.restore([]).run().ok();
    let first = database.only_beside("before");
    database.restore(["--keep-old", "2"]).run().ok().stderr_lacks("Dropped");
    assert_eq!(database.beside("before").len(), 2);
    let run = database.restore([]).run();
    run.ok().stderr_has(&format!("Dropped {first}, which was kept from an earlier restore"));
    database.only_beside("before");
    let run = database.restore(["--keep-old", "0"]).run();
    assert_eq!(database.beside("before"), [""; 0]);
    // What was dropped is no way back; the safety backup is.
    let safety = database.safety_backups().pop().unwrap();
    let safety = safety.file_name().unwrap().to_str().unwrap();
    run.ok().stderr_lacks("kept on the server").stderr_lacks("--undo");
    run.stderr_has(&format!("Undo:      cargo xtask db-restore backups/{safety}\n"));
    let run = database.restore(["--keep-old", "0", "--json"]).run();
    assert!(run.ok().json()["before"].is_null());
    // What is typed next is for the same database.
    let run = database.restore(["--target", "compose"]).unset("XTASK_TARGET").run();
    run.ok().stderr_has("Undo:      cargo xtask db-restore --target compose --undo\n");
    let run = database.restore(["--target", "compose", "nosuch.sql"]).run();
    run.code(1).stderr_has("nosuch.sql cannot be read\n").stderr_has("→ list the backups: cargo xtask db-list");
    // A template is dropped like any other of ours, and the live database stays one.
    database.stack.admin(&format!("ALTER DATABASE {} IS_TEMPLATE true", database.quoted()));
    database.restore(["--keep-old", "0"]).run().ok().stderr_has("✓ Database restored");
    assert_eq!(database.beside("before"), [""; 0]);
    database.stack.admin(&format!("ALTER DATABASE {} IS_TEMPLATE false", database.quoted()));
}

/// Two swaps within one second would give the same name.
fn a_taken_name_stops_no_swap() {
    let database = shared_for_restores().database();
    let states = database.backed_up_and_changed();
    let running = database.restore_paused_at("marked");
    let now = chrono::Local::now();
    let taken: Vec<String> = (0..8)
        .map(|second| {
            let time = now + chrono::TimeDelta::seconds(second);
            format!("{}_before_{}", database.name, time.format("%Y%m%d_%H%M%S"))
        })
        .collect();
    taken.iter().for_each(|name| drop(database.stack.admin(&format!("CREATE DATABASE {name} STRATEGY file_copy"))));
    running.signal(Signal::CONT);
    running.wait().ok();
    assert_eq!(database.dump(), states.restored);
    assert_eq!(database.beside("before").len(), taken.len() + 1);
    database.restore(["--undo"]).run().ok();
    assert_eq!(database.dump(), states.old);
}

/// One page of the live database is rubbish: what cannot be dumped is kept as it is.
fn the_only_way_back_is_never_dropped() {
    let database = shared_for_restores().database();
    database.sql("CREATE TABLE t AS SELECT i, repeat('x', 500) AS x FROM generate_series(1, 2000) AS i; CHECKPOINT");
    database.backup();
    let whole = database.dump();
    damage(&database, "t");
    let run = database.restore([]).run();
    run.code(1).stderr_has("The safety backup of the live database failed; nothing was changed");
    run.stderr_has("invalid page in block 50").stderr_has("--no-safety-backup restores without one");
    run.stderr_has("The live database cannot be read");
    assert!(database.beside("before").is_empty() && database.beside("staging").is_empty());
    let run = database.restore(["--no-safety-backup"]).run();
    run.ok().stderr_lacks("Safety");
    let damaged = database.only_beside("before");
    assert_eq!(database.dump(), whole);
    for _ in 0..2 {
        database.restore([]).run().ok();
        assert_eq!(database.dump(), whole);
    }
    assert!(database.beside("before").contains(&damaged));
    database.restore(["--keep-old", "0"]).run().ok();
    assert_eq!(database.beside("before"), [damaged]);
}

/// Makes rubbish of a page that no memory of the server holds.
fn damage(database: &Database<'_>, table: &str) {
    let stack = database.stack;
    let number = |name: &str| stack.admin(&format!("SELECT oid FROM pg_database WHERE datname = '{name}'"));
    let path = database.sql(&format!("SELECT pg_relation_filepath('{table}')"));
    let source = format!("{}_source", database.name);
    stack.admin(&format!("ALTER DATABASE {} RENAME TO {source}", database.name));
    stack.admin(&format!("CREATE DATABASE {} TEMPLATE {source} STRATEGY file_copy", database.name));
    let path = path.replace(&number(&source), &number(&database.name));
    let rubbish =
        "tr '\\000' '\\377' </dev/zero | dd of=\"$PGDATA/$0\" bs=8192 seek=50 count=1 conv=notrunc iflag=fullblock";
    let (done, errors) = stack.exec(&["sh", "-ec", rubbish, &path], "");
    assert!(done.is_some(), "{errors}");
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

/// The database that an earlier swap left, as if that had been at another time.
fn moved(database: &Database<'_>, name: &str, time: &str, at: &str) -> String {
    let moved = format!("{}_before_{time}", database.name);
    database.stack.admin(&format!("ALTER DATABASE {name} RENAME TO {moved}"));
    database.in_record(&format!("UPDATE xtask.databases SET name = '{moved}', at = '{at}' WHERE name = '{name}'"));
    moved
}

/// Where the clocks go back, a later time may be the smaller text.
fn the_newest_previous_database_is_found_by_time() {
    let database = shared_for_restores().database();
    database.backed_up_and_changed();
    database.restore([]).run().ok();
    let first = database.only_beside("before");
    database.restore(["--keep-old", "2"]).run().ok();
    let second = database.beside("before").into_iter().find(|name| *name != first).unwrap();
    let older = moved(&database, &first, "20251026_025900", "2025-10-26T02:59:00+02:00");
    let newer = moved(&database, &second, "20251026_020100", "2025-10-26T02:01:00+01:00");
    let run = database.restore(["--undo", "--dry-run"]).run();
    run.ok().stderr_has(&newer).stderr_lacks(&older);
    database.restore(["--keep-old", "2"]).run().ok().stderr_has(&format!("Dropped {older}"));
}

/// Swaps within one second, too: the last one is the newest whatever the clock says.
fn a_clock_set_back_hides_no_swap() {
    let database = shared_for_restores().database();
    let states = database.backed_up_and_changed();
    database.restore([]).run().ok();
    let ahead = Local::now() + TimeDelta::hours(1);
    let time = ahead.format("%Y%m%d_%H%M%S").to_string();
    let name = database.only_beside("before");
    let earlier = moved(&database, &name, &time, &ahead.to_rfc3339_opts(SecondsFormat::Secs, false));
    database.sql("DROP TABLE t");
    let changed = database.dump();
    let file = states.backup.to_str().unwrap();
    database.restore([file]).run().ok().stderr_has(&format!("Dropped {earlier}"));
    assert_eq!(database.dump(), states.restored);
    database.restore(["--undo"]).run().ok();
    assert_eq!(database.dump(), changed);
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
