//! `db-schedule run` on disks that are full: at the backup, at the entry of the run, at the log.

use crate::db_schedule::{INSTALL, Pings};
use crate::harness::backup::on_disk;
use crate::harness::stack::Database;
use crate::harness::{Test, Xtask, shared};
use std::fs;

pub fn tests() -> Vec<Test> {
    tests![
        [Stack, Mount] a_night_on_a_full_disk_loses_nothing_and_is_reported,
        [Stack, Mount] a_log_that_cannot_be_written_is_reported_and_the_backup_is_made,
        [Stack] a_night_that_cannot_begin_is_reported,
    ]
}

/// A schedule that pings, and a first run of it.
fn scheduled(pings: &Pings) -> Database<'static> {
    let database = shared().database();
    database.sql("CREATE TABLE note AS SELECT generate_series(1, 5) AS id");
    let install = database.xtask(INSTALL).args(["--timer", "paste"]).env("XTASK_PING_URL", &pings.url);
    install.run().ok();
    database.xtask(["db-schedule", "run"]).run().ok();
    assert_eq!(paths(&pings.take()), ["/start", ""]);
    database
}

/// A run of the schedule, and what `sh` does after it; `$code` is how it ended.
fn then(database: &Database<'_>, after: &str) -> Xtask {
    let script = format!("\"$0\" db-schedule run; code=$?\n{after}");
    database.xtask([]).program("sh").args(["-c", &script, env!("CARGO_BIN_EXE_xtask")])
}

fn paths(pings: &[(String, String)]) -> Vec<&str> {
    pings.iter().map(|(path, _)| path.as_str()).collect()
}

fn a_night_on_a_full_disk_loses_nothing_and_is_reported() {
    let pings = Pings::listen("200 OK");
    let database = scheduled(&pings);
    let (backups, kept) = (database.sandbox.path("backups"), database.sandbox.beside("kept"));
    fs::rename(&backups, &kept).unwrap();
    fs::create_dir(&backups).unwrap();
    let bring = format!("cp '{}'/*.* \"$DISK/\"", kept.display());
    // Nothing can be written, also not what became of the run.
    let full = format!("{bring}; head -c 4000000 /dev/zero >\"$DISK/other\" 2>/dev/null");
    let after = format!("cmp \"$DISK/schedule.json\" '{}/schedule.json' && exit $code", kept.display());
    let night = then(&database, &after);
    let (run, left) = on_disk(night, &backups, "size=400k", &full);
    run.code(1).prints_nothing().stderr_has("has no room for the backup");
    run.stderr_has("⚠ The result of this run could not be written to").stderr_has("No space left");
    let mut names: Vec<String> =
        fs::read_dir(&kept).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| !name.starts_with('.') && name != "metrics");
    names.push("other".to_owned());
    names.sort();
    assert_eq!(left, names, "what was there is there");
    let heard = pings.take();
    assert_eq!(paths(&heard), ["/start", "/fail"]);
    assert!(heard[1].1.contains("has no room for the backup"), "{heard:?}");
    // With room for the entry alone, that is written.
    let after = "cat \"$DISK/schedule.json\"; exit $code";
    let night = then(&database, after);
    let (run, _) = on_disk(night, &backups, "size=600k", &bring);
    run.code(1).stderr_has("has no room for the backup").stderr_lacks("could not be written to");
    let runs = run.json()["runs"].clone();
    let outcomes: Vec<&str> = runs.as_array().unwrap().iter().map(|run| run["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["done", "failed"]);
    assert_eq!(paths(&pings.take()), ["/start", "/fail"]);
}

fn a_log_that_cannot_be_written_is_reported_and_the_backup_is_made() {
    let pings = Pings::listen("200 OK");
    let database = scheduled(&pings);
    let (folder, kept) = (database.sandbox.path(".xtask"), database.sandbox.beside("state"));
    fs::rename(&folder, &kept).unwrap();
    fs::create_dir(&folder).unwrap();
    let bring = format!(
        "cp -a '{}'/. \"$DISK/\"; chmod 700 \"$DISK\"; find \"$DISK\" -name schedule.log -delete; head -c 4000000 /dev/zero >\"$DISK/other\" 2>/dev/null",
        kept.display()
    );
    let (run, _) = on_disk(database.xtask(["db-schedule", "run"]), &folder, "size=200k", &bring);
    run.ok().stderr_has("⚠ The log ").stderr_has("schedule.log cannot be written: No space left");
    assert_eq!(paths(&pings.take()), ["/start", ""]);
}

fn a_night_that_cannot_begin_is_reported() {
    let pings = Pings::listen("200 OK");
    let database = scheduled(&pings);
    let backups = database.sandbox.path("backups");
    fs::rename(&backups, database.sandbox.beside("kept")).unwrap();
    fs::write(&backups, "no folder").unwrap();
    database.xtask(["db-schedule", "run"]).run().code(1).stderr_has("is not a folder that backups can be written to");
    let heard = pings.take();
    assert_eq!(paths(&heard), ["/fail"]);
    assert!(heard[0].1.contains("is not a folder that backups can be written to"), "{heard:?}");
}
