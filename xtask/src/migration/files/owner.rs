//! Whose files a folder holds: those of another migration tool are never run here.

use crate::platform;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

/// So much of a file is looked at, in bytes: the mark of the way back stands behind the way there.
const LOOKED_AT: u64 = 1 << 24;
/// Marks that no other file has.
const MARKS: [(&str, &str); 8] = [
    ("+goose", "goose"),
    ("migrate:up", "dbmate"),
    ("+migrate", "sql-migrate"),
    ("create above / drop below", "tern"),
    ("//@undo", "MyBatis Migrations"),
    ("// @undo", "MyBatis Migrations"),
    ("rambler up", "rambler"),
    ("rambler down", "rambler"),
];
/// Marks of the way there and the way back. One of them alone is an ordinary comment.
const PAIRS: [(&str, &str, &str); 2] =
    [("up migration", "down migration", "node-pg-migrate"), ("==== up ====", "==== down ====", "shmig")];

/// The other tool whose files are among these entries of a folder, and one of them as evidence; Diesel's are recognised by
/// `Reader`.
pub(super) fn other_tool(entries: &[PathBuf]) -> Option<(&'static str, &Path)> {
    entries.iter().find_map(|path| Some((tool_of(path)?, path.as_path())))
}

fn tool_of(path: &Path) -> Option<&'static str> {
    let name = path.file_name()?.to_string_lossy();
    if path.is_dir() {
        let is_prismas = path.join("migration.sql").is_file().then_some("Prisma");
        return is_prismas.or((name == "meta" && path.join("_journal.json").is_file()).then_some("Drizzle"));
    }
    match name.as_ref() {
        "migration_lock.toml" => Some("Prisma"),
        "script.py.mako" => Some("Alembic"),
        "__init__.py" => Some("Django"),
        name if name.ends_with(".sql") && is_flyways(name) => Some("Flyway"),
        name if name.ends_with(".sql") => marked(path),
        _ => None,
    }
}

/// `V1__init.sql`, `V2.1__more.sql`, `U1__init.sql`, `R__views.sql`.
fn is_flyways(name: &str) -> bool {
    let Some((prefix, _)) = name.split_once("__") else { return false };
    let is_version = |version: &str| {
        version.starts_with(|letter: char| letter.is_ascii_digit())
            && version.bytes().all(|byte| byte.is_ascii_digit() || b"._".contains(&byte))
    };
    prefix == "R" || ["V", "U", "B"].iter().any(|kind| prefix.strip_prefix(kind).is_some_and(is_version))
}

/// By the comments that divide a file into its way there and its way back: run as a whole, it would undo itself.
fn marked(path: &Path) -> Option<&'static str> {
    let mut reader = BufReader::new(platform::open_regular(path).ok()?.take(LOOKED_AT));
    let mut marks = Marks::default();
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).ok()? > 0 {
        if line.trim_ascii_start().starts_with(b"--")
            && let Some(tool) = marks.take(&String::from_utf8_lossy(&line))
        {
            return Some(tool);
        }
        line.clear();
    }
    None
}

/// The tools whose marks a file has had so far.
#[derive(Debug, Default)]
struct Marks {
    ups: Vec<&'static str>,
    downs: Vec<&'static str>,
}

impl Marks {
    /// Reads a comment line; gives the tool that is certain by now.
    fn take(&mut self, line: &str) -> Option<&'static str> {
        let words = line.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        let text = words.trim_start_matches(['-', ' ']);
        if let Some((_, tool)) = MARKS.iter().find(|(mark, _)| text.starts_with(mark)) {
            return Some(tool);
        }
        for (up, down, tool) in PAIRS {
            if text.starts_with(up) {
                self.ups.push(tool);
            } else if text.starts_with(down) {
                self.downs.push(tool);
            }
        }
        self.ups.iter().find(|tool| self.downs.contains(tool)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flyways_names_are_known() {
        for name in ["V1__init.sql", "V2.1__more.sql", "V2_1__more.sql", "U1__init.sql", "R__views.sql"] {
            assert!(is_flyways(name), "{name}");
        }
        for name in ["1_a__b.up.sql", "View__x.sql", "V__x.sql", "Vx1__a.sql", "V1_a.sql"] {
            assert!(!is_flyways(name), "{name}");
        }
    }

    #[test]
    fn files_that_hold_both_ways_are_known() {
        let tool = |text: &str| {
            let mut marks = Marks::default();
            text.lines().filter(|line| line.trim_start().starts_with("--")).find_map(|line| marks.take(line))
        };
        for (text, expected) in [
            ("create table t ();\n\n---- create above / drop below ----\n\ndrop table t;", Some("tern")),
            ("-- Up Migration\nselect 1;\n  ---  DOWN  migration\nselect 2;", Some("node-pg-migrate")),
            ("-- // first\nselect 1;\n-- //@UNDO\nselect 2;", Some("MyBatis Migrations")),
            ("-- rambler up\nselect 1;", Some("rambler")),
            ("-- ==== UP ====\nselect 1;\n-- ==== DOWN ====\nselect 2;", Some("shmig")),
            ("--+goose Up", Some("goose")),
            ("-- migrate:up transaction:false", Some("dbmate")),
            ("-- Add up migration script here\nselect 1;\n-- Down migration: see the other file", None),
            ("-- Up migration\nselect '-- down migration';", None),
        ] {
            assert_eq!(tool(text), expected, "{text}");
        }
    }
}
