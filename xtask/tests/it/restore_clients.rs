//! `db-restore` among others: sessions in every way, another restore, a backup, a database that a person locked.

use crate::harness::restore::paused;
use crate::harness::{Session, Stack, Test, shared_for_restores, wait_until};
use rustix::process::Signal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

pub fn tests() -> Vec<Test> {
    tests![
        [Compose, Postgres] busy_and_idle_clients_hold_up_no_restore,
        [Compose] what_a_rename_cannot_take_along_is_refused,
        [Compose] one_restore_of_a_database_runs_at_a_time,
        [Compose] a_backup_beside_a_restore_is_whole_or_absent,
        [Compose] a_database_that_a_person_locked_is_left_alone,
    ]
}

/// Three clients that connect every 5 ms, until this is dropped.
struct Clients {
    over: Arc<AtomicBool>,
    running: Vec<JoinHandle<Duration>>,
}

impl Clients {
    fn start(stack: &'static Stack, database: &str) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let client = |_| {
            let (over, name) = (Arc::clone(&over), database.to_owned());
            std::thread::spawn(move || longest_outage(stack, &name, &over))
        };
        let running = (0..3).map(client).collect();
        Self { over, running }
    }

    /// Ends them; the longest time in which one of them could not connect.
    fn longest_outage(mut self) -> Duration {
        self.over.store(true, Ordering::Relaxed);
        self.running.drain(..).map(|client| client.join().unwrap()).max().unwrap()
    }
}

impl Drop for Clients {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
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

fn busy_and_idle_clients_hold_up_no_restore() {
    let stack = shared_for_restores();
    let database = stack.database();
    let states = database.backed_up_and_changed();
    let idle: Vec<Session> = (0..30)
        .map(|_| {
            let mut session = database.session();
            session.sql("SET application_name = 'an idle one'");
            session
        })
        .collect();
    let mut busy = database.session();
    busy.sql("SET application_name = 'the busy one'; BEGIN; INSERT INTO t VALUES (9)");
    let clients = Clients::start(stack, &database.name);
    let run = database.restore([]).run();
    run.ok().stderr_has("Sessions that will be terminated: ").stderr_has("an idle one 30").stderr_has("the busy one 1");
    assert_eq!(database.dump(), states.restored);
    // Their own start is in it, which is slow on a busy machine; the report has the server's own time.
    let outage = clients.longest_outage();
    run.holds(outage < Duration::from_secs(3), &format!("a client was kept out for {outage:?}"));
    assert!(busy.try_sql("COMMIT").is_err());
    drop(idle);
}

fn what_a_rename_cannot_take_along_is_refused() {
    let database = shared_for_restores().database();
    let states = database.backed_up_and_changed();
    database.sql("BEGIN; INSERT INTO t VALUES (7); PREPARE TRANSACTION 'left open'");
    for args in [&[][..], &["--dry-run"]] {
        let run = database.restore(args.iter().copied()).run();
        run.code(1).stderr_has("cannot be swapped while it has: prepared transaction left open").stderr_lacks("Safety");
        run.stderr_has("→ end this first: cargo xtask db-shell").stderr_has("ROLLBACK PREPARED 'left open';");
        run.stderr_lacks("SUBSCRIPTION");
    }
    assert!(database.beside("before").is_empty() && database.safety_backups().is_empty());
    assert_eq!(database.dump(), states.old);
    database.sql("ROLLBACK PREPARED 'left open'");
    database.sql("CREATE SUBSCRIPTION from_afar CONNECTION 'host=nowhere' PUBLICATION p WITH (connect = false)");
    database.sql("SELECT pg_create_logical_replication_slot('to_afar', 'test_decoding')");
    let run = database.restore([]).run();
    // A disabled subscription takes nothing from its publisher and goes along.
    run.code(1)
        .stderr_has("replication slot to_afar")
        .stderr_has("pg_drop_replication_slot('to_afar')")
        .stderr_lacks("from_afar")
        .stderr_lacks("Safety");
    database.sql("ALTER SUBSCRIPTION from_afar SET (slot_name = NONE); DROP SUBSCRIPTION from_afar");
    database.sql("SELECT pg_drop_replication_slot('to_afar')");
    database.restore([]).run().ok();
    assert_eq!(database.dump(), states.restored);
}

fn one_restore_of_a_database_runs_at_a_time() {
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
    repair.wait().ok().stderr_has("✓ Nothing to repair");
    assert_eq!(database.dump(), states.restored);
}

fn a_backup_beside_a_restore_is_whole_or_absent() {
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

fn a_database_that_a_person_locked_is_left_alone() {
    let database = shared_for_restores().database();
    let states = database.backed_up_and_changed();
    database.stack.admin(&format!("ALTER DATABASE {} ALLOW_CONNECTIONS false", database.name));
    let run = database.restore([]).run();
    run.code(1).stderr_has("accepts no connections, and this program did not lock it");
    run.stderr_has(&format!("→ open it first: ALTER DATABASE \"{}\" ALLOW_CONNECTIONS true", database.name));
    assert!(database.repair().contains("✓ Nothing to repair"));
    assert!(!database.is_open() && database.beside("staging").is_empty() && database.safety_backups().is_empty());
    database.stack.admin(&format!("ALTER DATABASE {} ALLOW_CONNECTIONS true", database.name));
    assert_eq!(database.dump(), states.old);
}
