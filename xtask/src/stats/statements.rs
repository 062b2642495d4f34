//! The statements that take the most time, from `pg_stat_statements`, which a server may have, lack, or hide in five ways.
//!
//! Its view is never read: the owner of the database could have put another one in its place. The function below it is
//! called where it is PostgreSQL's own, and no role with fewer rights than ours could have replaced it.

mod preload;
mod text;

use crate::postgres::quote::{identifier, literal};
use crate::postgres::reader::Reader;
use crate::postgres::relation::TRUSTED;
use anyhow::Result;
use preload::Setting;
pub use preload::{LIBRARY, Preload};
use serde::{Deserialize, Serialize, Serializer};
pub use text::Text;

/// Whether the server shows which statements take the most time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Readable,
    /// It shows other roles' statements without their text.
    TextHidden,
    /// The server has no files of the extension.
    NotInstalled,
    /// The server does not load its library.
    NotPreloaded,
    /// The library is loaded, and no database has the extension.
    NoExtension,
    /// The extension is there, and its functions fail: the library is not loaded.
    ExtensionNotPreloaded,
    /// A role with less rights than ours could have replaced its function.
    NotTrusted,
    /// The server refuses the question.
    NotReadable,
}

/// What the server shows.
#[derive(Debug, Clone, Serialize)]
pub struct Statements {
    pub state: State,
    /// Those of the database, the ones that took the most time first.
    pub slowest: Vec<Statement>,
    /// What a change of the libraries that the server loads begins with, where that is needed.
    #[serde(skip)]
    pub preload: Preload,
}

/// A statement, with its constants left out, since the statistics were reset.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Statement {
    /// Null where it is hidden.
    #[serde(deserialize_with = "text::told")]
    pub statement: Option<Text>,
    pub calls: u64,
    pub total_ms: f64,
    pub mean_ms: f64,
    pub max_ms: f64,
    pub rows: u64,
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// What the reader's database says of the extension.
#[derive(Debug, Clone, Deserialize)]
pub struct Extension {
    available: bool,
    preloaded: bool,
    installed: bool,
    preload: Option<Setting>,
    function: Option<Function>,
}

#[derive(Debug, Clone, Deserialize)]
struct Function {
    schema: String,
    trusted: bool,
    /// Before version 1.8 the times had other names.
    has_plans: bool,
}

impl Extension {
    /// Asks the reader's database.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self> {
        reader.ask(&format!(
            "SELECT pg_catalog.json_build_object(
  'available', EXISTS (SELECT FROM pg_catalog.pg_available_extensions WHERE name = 'pg_stat_statements'),
  'preloaded', EXISTS (SELECT FROM pg_catalog.pg_settings WHERE name = 'pg_stat_statements.max'),
  'preload', {},
  'installed', EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'pg_stat_statements'),
  'function', (SELECT pg_catalog.json_build_object('schema', n.nspname, 'trusted', {TRUSTED},
      'has_plans', 'total_exec_time' = ANY (p.proargnames))
    FROM pg_catalog.pg_extension AS e
    JOIN pg_catalog.pg_depend AS d ON d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.refobjid = e.oid
      AND d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.deptype = 'e'
    JOIN pg_catalog.pg_proc AS p ON p.oid = d.objid JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang
    JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
    CROSS JOIN LATERAL (SELECT p.proowner AS relowner) AS c
    WHERE e.extname = 'pg_stat_statements' AND p.proname = 'pg_stat_statements' AND l.lanname = 'c'
      AND p.probin = '$libdir/pg_stat_statements' LIMIT 1));",
            Setting::SQL
        ))
    }

    /// Whether this database has the function.
    pub fn is_usable(&self) -> bool {
        self.state() == State::Readable
    }

    fn state(&self) -> State {
        match (&self.function, self.installed) {
            _ if self.installed && !self.preloaded => State::ExtensionNotPreloaded,
            (Some(function), _) if function.trusted => State::Readable,
            (_, true) => State::NotTrusted,
            (None, false) if !self.available => State::NotInstalled,
            _ if !self.preloaded => State::NotPreloaded,
            _ => State::NoExtension,
        }
    }

    fn preload_of(&self, state: State, reader: &mut Reader<'_>) -> Result<Preload> {
        let is_missing = matches!(state, State::NotInstalled | State::NotPreloaded | State::ExtensionNotPreloaded);
        match self.preload.as_ref().filter(|_| is_missing) {
            Some(setting) => setting.preload(reader),
            None => Ok(Preload::Unknown),
        }
    }

    /// The slowest statements of this database, as the reader's database shows them.
    pub fn statements(&self, reader: &mut Reader<'_>, database: &str, most: u32) -> Result<Statements> {
        let state = self.state();
        let Some(function) = self.function.as_ref().filter(|_| state == State::Readable) else {
            return Ok(Statements { state, slowest: Vec::new(), preload: self.preload_of(state, reader)? });
        };
        let time = if function.has_plans { "exec_time" } else { "time" };
        let slowest: Vec<Statement> = reader.ask(&format!(
            "SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_object('statement', pg_catalog.\"left\"(s.query, 4000),
  'calls', s.calls, 'total_ms', s.total_{time}, 'mean_ms', s.mean_{time}, 'max_ms', s.max_{time}, 'rows', s.rows)
  ORDER BY s.total_{time} DESC), '[]')
FROM (SELECT s.* FROM {}.pg_stat_statements(true) AS s JOIN pg_catalog.pg_database AS d ON d.oid = s.dbid
  WHERE d.datname = {} ORDER BY s.total_{time} DESC LIMIT {most}) AS s;",
            identifier(&function.schema)?,
            literal(database)?
        ))?;
        let is_hidden = slowest.iter().any(|statement| statement.statement.is_none());
        Ok(Statements { state: if is_hidden { State::TextHidden } else { state }, slowest, preload: Preload::Unknown })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_is_distinguished_from_the_others() {
        let function = |trusted| Some(Function { schema: "public".to_owned(), trusted, has_plans: true });
        for (available, preloaded, installed, function, state) in [
            (false, false, false, None, State::NotInstalled),
            (false, true, false, None, State::NotInstalled),
            (true, false, false, None, State::NotPreloaded),
            (true, true, false, None, State::NoExtension),
            (true, false, true, function(true), State::ExtensionNotPreloaded),
            (true, true, true, function(true), State::Readable),
            (true, true, true, function(false), State::NotTrusted),
            (true, true, true, None, State::NotTrusted),
        ] {
            let preload = None;
            let extension = Extension { available, preloaded, installed, preload, function };
            assert_eq!(extension.state(), state, "{extension:?}");
        }
    }
}
