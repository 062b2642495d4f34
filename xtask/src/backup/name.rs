//! Names of backup files: `openfga_backup_20251021_143022.sql`, local time as in the old recipe.

use super::codec;
use crate::postgres::text::Name;
use chrono::{DateTime, Local, NaiveDateTime, TimeZone as _};
use serde::Serialize;
use std::path::Path;

/// Why a backup was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// The whole database, for whatever may come.
    Backup,
    /// Only some tables; never taken for the latest backup.
    Tables,
    /// The whole database, made by a restore before it takes effect.
    PreRestore,
    /// The whole database, made before migrations change it.
    PreMigration,
    /// No database: the server's roles (see [`super::server_name`]).
    Globals,
}

impl Purpose {
    /// Those of databases.
    const ALL: [Self; 4] = [Self::Backup, Self::Tables, Self::PreRestore, Self::PreMigration];

    fn word(self) -> &'static str {
        match self {
            Self::Backup => "backup",
            Self::Tables => "tables",
            Self::PreRestore => "pre_restore",
            Self::PreMigration => "pre_migration",
            Self::Globals => "globals",
        }
    }

    /// Whether a change of the database followed: of backups of one second these are the older ones.
    pub fn precedes_a_change(self) -> bool {
        matches!(self, Self::PreRestore | Self::PreMigration)
    }

    /// Whether a backup that was made for this may be the newest one of its database, which a restore takes unnamed.
    pub fn may_be_newest(self) -> bool {
        matches!(self, Self::Backup | Self::PreMigration)
    }
}

/// How the names of unfinished backups end.
pub const UNFINISHED: &str = ".partial";

const TIME: &str = "%Y%m%d_%H%M%S";
/// `20251021_143022`
const TIME_LENGTH: usize = 15;

/// What a file's name says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    pub database: Name,
    pub purpose: Purpose,
    pub time: DateTime<Local>,
    /// Counts backups of the same second from 1.
    pub copy: u32,
}

/// The name of a backup of this database at this time; `copy` counts backups of the same second from 1, `ending` is that
/// of its codec.
pub fn file_name(database: &str, purpose: Purpose, time: &DateTime<Local>, copy: u32, ending: &str) -> String {
    format!("{}_{}_{}{ending}", escaped(database), purpose.word(), time_and_copy(time, copy))
}

/// Whether the file bears a name of unfinished backups.
pub fn is_unfinished(path: &Path) -> bool {
    path.as_os_str().to_string_lossy().ends_with(UNFINISHED)
}

/// Reads a name; `None` for a file that is not named as this program names a backup.
pub fn parse(file_name: &str) -> Option<Named> {
    let stem = file_name.strip_suffix(codec::ending_of(file_name)?)?;
    Purpose::ALL.into_iter().find_map(|purpose| {
        let (database, rest) = stem.rsplit_once(&format!("_{}_", purpose.word()))?;
        let (time, copy) = parse_time_and_copy(rest)?;
        Some(Named { database: unescaped(database)?, purpose, time, copy })
    })
}

/// How a name ends, before its extension: `20251021_143022`, for the second copy of that second `20251021_143022_2`.
pub(super) fn time_and_copy(time: &DateTime<Local>, copy: u32) -> String {
    format!("{}{}", time.format(TIME), again_of(copy))
}

/// Reads what [`time_and_copy`] writes, and nothing else.
pub(super) fn parse_time_and_copy(text: &str) -> Option<(DateTime<Local>, u32)> {
    let (time, again) = text.split_at_checked(TIME_LENGTH)?;
    let copy = if again.is_empty() { 1 } else { again.strip_prefix('_')?.parse().ok()? };
    let naive = NaiveDateTime::parse_from_str(time, TIME).ok()?;
    // Signs, blanks and leading zeroes are read, too, but never written.
    if naive.format(TIME).to_string() != time || again_of(copy) != again {
        return None;
    }
    // Of an hour that the clock went through twice, the earlier one.
    Some((Local.from_local_datetime(&naive).earliest()?, copy))
}

/// What tells backups of the same second apart.
fn again_of(copy: u32) -> String {
    if copy > 1 { format!("_{copy}") } else { String::new() }
}

/// A database's name as a file name can bear it on every system: others than letters, digits, `_` and `-` as %XX.
fn escaped(database: &str) -> String {
    let mut name = String::new();
    for letter in database.chars() {
        if letter.is_alphanumeric() || letter == '_' || (letter == '-' && !name.is_empty()) {
            name.push(letter);
        } else {
            let mut bytes = [0; 4];
            for byte in letter.encode_utf8(&mut bytes).bytes() {
                name.push_str(&format!("%{byte:02X}"));
            }
        }
    }
    name
}

/// The database's name; `None` where no database can have it.
fn unescaped(name: &str) -> Option<Name> {
    let mut parts = name.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (code, rest) = part.split_at_checked(2)?;
        let digit = |letter: char| letter.is_ascii_digit() || matches!(letter, 'A'..='F');
        if !code.chars().all(digit) {
            return None;
        }
        bytes.push(u8::from_str_radix(code, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    Name::try_from(String::from_utf8(bytes).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_as_they_were_made() {
        let time = Local.with_ymd_and_hms(2025, 10, 21, 14, 30, 22).unwrap();
        for database in ["openfga", "a_backup_b", "we ird/../ä\"'%41", "-x", "日本"] {
            for (purpose, copy) in
                [(Purpose::Backup, 1), (Purpose::Tables, 2), (Purpose::PreRestore, 11), (Purpose::PreMigration, 1)]
            {
                for ending in [".sql", ".sql.zst"] {
                    let name = file_name(database, purpose, &time, copy, ending);
                    assert!(!name.contains('/') && !name.starts_with('-'), "{name}");
                    let named = parse(&name).unwrap();
                    let database = Name::try_from(database).unwrap();
                    assert_eq!(named, Named { database, purpose, time, copy }, "{name}");
                }
            }
        }
        assert_eq!(file_name("openfga", Purpose::Backup, &time, 1, ".sql"), "openfga_backup_20251021_143022.sql");
    }

    #[test]
    fn other_names_are_not_taken_for_backups() {
        for name in [
            "dump.sql",
            "openfga_backup_20251021_1430.sql",
            "openfga_backup_20251341_143022.sql",
            "_backup_20251021_143022.sql",
            "openfga_backup_20251021_143022_x.sql",
            "openfga_backup_20251021_143022.sql.gz",
            "openfga_backup_20251021_143022.zst",
            "openfga_backup_20251021_143022.sql.zst.sql",
            "openfga_backup_+2025102_143022.sql",
            "openfga_backup_-0011021_143022.sql",
            "openfga_backup_2025102 _143022.sql",
            "openfga_backup_20251021_143022_1.sql",
            "openfga_backup_20251021_143022_02.sql",
            "openfga_backup_20251021_143022_+2.sql",
            "openfga_backup_20251021_143022_99999999999.sql",
            "a%00_backup_20251021_143022.sql",
            "a%1B_backup_20251021_143022.sql",
            "a%FF_backup_20251021_143022.sql",
            "a%+1_backup_20251021_143022.sql",
            "a%_backup_20251021_143022.sql",
            "a%4_backup_20251021_143022.sql",
            "a%ü_backup_20251021_143022.sql",
        ] {
            assert_eq!(parse(name), None, "{name}");
        }
    }
}
