//! `db-restore` on the `local` target: back and forth, ended at a few points, and a server that is killed.

use crate::harness::backup::dumped;
use crate::harness::local::{is_alive, signal};
use crate::harness::restore::paused;
use crate::harness::{Local, Need, Test, needs, wait_until};
use rustix::process::Signal;

pub fn tests() -> Vec<Test> {
    tests![
        [Postgres] data_goes_back_and_forth_and_is_whole_wherever_a_restore_ends,
    ]
}

fn dump(local: &Local) -> Vec<u8> {
    dumped(|words| local.client("openfga", words, b""))
}

/// A backup of three rows; then one is gone. Dumps of both states.
fn backed_up_and_changed(local: &Local) -> [Vec<u8>; 2] {
    local.sql("openfga", "CREATE TABLE t AS SELECT i, 'it''s ' || i AS text FROM generate_series(1, 3) AS i");
    local.xtask(["db-backup"]).run().ok();
    let restored = dump(local);
    local.sql("openfga", "DELETE FROM t WHERE i = 2");
    [restored, dump(local)]
}

/// Where a restore is ended, by what, and whether the databases have been swapped by then.
const ENDS: [(&str, Signal, bool); 11] = [
    ("locked", Signal::KILL, false),
    ("safety", Signal::INT, false),
    ("unmarked", Signal::KILL, false),
    ("created", Signal::KILL, false),
    ("loaded", Signal::INT, false),
    ("checked", Signal::TERM, false),
    ("marked", Signal::KILL, false),
    ("stopped", Signal::INT, false),
    ("swapped", Signal::KILL, true),
    ("migrated", Signal::KILL, true),
    ("started", Signal::TERM, true),
];

fn data_goes_back_and_forth_and_is_whole_wherever_a_restore_ends() {
    let local = Local::new();
    if needs::has(Need::OpenfgaBin) {
        local.sandbox.set_openfga_program();
    }
    local.up();
    let [restored, old] = backed_up_and_changed(&local);
    let dump = || dump(&local);
    let staging = || local.sql("postgres", "SELECT count(*) FROM pg_database WHERE datname ~ '^openfga_staging_'");
    let restore = |more: &[&'static str]| local.xtask(["db-restore", "--yes"].iter().chain(more).copied());
    let repair = || local.xtask(["db-restore", "--repair"]).run();
    for (point, signal, swapped) in ENDS {
        if swapped {
            local.xtask(["db-shell", "--", "-qc", "DELETE FROM t WHERE i = 2"]).run().ok();
        }
        let run = paused(restore(&[]), point).ended_by(signal);
        run.holds((run.code == Some(0)) == (point == "started"), point);
        let live = if swapped { &restored } else { &old };
        assert!(dump() == *live, "{point}");
        repair().ok();
        repair().ok().stderr_has("✓ Nothing to repair");
        assert!(dump() == *live, "{point}: the repair changed it");
        assert_eq!(staging(), "0", "{point}");
    }
    restore(&["--undo"]).run().ok().stderr_has("✓ Restore undone");
    assert!(dump() == old);
    restore(&[]).run().ok().stderr_has("✓ Database restored").stderr_has("✓ Safety backup: ");
    assert!(dump() == restored);
    by_a_server_that_is_killed(&local, &restored);
    by_its_address_alone(&local, &restored);
}

fn kill(local: &Local) {
    let server = local.pid();
    signal(server, Signal::KILL);
    wait_until("the server is gone", || !is_alive(server));
}

fn by_a_server_that_is_killed(local: &Local, live: &[u8]) {
    let running = paused(local.xtask(["db-restore", "--yes"]), "checked");
    kill(local);
    running.signal(Signal::CONT);
    let run = running.wait();
    run.holds(matches!(run.code, Some(1 | 4)), "a dead server is a failure").stderr_lacks("✓ Database restored");
    local.up();
    local.xtask(["db-restore", "--repair"]).run().ok().stderr_has("was left behind by a run that was killed");
    assert!(dump(local) == live);
    local.xtask(["db-restore", "--yes"]).run().ok();
    assert!(dump(local) == live);
}

/// The same server as one of the target `url`, killed in the middle of a load.
fn by_its_address_alone(local: &Local, live: &[u8]) {
    let url = format!("postgres://postgres:{}@127.0.0.1:{}/openfga", local.password(), local.port());
    let xtask =
        |args: &[&'static str]| local.xtask(args.iter().copied()).env("XTASK_TARGET", "url").env("DATABASE_URL", &url);
    let slow = "CREATE MATERIALIZED VIEW public.slow AS SELECT 1 AS a FROM pg_catalog.pg_sleep(100);\n\n--\n-- PostgreSQL database dump complete";
    let file = String::from_utf8(live.to_vec()).unwrap().replacen("--\n-- PostgreSQL database dump complete", slow, 1);
    local.sandbox.write("slow.sql", file);
    let running = xtask(&["db-restore", "--yes", "slow.sql"]).spawn();
    let sleeping = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    wait_until("the dump is loaded to its end", || local.sql("postgres", sleeping) == "1");
    kill(local);
    let run = running.wait();
    run.holds(matches!(run.code, Some(1 | 4)), "a dead server is a failure").stderr_lacks("✓ Database restored");
    local.up();
    assert!(dump(local) == live);
    xtask(&["db-restore", "--repair"]).run().ok().stderr_has("was left behind by a run that was killed");
    xtask(&["db-restore", "--repair"]).run().ok().stderr_has("✓ Nothing to repair");
    assert!(dump(local) == live);
}
