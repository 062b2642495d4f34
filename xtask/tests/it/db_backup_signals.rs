//! `db-backup` that is ended in its middle: by a key, by signals, by kill -9.

use crate::harness::patience::is_within;
use crate::harness::run::Running;
use crate::harness::stack::Database;
use crate::harness::{Test, shared, wait_until};
use rustix::process::Signal;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

pub fn tests() -> Vec<Test> {
    tests![
        [Stack] signals_end_a_dump_that_waits,
        [Stack] a_signal_ends_a_dump_in_its_middle,
        [Stack] a_signal_ends_a_backup_whose_server_is_silent,
        [Stack, Script] ctrl_c_on_a_terminal_leaves_no_file,
        [Stack] after_kill_9_the_next_backup_clears_up,
        [Stack] an_unfinished_backup_that_is_being_written_is_left_alone,
    ]
}

/// From the signal until everything is gone: a person would wait no longer.
const SOON: Duration = Duration::from_secs(4);

/// The unfinished files there.
fn partials(database: &Database<'_>) -> Vec<String> {
    let mut names = database.sandbox.backups();
    names.retain(|name| name.contains(".xtask-") && name.ends_with(".partial"));
    names
}

#[track_caller]
fn ended_by(database: &Database<'_>, running: Running, signal: Signal, code: i32) {
    let sent = Instant::now();
    running.signal(signal);
    let run = running.wait();
    run.code(code).prints_nothing().stderr_has("Ended by").stderr_has("nothing was changed").stderr_lacks("✓");
    wait_until("no session is left", || database.our_sessions() == 0);
    run.holds(is_within(sent.elapsed(), SOON), "it should end at once");
    assert_eq!(database.sandbox.backups(), [""; 0]);
}

fn signals_end_a_dump_that_waits() {
    let database = shared().database();
    database.sql("CREATE TABLE held (a int)");
    let _holder = database.hold("held");
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        let running = database.xtask(["db-backup"]).spawn();
        database.wait_for_a_blocked_dump();
        assert_eq!(partials(&database).len(), 1);
        ended_by(&database, running, signal, code);
    }
}

/// A backup whose pg_dump stands in the middle of a table, its pipe full.
fn in_the_middle(database: &Database<'_>) -> Running {
    database.fill("large", 5);
    let reached = database.sandbox.beside("reached");
    let body = format!("real \"$@\" | {{ head -c 1000000; : >'{}'; exec sleep 1000; }}", reached.display());
    let running = database.xtask_with_pg_dump(["db-backup"], &body).spawn();
    wait_until("the dump is in its middle", || reached.exists());
    running
}

fn a_signal_ends_a_dump_in_its_middle() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let database = shared().database();
        let running = in_the_middle(&database);
        assert_eq!(partials(&database).len(), 1);
        ended_by(&database, running, signal, code);
    }
}

/// No question is answered, the one that would end our sessions neither.
fn a_signal_ends_a_backup_whose_server_is_silent() {
    let database = shared().database();
    let reached = database.sandbox.beside("reached");
    let fakes = crate::harness::Fakes::new(&database.sandbox);
    let body = format!(": >'{}'; exec sleep 1000", reached.display());
    let running = fakes.docker_but("psql", &body).over(database.xtask(["db-backup"])).spawn();
    wait_until("psql hangs", || reached.exists());
    let sent = Instant::now();
    running.signal(Signal::TERM);
    let run = running.wait();
    run.code(143).prints_nothing().stderr_lacks("✓");
    assert_eq!(database.sandbox.backups(), [""; 0]);
    let limit = Duration::from_secs(15);
    run.holds(is_within(sent.elapsed(), limit), "a server that does not answer should not hold it");
}

fn ctrl_c_on_a_terminal_leaves_no_file() {
    let database = shared().database();
    database.sql("CREATE TABLE held (a int)");
    let _holder = database.hold("held");
    let mut terminal = database.xtask(["db-backup"]).terminal();
    database.wait_for_a_blocked_dump();
    let sent = Instant::now();
    terminal.types("\x03");
    let run = terminal.wait();
    run.code(130).stdout_has("Ended by Ctrl-C (SIGINT); nothing was changed").stdout_lacks("Backup created");
    wait_until("no session is left", || database.our_sessions() == 0);
    run.holds(is_within(sent.elapsed(), SOON), "it should end at once");
    assert_eq!(database.sandbox.backups(), [""; 0]);
}

fn after_kill_9_the_next_backup_clears_up() {
    let database = shared().database();
    database.sql("CREATE TABLE held (a int)");
    let holder = database.hold("held");
    database.sandbox.write("backups/notes.partial", "a person's");
    let running = database.xtask(["db-backup"]).spawn();
    database.wait_for_a_blocked_dump();
    running.signal(Signal::KILL);
    let killed = running.wait();
    killed.holds(killed.signal == Some(9), "killed");
    let left = partials(&database);
    assert_eq!(left.len(), 1, "an unfinished file is left, under no backup's name");
    let run = left[0].trim_end_matches(".partial").rsplit('.').next().unwrap().to_owned();
    let session = format!("SELECT count(*) FROM pg_stat_activity WHERE application_name = '{run}'");
    assert_ne!(database.stack.admin(&session), "0", "its dump still works on the server");
    database.xtask(["db-list"]).run().ok().prints_nothing();

    let next = database.xtask(["db-backup"]).spawn();
    wait_until("the leftover is cleared", || {
        next.stderr().contains("Removed 1 unfinished backup of a run that was killed")
    });
    wait_until("the session left behind is ended", || database.stack.admin(&session) == "0");
    drop(holder);
    next.wait().ok();
    let names = database.sandbox.backups();
    assert!(names.len() == 2 && partials(&database).is_empty() && names[0] == "notes.partial", "{names:?}");
}

fn an_unfinished_backup_that_is_being_written_is_left_alone() {
    let database = shared().database();
    database.sql("CREATE TABLE held (a int)");
    let holder = database.hold("held");
    let running = database.xtask(["--quiet", "db-backup"]).spawn();
    database.wait_for_a_blocked_dump();
    let before = partials(&database);
    let another = shared().database();
    let folder: PathBuf = database.sandbox.path("backups");
    let other = another.xtask(["db-backup", "--output", folder.to_str().unwrap()]).run();
    other.ok().stderr_lacks("Removed");
    assert_eq!(partials(&database), before);
    assert_ne!(database.our_sessions(), 0);
    drop(holder);
    running.wait().ok();
    assert_eq!(
        fs::read_dir(folder)
            .unwrap()
            .filter(|entry| { entry.as_ref().unwrap().file_name().to_string_lossy().ends_with(".sql") })
            .count(),
        2
    );
}
