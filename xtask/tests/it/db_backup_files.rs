//! The files of `db-backup`: where they go, what they are called, that none is ever replaced.

use crate::harness::{Test, shared};
use chrono::{Local, TimeDelta};
use std::fs;
use std::os::unix::fs::PermissionsExt;

pub fn tests() -> Vec<Test> {
    tests![
        [Stack] output_names_a_folder_or_a_file,
        [Stack] no_file_is_ever_replaced,
        [Stack] backups_do_not_exclude_one_another,
        [Stack] the_file_is_private_and_its_folder_is_made,
        [Stack] the_name_begins_with_the_database,
    ]
}

fn output_names_a_folder_or_a_file() {
    let database = shared().database();
    let run = |output: &str| database.xtask(["db-backup", "--output", output]).run();
    let into_new = run("new folder/");
    into_new.ok().holds(into_new.text().starts_with("new folder/"), "in the folder");
    let into_old = run("new folder");
    into_old.ok().holds(into_old.text().starts_with("new folder/"), "in the folder");
    run("one file.sql").ok().prints("one file.sql").stderr_has("✓ Backup created in ./");
    assert!(database.sandbox.path("one file.sql").is_file());
    let outside = database.sandbox.beside("outside.sql");
    run(outside.to_str().unwrap()).ok();
    assert!(outside.is_file());
    let again = run("one file.sql");
    again.code(1).prints_nothing().stderr_has("one file.sql exists already").stderr_has("never replaces");
    for missing in ["no/such/folder/file.sql", "nosuch/file.sql", "/nonexistent/file.sql", "no/such/folder/"] {
        run(missing).code(1).prints_nothing().stderr_has(missing.rsplit_once('/').unwrap().0).stderr_has("→");
    }
    assert!(!database.sandbox.path("nosuch").exists(), "a folder before a file's name is not made");
    // What ends like that would be cleared away by the next backup; what is `-` elsewhere is stdout.
    for (taken, why) in [("a.xtask-1.partial", "unfinished backups"), ("-", "cannot be written to stdout")] {
        run(taken).code(2).prints_nothing().stderr_has(why).stderr_has("→ name a file");
        assert!(!database.sandbox.path(taken).exists());
    }
    let nameless = run("");
    nameless.holds(nameless.code != Some(0), "no name is no file");
    assert_eq!(database.sandbox.backups(), [""; 0]);
}

/// Every name that a backup of the next two minutes would take.
fn coming_names(database: &str) -> impl Iterator<Item = String> {
    let (now, database) = (Local::now(), database.to_owned());
    (0..120).map(move |seconds| {
        let time = now + TimeDelta::seconds(seconds);
        format!("{database}_backup_{}.sql", time.format("%Y%m%d_%H%M%S"))
    })
}

fn no_file_is_ever_replaced() {
    let database = shared().database();
    let victim = database.sandbox.write("victim", "precious");
    for (index, name) in coming_names(&database.name).enumerate() {
        let path = database.sandbox.path("backups").join(name);
        match index % 3 {
            0 => fs::write(path, "another's").unwrap(),
            1 => std::os::unix::fs::symlink(&victim, path).unwrap(),
            _ => std::os::unix::fs::symlink("nowhere", path).unwrap(),
        }
    }
    let before = database.sandbox.backups();
    let first = database.backup();
    let second = database.backup();
    assert!(first.to_str().unwrap().ends_with("_2.sql"), "{}", first.display());
    assert_ne!(first, second);
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
    for name in &before {
        let path = database.sandbox.path("backups").join(name);
        assert!(path.is_symlink() || fs::read(path).unwrap() == b"another's");
    }
    assert_eq!(database.sandbox.backups().len(), before.len() + 2);
}

fn backups_do_not_exclude_one_another() {
    let database = shared().database();
    database.fill("filling", 1);
    let running: Vec<_> = (0..5).map(|_| database.xtask(["--quiet", "db-backup"]).spawn()).collect();
    let mut names: Vec<String> = running.into_iter().map(|run| run.wait().ok().text().trim_end().to_owned()).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 5);
    assert_eq!(database.sandbox.backups().len(), 5, "{:?}", database.sandbox.backups());
    let list = database.xtask(["db-list", "--check", "--json"]).run();
    list.ok();
    assert!(list.json()["backups"].as_array().unwrap().iter().all(|backup| backup["verdict"] == "whole"));
}

fn the_file_is_private_and_its_folder_is_made() {
    let database = shared().database();
    fs::remove_dir_all(database.sandbox.path("backups")).unwrap();
    let file = database.backup();
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o600);
    assert_eq!(file.parent().unwrap(), database.sandbox.path("backups"));
    // Whatever the user's umask is.
    for umask in ["umask 0", "umask 777"] {
        let run =
            database.xtask(["--quiet", "db-backup"]).through(["sh", "-c", &format!("{umask} && exec \"$@\""), "sh"]);
        let run = run.run();
        let file = database.sandbox.path(run.ok().text().trim_end());
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o600, "{umask}");
    }
}

fn the_name_begins_with_the_database() {
    for (name, start) in [
        ("quo\"te's; --", "quo%22te%27s%3B%20--_backup_"),
        ("a/../Zoë.日本", "a%2F%2E%2E%2FZoë%2E日本_backup_"),
        ("-d", "%2Dd_backup_"),
        ("host=x\nport=1", "host%3Dx%0Aport%3D1_backup_"),
    ] {
        let database = shared().database_named(name, "");
        let run = database.xtask(["db-backup"]).run();
        run.ok().stdout_has(&format!("backups/{start}"));
        let backups = database.sandbox.backups();
        assert!(backups.len() == 1 && backups[0].starts_with(start), "{backups:?}");
        let list = database.xtask(["db-list", "--check", "--json", &format!("--database={name}")]).run();
        let list = list.ok().json();
        assert_eq!(list["backups"][0]["database"], name);
        assert_eq!(list["backups"][0]["verdict"], "whole");
    }
}
