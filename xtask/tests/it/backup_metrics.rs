//! What `db-backup` and `db-verify` write for Prometheus: not of databases that are gone or never were, nor of files elsewhere.

use crate::harness::{Local, Test};
use std::fs;

pub fn tests() -> Vec<Test> {
    tests![
        [Postgres] a_database_that_the_server_does_not_have_is_no_alert_for_ever,
        [Postgres] only_a_file_among_the_backups_counts_as_verified,
    ]
}

const FILE: &str = "backups/metrics/xtask_backup.prom";

fn a_database_that_the_server_does_not_have_is_no_alert_for_ever() {
    let local = Local::new();
    local.up();
    local.sql("postgres", "CREATE DATABASE app");
    let back_up = |words: &[&str]| local.xtask(["db-backup"]).args(words.iter().copied()).run();
    let metrics = || fs::read_to_string(local.sandbox.path(FILE)).unwrap_or_default();
    back_up(&["--database", "nope"]).code(4).stderr_has("no database nope");
    assert!(!metrics().contains("nope"), "{}", metrics());
    back_up(&["--database", "app", "--database", "postgres", "--jobs", "2"]).ok();
    let value = |series: &str| {
        let text = metrics();
        let found = text.lines().find_map(|line| line.strip_prefix(&format!("xtask_backup_last_{series} ")));
        found.map(str::to_owned)
    };
    for name in ["app", "postgres"] {
        assert_eq!(value(&format!("run_success{{database=\"{name}\"}}")).as_deref(), Some("1"), "{}", metrics());
    }
    // The backup of one that was there has failed, which is reported until a run knows that the server goes on without it.
    local.sql("postgres", "DROP DATABASE app");
    back_up(&["--database", "app"]).code(4);
    assert_eq!(value("run_success{database=\"app\"}").as_deref(), Some("0"));
    // Another server's database, of a run that is over.
    let elsewhere = "# server 7 database=\"elsewhere\"\nxtask_backup_last_size_bytes{database=\"elsewhere\"} 7\n";
    fs::write(local.sandbox.path(FILE), format!("{elsewhere}{}", metrics())).unwrap();
    back_up(&["--all"]).ok();
    assert!(!metrics().contains("\"app\""), "{}", metrics());
    assert_eq!(value("size_bytes{database=\"elsewhere\"}").as_deref(), Some("7"));
    assert_eq!(value("run_success{database=\"postgres\"}").as_deref(), Some("1"));
    local.sql("postgres", "CREATE DATABASE app");
    back_up(&["--database", "app"]).ok();
    local.sql("postgres", "DROP DATABASE app");
    back_up(&["--database", "postgres"]).ok();
    assert!(!metrics().contains("\"app\""), "{}", metrics());
}

fn only_a_file_among_the_backups_counts_as_verified() {
    let local = Local::new();
    local.up();
    let run = local.xtask(["db-backup"]).run();
    let name = run.ok().text().trim_end().to_owned();
    let metrics = || fs::read_to_string(local.sandbox.path(FILE)).unwrap();
    let is_verified = || metrics().contains("xtask_backup_last_verified_timestamp_seconds{database=\"openfga\"");
    fs::copy(local.sandbox.path(&name), local.sandbox.path("elsewhere.sql")).unwrap();
    local.xtask(["db-verify", "elsewhere.sql"]).run().ok();
    local.xtask(["db-verify", "-"]).stdin(fs::read(local.sandbox.path(&name)).unwrap()).run().ok();
    assert!(!is_verified(), "{}", metrics());
    local.xtask(["db-verify"]).args([&name]).run().ok();
    assert!(is_verified(), "{}", metrics());
}
