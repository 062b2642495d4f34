//! Names of files about a whole server: `server_set_20251021_143022.json`, local time as in backups' names.

use super::name;
use chrono::{DateTime, Local};

/// What the file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Which files belong together.
    Set,
    /// Roles, memberships and roles' settings.
    Globals,
}

impl Kind {
    fn start(self) -> &'static str {
        match self {
            Self::Set => "server_set_",
            Self::Globals => "server_globals_",
        }
    }

    fn ending(self) -> &'static str {
        match self {
            Self::Set => ".json",
            Self::Globals => ".sql",
        }
    }

    /// The name of such a file of this time; `copy` counts files of the same second from 1.
    pub fn file_name(self, time: &DateTime<Local>, copy: u32) -> String {
        format!("{}{}{}", self.start(), name::time_and_copy(time, copy), self.ending())
    }

    /// The time and the copy that a name tells; `None` where it is no name of such a file.
    pub fn parse(self, file_name: &str) -> Option<(DateTime<Local>, u32)> {
        name::parse_time_and_copy(file_name.strip_prefix(self.start())?.strip_suffix(self.ending())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone as _;

    #[test]
    fn names_are_read_back_as_they_were_made_and_no_others() {
        let time = Local.with_ymd_and_hms(2025, 10, 21, 14, 30, 22).unwrap();
        assert_eq!(Kind::Set.file_name(&time, 1), "server_set_20251021_143022.json");
        for (kind, other) in [(Kind::Set, Kind::Globals), (Kind::Globals, Kind::Set)] {
            for copy in [1, 2, 999] {
                let name = kind.file_name(&time, copy);
                assert_eq!(kind.parse(&name), Some((time, copy)), "{name}");
                assert_eq!(other.parse(&name), None, "{name}");
                assert_eq!(name::parse(&name), None, "{name}");
            }
        }
        for name in
            ["server_set_20251021_143022.sql", "server_set_20251021_143022_1.json", "server_set_.json", "x.json"]
        {
            assert_eq!(Kind::Set.parse(name), None, "{name}");
        }
    }
}
