//! Where this host keeps PostgreSQL's programs, and of which version they are.

use crate::platform;
use crate::process::Program;
use std::path::{Path, PathBuf};

/// The word of `XTASK_PG_BIN` for the programs that this program downloads, on the target `local`.
pub const EMBEDDED: &str = "embedded";

/// The major version of a program that is there and runs.
pub fn version_of(program: &Path) -> Option<u32> {
    let captured = Program::new(program).arg("--version").ask().ok()?;
    major_of(&captured.text()).filter(|_| captured.ending.success())
}

/// A program's file in a folder.
pub fn file(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

/// The number in `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`.
fn major_of(version: &str) -> Option<u32> {
    let number = version.split_once("(PostgreSQL) ")?.1;
    number.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok()
}

/// Where packages put them; `*` stands for a version.
const USUAL: &[&str] = if platform::WINDOWS {
    &["C:/Program Files/PostgreSQL/*/bin"]
} else if platform::MACOS {
    &[
        "/opt/homebrew/opt/postgresql*/bin",
        "/opt/homebrew/opt/libpq*/bin",
        "/usr/local/opt/postgresql*/bin",
        "/usr/local/opt/libpq*/bin",
        "/Applications/Postgres.app/Contents/Versions/*/bin",
        "/Library/PostgreSQL/*/bin",
        "/opt/local/lib/postgresql*/bin",
    ]
} else {
    &[
        "/usr/lib/postgresql/*/bin",
        "/usr/pgsql-*/bin",
        "/usr/lib/postgresql*/bin",
        "/usr/libexec/postgresql*",
        "/usr/bin",
        "/usr/local/bin",
        "/home/linuxbrew/.linuxbrew/opt/postgresql*/bin",
    ]
};

/// The usual folders that are there.
pub fn usual_folders() -> Vec<PathBuf> {
    USUAL.iter().flat_map(|pattern| expanded(pattern)).collect()
}

/// The folders that a pattern with at most one `*` names.
fn expanded(pattern: &str) -> Vec<PathBuf> {
    let Some((before, after)) = pattern.split_once('*') else { return vec![PathBuf::from(pattern)] };
    let (parent, prefix) = before.rsplit_once('/').unwrap_or(("", before));
    let Ok(entries) = std::fs::read_dir(format!("{parent}/")) else { return Vec::new() };
    entries
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
        .map(|entry| entry.path().join(after.trim_start_matches('/')))
        .filter(|folder| folder.is_dir())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_is_read_from_every_packagers_words() {
        assert_eq!(major_of("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some(15));
        assert_eq!(major_of("postgres (PostgreSQL) 19beta1"), Some(19));
        assert_eq!(major_of("bash: postgres: not found"), None);
    }

    #[test]
    fn a_pattern_names_the_folders_that_are_there() {
        let base = tempfolder();
        for name in ["pgsql-14/bin", "pgsql-15/bin", "pgsql-16", "other/bin"] {
            std::fs::create_dir_all(base.join(name)).unwrap();
        }
        let mut found = expanded(&format!("{}/pgsql-*/bin", base.display()));
        found.sort();
        assert_eq!(found, [base.join("pgsql-14/bin"), base.join("pgsql-15/bin")]);
        std::fs::remove_dir_all(base).unwrap();
    }

    fn tempfolder() -> PathBuf {
        let folder = std::env::temp_dir().join(format!("xtask-programs-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }
}
