//! A property of `db-verify`: whatever was done to a file, it is refused, or loads, or fails cleanly.

use super::db_verify::scratch_databases;
use crate::harness::dice::{self, Dice};
use crate::harness::forge::Forged;
use crate::harness::{Test, shared};
use std::path::PathBuf;

pub fn tests() -> Vec<Test> {
    tests![[Stack] damage_of_every_kind_ends_cleanly]
}

const WORDS: &[&[u8]] =
    &[b"'", b"\"", b"$$", b"\\", b"\n\\.\n", b";", b"/*", b"*/", b"--", b"\n", b"\t", b"(", b")", b"E'", b"\\N"];

/// The dump with a few random changes.
fn damaged(dice: &mut Dice, dump: &[u8]) -> Vec<u8> {
    let mut text = dump.to_vec();
    for _ in 0..=dice.below(3) {
        let (at, other) = (dice.below(text.len()), dice.below(text.len()));
        let end = text.len().min(at + 1 + dice.below(30));
        match dice.below(6) {
            0 => text[at] ^= 1 << dice.below(8),
            1 => drop(text.drain(at..end)),
            2 => text = [&text[..at], WORDS[dice.below(WORDS.len())], &text[at..]].concat(),
            3 => text = [&text[..at], &text[at..end], &text[at..]].concat(),
            4 => text.swap(at, other),
            // Whole lines, which leaves most of them in order.
            _ => {
                let mut lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
                let from = dice.below(lines.len());
                let line = lines.remove(from);
                lines.insert(dice.below(lines.len()), line);
                text = lines.join(&b'\n');
            }
        }
    }
    text
}

/// A real dump with a few random changes, and a new manifest that fits: it is refused, or loads, or fails cleanly.
fn damage_of_every_kind_ends_cleanly() {
    let (mut dice, seed) = Dice::thrown();
    let cases = dice::cases(200);
    let database = shared().database();
    database.sql(
        "CREATE TABLE t (id int PRIMARY KEY, a text, b text); CREATE VIEW v AS SELECT a || 'x' AS a FROM t;
         INSERT INTO t SELECT n, E'it''s \\\\ ' || n, NULLIF(n % 3, 0) FROM generate_series(1, 12) n;
         CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1; $$; COMMENT ON TABLE t IS E'\\\\ ''';",
    );
    let real = database.dump();
    let files: Vec<PathBuf> = (0..cases)
        .map(|case| {
            let file = Forged::of(damaged(&mut dice, &real)).bytes();
            database.sandbox.write(format!("cases/{case}.sql"), file)
        })
        .collect();
    let run = database.xtask(["db-verify", "--json"]).args(&files).run();
    run.stderr_lacks("panicked").holds(matches!(run.code, Some(0 | 3)), &format!("seed {seed}"));
    let report = run.json();
    let entries = report["files"].as_array().unwrap();
    assert_eq!(entries.len(), files.len(), "seed {seed}");
    let accepted = entries.iter().zip(&files).filter(|(entry, _)| entry["verdict"] == "whole").map(|(_, file)| file);
    let accepted: Vec<&PathBuf> = accepted.take((cases / 20).max(10)).collect();
    let run = database.xtask(["db-verify", "--restore", "--json"]).args(&accepted).run();
    // 3: the file is sound, but changes objects that it does not create.
    run.stderr_lacks("panicked").holds(matches!(run.code, Some(0 | 1 | 3)), &format!("seed {seed}"));
    for entry in run.json()["files"].as_array().unwrap() {
        let clean = entry["restored"] == true || entry["reason"].is_string();
        assert!(entry["restored"].is_boolean() && clean, "seed {seed}: {entry}");
    }
    assert_eq!(scratch_databases(&database), Vec::<String>::new());
    assert!(real == database.dump(), "seed {seed}: the live database was changed");
    eprintln!("damage_of_every_kind: seed {seed}, {cases} cases, {} loaded", accepted.len());
}
