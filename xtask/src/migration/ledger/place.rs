//! Where the ledger is: the first schema of the configured `search_path` that has it, else the first one in which the
//! server would make it.
//!
//! The session's own path is empty by then. The configured one is what `RESET search_path` would bring back; its names
//! are looked up in the catalog as the server looks them up.

use super::rows;
use crate::error::Fault;
use crate::postgres::quote::{identifier, literal, literals};
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
    /// Schemas beside the path that have a table of that name.
    elsewhere: Vec<String>,
    /// Those of them whose table has sqlx's columns, and may be read.
    readable: Vec<String>,
}

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
           WHERE pg_catalog.has_schema_privilege(n.oid, 'USAGE')), tables AS (
           SELECT c.oid, c.relkind, c.relnamespace, n.nspname, ARRAY(
             SELECT a.attname::pg_catalog.text FROM pg_catalog.pg_attribute AS a
             WHERE a.attrelid = c.oid AND a.attname IN ({columns}) AND NOT a.attisdropped
               AND a.atttypid < {FIRST_OF_OTHERS} AND a.attgenerated = '') AS columns
           FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
           WHERE c.relname = {table}), found AS (
           SELECT t.relkind, t.nspname, t.columns, pg_catalog.has_table_privilege(t.oid, 'SELECT') AS may_read
           FROM path AS p JOIN tables AS t ON t.relnamespace = p.oid
           ORDER BY p.position LIMIT 1), elsewhere AS (
           SELECT t.nspname, pg_catalog.array_length(t.columns, 1) = {count}
             AND pg_catalog.has_schema_privilege(t.relnamespace, 'USAGE')
             AND pg_catalog.has_table_privilege(t.oid, 'SELECT') AS readable
           FROM tables AS t JOIN pg_catalog.pg_class AS c ON c.oid = t.oid
           WHERE t.relkind = 'r' AND c.relpersistence <> 't' AND t.relnamespace NOT IN (SELECT oid FROM path))
         SELECT pg_catalog.json_build_object(
           'found', (SELECT pg_catalog.json_build_object('schema', nspname, 'kind', relkind, 'columns', columns,
             'may_read', may_read) FROM found),
           'names', ARRAY(SELECT name FROM names ORDER BY position),
           'path', ARRAY(SELECT nspname FROM path ORDER BY position),
           'elsewhere', ARRAY(SELECT nspname FROM elsewhere ORDER BY nspname),
           'readable', ARRAY(SELECT nspname FROM elsewhere WHERE readable ORDER BY nspname))",
        count = COLUMN_COUNT,
        FORMATS = rows::FORMATS,
    ))
}

/// The first number of objects that are not the server's own.
pub(super) const FIRST_OF_OTHERS: u32 = 16_384;

impl Place {
    /// The statement that reads the rows; `None` where there is no ledger.
    pub fn rows_question(&self, table: &str) -> Result<Option<String>, Fault> {
        let is_ledger = |found: &&Found| found.kind == 'r' && found.columns.len() == COLUMN_COUNT;
        self.found.as_ref().filter(is_ledger).map(|found| copy(&found.schema, table)).transpose()
    }

    /// The schemas beside the path whose ledgers can be read, each with the statement that reads it.
    pub fn others(&self, table: &str) -> Result<Vec<(&str, String)>, Fault> {
        self.readable.iter().map(|schema| Ok((schema.as_str(), copy(schema, table)?))).collect()
    }

    /// Refuses what is no ledger, and one that the path hides.
    pub fn check(&self, name: &Name, user: &str) -> Result<(), Fault> {
        let Some(found) = &self.found else {
            let Some(hidden) = self.elsewhere.first().filter(|_| name.schema.is_none()) else { return Ok(()) };
            let fault = format!("The ledger is in schema {hidden}, which is not in search_path");
            return Err(Fault::failed(fault).hint(format!(
                "put {hidden} into the search_path of user {user}, or move the table: ALTER TABLE {} SET SCHEMA …",
                qualified(hidden, &name.table)?
            )));
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
