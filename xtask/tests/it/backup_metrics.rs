//! What `db-backup` writes for Prometheus of databases that are gone, or never were.

use crate::harness::{Local, Test};
use std::fs;

pub fn tests() -> Vec<Test> {
    tests![[Postgres] a_database_that_the_server_does_not_have_is_no_alert_for_ever]
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
