//! Where the ledger is: the first schema of the configured `search_path` that has it, else the first one in which the
//! server would make it.
//!
//! The session's own path is empty by then. The configured one is what `RESET search_path` would bring back; its names
//! are looked up in the catalog as the server looks them up.

use super::homeless::Homeless;
use super::locked::patient;
use super::rows;
use crate::error::Fault;
use crate::postgres::quote::{identifier, literal, literals};
use crate::postgres::relation::not_of_server;
use crate::words::shell_word;
use serde::Deserialize;

/// The table's name, as the checkout has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// `None`: wherever `search_path` leads.
    pub schema: Option<String>,
    pub table: String,
}

impl Default for Name {
    fn default() -> Self {
        Self { schema: None, table: "_sqlx_migrations".to_owned() }
    }
}

/// What the catalog says of the ledger's place.
#[derive(Debug, Deserialize)]
pub struct Place {
    /// The first of that name on the path.
    pub found: Option<Found>,
    /// The names of the path, whether there are such schemas or not.
    names: Vec<String>,
    /// Those of them that exist and may be used.
    path: Vec<String>,
    /// Those that exist and may not be used.
    closed: Vec<String>,
    /// Tables of that name in schemas beside the path.
    elsewhere: Vec<Other>,
    /// Tables of any name and schema that have sqlx's columns, without the one that was found.
    ledgers: Vec<Other>,
}

/// A table that may be the ledger which is meant.
#[derive(Debug, Deserialize)]
pub struct Other {
    schema: String,
    table: String,
    owner: String,
    may_read: bool,
}

impl Other {
    /// The statements that read its versions, a row each; `None` where this session may not. They wait for no lock of another
    /// session for long.
    pub fn versions_question(&self) -> Result<Option<String>, Fault> {
        let copy = |name: String| patient(&format!("COPY {name} (version) TO STDOUT"));
        self.may_read.then(|| self.name().map(copy)).transpose()
    }

    /// Its name with its schema, quoted for SQL.
    pub fn name(&self) -> Result<String, Fault> {
        qualified(&self.schema, &self.table)
    }

    /// The line of `sqlx.toml` that names it.
    pub fn setting(&self) -> Result<String, Fault> {
        setting(&self.schema, &self.table)
    }
}

/// The line of `sqlx.toml` that names this table.
pub fn setting(schema: &str, table: &str) -> Result<String, Fault> {
    let is_plain = |name: &str| {
        name.starts_with(|letter: char| letter.is_ascii_lowercase() || letter == '_')
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    };
    let name =
        if is_plain(schema) && is_plain(table) { format!("{schema}.{table}") } else { qualified(schema, table)? };
    Ok(format!("table-name = {name:?} under [migrate]"))
}

/// A relation that has the name of a ledger.
#[derive(Debug, Deserialize)]
pub struct Found {
    schema: String,
    /// `pg_class.relkind`.
    kind: char,
    /// Which of sqlx's columns are there with a type of the server's own.
    columns: Vec<String>,
    may_read: bool,
}

/// How many columns a ledger has.
const COLUMN_COUNT: usize = 6;

/// The white space that separates names in a setting.
const SPACE: &str = " \t\n\r\x0b\x0c";

/// The names of `search_path` in its order, `"$user"` replaced: `position`, `name`.
fn names(name: &Name) -> Result<String, Fault> {
    if let Some(schema) = &name.schema {
        return Ok(format!("SELECT 1 AS position, {}::pg_catalog.name AS name", literal(schema)?));
    }
    // A name in double quotes, or one without, of which capital letters do not count.
    let pattern = format!("[{SPACE}]*(?:\"((?:[^\"]|\"\")*)\"|([^,\"{SPACE}][^,{SPACE}]*))[{SPACE}]*(?:,|$)");
    Ok(format!(
        "SELECT m.position, CASE WHEN '$user' IN (m.part[1], m.part[2]) THEN current_user::pg_catalog.name
           ELSE COALESCE(pg_catalog.replace(m.part[1], '\"\"', '\"'), pg_catalog.translate(m.part[2],
             'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz'))::pg_catalog.name END AS name
         FROM pg_catalog.pg_settings AS s,
           pg_catalog.regexp_matches(s.reset_val, {}, 'g') WITH ORDINALITY AS m(part, position)
         WHERE s.name = 'search_path'",
        literal(&pattern)?
    ))
}

/// Asks for the place, in a session whose formats are then those that rows are read in.
pub fn question(name: &Name) -> Result<String, Fault> {
    let (names, table) = (names(name)?, literal(&name.table)?);
    let columns = literals(rows::COLUMNS.split(", "))?;
    Ok(format!(
        "{FORMATS}
         WITH names AS ({names}), path AS (
           SELECT p.position, n.oid, n.nspname FROM names AS p JOIN pg_catalog.pg_namespace AS n ON n.nspname = p.name
           WHERE pg_catalog.has_schema_privilege(n.oid, 'USAGE')), found AS (
           SELECT c.oid, c.relkind, p.nspname, ARRAY(
             SELECT a.attname::pg_catalog.text FROM pg_catalog.pg_attribute AS a
             WHERE a.attrelid = c.oid AND a.attname IN ({columns}) AND NOT a.attisdropped
               AND a.atttypid < {FIRST_OF_OTHERS} AND a.attgenerated = '') AS columns,
             pg_catalog.has_table_privilege(c.oid, 'SELECT') AS may_read
           FROM path AS p JOIN pg_catalog.pg_class AS c ON c.relnamespace = p.oid WHERE c.relname = {table}
           ORDER BY p.position LIMIT 1), others AS (
           SELECT c.oid, c.relname = {table} AND c.relnamespace NOT IN (SELECT oid FROM path) AS is_hidden, n.nspname,
             c.relname, pg_catalog.json_build_object('schema', n.nspname, 'table', c.relname,
               'owner', pg_catalog.pg_get_userbyid(c.relowner),
               'may_read', pg_catalog.has_schema_privilege(n.oid, 'USAGE')
                 AND pg_catalog.has_table_privilege(c.oid, 'SELECT')) AS said
           FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
           WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND c.oid NOT IN (SELECT oid FROM found)), ledgers AS (
           SELECT a.attrelid AS oid FROM pg_catalog.pg_attribute AS a
           WHERE (a.attname, a.atttypid) IN ({TYPED}) AND NOT a.attisdropped
           GROUP BY a.attrelid HAVING pg_catalog.count(*) = {COLUMN_COUNT})
         SELECT pg_catalog.json_build_object(
           'found', (SELECT pg_catalog.json_build_object('schema', nspname, 'kind', relkind, 'columns', columns,
             'may_read', may_read) FROM found),
           'names', ARRAY(SELECT name FROM names ORDER BY position),
           'path', ARRAY(SELECT nspname FROM path ORDER BY position),
           'closed', ARRAY(SELECT p.name FROM names AS p JOIN pg_catalog.pg_namespace AS n ON n.nspname = p.name
             WHERE NOT pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND {own} ORDER BY p.position),
           'elsewhere', ARRAY(SELECT said FROM others WHERE is_hidden ORDER BY nspname),
           'ledgers', ARRAY(SELECT said FROM others WHERE oid IN (SELECT oid FROM ledgers) ORDER BY nspname, relname))",
        FORMATS = rows::FORMATS,
        own = not_of_server("p.name"),
    ))
}

/// The columns of a ledger that sqlx makes, with their types.
const TYPED: &str = "('version', 'int8'::pg_catalog.regtype), ('description', 'text'::pg_catalog.regtype),
             ('installed_on', 'timestamptz'::pg_catalog.regtype), ('success', 'bool'::pg_catalog.regtype),
             ('checksum', 'bytea'::pg_catalog.regtype), ('execution_time', 'int8'::pg_catalog.regtype)";

/// The first number of objects that are not the server's own.
pub(super) const FIRST_OF_OTHERS: u32 = 16_384;

impl Place {
    /// The statement that reads the rows; `None` where there is no ledger.
    pub fn rows_question(&self, table: &str) -> Result<Option<String>, Fault> {
        let is_ledger = |found: &&Found| found.kind == 'r' && found.columns.len() == COLUMN_COUNT;
        self.found.as_ref().filter(is_ledger).map(|found| copy(&found.schema, table)).transpose()
    }

    /// Tables that sqlx may have made under any name; the same name comes first.
    pub fn others(&self, table: &str) -> Vec<&Other> {
        let mut others: Vec<&Other> = self.ledgers.iter().collect();
        others.sort_by_key(|other| other.table != table);
        others
    }

    /// Refuses what is no ledger, and one that the path hides.
    pub fn check(&self, name: &Name, user: &str) -> Result<(), Fault> {
        let Some(found) = &self.found else {
            let Some(hidden) = self.elsewhere.first().filter(|_| name.schema.is_none()) else { return Ok(()) };
            let fault = format!("The ledger is in schema {}, which is not in search_path", hidden.schema);
            let owner = match hidden.owner.as_str() {
                owner if owner == user => String::new(),
                owner => format!("; or log in as its owner, {}", shell_word(owner)),
            };
            return Err(Fault::failed(fault).hint(format!("name it in sqlx.toml: {}{owner}", hidden.setting()?)));
        };
        let table = qualified(&found.schema, &name.table)?;
        if found.kind != 'r' {
            return Err(Fault::failed(format!("{table} is not an ordinary table, so it is not used as the ledger"))
                .hint("rename it, or restore the table that sqlx creates"));
        }
        if !found.may_read {
            return Err(Fault::failed(format!("User {user} may not read the ledger {table}")).hint(format!(
                "log in as its owner, or have the right granted: GRANT SELECT ON {table} TO {}; to migrate: ALL in place of SELECT",
                identifier(user)?
            )));
        }
        match rows::COLUMNS.split(", ").find(|column| !found.columns.iter().any(|found| found == column)) {
            None => Ok(()),
            Some(column) => {
                Err(Fault::failed(format!("{table} is not a ledger of sqlx: its column {column} is not sqlx's"))
                    .hint("rename it, or restore the table that sqlx creates"))
            }
        }
    }

    /// The schema that the ledger is in, or would be made in once these schemas are there.
    pub fn schema(&self, made: &[String]) -> Option<String> {
        self.found.as_ref().map(|found| &found.schema).or_else(|| self.home(made)).cloned()
    }

    /// What is said where there is no schema for it.
    pub fn homeless(&self, name: &Name, user: &str) -> Homeless {
        let asked = name.schema.as_ref().or_else(|| self.names.iter().find(|name| !name.starts_with("pg_")));
        Homeless {
            user: user.to_owned(),
            closed: self.closed.first().cloned(),
            asked: asked.cloned(),
            by_setting: name.schema.is_some(),
        }
    }

    /// The schema in which sqlx would make a ledger of its own.
    pub fn shadow(&self, made: &[String]) -> Option<String> {
        let found = self.found.as_ref()?;
        self.home(made).filter(|home| **home != found.schema).cloned()
    }

    /// The first schema of the path: a table without a schema is made there.
    fn home(&self, made: &[String]) -> Option<&String> {
        self.names.iter().find(|name| self.path.contains(name) || made.contains(name))
    }
}

fn copy(schema: &str, table: &str) -> Result<String, Fault> {
    Ok(format!("COPY {} ({}) TO STDOUT", qualified(schema, table)?, rows::COLUMNS))
}

/// A table's name as SQL writes it.
pub fn qualified(schema: &str, table: &str) -> Result<String, Fault> {
    Ok(format!("{}.{}", identifier(schema)?, identifier(table)?))
}
