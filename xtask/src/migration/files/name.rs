//! What a file's name says, by sqlx's rules.

use std::path::Path;

/// Which way a file leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Up,
    Down,
    /// A plain `.sql` file.
    Only,
}

/// What a name says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    Migration {
        version: i64,
        description: String,
        part: Part,
    },
    /// An SQL file without `_`, which sqlx passes over.
    Stray,
    /// An SQL file whose name has no number before its first `_`: sqlx refuses the whole folder.
    Unreadable,
    /// The number before its first `_` is none that a ledger can hold: sqlx refuses the whole folder.
    TooLarge,
    /// No SQL file.
    Other,
}

/// Reads a file's name.
pub fn of(path: &Path) -> Named {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    match name.split_once('_') {
        Some((version, rest)) if rest.ends_with(".sql") => {
            let digits = version.trim_start_matches(['+', '-']);
            let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            let Ok(version) = version.parse() else {
                return if is_number { Named::TooLarge } else { Named::Unreadable };
            };
            let (part, ending) = match rest {
                rest if rest.ends_with(".up.sql") => (Part::Up, ".up.sql"),
                rest if rest.ends_with(".down.sql") => (Part::Down, ".down.sql"),
                _ => (Part::Only, ".sql"),
            };
            let description = rest.trim_end_matches(ending).replace('_', " ");
            Named::Migration { version, description, part }
        }
        _ if name.ends_with(".sql") => Named::Stray,
        _ => Named::Other,
    }
}

/// Whether this is one of a pair.
pub fn is_up(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(".up.sql"))
}
