//! What a manifest says is input: a file that lies is refused, plainly, and hides no other one.

use crate::harness::forge::{Forged, HEAD, dump};
use crate::harness::{Sandbox, Test, Xtask, shared};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::time::Duration;

pub fn tests() -> Vec<Test> {
    tests![
        [] a_lying_manifest_is_damage_and_hides_no_other_file,
        [] a_file_is_read_only_until_its_verdict_is_decided,
        [] only_the_last_line_is_a_manifest,
        [] letters_that_a_terminal_obeys_are_shown_escaped,
        [Stack] a_backup_by_0_1_0_is_restored,
    ]
}

const MOST: u64 = 9_223_372_036_854_775_807;

/// Manifests that fit themselves and say what no backup says.
fn liars() -> Vec<(&'static str, Forged)> {
    let small = Forged::small;
    let rows = |rows: &[u64]| {
        rows.iter().map(|rows| json!({ "schema": "public", "name": "t", "rows": rows })).collect::<Value>()
    };
    let settings = |value: &str| json!([{ "role": null, "values": [value] }]);
    vec![
        ("bytes", small().with("bytes", u64::MAX)),
        ("more-bytes", small().with("bytes", MOST)),
        ("rows", small().with("copied", rows(&[u64::MAX, 2]))),
        ("more-rows", small().with("copied", rows(&[MOST, MOST, 2]))),
        ("negative-rows", small().with("copied", json!([{ "schema": "public", "name": "t", "rows": -2 }]))),
        ("openfga", small().with("openfga", json!({ "stores": u64::MAX, "authorization_models": 1, "tuples": 1 }))),
        (
            "openfga-of-no-table",
            small().with("openfga", json!({ "stores": 0, "authorization_models": 0, "tuples": 1 })),
        ),
        ("year", small().with("started_at", "+262143-01-01T00:00:00Z")),
        ("late", small().with("started_at", "9999-12-31T23:59:59-23:59")),
        ("seconds", small().with("seconds", -1)),
        ("name", small().with("database", "\u{1b}[31mred")),
        ("nameless", small().with("database", "")),
        ("format", small().with("format", 7)),
        ("limit", small().with_property("connection_limit", 1u64 << 40)),
        ("size", small().with_property("size_bytes", u64::MAX)),
        ("ctype", small().with_property("ctype", "C.UTF-8\0")),
        ("encoding", small().with_property("encoding", "SJIS")),
        ("grants", small().with_property("grants", json!(["a=T/b\0"]))),
        ("settings", small().with_property("settings", settings("a\"; ALTER ROLE b SUPERUSER; --=c"))),
        ("nested", small().with("database", nested(1000))),
    ]
}

fn nested(depth: usize) -> Value {
    (0..depth).fold(json!(1), |inner, _| json!([inner]))
}

fn a_lying_manifest_is_damage_and_hides_no_other_file() {
    let sandbox = Sandbox::new();
    let liars = liars();
    for (name, file) in &liars {
        file.write(&sandbox, &format!("openfga_backup_20250101_000000_{name}.sql"));
        file.write(&sandbox, &format!("{name}.sql"));
    }
    Forged::small().with("database", "openfga").write(&sandbox, "openfga_backup_20240101_000000.sql");
    for check in [&["--check"][..], &[]] {
        let run = Xtask::new(&sandbox).args(["db-list", "--json"]).args(check).run();
        run.code(if check.is_empty() { 0 } else { 3 }).stderr_lacks("panicked");
        let report = run.json();
        let backups = report["backups"].as_array().unwrap();
        assert_eq!(backups.len(), 2 * liars.len() + 1);
        for backup in backups {
            let file = backup["file"].as_str().unwrap();
            let good = file.ends_with("openfga_backup_20240101_000000.sql");
            // Bytes that are missing were cut off.
            let cut = file.ends_with("more-bytes.sql");
            let unfit = if cut { "cut" } else { "damaged" };
            let well = if check.is_empty() { "complete" } else { "whole" };
            assert_eq!(backup["verdict"], if good { well } else { unfit }, "{backup}");
            let reason = backup["reason"].as_str().unwrap_or_default();
            assert!(good || (!reason.is_empty() && reason.len() < 2000), "{backup}");
        }
        let table = Xtask::new(&sandbox).args(["db-list"]).args(check).run();
        table.stdout_has("openfga_backup_20240101_000000.sql").stderr_has("format 7 is newer than this program");
        table.stderr_has(
            "ctype.sql: the manifest cannot be read: \"C.UTF-8\\0\" holds U+0000, which no line of text holds",
        );
        assert!(!table.stderr.contains('\u{1b}') && !table.stderr.contains('\0'));
    }
    every_proof_tells_it_and_nothing_is_pruned(&sandbox, &liars);
}

fn every_proof_tells_it_and_nothing_is_pruned(sandbox: &Sandbox, liars: &[(&str, Forged)]) {
    let verify = Xtask::new(sandbox).args(["db-verify", "--all", "--json"]).run();
    verify.code(3).stderr_lacks("panicked");
    assert_eq!(verify.json()["files"].as_array().unwrap().len(), 2 * liars.len() + 1);
    for (name, _) in liars {
        let run = Xtask::new(sandbox).args(["db-verify", &format!("backups/{name}.sql")]).run();
        run.code(3).prints_nothing().stderr_has("db-list --check").stderr_lacks("panicked");
    }
    let prune = Xtask::new(sandbox).args(["db-prune", "--keep-last", "1", "--yes", "--json"]).run();
    prune.ok().stderr_has("Nothing to remove");
    assert_eq!(prune.json()["files"].as_array().unwrap().len(), 2 * liars.len() + 1);
    assert_eq!(sandbox.backups().len(), 2 * liars.len() + 1);
}

/// A terabyte of which nearly nothing is there; what it begins with already tells what it is.
fn a_file_is_read_only_until_its_verdict_is_decided() {
    const SIZE: u64 = 1_000_000_000_000;
    let sandbox = Sandbox::new();
    let manifest = Forged::small().line(SIZE, &"0".repeat(64));
    let opening = String::from_utf8(dump("")).unwrap();
    let (head, trailer) = opening.split_at(opening.find("--\n-- PostgreSQL database dump complete").unwrap());
    let cases = [
        ("zeroes.sql", String::new(), String::new(), "binary"),
        ("ours.sql", format!("{HEAD}{head}"), manifest, "a zero byte"),
        ("elsewhere.sql", head.to_owned(), trailer.to_owned(), "a zero byte"),
    ];
    for (name, start, end, _) in &cases {
        let mut file = File::create(sandbox.path("backups").join(name)).unwrap();
        file.write_all(start.as_bytes()).unwrap();
        file.set_len(SIZE).unwrap();
        file.seek(SeekFrom::Start(SIZE - 1)).unwrap();
        file.write_all(b"\n").unwrap();
        file.write_all(end.as_bytes()).unwrap();
    }
    for args in [&["db-list", "--check"][..], &["db-verify", "--all"], &["db-prune", "--keep-last", "1", "--dry-run"]] {
        let run = Xtask::new(&sandbox).args(args).run();
        run.within(Duration::from_secs(30), "a terabyte was read in vain").stderr_lacks("panicked");
        if args[0] != "db-prune" {
            run.code(3);
            for (name, .., why) in &cases {
                run.stderr_has(name).stderr_has(why);
            }
        }
    }
}

fn only_the_last_line_is_a_manifest() {
    let sandbox = Sandbox::new();
    let whole = Forged::small().bytes();
    let end = whole[..whole.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    let line = String::from_utf8(whole[end..].to_vec()).unwrap();
    let row = format!("CREATE TABLE public.t (a text);\nCOPY public.t (a) FROM stdin;\n{line}\\.\n");
    sandbox.write("backups/in-a-row.sql", Forged::of(dump(&row)).bytes());
    sandbox.write("backups/in-a-comment.sql", Forged::of(dump(&line)).bytes());
    // The second one vouches for the first one, too: no pg_dump wrote that.
    let first = String::from_utf8(Forged::small().bytes()).unwrap();
    sandbox.write("backups/two.sql", Forged::of(first.strip_prefix(HEAD).unwrap()).bytes());
    sandbox.write("backups/twice.sql", [&whole, line.as_bytes()].concat());
    // Cut behind a row that is a manifest.
    let file = Forged::of(dump(&row)).bytes();
    let cut = String::from_utf8(file).unwrap();
    let at = cut.find(&line).unwrap();
    sandbox.write("backups/cut.sql", &cut[..at + line.len()]);
    let sum = crate::harness::backup::sha256(&cut.as_bytes()[..at]);
    let fits = Forged::small().line(at as u64, &sum);
    sandbox.write("backups/cut-where-it-fits.sql", format!("{}{fits}", &cut[..at]));
    let run = Xtask::new(&sandbox).args(["db-list", "--check", "--json"]).run();
    let report = run.code(3).json();
    let mut found: Vec<(String, String)> = report["backups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|backup| {
            let file = backup["file"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
            (file, backup["verdict"].as_str().unwrap().to_owned())
        })
        .collect();
    found.sort();
    let expected = [
        ("cut-where-it-fits.sql", "cut"),
        ("cut.sql", "cut"),
        ("in-a-comment.sql", "whole"),
        ("in-a-row.sql", "whole"),
        ("twice.sql", "damaged"),
        ("two.sql", "damaged"),
    ];
    let expected: Vec<_> = expected.map(|(file, verdict)| (file.to_owned(), verdict.to_owned())).into();
    assert_eq!(found, expected);
}

fn letters_that_a_terminal_obeys_are_shown_escaped() {
    let sandbox = Sandbox::new();
    // A name that is read backwards, of several lines, and with a letter that has no shape.
    let spoofed = "open\u{202e}agf\u{2066}\n\u{2028}\u{200b}x";
    Forged::small().with("database", spoofed).write(&sandbox, "a.sql");
    let table = Xtask::new(&sandbox).args(["db-list"]).run();
    table.ok().stdout_has("open\\u{202e}agf\\u{2066}\\n\\u{2028}\\u{200b}x");
    let json = Xtask::new(&sandbox).args(["db-list", "--json"]).run();
    json.ok().stdout_has("open\\u202eagf\\u2066\\n\\u2028\\u200bx");
    let report = json.json();
    assert_eq!(report["backups"][0]["database"], spoofed);
    let error = Xtask::new(&sandbox).args(["db-list", "--database", "no\u{202e}such"]).run();
    error.ok().stderr_has("no\\u{202e}such");
}

fn a_backup_by_0_1_0_is_restored() {
    let file = include_bytes!("../files/format_1_by_0_1_0.sql");
    let database = shared().database();
    database.sandbox.write("backups/old.sql", file);
    database.xtask(["db-list", "--check"]).run().ok().stdout_has("  whole").stdout_has(" 7    22  whole");
    let run = database.xtask(["db-verify", "--restore", "backups/old.sql"]).run();
    // Its roles are not on this server.
    run.code(1).stderr_has("The server lacks roles").stderr_has("CREATE ROLE \"app\" NOLOGIN;");
    database.stack.admin("CREATE ROLE app");
    let run = database.xtask(["db-verify", "--restore", "backups/old.sql"]).run();
    database.stack.admin("DROP ROLE app");
    run.ok().stdout_has("whole (7 tables, 22 rows), restored and compared");
}
