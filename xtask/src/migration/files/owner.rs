//! Whose files a folder holds: those of another migration tool are never run here.

use crate::platform;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// What the head of a file says, in bytes.
const HEAD: u64 = 4096;

/// The other tool whose files are among these entries of a folder, and one of them as evidence; Diesel's are told by
/// `Reader`.
pub(super) fn other_tool(entries: &[PathBuf]) -> Option<(&'static str, &Path)> {
    entries.iter().find_map(|path| Some((tool_of(path)?, path.as_path())))
}

fn tool_of(path: &Path) -> Option<&'static str> {
    let name = path.file_name()?.to_string_lossy();
    if path.is_dir() {
        return path.join("migration.sql").is_file().then_some("Prisma");
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
    let mut head = Vec::new();
    platform::open_regular(path).ok()?.take(HEAD).read_to_end(&mut head).ok()?;
    let head = String::from_utf8_lossy(&head);
    let begins = |line: &str, mark: &str| {
        line.trim_start().strip_prefix("--").is_some_and(|rest| rest.trim_start().starts_with(mark))
    };
    [("+goose", "goose"), ("migrate:up", "dbmate"), ("+migrate", "sql-migrate")]
        .into_iter()
        .find_map(|(mark, tool)| head.lines().any(|line| begins(line, mark)).then_some(tool))
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
}
