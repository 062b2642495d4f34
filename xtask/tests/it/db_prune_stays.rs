//! What `db-prune` never removes, whatever the rules say.

use super::db_prune::{ago, decisions, prune, whole};
use crate::harness::forge::{Forged, dump};
use crate::harness::{Sandbox, Test};
use std::fs;
use std::os::unix::fs::symlink;

pub fn tests() -> Vec<Test> {
    tests![
        [] the_newest_whole_backup_stays_whatever_lies_above_it,
        [] a_safety_backup_stays_a_week_and_longer_where_it_is_the_last,
        [] what_is_not_ours_is_never_touched,
        [] a_file_in_use_stays,
        [] times_to_come_are_no_trouble,
    ]
}

fn the_newest_whole_backup_stays_whatever_lies_above_it() {
    let sandbox = Sandbox::new();
    let old = whole(&sandbox, "acme", "backup", ago(900));
    let older = whole(&sandbox, "acme", "backup", ago(901));
    prune(&sandbox, &["--keep-within", "1h", "--yes"]).ok();
    assert_eq!(sandbox.backups(), [old.as_str()]);
    // Its two ends are right, and one letter of a row is not.
    let damaged = whole(&sandbox, "acme", "backup", ago(2));
    let path = sandbox.path("backups").join(&damaged);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("\n1\n2\n", "\n1\n3\n")).unwrap();
    whole(&sandbox, "acme", "backup", ago(902));
    let decisions = decisions(&sandbox, &["--keep-last", "1"]);
    assert!(decisions[&damaged].0 && decisions[&damaged].1.contains("damaged"), "{decisions:?}");
    assert!(decisions[&old].0 && decisions[&old].1.contains("the newest whole backup"), "{decisions:?}");
    prune(&sandbox, &["--keep-last", "1", "--yes"]).ok();
    assert_eq!(sandbox.backups(), [old.as_str(), &damaged]);
    assert!(!sandbox.path("backups").join(older).exists());
}

fn a_safety_backup_stays_a_week_and_longer_where_it_is_the_last() {
    let sandbox = Sandbox::new();
    let young = whole(&sandbox, "acme", "pre_restore", ago(6 * 24));
    let old = whole(&sandbox, "acme", "pre_restore", ago(8 * 24));
    let backup = whole(&sandbox, "acme", "backup", ago(100 * 24));
    // The only whole backups of their databases.
    let alone = whole(&sandbox, "alone", "pre_restore", ago(9 * 24));
    whole(&sandbox, "alone", "pre_restore", ago(10 * 24));
    let beside_damaged = whole(&sandbox, "torn", "pre_restore", ago(9 * 24));
    let damaged = whole(&sandbox, "torn", "backup", ago(1));
    let path = sandbox.path("backups").join(&damaged);
    fs::write(&path, fs::read_to_string(&path).unwrap().replace("\n1\n2\n", "\n1\n3\n")).unwrap();
    let run = prune(&sandbox, &["--keep-last", "1", "--yes"]);
    run.ok().stdout_has("younger than 7 days").stdout_has("older than 7 days");
    let mut expected = [young, backup, alone, beside_damaged, damaged];
    expected.sort();
    assert_eq!(sandbox.backups(), expected);
    assert!(!sandbox.path("backups").join(old).exists());
}

fn what_is_not_ours_is_never_touched() {
    let sandbox = Sandbox::new();
    let newest = whole(&sandbox, "acme", "backup", ago(1));
    let goes = whole(&sandbox, "acme", "backup", ago(500));
    let file = Forged::small().taken("acme", ago(600));
    let plain = dump("SELECT 1;");
    let outside = sandbox.write("elsewhere/real.sql", file.bytes());
    file.write(&sandbox, "renamed by hand.sql");
    file.write(&sandbox, "acme_backup_20200101_000000.sql.gz");
    file.write(&sandbox, "sub/acme_backup_20200101_000000.sql");
    file.clone().with("only_tables", vec!["t"]).write(&sandbox, "acme_backup_20200101_000001.sql");
    file.write(&sandbox, "acme_tables_20200101_000002.sql");
    sandbox.write("backups/acme_backup_20200101_000003.sql", &plain);
    sandbox.write("backups/acme_backup_20200101_000004.sql", &file.bytes()[..300]);
    sandbox.write("backups/acme_backup_20200101_000005.sql", "");
    sandbox.write("backups/notes.txt", "mine");
    symlink(&outside, sandbox.path("backups/acme_backup_20200101_000006.sql")).unwrap();
    symlink("nowhere", sandbox.path("backups/acme_backup_20200101_000007.sql")).unwrap();
    fs::create_dir(sandbox.path("backups/acme_backup_20200101_000008.sql")).unwrap();
    let mut before = sandbox.backups();
    prune(&sandbox, &["--keep-last", "1", "--yes"]).ok().stdout_has("a partial export").stdout_has("made elsewhere");
    before.retain(|name| *name != goes);
    assert_eq!(sandbox.backups(), before);
    assert!(before.contains(&newest) && outside.exists());
    assert!(sandbox.path("backups/sub/acme_backup_20200101_000000.sql").exists());
}

fn a_file_in_use_stays() {
    let sandbox = Sandbox::new();
    whole(&sandbox, "acme", "backup", ago(1));
    let held = whole(&sandbox, "acme", "backup", ago(2));
    let free = whole(&sandbox, "acme", "backup", ago(3));
    let reader = fs::File::open(sandbox.path("backups").join(&held)).unwrap();
    reader.lock_shared().unwrap();
    let run = prune(&sandbox, &["--keep-last", "1", "--yes"]);
    run.ok().stderr_has(&held).stderr_has("in use").stderr_has(&format!("Removed backups/{free}"));
    assert!(sandbox.backups().contains(&held) && !sandbox.backups().contains(&free));
    drop(reader);
    prune(&sandbox, &["--keep-last", "1", "--yes"]).ok();
    assert!(!sandbox.backups().contains(&held));
}

fn times_to_come_are_no_trouble() {
    let sandbox = Sandbox::new();
    let future = whole(&sandbox, "acme", "backup", ago(-48));
    let safety = whole(&sandbox, "acme", "pre_restore", ago(-24));
    let now = whole(&sandbox, "acme", "backup", ago(1));
    let decisions = decisions(&sandbox, &["--keep-within", "2h"]);
    assert!([&future, &safety, &now].iter().all(|name| decisions[*name].0), "{decisions:?}");
    prune(&sandbox, &["--keep-last", "1", "--yes"]).ok();
    assert_eq!(sandbox.backups(), [future.as_str(), &safety]);
}
