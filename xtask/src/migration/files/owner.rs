//! Whose files a folder holds: those of another migration tool are never run here.

use crate::platform;
use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

/// So much of a file is looked at, in bytes: the mark of the way back stands behind the way there.
const LOOKED_AT: u64 = 1 << 24;
/// Marks that no other file has.
const MARKS: [(&str, &str); 9] = [
    ("liquibase formatted sql", "Liquibase"),
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

/// The same as whole lines, which are ordinary comments where no statement stands behind the second one.
const HEADINGS: [(&str, &str, &str); 4] = [
    ("!ups", "!downs", "Play"),
    ("@up", "@down", "marv"),
    ("up", "down", "another tool"),
    ("up script", "down script", "another tool"),
];
/// How a tool names the way back beside the way there; sqlx's own is `.down`.
const WAYS_BACK: [(&str, &str); 9] = [
    (".rollback", "yoyo-migrations"),
    (".undo", "another tool"),
    (".revert", "another tool"),
    ("_rollback", "another tool"),
    ("_undo", "another tool"),
    ("_revert", "another tool"),
    ("_down", "another tool"),
    ("-down", "another tool"),
    ("-rollback", "another tool"),
];
/// How it names the way there.
const WAYS_THERE: [&str; 7] = ["", ".up", ".do", "_up", "-up", ".apply", ".forward"];

/// The other tool whose files are among these entries of a folder, and one of them as evidence; Diesel's are recognised by
/// `Reader`.
pub(super) fn other_tool(entries: &[PathBuf]) -> Option<(&'static str, &Path)> {
    let names: BTreeSet<String> =
        entries.iter().filter_map(|path| Some(path.file_name()?.to_string_lossy().to_ascii_lowercase())).collect();
    entries.iter().find_map(|path| {
        let tool =
            tool_of(path).or_else(|| way_back(&path.file_name()?.to_string_lossy().to_ascii_lowercase(), &names))?;
        Some((tool, path.as_path()))
    })
}

/// The tool that names a file so which reverts the one beside it: read as sqlx does, both are run one after the other.
fn way_back(name: &str, names: &BTreeSet<String>) -> Option<&'static str> {
    let stem = name.strip_suffix(".sql").filter(|stem| stem.starts_with(|first: char| first.is_ascii_digit()))?;
    let beside = |base: &str| WAYS_THERE.iter().any(|there| names.contains(&[base, there, ".sql"].concat()));
    let found = |(suffix, _): &&(&str, &str)| stem.strip_suffix(suffix).is_some_and(beside);
    WAYS_BACK.iter().find(found).map(|(_, tool)| *tool)
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
        let text = line.trim_ascii();
        let is_comment = text.starts_with(b"--") || text.starts_with(b"#");
        let found = if is_comment { marks.take(&String::from_utf8_lossy(text)) } else { marks.divided(text) };
        if found.is_some() {
            return found;
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
    /// The headings over the way there, by their place in the list, and the tool of one that has had its other half.
    headings: Vec<usize>,
    divided: Option<&'static str>,
}

impl Marks {
    /// Reads a comment line; gives the tool that is certain by now.
    fn take(&mut self, line: &str) -> Option<&'static str> {
        let words = line.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        let text = words.trim_start_matches(['#', '-', ' ']);
        self.head(text.trim_end_matches([':', '-', ' ']));
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

    /// Reads a line that may be such a heading.
    fn head(&mut self, line: &str) {
        for (at, (up, down, tool)) in HEADINGS.iter().enumerate() {
            if line == *up {
                self.headings.push(at);
            } else if line == *down && self.headings.contains(&at) {
                self.divided = Some(tool);
            }
        }
    }

    /// Reads a line that is no comment: behind the heading of the way back it is a statement of that.
    fn divided(&self, line: &[u8]) -> Option<&'static str> {
        self.divided.filter(|_| !line.is_empty())
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
            text.lines().find_map(|line| match line.trim_start().starts_with(['-', '#']) {
                true => marks.take(line),
                false => marks.divided(line.as_bytes()),
            })
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
            ("--liquibase formatted sql\n--changeset a:1\nselect 1;", Some("Liquibase")),
            ("# --- First\n\n# --- !Ups\nselect 1;\n\n# --- !Downs\nselect 2;", Some("Play")),
            ("-- !Ups\nselect 1;\n-- !Downs\n\nselect 2;", Some("Play")),
            ("-- @up\nselect 1;\n-- @down\nselect 2;", Some("marv")),
            ("-- UP\nselect 1;\n-- DOWN:\nselect 2;", Some("another tool")),
            ("---- up ----\nselect 1;\n---- down ----\nselect 2;", Some("another tool")),
            ("-- UP\nselect 1;\n-- DOWN\n-- select 2;\n\n", None),
            ("-- down\nselect 1;\n-- up\nselect 2;", None),
            ("-- update\nselect 1;\n-- downtown\nselect 2;", None),
        ] {
            assert_eq!(tool(text), expected, "{text}");
        }
    }

    #[test]
    fn a_way_back_beside_its_way_there_is_known_by_its_name() {
        let tool = |names: &[&str]| {
            let all = names.iter().map(|name| (*name).to_owned()).collect();
            names.iter().find_map(|name| way_back(name, &all))
        };
        for (names, expected) in [
            (&["0001_a.sql", "0001_a.rollback.sql"][..], Some("yoyo-migrations")),
            (&["1_a.sql", "1_a.undo.sql"], Some("another tool")),
            (&["1_a.sql", "1_a_rollback.sql"], Some("another tool")),
            (&["1_a_up.sql", "1_a_down.sql"], Some("another tool")),
            (&["1.do.sql", "1.undo.sql"], Some("another tool")),
            (&["1_a.up.sql", "1_a.down.sql"], None),
            (&["1_a.sql", "2_a_rollback.sql", "3_undo.sql"], None),
            (&["schema.sql", "schema_undo.sql"], None),
        ] {
            assert_eq!(tool(names), expected, "{names:?}");
        }
    }
}
