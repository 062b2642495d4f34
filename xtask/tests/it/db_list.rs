//! `db-list`: what there is, newest first by what the files say of themselves.

use crate::harness::backup::{forged, manifest};
use crate::harness::{Sandbox, Test, Xtask, shared};
use chrono::{Local, TimeDelta};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

pub fn tests() -> Vec<Test> {
    tests![
        [Stack] newest_first_by_the_manifest_then_by_the_name_never_by_mtime,
        [Stack] a_person_reads_the_table,
        [Stack, Script] a_narrow_terminal_shows_paragraphs,
        [Stack] the_list_of_one_database_shows_its_backups_alone,
        [Stack] a_backup_from_the_future_is_listed_as_such,
        [Stack] a_thousand_files_are_listed_at_once,
    ]
}

pub fn list(sandbox: &Sandbox, args: &[&str]) -> Value {
    let run = Xtask::new(sandbox).args(["db-list", "--json"]).args(args).run();
    let report = run.ok().json();
    assert_eq!(report["version"], 1);
    report["backups"].clone()
}

pub fn names(backups: &Value) -> Vec<String> {
    let files = backups.as_array().unwrap().iter().map(|backup| backup["file"].as_str().unwrap());
    files.map(|file| Path::new(file).file_name().unwrap().to_str().unwrap().to_owned()).collect()
}

/// This backup, as if it had been made at that time.
fn at(backup: &[u8], old: &str, time: &str) -> Vec<u8> {
    forged(backup, &format!("\"started_at\":\"{old}\""), &format!("\"started_at\":\"{time}\""))
}

/// A small backup: its bytes and when it says it was made.
pub fn sample() -> (Vec<u8>, String, String) {
    let database = shared().database();
    database.sql("CREATE TABLE t AS SELECT generate_series(1, 1234) AS i; CREATE TABLE u (a int)");
    let file = database.backup();
    let started = manifest(&file)["started_at"].as_str().unwrap().to_owned();
    (fs::read(file).unwrap(), started, database.name.clone())
}

/// Newest first: what was made before a change is older than a backup of the same second.
const OF_ONE_SECOND: [&str; 5] = [
    "a_backup_20250101_000000_10.sql",
    "a_backup_20250101_000000_2.sql",
    "a_backup_20250101_000000.sql",
    "a_pre_migration_20250101_000000_11.sql",
    "a_pre_restore_20250101_000000.sql",
];

fn newest_first_by_the_manifest_then_by_the_name_never_by_mtime() {
    let (bytes, started, _) = sample();
    let sandbox = Sandbox::new();
    let write = |name: &str, time: &str| sandbox.write(format!("backups/{name}"), at(&bytes, &started, time));
    // Offsets count: 10:00+05:00 is older than 06:00Z.
    write("b.sql", "2025-03-01T06:00:00+00:00");
    write("z.sql", "2025-03-01T10:00:00+05:00");
    write("openfga_backup_20300101_000000.sql", "2024-12-31T00:00:00+00:00");
    for name in OF_ONE_SECOND {
        write(name, "2025-01-01T00:00:00+00:00");
    }
    // No manifest: the name tells the time.
    let elsewhere = "--\n-- PostgreSQL database dump\n--\n\n--\n-- PostgreSQL database dump complete\n--\n\n";
    sandbox.write("backups/openfga_backup_20250220_120000.sql", elsewhere);
    sandbox.write("backups/timeless.sql", elsewhere);
    let first = ["b.sql", "z.sql", "openfga_backup_20250220_120000.sql"];
    let last = ["openfga_backup_20300101_000000.sql", "timeless.sql"];
    let expected = [&first[..], &OF_ONE_SECOND, &last].concat();
    assert_eq!(names(&list(&sandbox, &[])), expected);
    // Copying or restoring files changes their time stamps.
    for (index, name) in expected.iter().enumerate() {
        let file = fs::File::options().append(true).open(sandbox.path("backups").join(name)).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(1_000_000 - 1000 * index as u64)).unwrap();
    }
    assert_eq!(names(&list(&sandbox, &[])), expected);
    assert_eq!(names(&list(&sandbox, &["--check"])), expected);
    let shown = Xtask::new(&sandbox).args(["db-list"]).run();
    let shown: Vec<String> = shown.ok().text().lines().skip(1).map(str::to_owned).collect();
    assert!(
        shown.iter().zip(expected).all(|(line, name)| line.starts_with(&format!("backups/{name}  "))),
        "{shown:#?}"
    );
}

fn a_person_reads_the_table() {
    let (bytes, started, database) = sample();
    let sandbox = Sandbox::new();
    let time = (Local::now() - TimeDelta::hours(3)).to_rfc3339();
    sandbox.write("backups/one.sql", at(&bytes, &started, &time));
    let run = Xtask::new(&sandbox).args(["db-list"]).run();
    let text = run.ok().says_nothing().text();
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(words(lines[0]), ["FILE", "DATABASE", "AGE", "SIZE", "TABLES", "ROWS", "VERDICT"]);
    let row = words(lines[1]);
    assert_eq!(row[..4], ["backups/one.sql".to_owned(), database, "3".to_owned(), "h".to_owned()]);
    assert_eq!(row[5..], ["kB", "2", "1,234", "complete"]);
    assert_eq!(lines.len(), 2);
    Xtask::new(&sandbox).args(["db-list", "--check"]).run().ok().stdout_has("  whole");
    let here = Xtask::new(&sandbox).args(["db-list"]).here(sandbox.path("backups")).run();
    here.ok().stdout_has("\none.sql  ");
    let typed = Xtask::new(&sandbox).args(["db-list", "."]).here(sandbox.path("backups")).run();
    typed.ok().stdout_has("\none.sql  ");
}

fn a_narrow_terminal_shows_paragraphs() {
    let (bytes, _, database) = sample();
    let sandbox = Sandbox::new();
    sandbox.write("backups/one.sql", &bytes);
    let narrow = |args: &[&str], columns: &str| {
        let words = format!("stty columns {columns}; exec \"$@\"");
        let run = Xtask::new(&sandbox).args(args).through(["sh", "-c", &words, "sh"]).terminal().wait();
        run.ok().text().replace("\r\n", "\n")
    };
    let shown = narrow(&["db-list"], "40");
    let expected = format!("backups/one.sql\n  DATABASE  {database}\n  AGE       ");
    assert!(shown.starts_with(&expected) && shown.contains("\n  VERDICT   complete\n"), "{shown}");
    assert!(shown.lines().all(|line| line.len() <= 40), "{shown}");
    let shown = narrow(&["--quiet", "db-prune", "--keep-last", "1", "--dry-run"], "30");
    assert!(shown.starts_with("backups/one.sql\n") && shown.contains("\n  REASON  "), "{shown}");
    assert!(narrow(&["db-list"], "200").starts_with("FILE  "));
}

fn the_list_of_one_database_shows_its_backups_alone() {
    let (bytes, _, database) = sample();
    let sandbox = Sandbox::new();
    sandbox.write("backups/one.sql", &bytes);
    let name = format!("\"database\":\"{database}\"");
    sandbox.write("backups/two.sql", forged(&bytes, &name, "\"database\":\"other one\""));
    sandbox.write("backups/third%20one_backup_20250101_000000.sql", "");
    assert_eq!(list(&sandbox, &[]).as_array().unwrap().len(), 3);
    assert_eq!(names(&list(&sandbox, &["--database", "other one"])), ["two.sql"]);
    assert_eq!(names(&list(&sandbox, &["--database", &database])), ["one.sql"]);
    assert_eq!(names(&list(&sandbox, &["--database", "third one"])), ["third%20one_backup_20250101_000000.sql"]);
    assert_eq!(list(&sandbox, &["--database", "nosuch"]), json!([]));
    let none = Xtask::new(&sandbox).args(["db-list", "--database", "nosuch"]).run();
    none.ok().prints_nothing().stderr_has("No backups of database nosuch in backups");
    // Only that database's files decide the exit code.
    Xtask::new(&sandbox).args(["db-list", "--check", "--database", "other one"]).run().ok();
    Xtask::new(&sandbox).args(["db-list", "--check", "--database", "third one"]).run().code(3);
}

fn a_backup_from_the_future_is_listed_as_such() {
    let database = shared().database();
    let first = database.backup();
    let started = manifest(&first)["started_at"].as_str().unwrap().to_owned();
    let later = (Local::now() + TimeDelta::days(40)).to_rfc3339();
    let bytes = fs::read(&first).unwrap();
    fs::write(&first, at(&bytes, &started, &later)).unwrap();
    database.xtask(["db-list"]).run().ok().stdout_has("in future").stdout_has("complete");
    database.xtask(["db-list", "--check"]).run().ok().stdout_has("in future").stdout_has("whole");
    let second = database.backup();
    let found = names(&list(&database.sandbox, &[]));
    assert_eq!(found.len(), 2);
    assert!(first.ends_with(&found[0]) && second.ends_with(&found[1]), "{found:?}");
}

fn a_thousand_files_are_listed_at_once() {
    let (bytes, started, _) = sample();
    let sandbox = Sandbox::new();
    let day = chrono::NaiveDate::from_ymd_opt(2025, 1, 1).unwrap();
    for number in 0..1000u64 {
        let time = format!("{}T00:00:00+00:00", day + chrono::Days::new(number * 7 % 1000));
        sandbox.write(format!("backups/{number:04}.sql"), at(&bytes, &started, &time));
    }
    let best = (0..3).map(|_| {
        let run = Xtask::new(&sandbox).args(["db-list"]).run();
        assert_eq!(run.ok().text().lines().count(), 1001);
        run.took
    });
    let best = best.min().unwrap();
    // On a busy machine a start alone says what it is worth.
    let start = (0..3).map(|_| Xtask::new(&sandbox).args(["--version"]).run().took).min().unwrap();
    let limit = Duration::from_secs(1).max(start * 60);
    assert!(best < limit, "{best:?}, {limit:?}");
    let backups = list(&sandbox, &[]);
    let times: Vec<&str> = backups.as_array().unwrap().iter().map(|backup| backup["time"].as_str().unwrap()).collect();
    assert!(times.is_sorted_by(|newer, older| newer > older));
}
