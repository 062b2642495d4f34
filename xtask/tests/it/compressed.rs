//! `db-backup --compress`: a backup that is compressed by zstd holds what a plain one holds, and every command takes both.

use super::round_trip::{NASTY, NASTY_ROLE};
use crate::harness::backup::{inner, manifest, sha256};
use crate::harness::stack::Database;
use crate::harness::{Fakes, Outcome, Test, needs, shared, wait_until};
use rustix::process::Signal;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub fn tests() -> Vec<Test> {
    tests![
        [Stack, Zstd] a_compressed_backup_is_the_plain_one_in_less_room,
        [Stack, Zstd] a_folder_of_both_kinds_is_one_folder,
        [Stack, Zstd] a_set_of_compressed_backups_is_proven_and_kept_as_one,
        [Stack, Zstd] a_zstd_that_fails_or_lies_makes_no_backup,
        [Stack] a_signal_ends_it_while_zstd_works,
        [Stack] a_level_that_is_none_is_refused,
    ]
}

/// A compressed backup that must work; its path, and what `--json` says of it.
#[track_caller]
fn compressed(database: &Database<'_>, zstd: &str) -> (PathBuf, Value) {
    let run = database.xtask(["db-backup", "--compress", "--json", "--verbose"]).env("XTASK_ZSTD", zstd).run();
    run.ok();
    // Which one compresses can be seen.
    if zstd == "no" {
        run.stderr_has("compresses by itself").stderr_lacks("zstd --quiet");
    } else {
        run.stderr_has("zstd --quiet --stdout").stderr_lacks("compresses by itself");
    }
    let report = run.json();
    let path = PathBuf::from(report["file"].as_str().unwrap());
    assert!(path.to_str().unwrap().ends_with(".sql.zst"), "{}", path.display());
    (path, report)
}

/// What `zstd -dc` makes of it, as a file.
#[track_caller]
fn unpacked(database: &Database<'_>, file: &Path) -> PathBuf {
    let output = Command::new("zstd").arg("-dc").arg(file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let name = file.file_name().unwrap().to_str().unwrap();
    database.sandbox.write(format!("unpacked/{name}.sql"), output.stdout)
}

/// pg_dump's own bytes without the random key of newer ones.
fn dump_of(file: &Path) -> String {
    let text = String::from_utf8(inner(file)).unwrap();
    let is_key = |line: &&str| !line.starts_with("\\restrict ") && !line.starts_with("\\unrestrict ");
    text.split_inclusive('\n').filter(is_key).collect()
}

#[track_caller]
fn is_whole(run: &Outcome, files: usize) {
    let report = run.ok().json();
    let entries = report["files"].as_array().unwrap();
    run.holds(entries.iter().all(|entry| entry["verdict"] == "whole"), "every file should be whole");
    run.holds(entries.len() == files, "every file should be reported");
}

/// The compressed file, its report and its text are those of the plain backup; gives the text's path.
fn is_the_plain_one(database: &Database, plain: &Path, file: &Path, report: &Value) -> PathBuf {
    let bytes = fs::read(file).unwrap();
    assert_eq!(report["bytes"], bytes.len());
    assert_eq!(report["sha256"], sha256(&bytes));
    assert!(bytes.len() as u64 * 4 < fs::metadata(plain).unwrap().len(), "{}", bytes.len());
    // The text is a plain file's, line by line, but for the format.
    let text = unpacked(database, file);
    assert_eq!(dump_of(&text), dump_of(plain));
    let (said, whole) = (manifest(&text), fs::read(&text).unwrap());
    let length = usize::try_from(said["bytes"].as_u64().unwrap()).unwrap();
    assert_eq!(said["format"], 2);
    assert!(
        whole.starts_with(b"-- xtask backup, format 2: it is whole only if its last line is a manifest that fits\n")
    );
    assert!(whole[length..].starts_with(b"-- xtask manifest: {"));
    assert_eq!(said["sha256"], sha256(&whole[..length]));
    let compressed = usize::try_from(said["compressed"]["bytes"].as_u64().unwrap()).unwrap();
    assert_eq!(said["compressed"]["sha256"], sha256(&bytes[..compressed]));
    assert_eq!(said["copied"], manifest(plain)["copied"]);
    text
}

fn a_compressed_backup_is_the_plain_one_in_less_room() {
    let database = shared().database();
    database.stack.admin(NASTY_ROLE);
    database.sql(NASTY);
    database.sql("CREATE TABLE many AS SELECT i, 'the same words ' || i % 7 AS a FROM generate_series(1, 60000) AS i");
    let before = database.dump();
    let plain = database.backup();
    let mut files = Vec::new();
    for zstd in ["zstd", "no"] {
        let (file, report) = compressed(&database, zstd);
        let text = is_the_plain_one(&database, &plain, &file, &report);
        files.extend([file, text]);
    }
    // The compressed files, and what a hand unpacked.
    is_whole(&database.xtask(["db-verify", "--json"]).args(&files).run(), 4);
    let copy = database.restored_from(&files[1]);
    assert!(copy.dump() == before, "the text that psql loaded is another database");
    for file in [&files[0], &files[2]] {
        database.sql("DROP TABLE many");
        let run = database.xtask(["db-restore", "--yes", "--no-safety-backup"]).args([file]).run();
        run.ok();
        assert!(database.dump() == before, "{} restored another database", file.display());
    }
    let run = database.xtask(["db-restore", "-", "--yes", "--dry-run"]).stdin(fs::read(&files[0]).unwrap()).run();
    run.ok();
    verified_from_stdin(&database, &files[..2]);
}

/// `db-verify -` reads a backup of either kind, and keeps nothing of it.
fn verified_from_stdin(database: &Database, files: &[PathBuf]) {
    let kept = database.sandbox.backups();
    for file in files {
        let verify = |args: &[&str]| database.xtask(["db-verify", "-"]).args(args).stdin(fs::read(file).unwrap()).run();
        verify(&[]).ok().stdout_has("✓ standard input: whole (");
        verify(&["--restore"]).ok().stdout_has(", restored and compared in ");
    }
    let text = fs::read(&files[0]).unwrap();
    let run = database.xtask(["db-verify", "-"]).stdin(&text[..text.len() / 2]).run();
    run.code(3).stderr_has("standard input is ").stderr_has("→ see that the command before the pipe ends well");
    run.stderr_has("→ send it again, and see that the command before the pipe ends well; ").stderr_lacks("db-backup");
    // One that others made, and one of ours.
    let other = database.sandbox.write("other.sql", &text[..text.len() / 2]);
    let run = database.xtask(["db-verify"]).args([&other]).run();
    run.code(3).stderr_has("→ copy the file again from where it comes from").stderr_lacks("db-backup");
    let own = database.sandbox.path("backups/openfga_backup_20200101_000000.sql");
    fs::write(&own, &text[..text.len() / 2]).unwrap();
    database
        .xtask(["db-verify"])
        .args([&own, &other])
        .run()
        .code(3)
        .stderr_has("→ take a new one: ")
        .stderr_has("copy the");
    fs::remove_file(own).unwrap();
    database
        .xtask(["db-verify", "-"])
        .stdin("")
        .run()
        .code(3)
        .stderr_has("✗ Standard input is empty")
        .stderr_has("| cargo xtask db-verify -");
    database.xtask(["db-verify", "-", "-"]).run().code(2).stderr_has("✗ Standard input holds one backup");
    assert_eq!(database.sandbox.backups(), kept);
}

fn a_folder_of_both_kinds_is_one_folder() {
    let database = shared().database();
    database.sql("CREATE TABLE t AS SELECT generate_series(1, 100) AS i");
    let plain = database.backup();
    database.sql("DELETE FROM t WHERE i > 50");
    let run = database.xtask(["--quiet", "db-backup"]).env("XTASK_COMPRESS", "19").run();
    let compressed = database.sandbox.path(run.ok().text().trim_end());
    assert!(compressed.to_str().unwrap().ends_with(".sql.zst"));
    for (check, verdict) in [(&[][..], "complete"), (&["--check"], "whole")] {
        let run = database.xtask(["db-list", "--json"]).args(check).run();
        let report = run.ok().json();
        let listed = report["backups"].as_array().unwrap();
        let files: Vec<_> = listed.iter().map(|one| PathBuf::from(one["file"].as_str().unwrap())).collect();
        assert_eq!(files, [compressed.clone(), plain.clone()]);
        for (one, rows) in listed.iter().zip([50, 100]) {
            assert_eq!((&one["verdict"], &one["rows"]), (&verdict.into(), &rows.into()), "{one}");
        }
        assert_eq!(listed[0]["bytes"], fs::metadata(&compressed).unwrap().len());
    }
    let run = database.xtask(["health-check", "--json", "--only", "backups"]).run();
    run.stdout_has(compressed.file_name().unwrap().to_str().unwrap());
    // The newest is the compressed one.
    database.sql("DROP TABLE t");
    database.xtask(["db-restore", "--yes"]).env("XTASK_COMPRESS", "1").run().ok();
    assert_eq!(database.sql("SELECT count(*) FROM t"), "50");
    // Its safety backup is compressed, too.
    let safety = |name: &String| name.contains("_pre_restore_") && name.ends_with(".sql.zst");
    assert!(database.sandbox.backups().iter().any(safety), "{:?}", database.sandbox.backups());
    database.xtask(["db-prune", "--keep-last", "1", "--yes"]).run().ok();
    assert!(compressed.exists() && !plain.exists());
    // A flipped bit, with --check only: the line is as it was.
    let mut bytes = fs::read(&compressed).unwrap();
    let middle = bytes.len() / 3;
    bytes[middle] ^= 4;
    fs::write(&compressed, bytes).unwrap();
    let run = database.xtask(["db-verify"]).args([&compressed]).run();
    run.code(3).stderr_has("is damaged: its bytes do not match the manifest's SHA-256");
    database.xtask(["db-restore", "--yes"]).args([&compressed]).run().code(3);
    assert_eq!(database.sql("SELECT count(*) FROM t"), "50");
}

fn a_set_of_compressed_backups_is_proven_and_kept_as_one() {
    let (one, other) = (shared().database(), shared().database());
    one.sql("CREATE TABLE t AS SELECT generate_series(1, 100) AS i");
    let names = ["--database", &one.name, "--database", &other.name];
    let run = one.xtask(["db-backup", "--compress=2", "--json"]).args(names).run();
    let report = run.ok().json();
    let set = PathBuf::from(report["set"].as_str().unwrap());
    let said: Value = serde_json::from_slice(&fs::read(&set).unwrap()).unwrap();
    assert_eq!(said["format"], 2, "older versions refuse it");
    let is_compressed = |one: &Value| one["file"].as_str().unwrap().ends_with(".sql.zst");
    assert!(said["databases"].as_array().unwrap().iter().all(is_compressed), "{said}");
    is_whole(&one.xtask(["db-verify", "--json"]).args([&set]).run(), 2);
    let run = one.xtask(["db-prune", "--keep-last", "1", "--dry-run", "--json"]).run();
    run.ok().stdout_has("needs it");
}

fn a_zstd_that_fails_or_lies_makes_no_backup() {
    let database = shared().database();
    database.fill("t", 1);
    let real = needs::on_path("zstd").unwrap();
    let real = real.display();
    let cases = [
        ("cat >/dev/null; echo 'no such thing' >&2; exit 7", "no such thing"),
        ("exit 0", "no backup was made"),
        ("cat >/dev/null; echo nothing of it", "it is not compressed as zstd compresses"),
        (&format!("'{real}' \"$@\" | head -c -20"), "it is not compressed as zstd compresses"),
        (&format!("head -c -1 | '{real}' \"$@\""), "unpacks to another text"),
        (&format!("'{real}' -q -1 --long=24 -c"), "its zstd window has 16777216 bytes"),
    ];
    for (body, why) in cases {
        let fakes = Fakes::new(&database.sandbox).program("zstd", body);
        let run = fakes.over(database.xtask(["db-backup", "--compress"])).run();
        run.code(1).prints_nothing().stderr_has(why).stderr_has("no backup was made").stderr_has("XTASK_ZSTD=no");
        assert_eq!(database.sandbox.backups(), Vec::<String>::new(), "{body}");
    }
    wait_until("no session is left", || database.our_sessions() == 0);
}

/// The signal ends zstd, too: that is no failure of zstd.
fn a_signal_ends_it_while_zstd_works() {
    let database = shared().database();
    database.fill("t", 3);
    for body in ["exec sleep 1000", "cat >/dev/null; exec sleep 1000"] {
        let reached = database.sandbox.beside("reached");
        let fakes = Fakes::new(&database.sandbox).program("zstd", &format!(": >'{}'; {body}", reached.display()));
        let running = fakes.over(database.xtask(["db-backup", "--compress"])).spawn();
        wait_until("zstd runs", || reached.exists());
        running.signal(Signal::INT);
        let run = running.wait();
        run.code(130).prints_nothing().stderr_has("Ended by").stderr_has("nothing was changed");
        assert_eq!(database.sandbox.backups(), Vec::<String>::new());
        fs::remove_file(reached).unwrap();
    }
    wait_until("no session is left", || database.our_sessions() == 0);
}

fn a_level_that_is_none_is_refused() {
    let database = shared().database();
    for level in ["0", "20", "-1", "x", "", "3.5", "yes"] {
        let run = database.xtask(["db-backup", &format!("--compress={level}")]).run();
        run.code(2).prints_nothing().stderr_has("--compress is").stderr_has("a level from 1 to 19");
        run.stderr_has("→ --compress=1 is the usual level");
    }
    let run = database.xtask(["db-backup"]).env("XTASK_COMPRESS", "high").run();
    run.code(2).stderr_has("XTASK_COMPRESS is \"high\"; it must be a level from 1 to 19, or no");
    run.stderr_has("→ XTASK_COMPRESS=1 is the usual level");
    let run = database.xtask(["db-backup", "--compress"]).env("XTASK_ZSTD", "/no/such/zstd").run();
    run.code(2).stderr_has("XTASK_ZSTD=/no/such/zstd is not a program").stderr_has("→ name the program zstd; or no");
    database.xtask(["db-backup", "--globals", "--compress"]).run().code(2);
    for (compress, name, why) in
        [("--compress", "x.sql", "must end in .sql.zst"), ("--compress=no", "x.sql.zst", "must end in .sql,")]
    {
        let run = database.xtask(["db-backup", compress, "--output", name]).run();
        run.code(2).prints_nothing().stderr_has(why);
    }
    assert_eq!(database.sandbox.backups(), Vec::<String>::new());
}
