//! `db-migrate` with many files, and with a large one.

use crate::harness::{Test, shared};
use std::fmt::Write as _;
use std::fs;
use std::time::{Duration, Instant};

pub fn tests() -> Vec<Test> {
    tests![
        [Stack] a_thousand_migrations_are_applied_in_bounded_time,
        [Stack] a_large_data_migration_takes_little_memory,
    ]
}

fn a_thousand_migrations_are_applied_in_bounded_time() {
    let database = shared().database();
    for version in 1..=1000 {
        let up = format!("CREATE SCHEMA IF NOT EXISTS s; COMMENT ON SCHEMA s IS '{version}';\n");
        database.sandbox.migration(version, "step", &up, Some("SELECT 1;\n"));
    }
    let run = database.migrate([]).run();
    run.ok()
        .stderr_has("✓ 1,000 migrations applied")
        .within(Duration::from_secs(20), "each file takes a few questions");
    let again = database.migrate([]).run();
    again.ok().stderr_has("✓ Nothing to do").within(Duration::from_secs(5), "nothing to do takes little");
}

fn a_large_data_migration_takes_little_memory() {
    let database = shared().database();
    let mut text = String::from("CREATE TABLE big (a int, b text);\n");
    let filling = "x'';--\\".repeat(145);
    for chunk in 0..500 {
        let rows: Vec<String> = (0..100).map(|row| format!("({}, '{filling}')", chunk * 100 + row)).collect();
        writeln!(text, "INSERT INTO big VALUES\n{};", rows.join(",\n")).unwrap();
    }
    assert!(text.len() > 50_000_000, "{}", text.len());
    database.sandbox.migration(1, "big", &text, None);
    let mut running = database.migrate([]).spawn();
    let mut peak = 0;
    // How long the server takes for the rows is the machine's affair: the run's own end, or the harness's deadline, ends this.
    let end = Instant::now() + Duration::from_secs(390);
    while running.is_running() && Instant::now() < end {
        let status = fs::read_to_string(format!("/proc/{}/status", running.id())).unwrap_or_default();
        let peak_now = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = peak_now.and_then(|rest| rest.trim().split(' ').next()?.parse::<u64>().ok());
        peak = peak.max(kilobytes.unwrap_or_default());
        std::thread::sleep(Duration::from_millis(15));
    }
    running.wait().ok().stderr_has("✓ 1 migration applied");
    assert_eq!(database.sql("SELECT count(*), max(length(b)) FROM big"), format!("50000|{}", "x';--\\".len() * 145));
    assert!(peak > 1_000 && peak < 40_000, "{peak} kB of memory for a file of {} kB", text.len() / 1000);
}
