//! `db-list` and files that are no whole backups: what they are named, and that they hide nothing.

use crate::db_list::{list, names, sample};
use crate::harness::{Sandbox, Test, Xtask, shared};
use serde_json::{Value, json};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;
use std::time::Duration;

pub fn tests() -> Vec<Test> {
    tests![
        [Stack] the_report_is_whole_also_when_files_are_refused,
        [Stack] names_do_not_decide_what_a_file_is,
        [AnyFileName] a_name_that_is_no_utf_8_hides_nothing,
        [] no_folder_and_an_empty_folder_are_no_error,
        [] what_is_no_folder_is_refused_by_name,
        [Stack] what_was_added_to_a_file_is_damage,
        [Root] what_cannot_be_read_hides_nothing,
        [] nothing_else_is_listed,
    ]
}

fn the_report_is_whole_also_when_files_are_refused() {
    let (bytes, ..) = sample();
    let sandbox = Sandbox::new();
    let mut damaged = bytes.clone();
    damaged[600] ^= 1;
    sandbox.write("backups/damaged.sql", &damaged);
    sandbox.write("backups/whole.sql", &bytes);
    sandbox.write("backups/cut.sql", &bytes[..bytes.len() - 1]);
    // A glance sees the cut; it does not read the bytes.
    Xtask::new(&sandbox).args(["db-list"]).run().ok().stderr_has("backups/cut.sql: ").stderr_lacks("damaged.sql");
    let table = Xtask::new(&sandbox).args(["db-list", "--check"]).run();
    table.code(3).stdout_has("whole").stdout_has("damaged").stdout_has("cut");
    table
        .stderr_has("2 files are cut, damaged or unreadable; a restore would refuse them")
        .stderr_has("cargo xtask db-backup");
    table.stderr_has("backups/damaged.sql: line ");
    let run = Xtask::new(&sandbox).args(["db-list", "--check", "--json"]).run();
    let report = run.code(3).json();
    let mut found: Vec<(String, &Value)> = names(&report["backups"])
        .into_iter()
        .zip(report["backups"].as_array().unwrap().iter().map(|backup| &backup["verdict"]))
        .collect();
    found.sort_by(|one, other| one.0.cmp(&other.0));
    let expected = [("cut.sql", json!("cut")), ("damaged.sql", json!("damaged")), ("whole.sql", json!("whole"))];
    assert!(found.iter().zip(&expected).all(|(one, other)| one.0 == other.0 && *one.1 == other.1), "{found:?}");
    let quiet = Xtask::new(&sandbox).args(["--quiet", "db-list", "--check"]).run();
    quiet.code(3).stdout_has("damaged");
}

fn names_do_not_decide_what_a_file_is() {
    let database = shared().database();
    database.sql("CREATE TABLE t (a int)");
    let run = database.xtask(["--quiet", "db-backup", "--table", "t"]).run();
    let partial = database.sandbox.path(run.ok().text().trim_end());
    // Renamed like a full one, it is a partial one still.
    fs::rename(partial, database.sandbox.path("backups/openfga_backup_20250101_000000.sql")).unwrap();
    let backups = list(&database.sandbox, &["--check"]);
    assert_eq!((&backups[0]["full"], &backups[0]["database"]), (&json!(false), &json!(database.name)));
    assert_eq!(backups[0]["verdict"], "whole");
    database.xtask(["db-list"]).run().ok().stdout_has("complete, partial");
}

fn a_name_that_is_no_utf_8_hides_nothing() {
    let sandbox = Sandbox::new();
    sandbox.write("backups/one.sql", "");
    fs::write(sandbox.path("backups").join(OsStr::from_bytes(b"b\xFFd.sql")), "").unwrap();
    let mut found = names(&list(&sandbox, &[]));
    found.sort();
    assert_eq!(found, ["b\u{FFFD}d.sql", "one.sql"]);
    let run = Xtask::new(&sandbox).args(["db-verify", "--json", "--all", "--target", "local"]).run();
    run.holds(run.json()["files"].as_array().is_some(), "the report is whole");
}

fn no_folder_and_an_empty_folder_are_no_error() {
    let sandbox = Sandbox::new();
    for args in [&["db-list"][..], &["db-list", "--check"], &["db-list", "backups"]] {
        let run = Xtask::new(&sandbox).args(args).run();
        run.ok().prints_nothing().stderr_has("No backups in ").stderr_has("cargo xtask db-backup");
    }
    fs::remove_dir_all(sandbox.path("backups")).unwrap();
    Xtask::new(&sandbox).args(["db-list"]).run().ok().prints_nothing().stderr_has("No backups in backups");
    let run = Xtask::new(&sandbox).args(["db-list", "--json"]).run();
    assert_eq!(
        run.ok().says_nothing().json(),
        json!({ "version": 1, "backups": [], "kept_on_server": null, "not_recorded": null, "sets": [] })
    );
}

fn what_cannot_be_read_hides_nothing() {
    let sandbox = Sandbox::new();
    let secret = sandbox.write("secret", "a secret of root");
    symlink(&secret, sandbox.path("backups/link.sql")).unwrap();
    symlink("nowhere", sandbox.path("backups/dangling.sql")).unwrap();
    let private = sandbox.write("backups/private.sql", "");
    fs::set_permissions(private, fs::Permissions::from_mode(0o000)).unwrap();
    fs::create_dir(sandbox.path("backups/folder.sql")).unwrap();
    let fifo = sandbox.path("backups/fifo.sql");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    fs::set_permissions(&fifo, fs::Permissions::from_mode(0o666)).unwrap();
    let binary = sandbox.beside("xtask");
    fs::copy(env!("CARGO_BIN_EXE_xtask"), &binary).unwrap();
    for check in [&["--check"][..], &[]] {
        let run = Xtask::new(&sandbox).program(&binary).args(["db-list", "--json"]).args(check);
        let run = run.through(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]).run();
        run.code(if check.is_empty() { 0 } else { 3 }).stdout_lacks("a secret of root");
        run.within(Duration::from_secs(5), "a FIFO should hold nobody");
        let report = run.json();
        let mut found = names(&report["backups"]);
        found.sort();
        assert_eq!(found, ["dangling.sql", "fifo.sql", "link.sql", "private.sql"]);
        for backup in report["backups"].as_array().unwrap() {
            assert_eq!((&backup["verdict"], &backup["bytes"]), (&json!("unreadable"), &Value::Null), "{backup}");
            assert_eq!(backup["full"], false);
        }
        let reasons = report.to_string();
        for why in ["Permission denied", "it is a symbolic link", "it is not a regular file"] {
            assert!(reasons.contains(why), "{reasons}");
        }
    }
}

fn nothing_else_is_listed() {
    let sandbox = Sandbox::new();
    for name in ["notes.txt", "a.sql.gz", "b.sql.xtask-1.partial", "sql", ".sql", "c.SQL.bak"] {
        sandbox.write(format!("backups/{name}"), "text");
    }
    assert_eq!(list(&sandbox, &["--check"]), json!([]));
}

fn what_is_no_folder_is_refused_by_name() {
    let sandbox = Sandbox::new();
    let file = sandbox.write("a file", "");
    symlink("nowhere", sandbox.path("dangling")).unwrap();
    for (folder, why) in [
        ("nosuch", "There is no folder"),
        ("/nope", "There is no folder"),
        ("a file", "is not a folder"),
        ("dangling", "is not a folder"),
    ] {
        for args in [&["db-list", folder][..], &["db-list", "--json", "--check", folder]] {
            Xtask::new(&sandbox)
                .args(args)
                .run()
                .code(1)
                .prints_nothing()
                .stderr_has(why)
                .stderr_has(folder)
                .stderr_has("→");
        }
    }
    fs::remove_dir_all(sandbox.path("backups")).unwrap();
    for (kind, target) in [("a file", file.to_str().unwrap()), ("nothing", "nowhere")] {
        symlink(target, sandbox.path("backups")).unwrap();
        for args in [&["db-list"][..], &["db-prune", "--keep-last", "1"], &["db-verify"], &["db-verify", "--all"]] {
            let run = Xtask::new(&sandbox).args(args).run();
            run.code(1).prints_nothing().stderr_has("backups is not a folder");
            run.holds(!run.stderr.contains("No backups"), kind);
        }
        fs::remove_file(sandbox.path("backups")).unwrap();
    }
    let missing = Xtask::new(&sandbox).args(["db-verify", "nosuch.sql"]).run();
    missing.code(1).prints_nothing().stderr_has("✗ nosuch.sql cannot be checked").stderr_has("No such file");
    missing.stderr_has("→ list the files: cargo xtask db-list");
    // A folder above the checkout is shown by its own name.
    Xtask::new(&sandbox).args(["db-verify", "/"]).run().code(1).prints_nothing().stderr_has("✗ / cannot be checked");
    let nowhere = Xtask::new(&sandbox).args(["db-list", "nosuch"]).run();
    nowhere.code(1).stderr_has("There is no folder").stderr_has("→ name a folder that is there, or leave it out");
}

fn what_was_added_to_a_file_is_damage() {
    let (bytes, ..) = sample();
    let sandbox = Sandbox::new();
    for added in ["\n", "SELECT 1;\n", "no line end", "-- one\n-- two\n"] {
        sandbox.write("backups/one.sql", [&bytes, added.as_bytes()].concat());
        for check in [&[][..], &["--check"]] {
            let run = Xtask::new(&sandbox).args(["db-list"]).args(check).run();
            run.code(if check.is_empty() { 0 } else { 3 })
                .stdout_has("  damaged")
                .stderr_has("text follows its manifest");
        }
    }
    // Bytes put in before the manifest are no cut either.
    let end = bytes[..bytes.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    sandbox.write("backups/one.sql", [&bytes[..end], b"-- more\n", &bytes[end..]].concat());
    Xtask::new(&sandbox).args(["db-list"]).run().ok().stdout_has("  damaged").stderr_has("and should have");
}
