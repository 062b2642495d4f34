//! Previous databases: how many stay, under which names, and which one an undo takes.

use crate::harness::stack::Database;
use crate::harness::{Test, shared_for_restores};
use chrono::{Local, SecondsFormat, TimeDelta};
use rustix::process::Signal;

pub fn tests() -> Vec<Test> {
    tests![
        [Compose] as_many_previous_databases_stay_as_asked_for,
        [Compose] a_taken_name_stops_no_swap,
        [Compose] the_only_way_back_is_never_dropped,
        [Compose] the_newest_previous_database_is_found_by_time,
        [Compose] a_clock_set_back_hides_no_swap,
    ]
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
