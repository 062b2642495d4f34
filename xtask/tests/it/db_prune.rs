//! `db-prune`: what goes is what the rules say, and never the last good backup or what is not ours.

use crate::harness::forge::Forged;
use crate::harness::{Outcome, Sandbox, Test, Xtask, shared};
use chrono::{DateTime, Local, TimeDelta};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

pub fn tests() -> Vec<Test> {
    tests![
        [] each_rule_keeps_what_it_says,
        [] every_database_has_its_own_count,
        [] a_dry_run_removes_nothing,
        [Script] it_asks_on_a_terminal,
        [] without_a_terminal_it_needs_yes,
        [] rules_that_keep_nothing_are_refused,
        [Root] a_folder_that_cannot_be_written_is_an_error,
        [] a_thousand_files_are_quick,
        [] a_setting_that_cannot_be_understood_stops_it,
        [Stack] after_a_backup_the_rules_apply_and_after_a_failure_they_do_not,
    ]
}

pub fn ago(hours: i64) -> DateTime<Local> {
    Local::now() - TimeDelta::hours(hours)
}

fn name_at(database: &str, purpose: &str, time: DateTime<Local>) -> String {
    format!("{database}_{purpose}_{}.sql", time.format("%Y%m%d_%H%M%S"))
}

/// A whole backup of this age; its name.
pub fn whole(sandbox: &Sandbox, database: &str, purpose: &str, time: DateTime<Local>) -> String {
    let name = name_at(database, purpose, time);
    Forged::small().taken(database, time).write(sandbox, &name);
    name
}

pub fn prune(sandbox: &Sandbox, args: &[&str]) -> Outcome {
    Xtask::new(sandbox).args(["db-prune"]).args(args).run()
}

/// What `--dry-run --json` says: name → (stays, reason).
pub fn decisions(sandbox: &Sandbox, args: &[&str]) -> BTreeMap<String, (bool, String)> {
    let run = prune(sandbox, &[args, &["--dry-run", "--json"]].concat());
    let report = run.ok().json();
    assert_eq!(report["version"], 1);
    let entry = |entry: &Value| {
        let file = entry["file"].as_str().unwrap();
        let name = file.rsplit('/').next().unwrap().to_owned();
        (name, (entry["keep"].as_bool().unwrap(), entry["reason"].as_str().unwrap().to_owned()))
    };
    report["files"].as_array().unwrap().iter().map(entry).collect()
}

fn each_rule_keeps_what_it_says() {
    let sandbox = Sandbox::new();
    // Noon, so that no run near midnight counts days otherwise; the newest is of today or yesterday.
    let noon = ago(24).date_naive().and_hms_opt(12, 0, 0).unwrap().and_local_timezone(Local).earliest().unwrap();
    let times: Vec<_> = [0, 1, 24, 25, 48, 24 * 9, 24 * 40, 24 * 41].map(|hours| noon - TimeDelta::hours(hours)).into();
    let names: Vec<String> = times.iter().map(|time| whole(&sandbox, "acme", "backup", *time)).collect();
    let kept = |args: &[&str]| -> Vec<usize> {
        let decisions = decisions(&sandbox, args);
        (0..names.len()).filter(|at| decisions[&names[*at]].0).collect()
    };
    assert_eq!(kept(&["--keep-last", "3"]), [0, 1, 2]);
    assert_eq!(kept(&["--keep-daily", "3"]), [0, 2, 4]);
    let within =
        |span: TimeDelta| -> Vec<usize> { (0..times.len()).filter(|at| Local::now() - times[*at] <= span).collect() };
    assert_eq!(kept(&["--keep-within", "10d"]), within(TimeDelta::days(10)));
    assert_eq!(kept(&["--keep-within", "6w"]), within(TimeDelta::weeks(6)));
    assert_eq!(kept(&["--keep-within", "52w"]), [0, 1, 2, 3, 4, 5, 6, 7]);
    let first_of = |period: &dyn Fn(&DateTime<Local>) -> String, count: usize| -> Vec<usize> {
        let mut seen = Vec::new();
        let new = |at: &usize| {
            let key = period(&times[*at]);
            let new = !seen.contains(&key);
            seen.push(key);
            new
        };
        (0..times.len()).filter(new).take(count).collect()
    };
    assert_eq!(kept(&["--keep-weekly", "2"]), first_of(&|time| time.format("%G-%V").to_string(), 2));
    assert_eq!(kept(&["--keep-monthly", "2"]), first_of(&|time| time.format("%Y-%m").to_string(), 2));
    let both = decisions(&sandbox, &["--keep-last", "2", "--keep-daily", "2"]);
    assert_eq!(both[&names[0]], (true, "the newest whole backup, --keep-last, --keep-daily".to_owned()));
    assert_eq!(both[&names[1]], (true, "--keep-last".to_owned()));
    assert_eq!(both[&names[2]], (true, "--keep-daily".to_owned()));
    assert_eq!(both[&names[3]], (false, "no rule keeps it".to_owned()));

    let run = prune(&sandbox, &["--keep-last", "2", "--yes"]);
    run.ok().stderr_has(&format!("Removed backups/{}", names[7])).stdout_has("no rule keeps it");
    assert_eq!(sandbox.backups(), [names[1].as_str(), &names[0]]);
    prune(&sandbox, &["--keep-last", "2", "--yes"]).ok().stderr_has("Nothing to remove");
    prune(&sandbox, &["--keep-last", "1", "--yes", "--quiet"]).ok().says_nothing();
}

fn every_database_has_its_own_count() {
    let sandbox = Sandbox::new();
    let (one, two) = (whole(&sandbox, "one", "backup", ago(1)), whole(&sandbox, "one", "backup", ago(2)));
    let other = whole(&sandbox, "two", "backup", ago(300));
    prune(&sandbox, &["--keep-last", "1", "--yes"]).ok();
    assert_eq!(sandbox.backups(), [one.as_str(), &other]);
    assert!(!sandbox.path("backups").join(two).exists());
}

fn a_dry_run_removes_nothing() {
    let sandbox = Sandbox::new();
    let names: Vec<String> = (1..5).map(|hours| whole(&sandbox, "acme", "backup", ago(hours))).collect();
    let run = prune(&sandbox, &["--keep-last", "1", "--dry-run"]);
    run.ok().stderr_has("Would remove 3 backups").stdout_has("goes").stdout_has("the newest whole backup");
    assert_eq!(sandbox.backups().len(), names.len());
    prune(&sandbox, &["--keep-last", "1", "--dry-run", "--yes"]).code(2);
}

fn it_asks_on_a_terminal() {
    let sandbox = Sandbox::new();
    for hours in 1..4 {
        whole(&sandbox, "acme", "backup", ago(hours));
    }
    for (keys, code) in [("n\n", 1), ("\n", 1), ("\x04", 1), ("\x03", 130), ("yes please\n", 1)] {
        let mut terminal = Xtask::new(&sandbox).args(["db-prune", "--keep-last", "1"]).terminal();
        terminal.shows("(y/n)").types(keys);
        terminal.wait().code(code);
        assert_eq!(sandbox.backups().len(), 3, "{keys:?}");
    }
    let mut terminal = Xtask::new(&sandbox).args(["db-prune", "--keep-last", "1"]).terminal();
    terminal.shows("Remove 2 backups").shows("(y/n)").types("y\n");
    terminal.wait().ok().stdout_has("Removed");
    assert_eq!(sandbox.backups().len(), 1);
}

fn without_a_terminal_it_needs_yes() {
    let sandbox = Sandbox::new();
    whole(&sandbox, "acme", "backup", ago(1));
    whole(&sandbox, "acme", "backup", ago(2));
    let run = Xtask::new(&sandbox).args(["db-prune", "--keep-last", "1"]).stdin("y\n").run();
    run.code(1).stderr_has("--yes").stderr_has("no terminal");
    assert_eq!(sandbox.backups().len(), 2);
}

fn rules_that_keep_nothing_are_refused() {
    let sandbox = Sandbox::new();
    whole(&sandbox, "acme", "backup", ago(2));
    for args in [&["--keep-last", "0"][..], &["--keep-daily", "0", "--keep-within", "0d"]] {
        prune(&sandbox, &[args, &["--yes"]].concat()).code(2).prints_nothing().stderr_has("These rules keep no backup");
    }
    let none = prune(&sandbox, &["--yes"]);
    none.code(2).prints_nothing().stderr_has("No rule says which backups to keep").stderr_has("→ add a rule");
    prune(&sandbox, &["--keep-last", "x"]).code(2).stderr_has("'--keep-last <N>': \"x\" is not a number");
    for args in [["--keep-last", "-1"], ["--keep-last", "x"], ["--keep-within", "7"], ["--keep-within", "7y"]] {
        prune(&sandbox, &args).code(2).prints_nothing();
    }
    assert_eq!(sandbox.backups().len(), 1);
}

fn a_folder_that_cannot_be_written_is_an_error() {
    let sandbox = Sandbox::new();
    whole(&sandbox, "acme", "backup", ago(1));
    whole(&sandbox, "acme", "backup", ago(2));
    let binary = sandbox.beside("xtask");
    fs::copy(env!("CARGO_BIN_EXE_xtask"), &binary).unwrap();
    fs::set_permissions(sandbox.path("backups"), fs::Permissions::from_mode(0o555)).unwrap();
    let run = Xtask::new(&sandbox).args(["db-prune", "--keep-last", "1", "--yes"]).program(&binary);
    let run = run.through(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]).run();
    run.code(1).stderr_has("removing").stderr_has("ermission denied").stderr_lacks("✓");
    assert_eq!(sandbox.backups().len(), 2);
}

fn a_thousand_files_are_quick() {
    let sandbox = Sandbox::new();
    for hours in 0..1_000 {
        whole(&sandbox, "acme", "backup", ago(hours));
    }
    let run = prune(&sandbox, &["--keep-last", "10", "--yes"]);
    run.ok().within(Duration::from_secs(10), "1,000 files should take no time");
    assert_eq!(sandbox.backups().len(), 10);
}

fn after_a_backup_the_rules_apply_and_after_a_failure_they_do_not() {
    let database = shared().database();
    let sandbox = &database.sandbox;
    let old = whole(sandbox, &database.name, "backup", ago(24));
    let foreign = whole(sandbox, "another", "backup", ago(900));
    whole(sandbox, "another", "backup", ago(901));
    let failed = database.xtask(["db-backup", "--keep-last", "1"]).env("POSTGRES_USER", "nosuch").run();
    failed.code(4);
    assert_eq!(sandbox.backups().len(), 3);
    for args in [&["--keep-last", "1", "--table", "t"][..], &["--keep-last", "0"]] {
        database.xtask(["db-backup"]).args(args).run().code(2);
        assert_eq!(sandbox.backups().len(), 3);
    }
    let run = database.xtask(["db-backup", "--keep-last", "1"]).run();
    run.ok().stderr_has(&format!("Removed backups/{old}"));
    let made = run.text().trim_end().rsplit('/').next().unwrap().to_owned();
    assert!(sandbox.backups().contains(&made) && sandbox.backups().contains(&foreign));
    assert_eq!(sandbox.backups().len(), 3, "another database's backups are not this run's");
    // One that seems newer, because a clock was wrong, does not cost the one that was just made.
    let future = whole(sandbox, &database.name, "backup", ago(-48));
    let run = database.xtask(["db-backup", "--keep-last", "1"]).run();
    let made = run.ok().text().trim_end().rsplit('/').next().unwrap().to_owned();
    assert!(sandbox.backups().contains(&made) && sandbox.backups().contains(&future), "{:?}", sandbox.backups());
}

fn a_setting_that_cannot_be_understood_stops_it() {
    let sandbox = Sandbox::new();
    whole(&sandbox, "acme", "backup", ago(1));
    whole(&sandbox, "acme", "backup", ago(2));
    sandbox.write(".env", "POSTGRES_DB=${X\n");
    let run = prune(&sandbox, &["--keep-last", "1", "--yes"]);
    run.code(2).prints_nothing().stderr_has("✗ .env line 1 sets POSTGRES_DB, but cannot be understood");
    assert_eq!(sandbox.backups().len(), 2);
}
