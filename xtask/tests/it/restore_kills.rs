//! `db-restore` that is ended at every point: one whole state is live, and the next run repairs the rest.
//! `XTASK_TEST_KILLS=all` ends it in every way at every point; otherwise in one way at each.

use crate::harness::patience::is_within;
use crate::harness::restore::{saves_beside, slow, wait_for_the_sleep, whole_and_repaired};
use crate::harness::{Test, shared_for_restores, wait_until};
use rustix::process::Signal;
use std::fs;
use std::time::{Duration, Instant};

pub fn tests() -> Vec<Test> {
    tests![
        [Compose] a_restore_ended_before_the_swap_leaves_the_old_database,
        [Compose] a_restore_ended_after_the_swap_is_finished,
        [Compose] a_restore_ended_within_the_swap_leaves_one_whole_database,
        [Compose] a_kill_while_loading_leaves_the_old_database,
        [Compose] a_file_rewritten_before_the_load_is_refused,
        [Compose] what_is_only_named_like_a_staging_database_stays,
    ]
}

const EVERY_WAY: &[Signal] = &[Signal::KILL, Signal::INT, Signal::TERM];

/// Every fault point before the exchange, and how a run is ended there unless all is asked for.
const BEFORE: &[(&str, Signal)] = &[
    ("locked", Signal::TERM),
    ("safety", Signal::KILL),
    ("named", Signal::KILL),
    ("unmarked", Signal::KILL),
    ("created", Signal::KILL),
    ("loaded", Signal::TERM),
    ("checked", Signal::INT),
    ("marked", Signal::KILL),
    ("stopped", Signal::TERM),
];
const AFTER: &[(&str, Signal)] = &[("swapped", Signal::KILL), ("migrated", Signal::INT), ("started", Signal::TERM)];

fn ways(usual: Signal) -> Vec<Signal> {
    let all = std::env::var("XTASK_TEST_KILLS").is_ok_and(|asked| asked == "all");
    if all { EVERY_WAY.to_vec() } else { vec![usual] }
}

fn a_restore_ended_before_the_swap_leaves_the_old_database() {
    let database = shared_for_restores().database();
    let states = database.backed_up_and_changed();
    for &(point, usual) in BEFORE {
        for signal in ways(usual) {
            let run = database.restore_paused_at(point).ended_by(signal);
            // Beside a load that goes on the safety backup is done at any time.
            let left = match point {
                "safety" if saves_beside() => database.beside("staging").len() == 1,
                _ => signal == Signal::KILL && !["locked", "safety", "named"].contains(&point),
            };
            if signal == Signal::KILL {
                run.holds(run.signal == Some(9), "it should be killed");
                assert_eq!(database.beside("staging").len(), usize::from(left), "{point}");
            } else {
                run.code(128 + signal.as_raw()).stderr_has("nothing was changed").stderr_lacks("✓ Database restored");
                run.holds(database.beside("staging").is_empty(), &format!("{point}: no staging database"));
            }
            let said = whole_and_repaired(&database, &states, false, point);
            assert_eq!(said.contains("was left behind by a run that was killed"), left, "{point}: {said}");
            assert!(point == "locked" || !database.safety_backups().is_empty(), "{point}: the safety backup is there");
        }
    }
}

/// What has been exchanged is finished, whatever the signal; only a kill leaves something to the next run.
fn a_restore_ended_after_the_swap_is_finished() {
    for &(point, usual) in AFTER {
        for signal in ways(usual) {
            let database = shared_for_restores().database();
            let states = database.backed_up_and_changed();
            let run = database.restore_paused_at(point).ended_by(signal);
            if signal != Signal::KILL {
                run.ok().stderr_has("✓ Database restored").stderr_lacks("nothing was changed");
            }
            let said = whole_and_repaired(&database, &states, true, point);
            assert!(said.contains("✓ Nothing to repair"), "{point}: {said}");
            assert_eq!(database.safety_backups().len(), 1, "{point}");
        }
    }
}

/// The exchange is one script: once the server has it, it comes to its end whatever becomes of the run. Another session that
/// describes a database holds its name: the live one's before the first renaming, the staging one's before the second.
fn a_restore_ended_within_the_swap_leaves_one_whole_database() {
    for (held, signal) in
        [("live", Signal::KILL), ("live", Signal::INT), ("staging", Signal::KILL), ("staging", Signal::TERM)]
    {
        let database = shared_for_restores().database();
        let states = database.backed_up_and_changed();
        let running = database.restore_paused_at("stopped");
        let name = if held == "live" { database.name.clone() } else { database.only_beside("staging") };
        let mut holder = database.stack.session("postgres");
        holder.sql(&format!("BEGIN; COMMENT ON DATABASE {name} IS 'held'"));
        running.signal(Signal::CONT);
        wait_until("the live database is locked out", || !database.is_open());
        let run = if signal == Signal::KILL {
            running.signal(signal);
            let run = running.wait();
            assert!(!database.is_open() && database.beside("before").is_empty(), "{held}");
            holder.sql("ROLLBACK");
            run
        } else {
            running.signal(signal);
            holder.sql("ROLLBACK");
            let run = running.wait();
            run.ok().stderr_has("✓ Database restored");
            run
        };
        run.holds((run.signal == Some(9)) == (signal == Signal::KILL), "only a kill ends it");
        wait_until("the exchange has ended", || database.is_open() && database.beside("before").len() == 1);
        whole_and_repaired(&database, &states, true, held);
        assert_eq!(database.safety_backups().len(), 1, "{held}");
    }
}

fn a_kill_while_loading_leaves_the_old_database() {
    let database = shared_for_restores().database();
    let states = database.backed_up_and_changed();
    let file = slow(&database, 100);
    for (signal, code) in [(Signal::INT, Some(130)), (Signal::KILL, None)] {
        let running = database.restore([file.as_str()]).spawn();
        wait_for_the_sleep(&database);
        let sent = Instant::now();
        running.signal(signal);
        let run = running.wait();
        let at_once = is_within(sent.elapsed(), Duration::from_secs(20));
        run.holds(run.code == code && at_once, "it should end at once, not with the file");
    }
    // The server's session goes on for a while; the run does not wait for it.
    let said = database.repair();
    assert!(said.contains("was left behind by a run that was killed"), "{said}");
    whole_and_repaired(&database, &states, false, "loading");
}

fn a_file_rewritten_before_the_load_is_refused() {
    let database = shared_for_restores().database();
    let states = database.backed_up_and_changed();
    let running = database.restore_paused_at("created");
    let bytes = fs::read(&states.backup).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    fs::write(&states.backup, text.replacen("it's 1", "it's X", 1)).unwrap();
    running.signal(Signal::CONT);
    let run = running.wait();
    run.code(3).stderr_has("changed while it was read").stderr_lacks("✓ Database restored");
    whole_and_repaired(&database, &states, false, "rewritten");
}

/// A name is no proof, and the next run drops only what it can prove. What a person made stays.
fn what_is_only_named_like_a_staging_database_stays() {
    let database = shared_for_restores().database();
    let name = format!("{}_staging_20251021_143022", database.name);
    database.stack.admin(&format!("CREATE DATABASE {name}"));
    let said = database.repair();
    assert!(said.contains(&format!("⚠ {name} (owner postgres) is named like a database of this program")), "{said}");
    assert!(said.contains(&format!("DROP DATABASE \"{name}\";")) && said.contains("✓ Nothing to repair"), "{said}");
    assert_eq!(database.only_beside("staging"), name);
    database.stack.admin(&format!("DROP DATABASE {name}"));
}
