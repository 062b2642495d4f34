//! `db-restore` that dies, that meets other sessions, or whose server dies: one whole state is live, and the next run mends the rest.

use crate::harness::restore::{States, paused};
use crate::harness::run::Running;
use crate::harness::stack::Database;
use crate::harness::{Session, Stack, Test, shared_for_restores, wait_until};
use rustix::process::Signal;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

pub fn tests() -> Vec<Test> {
    tests![
        [OwnStack] services_and_a_server_that_dies,
        [Compose] killed_at_every_point,
        [Compose] ctrl_c_at_every_point,
        [Compose] sigterm_at_every_point,
        [Compose] killed_while_loading,
        [Compose, Postgres] clients_in_every_way,
        [Compose] what_a_rename_cannot_take_along,
        [Compose] one_restore_at_a_time,
        [Compose] beside_a_backup,
        [Compose] a_file_that_is_rewritten,
        [Compose] a_database_that_somebody_locked,
        [Compose] a_staging_database_without_a_mark,
    ]
}

/// Every fault point in order, and whether the restored state is live from there on.
const POINTS: &[(&str, bool)] = &[
    ("locked", false),
    ("safety", false),
    ("created", false),
    ("checked", false),
    ("marked", false),
    ("stopped", false),
    ("swapped", true),
    ("migrated", true),
    ("started", true),
];

/// One state is live and open; a repair mends what there is to mend, another has nothing to do. What the first said.
#[track_caller]
fn whole_and_mended(database: &Database<'_>, states: &States, swapped: bool, point: &str) -> String {
    let live = if swapped { &states.restored } else { &states.old };
    assert!(database.is_open() && &database.dump() == live, "{point}: the live database is not whole");
    let said = database.repair();
    if !said.contains("✓ Nothing to mend") {
        assert!(said.contains("✓ Mended: "), "{point}: {said}");
        let again = database.repair();
        assert!(again.contains("✓ Nothing to mend"), "{point}: {again}");
        assert!(database.is_open() && &database.dump() == live, "{point}: the repair changed the live database");
    }
    assert_eq!(database.beside("staging"), [""; 0], "{point}");
    assert_eq!(database.beside("before").len(), usize::from(swapped), "{point}");
    wait_until("no session of ours is left", || database.our_sessions() == 0);
    said
}

/// Pauses a restore at every point: one database for those that change nothing, one for each of the others.
#[track_caller]
fn at_every_point(end: impl Fn(&Database<'_>, &States, Running, &str, bool)) {
    let unchanged = shared_for_restores().database();
    let states = unchanged.backed_up_and_changed();
    for &(point, swapped) in POINTS {
        if swapped {
            let database = shared_for_restores().database();
            let states = database.backed_up_and_changed();
            end(&database, &states, database.restore_paused_at(point), point, true);
        } else {
            end(&unchanged, &states, unchanged.restore_paused_at(point), point, false);
        }
    }
}

fn killed_at_every_point() {
    at_every_point(|database, states, running, point, swapped| {
        let safety = database.safety_backups().len();
        running.signal(Signal::KILL);
        assert_eq!(running.wait().signal, Some(9));
        let staging = !swapped && !["locked", "safety"].contains(&point);
        assert_eq!(database.beside("staging").len(), usize::from(staging), "{point}");
        let said = whole_and_mended(database, states, swapped, point);
        assert_eq!(said.contains("was left behind by a run that was killed"), staging, "{point}: {said}");
        assert!(point == "locked" || safety > 0, "{point}: the safety backup is there");
    });
}

fn ctrl_c_at_every_point() {
    a_signal_at_every_point(Signal::INT, 130);
}

fn sigterm_at_every_point() {
    a_signal_at_every_point(Signal::TERM, 143);
}

fn a_signal_at_every_point(signal: Signal, code: i32) {
    at_every_point(|database, states, running, point, swapped| {
        let run = signalled(running, signal);
        if swapped {
            run.ok().stderr_has("✓ Database restored").stderr_lacks("nothing was changed");
        } else {
            run.code(code).stderr_has("nothing was changed").stderr_lacks("✓ Database restored");
        }
        run.holds(database.beside("staging").is_empty(), &format!("{point}: no staging database"));
        let said = whole_and_mended(database, states, swapped, point);
        assert!(said.contains("✓ Nothing to mend"), "{point}: {said}");
    });
}

fn signalled(running: Running, signal: Signal) -> crate::harness::Outcome {
    running.signal(signal);
    running.signal(Signal::CONT);
    running.wait()
}

/// A dump whose load takes long enough to be met in its middle.
fn slow(database: &Database<'_>, seconds: u32) -> String {
    let dump = String::from_utf8(database.dump()).unwrap();
    let end = "--\n-- PostgreSQL database dump complete";
    let dump = dump.replacen(end, &format!("SELECT pg_catalog.pg_sleep({seconds});\n\n{end}"), 1);
    database.sandbox.write("slow.sql", dump);
    "slow.sql".to_owned()
}

#[track_caller]
fn wait_for_the_sleep(database: &Database<'_>) {
    let sql = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND starts_with(datname, '{}_staging_')",
        database.name
    );
    wait_until("the dump is loaded to its end", || database.stack.admin(&sql) == "1");
}

fn killed_while_loading() {
    let database = shared_for_restores().database();
    let states = database.backed_up_and_changed();
    let file = slow(&database, 100);
    for (signal, code) in [(Signal::INT, Some(130)), (Signal::KILL, None)] {
        let running = database.restore([file.as_str()]).spawn();
        wait_for_the_sleep(&database);
        let sent = Instant::now();
        running.signal(signal);
        let run = running.wait();
        run.holds(run.code == code && sent.elapsed() < Duration::from_secs(5), "it should end at once");
    }
    // The server's session goes on for a while; nobody waits for it.
    let said = database.repair();
    assert!(said.contains("was left behind by a run that was killed"), "{said}");
    whole_and_mended(&database, &states, false, "loading");
}

/// The longest time in which a client that connects every 5 ms could not.
fn longest_outage(stack: &'static Stack, database: &str, over: &AtomicBool) -> Duration {
    let mut longest = Duration::ZERO;
    let mut last = Instant::now();
    while !over.load(Ordering::Relaxed) {
        if reaches(stack.postgres_port, database) {
            longest = longest.max(last.elapsed());
            last = Instant::now();
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    longest.max(last.elapsed())
}

/// Whether the server lets a client of this host into this database.
fn reaches(port: u16, database: &str) -> bool {
    let output = std::process::Command::new("psql")
        .args(["-XqAt", "-h", "127.0.0.1", "-U", "postgres", "-p", &port.to_string(), "-d", database, "-c", "SELECT 1"])
        .env("PGPASSWORD", "postgres")
        .stderr(std::process::Stdio::null())
        .output();
    output.is_ok_and(|output| output.status.success())
}

fn clients_in_every_way() {
    let stack = shared_for_restores();
    let database = stack.database();
    let states = database.backed_up_and_changed();
    let idle: Vec<Session> = (0..30)
        .map(|_| {
            let mut session = database.session();
            session.sql("SELECT 1");
            session
        })
        .collect();
    let mut busy = database.session();
    busy.sql("SET application_name = 'the busy one'; BEGIN; INSERT INTO t VALUES (9)");
    let over = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..3)
        .map(|_| {
            let (over, name) = (Arc::clone(&over), database.name.clone());
            std::thread::spawn(move || longest_outage(stack, &name, &over))
        })
        .collect();
    let run = database.restore([]).run();
    run.ok().stderr_has("Sessions that will be cut: ").stderr_has("psql 30").stderr_has("the busy one 1");
    assert_eq!(database.dump(), states.restored);
    over.store(true, Ordering::Relaxed);
    for client in clients {
        let outage = client.join().unwrap();
        run.holds(outage < Duration::from_secs(1), &format!("a client was kept out for {outage:?}"));
    }
    assert!(busy.try_sql("COMMIT").is_err());
    drop(idle);
}

fn what_a_rename_cannot_take_along() {
    let database = shared_for_restores().database();
    let states = database.backed_up_and_changed();
    database.sql("BEGIN; INSERT INTO t VALUES (7); PREPARE TRANSACTION 'left open'");
    for args in [&[][..], &["--dry-run"]] {
        let run = database.restore(args.iter().copied()).run();
        run.code(1).stderr_has("cannot be swapped while it has: prepared transaction left open").stderr_lacks("Safety");
        run.stderr_has("→ finish or drop them, then try again");
    }
    assert!(database.beside("before").is_empty() && database.safety_backups().is_empty());
    assert_eq!(database.dump(), states.old);
    database.sql("ROLLBACK PREPARED 'left open'");
    database.restore([]).run().ok();
    assert_eq!(database.dump(), states.restored);
}

fn one_restore_at_a_time() {
    let database = shared_for_restores().database();
    let states = database.backed_up_and_changed();
    let first = database.restore_paused_at("locked");
    let run = database.restore([]).run();
    run.code(5).stderr_has(&format!("The database {} is being changed by session ", database.name));
    run.stderr_has("(xtask-").stderr_has("user postgres").stderr_has("wait until it has ended");
    // Another database is nobody's business.
    let other = shared_for_restores().database();
    let others = other.backed_up_and_changed();
    other.restore([]).run().ok();
    assert_eq!(other.dump(), others.restored);
    // A repair waits for the first to end.
    let repair = database.xtask(["db-restore", "--repair"]).spawn();
    wait_until("the repair waits for the lock", || {
        database.stack.admin("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_try_advisory_lock%'") != "0"
    });
    first.signal(Signal::CONT);
    first.wait().ok();
    repair.wait().ok().stderr_has("✓ Nothing to mend");
    assert_eq!(database.dump(), states.restored);
}

fn beside_a_backup() {
    let database = shared_for_restores().database();
    let states = database.backed_up_and_changed();
    // A backup that begins while a restore is under way holds the state that is live then.
    let running = database.restore_paused_at("checked");
    let file = database.backup();
    running.signal(Signal::CONT);
    running.wait().ok();
    assert_eq!(database.restored_from(&file).dump(), states.old);
    assert_eq!(database.dump(), states.restored);
    // A backup whose session the swap ends fails, and leaves nothing; the restore does not wait for it.
    let holder = database.hold("t");
    let backup = database.xtask(["db-backup"]).spawn();
    database.wait_for_a_blocked_dump();
    let before = database.sandbox.backups().len();
    let file = states.backup.to_str().unwrap();
    let restoring = paused(database.restore(["--no-safety-backup", file]), "marked");
    restoring.signal(Signal::CONT);
    restoring.wait().ok();
    backup.wait().code(4).prints_nothing().stderr_has("no backup was made").stderr_lacks("✓ Backup");
    assert_eq!(database.sandbox.backups().len(), before - 1, "its unfinished file is gone");
    drop(holder);
    assert_eq!(database.dump(), states.restored);
}

fn a_file_that_is_rewritten() {
    let database = shared_for_restores().database();
    let states = database.backed_up_and_changed();
    let running = database.restore_paused_at("created");
    let bytes = fs::read(&states.backup).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    fs::write(&states.backup, text.replacen("it's 1", "it's X", 1)).unwrap();
    running.signal(Signal::CONT);
    let run = running.wait();
    run.code(3).stderr_has("changed while it was read").stderr_lacks("✓ Database restored");
    whole_and_mended(&database, &states, false, "rewritten");
}

fn a_database_that_somebody_locked() {
    let database = shared_for_restores().database();
    let states = database.backed_up_and_changed();
    database.stack.admin(&format!("ALTER DATABASE {} ALLOW_CONNECTIONS false", database.name));
    let run = database.restore([]).run();
    run.code(1).stderr_has("accepts no connections, and it was not this program that locked it");
    run.stderr_has(&format!("→ open it first: ALTER DATABASE \"{}\" ALLOW_CONNECTIONS true", database.name));
    assert!(database.repair().contains("✓ Nothing to mend"));
    assert!(!database.is_open() && database.beside("staging").is_empty() && database.safety_backups().is_empty());
    database.stack.admin(&format!("ALTER DATABASE {} ALLOW_CONNECTIONS true", database.name));
    assert_eq!(database.dump(), states.old);
}

/// A run may die between the making of a staging database and its mark; what a person named so says otherwise.
fn a_staging_database_without_a_mark() {
    let database = shared_for_restores().database();
    let name = |time: &str| format!("{}_staging_{time}", database.name);
    let (unmarked, described) = (name("20251021_143022"), name("20251021_143023"));
    database.stack.admin(&format!("CREATE DATABASE {unmarked}"));
    database.stack.admin(&format!("CREATE DATABASE {described}"));
    database.stack.admin(&format!("COMMENT ON DATABASE {described} IS 'a person''s'"));
    let said = database.repair();
    assert!(said.contains(&format!("Mended: {unmarked} was left behind by a run that was killed")), "{said}");
    assert_eq!(database.only_beside("staging"), described);
    database.stack.admin(&format!("DROP DATABASE {described}"));
}

fn services_and_a_server_that_dies() {
    let stack = Stack::postgres_only();
    stack.with_a_client();
    stack.up();
    let database = stack.database();
    database
        .sandbox
        .write("docker-compose.override.yml", fs::read(stack.sandbox.path("docker-compose.override.yml")).unwrap());
    let mut states = database.backed_up_and_changed();
    for (point, signal, swapped) in
        [("stopped", Signal::INT, false), ("stopped", Signal::KILL, false), ("swapped", Signal::KILL, true)]
    {
        assert!(stack.runs("client"));
        let running = database.restore_paused_at(point);
        assert!(!stack.runs("client"));
        let run = signalled(running, signal);
        run.holds(stack.runs("client") == (signal == Signal::INT), "an end in order starts them again");
        let said = whole_and_mended(&database, &states, swapped, point);
        let mended = said.contains("Mended: client were not started again after a swap");
        assert!(stack.runs("client") && mended == (signal == Signal::KILL), "{point}: {said}");
    }
    // What did not run before is not started.
    stack.docker(&["stop", &stack.container_of("client")]);
    database.restore([]).run().ok().stderr_lacks("Services:");
    assert!(!stack.runs("client"));
    stack.docker(&["start", &stack.container_of("client")]);
    database.restore(["--keep-old", "0"]).run().ok().stderr_has("Services:  away for ");
    assert!(stack.runs("client"));
    states.old.clone_from(&states.restored);

    for point in ["loading", "stopped"] {
        let running = if point == "loading" {
            let file = slow(&database, 100);
            let running = database.restore([file.as_str()]).spawn();
            wait_for_the_sleep(&database);
            running
        } else {
            database.restore_paused_at(point)
        };
        stack.docker(&["kill", stack.postgres()]);
        running.signal(Signal::CONT);
        let run = running.wait();
        run.holds(matches!(run.code, Some(1 | 4)), "a dead server is a failure").stderr_lacks("✓ Database restored");
        stack.up();
        stack.forget_sessions();
        whole_and_mended(&database, &states, false, point);
        assert!(stack.runs("client"));
    }

    // Between lock-out and the exchange only the server can die: then nobody may connect until the next run.
    let running = database.restore_paused_at("marked");
    running.signal(Signal::KILL);
    running.wait();
    stack.admin(&format!("ALTER DATABASE {} ALLOW_CONNECTIONS false", database.name));
    let run = database.restore([]).run();
    run.ok().stderr_has("is locked out since a restore was killed").stderr_has("✓ Database restored");
    whole_and_mended(&database, &states, true, "locked out");
    managed_from_template1(&stack);
}

fn managed_from_template1(stack: &Stack) {
    stack.sandbox.set("POSTGRES_DB", "postgres");
    let rows = || stack.psql("postgres", "SELECT count(*) FROM t");
    stack.psql("postgres", "CREATE TABLE t AS SELECT 1 AS i");
    stack.forget_sessions();
    stack.xtask(["db-backup"]).run().ok();
    stack.psql("postgres", "DELETE FROM t");
    stack.xtask(["db-restore", "--yes"]).run().ok();
    assert_eq!(rows(), "1");
    stack.xtask(["db-restore", "--undo", "--yes"]).run().ok();
    assert_eq!(rows(), "0");
}
