//! `db-list --check` on files that are not as they were written: every cut and every flipped bit is refused.
//!
//! `XTASK_TEST_FLIPS` says how many bits of a backup are flipped: a number, or `all`.

use crate::harness::backup::inner;
use crate::harness::stack::Database;
use crate::harness::{Sandbox, Test, Xtask, shared};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

pub fn tests() -> Vec<Test> {
    tests![
        [Stack] every_flipped_bit_is_refused,
        [Stack] every_cut_is_refused,
        [Stack] every_cut_of_a_dump_made_elsewhere_is_refused,
        [Stack] what_no_manifest_vouches_for_is_checked_for_its_structure,
        [] files_that_are_no_backup_are_named_for_what_they_are,
    ]
}

/// So many files are looked at by one run of the program.
const AT_ONCE: usize = 1000;
/// Bits that are flipped where nobody asks for more.
const FLIPS: usize = 4000;

/// The verdicts on these files, by name, from one `db-list --check --json` with exit code 3.
fn refused(sandbox: &Sandbox, variants: &[(String, Vec<u8>)]) -> BTreeMap<String, String> {
    let folder = sandbox.path("variants");
    fs::create_dir(&folder).unwrap();
    for (name, bytes) in variants {
        fs::write(folder.join(format!("{name}.sql")), bytes).unwrap();
    }
    let run = Xtask::new(sandbox).args(["db-list", "--check", "--json", "variants"]).run();
    run.code(3);
    let report = run.json();
    let verdicts: BTreeMap<String, String> = report["backups"].as_array().unwrap().iter().map(verdict).collect();
    run.holds(verdicts.len() == variants.len(), "the report should be whole");
    fs::remove_dir_all(folder).unwrap();
    verdicts
}

fn verdict(backup: &Value) -> (String, String) {
    let name = Path::new(backup["file"].as_str().unwrap()).file_stem().unwrap().to_str().unwrap().to_owned();
    let verdict = backup["verdict"].as_str().unwrap();
    let refused = matches!(verdict, "cut" | "damaged");
    assert!(refused == backup["reason"].is_string(), "{name}: {backup}");
    (name, verdict.to_owned())
}

#[track_caller]
pub fn all_are_refused(sandbox: &Sandbox, variants: impl Iterator<Item = (String, Vec<u8>)>, verdicts: &[&str]) {
    let variants: Vec<_> = variants.collect();
    for part in variants.chunks(AT_ONCE) {
        let found = refused(sandbox, part);
        let others: Vec<_> = found.iter().filter(|(_, verdict)| !verdicts.contains(&verdict.as_str())).collect();
        assert!(others.is_empty(), "{} of {}: {others:?}", others.len(), part.len());
    }
}

pub fn cuts(bytes: &[u8]) -> impl Iterator<Item = (String, Vec<u8>)> + '_ {
    (0..bytes.len()).map(|length| (format!("cut-{length}"), bytes[..length].to_vec()))
}

/// A small database with a bit of everything that a dump's reader follows.
pub fn small(database: &Database<'_>) {
    database.sql(
        "CREATE TABLE t (a int, b text); INSERT INTO t VALUES (1, 'it''s'), (2, E'\\\\.\\nx'), (3, NULL);
         CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$ SELECT ';' $$;",
    );
}

fn every_flipped_bit_is_refused() {
    let database = shared().database();
    small(&database);
    let bytes = fs::read(database.backup()).unwrap();
    let bits = bytes.len() * 8;
    let asked = std::env::var("XTASK_TEST_FLIPS").ok();
    let count = match asked.as_deref() {
        None | Some("") => FLIPS,
        Some("all") => bits,
        Some(number) => number.parse().expect("XTASK_TEST_FLIPS is a number or `all`"),
    };
    let count = count.clamp(1, bits);
    // Spread evenly, and not in step with the eight bits of a byte.
    let chosen = (0..count).map(|index| (index * bits + index % 8 * bits / count / 8) / count % bits);
    let flipped = chosen.map(|bit| {
        let mut bytes = bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        (format!("bit-{bit}"), bytes)
    });
    let flipped: BTreeMap<String, Vec<u8>> = flipped.collect();
    assert!(flipped.len() * 10 > count * 9, "{} of {count} are different bits", flipped.len());
    all_are_refused(&database.sandbox, flipped.into_iter(), &["cut", "damaged"]);
}

fn every_cut_is_refused() {
    let database = shared().database();
    small(&database);
    let bytes = fs::read(database.backup()).unwrap();
    all_are_refused(&database.sandbox, cuts(&bytes), &["cut"]);
    // More is as bad as less: nothing follows a manifest.
    let more = [&b"\n"[..], b"x", b"\0", b"-- a comment\n", &bytes, &bytes[..200]];
    let longer = more.iter().enumerate().map(|(index, tail)| (format!("longer-{index}"), [&bytes, *tail].concat()));
    all_are_refused(&database.sandbox, longer, &["cut", "damaged"]);
}

fn every_cut_of_a_dump_made_elsewhere_is_refused() {
    let database = shared().database();
    small(&database);
    let dump = database.dump();
    let text = String::from_utf8(dump.clone()).unwrap();
    let older: String = text.split_inclusive("\n\n").filter(|part| !part.starts_with("\\restrict")).collect();
    let older = older.replace("\\unrestrict xtasktest\n\n", "");
    assert_eq!(older.len() + 2 * "\\restrict xtasktest\n\n".len() + 2, text.len());
    for dump in [dump, older.into_bytes()] {
        let file = database.sandbox.write("elsewhere/dump.sql", &dump);
        let list = ["db-list", "--check", "--json", "elsewhere"];
        let run = Xtask::new(&database.sandbox).args(list).run();
        let report = run.ok().json();
        assert_eq!(report["backups"][0]["verdict"], "made_elsewhere");
        assert_eq!(
            (report["backups"][0]["tables"].as_u64(), report["backups"][0]["rows"].as_u64()),
            (Some(1), Some(3))
        );
        fs::remove_file(file).unwrap();
        all_are_refused(&database.sandbox, cuts(&dump), &["cut", "damaged"]);
    }
}

fn what_no_manifest_vouches_for_is_checked_for_its_structure() {
    let database = shared().database();
    small(&database);
    let file = database.backup();
    // A backup robbed of both our lines is a dump made elsewhere; of one of them, never.
    let whole = fs::read(&file).unwrap();
    let bare = inner(&file);
    let head = whole.len() - whole.iter().position(|&byte| byte == b'\n').unwrap() - 1;
    let headless = whole[whole.len() - head..].to_vec();
    let endless = whole[..whole.len() - headless.len() + bare.len()].to_vec();
    database.sandbox.write("elsewhere/bare.sql", &bare);
    let run = Xtask::new(&database.sandbox).args(["db-list", "--check", "elsewhere"]).run();
    run.ok().stdout_has("made elsewhere");
    let text = String::from_utf8(bare).unwrap();
    let with = |name: &str, changed: String| {
        assert_ne!(changed, text, "{name}");
        (name.to_owned(), changed.into_bytes())
    };
    let variants = vec![
        ("headless".to_owned(), headless),
        ("endless".to_owned(), endless),
        with("two-dumps", format!("{text}{text}")),
        with("windows", text.replace('\n', "\r\n")),
        with("less-columns", text.replace("1\tit's", "1")),
        with("open-block", text.replace("\n\\.\n", "\n")),
        with("meta-command", text.replace("SET client_encoding", "\\! touch x\nSET client_encoding")),
        with("other-key", text.replace("\\unrestrict ", "\\unrestrict x")),
        with("notice", text.replace("SET client_encoding", "WARN[0000] notice\nSET client_encoding")),
    ];
    all_are_refused(&database.sandbox, variants.into_iter(), &["cut", "damaged"]);
}

fn files_that_are_no_backup_are_named_for_what_they_are() {
    let sandbox = Sandbox::new();
    let tar = [&b"toc.dat"[..], &[0; 250], b"ustar\x0000", &[0; 300]].concat();
    let cases: &[(&str, &[u8], &str, &str)] = &[
        ("empty", b"", "cut", "it is empty"),
        ("custom", b"PGDMP\x01\x0e\0\x04\x08\x01", "damaged", "pg_dump's custom format"),
        ("gzip", &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3], "damaged", "gzip"),
        ("zstd", &[0x28, 0xb5, 0x2f, 0xfd, 4, 0], "damaged", "zstd"),
        ("zip", b"PK\x03\x04rest", "damaged", "zip archive"),
        ("xz", &[0xfd, b'7', b'z', b'X', b'Z', 0, 1], "damaged", "xz"),
        ("tar", &tar, "damaged", "pg_dump's tar format"),
        ("page", b"<!DOCTYPE html>\n<html><body>404</body></html>\n", "damaged", "web page"),
        ("utf16", b"\xff\xfe-\0-\0\n\0", "damaged", "UTF-16"),
        ("bom", b"\xef\xbb\xbf--\n-- PostgreSQL database dump\n--\n\n", "damaged", "byte order mark"),
        ("cluster", b"--\n-- PostgreSQL database cluster dump\n--\n\n", "damaged", "pg_dumpall"),
        ("words", b"pg_dump: error: connection to server failed\n", "damaged", "what a program said"),
        ("zeroes", &[0; 4096], "damaged", "binary"),
        ("newline", b"\n", "damaged", "does not begin"),
        ("half-head", b"--\n-- Postgre", "cut", "first lines"),
        ("head-of-ours", b"-- xtask backup, form", "cut", "manifest"),
    ];
    for (name, bytes, ..) in cases {
        sandbox.write(format!("backups/{name}.sql"), bytes);
    }
    for check in [&["--check"][..], &[]] {
        let run = Xtask::new(&sandbox).args(["db-list", "--json"]).args(check).run();
        let report = run.code(if check.is_empty() { 0 } else { 3 }).json();
        for (name, bytes, verdict, reason) in cases {
            let backups = report["backups"].as_array().unwrap();
            let backup =
                backups.iter().find(|backup| backup["file"].as_str().unwrap().ends_with(&format!("/{name}.sql")));
            let backup = backup.unwrap_or_else(|| panic!("{name} is not listed"));
            assert_eq!(backup["verdict"], *verdict, "{name}: {backup}");
            assert!(backup["reason"].as_str().unwrap().contains(reason), "{name}: {backup}");
            assert_eq!(backup["bytes"].as_u64(), Some(bytes.len() as u64), "{name}");
            assert_eq!((&backup["full"], &backup["database"]), (&Value::Bool(false), &Value::Null));
        }
        let table = Xtask::new(&sandbox).args(["db-list"]).args(check).run();
        table.stderr_has("backups/gzip.sql: ").stdout_has("  no backup\n").stdout_has("  cut\n");
        table.stderr_has("→ unpack it: gunzip -c < backups/gzip.sql > x.sql\n");
    }
}
