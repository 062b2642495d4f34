//! `db-reset` that is ended at every point, or meets another run: one whole state is live, and `--repair` repairs the
//! rest.

use crate::harness::restore::{States, paused, whole_and_repaired};
use crate::harness::{Test, shared_for_restores};
use rustix::process::Signal;

pub fn tests() -> Vec<Test> {
    tests![
        [Compose] a_reset_ended_anywhere_leaves_one_whole_database,
        [Compose] a_reset_and_another_change_exclude_one_another,
        [Compose] a_reset_without_a_safety_backup_needs_consent,
    ]
}

/// Every fault point, how the run is ended there, and whether the empty database is live by then.
const POINTS: &[(&str, Signal, bool)] = &[
    ("locked", Signal::KILL, false),
    ("safety", Signal::INT, false),
    ("unmarked", Signal::TERM, false),
    ("created", Signal::KILL, false),
    ("marked", Signal::TERM, false),
    ("stopped", Signal::KILL, false),
    ("swapped", Signal::KILL, true),
    ("migrated", Signal::INT, true),
    ("started", Signal::KILL, true),
];

fn a_reset_ended_anywhere_leaves_one_whole_database() {
    for &(point, signal, swapped) in POINTS {
        let database = shared_for_restores().database_with("TEMPLATE template0");
        let restored = database.dump();
        database.sql("CREATE TABLE t AS SELECT 1 AS i");
        let states = States { backup: "none".into(), restored, old: database.dump() };
        let running = paused(database.xtask(["db-reset", "--yes"]), point);
        let run = running.ended_by(signal);
        if signal == Signal::KILL {
            run.holds(run.signal == Some(9), "it should be killed");
        } else if swapped {
            run.ok().stderr_has("✓ Database reset");
        } else {
            run.code(128 + signal.as_raw()).stderr_has("nothing was changed").stderr_lacks("✓ Database reset");
        }
        whole_and_repaired(&database, &states, swapped, point);
        if swapped {
            database.restore(["--undo"]).run().ok();
            assert_eq!(database.dump(), states.old, "{point}");
        }
    }
}

fn a_reset_and_another_change_exclude_one_another() {
    let database = shared_for_restores().database();
    let states = database.backed_up_and_changed();
    let running = paused(database.xtask(["db-reset", "--yes"]), "safety");
    for command in [&["db-reset", "--yes"][..], &["db-restore", "--yes"]] {
        let run = database.xtask(command.iter().copied()).run();
        run.code(5).stderr_has("is being changed by session").stderr_lacks("✓");
    }
    assert_eq!(database.dump(), states.old);
    running.signal(Signal::CONT);
    running.wait().ok();
    // A restore takes an empty database's place as any other's.
    database.restore([]).run().ok();
    assert_eq!(database.dump(), states.restored);
}

fn a_reset_without_a_safety_backup_needs_consent() {
    let database = shared_for_restores().database();
    database.sql("CREATE TABLE t AS SELECT 1 AS i");
    let mut holder = database.session();
    holder.sql("BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE");
    let reset = |more: &[&str]| database.xtask(["db-reset", "--yes"]).args(more).env("XTASK_LOCK_TIMEOUT", "1").run();
    let run = reset(&[]);
    run.code(5).stderr_has("nothing was changed").stderr_lacks("✓ Database reset");
    run.stderr_has("wait longer with --lock-timeout SECONDS").stderr_lacks("--no-safety-backup");
    run.stderr_has("⚠ The live database cannot be read: table public.t is held by session ");
    run.stderr_has("A table stayed locked for 1 s; no backup was made");
    assert_eq!((database.beside("staging").len(), database.beside("before").len()), (0, 0));
    reset(&["--no-safety-backup"]).ok().stderr_has("✓ Database reset").stderr_lacks("Safety:");
    assert_eq!(database.stack.psql(&database.only_beside("before"), "SELECT i FROM t"), "1");
}
