//! Which libraries the server loads when it starts: those that it has loaded, and those that its files name by now.

use crate::postgres::reader::Reader;
use anyhow::Result;
use serde::Deserialize;

/// The library that counts statements.
pub const LIBRARY: &str = "pg_stat_statements";

/// What a change of `shared_preload_libraries` begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Preload {
    /// It is hidden from this role, or no file of the server sets it.
    Unknown,
    /// These are set, and the library is none of them.
    Beside(Vec<String>),
    /// A change waits for the server's restart.
    Waits,
    /// The server loads the library, and its files say nothing else.
    There,
}

/// What the server says of the setting.
#[derive(Debug, Clone, Deserialize)]
pub struct Setting {
    /// What it has loaded.
    loaded: String,
    /// Whether a change waits for a restart, as far as the server has read its files again.
    waits: bool,
    /// Whether this role may see what the files say now.
    reads_files: bool,
}

impl Setting {
    /// An expression that gives it, or null.
    pub const SQL: &str = "(SELECT pg_catalog.json_build_object('loaded', s.setting, 'waits', s.pending_restart,
      'reads_files', pg_catalog.has_table_privilege('pg_catalog.pg_file_settings', 'SELECT')
        AND pg_catalog.has_function_privilege('pg_catalog.pg_show_all_file_settings()', 'EXECUTE'))
    FROM pg_catalog.pg_settings AS s WHERE s.name = 'shared_preload_libraries'
      AND s.source IN ('default', 'configuration file'))";

    /// What a change begins with. `ALTER SYSTEM` writes a file, which the server reads when it restarts: what runs is older.
    pub fn preload(&self, reader: &mut Reader<'_>) -> Result<Preload> {
        let in_files: Option<String> = if self.reads_files { reader.ask(IN_FILES)? } else { None };
        Ok(self.judged(in_files.as_deref()))
    }

    fn judged(&self, in_files: Option<&str>) -> Preload {
        let libraries = names(in_files.unwrap_or(&self.loaded));
        let is_named =
            |libraries: &[String]| libraries.iter().any(|name| name.trim_start_matches("$libdir/") == LIBRARY);
        match (is_named(&names(&self.loaded)), is_named(&libraries)) {
            (true, true) if in_files.is_some() || !self.waits => Preload::There,
            (false, true) => Preload::Waits,
            _ if in_files.is_none() && self.waits => Preload::Waits,
            _ => Preload::Beside(libraries),
        }
    }
}

/// The last line of the files counts.
const IN_FILES: &str = "SELECT COALESCE((SELECT pg_catalog.to_json(f.setting) FROM pg_catalog.pg_file_settings AS f
  WHERE pg_catalog.lower(f.name) = 'shared_preload_libraries' AND f.setting IS NOT NULL ORDER BY f.seqno DESC LIMIT 1), 'null');";

/// The names in a list of libraries.
fn names(list: &str) -> Vec<String> {
    let names = list.split(',').map(|name| name.trim().trim_matches('"')).filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_files_say_comes_before_what_runs() {
        let preload = |loaded: &str, waits, in_files: Option<&str>| {
            let setting = Setting { loaded: loaded.to_owned(), waits, reads_files: true };
            setting.judged(in_files)
        };
        let beside = |names: &[&str]| Preload::Beside(names.iter().map(|name| (*name).to_owned()).collect());
        assert_eq!(preload("", false, None), beside(&[]));
        assert_eq!(preload("auto_explain, \"$libdir/x\"", false, None), beside(&["auto_explain", "$libdir/x"]));
        assert_eq!(preload("auto_explain", true, None), Preload::Waits);
        assert_eq!(preload("", false, Some("auto_explain")), beside(&["auto_explain"]));
        // What waits is another library: ours is still to be added.
        assert_eq!(preload("", true, Some("auto_explain")), beside(&["auto_explain"]));
        assert_eq!(preload("auto_explain", false, Some("")), beside(&[]));
        assert_eq!(preload("", false, Some("auto_explain, pg_stat_statements")), Preload::Waits);
        // The extension's files alone are missing.
        let both = "auto_explain, pg_stat_statements";
        assert_eq!(preload(both, false, None), Preload::There);
        assert_eq!(preload(both, false, Some(both)), Preload::There);
        assert_eq!(preload(both, true, None), Preload::Waits);
        assert_eq!(preload(both, true, Some("auto_explain")), beside(&["auto_explain"]));
    }
}
