//! sqlx's table of what was applied, wherever a fresh session's search_path finds it, and always named with its schema.

use super::files::Migration;
use crate::error::Fault;
use crate::postgres::quote::{identifier, literal};
use crate::postgres::session;
use crate::target::Target;
use anyhow::{Context as _, Result};
use serde::Deserialize;
use std::time::Duration;

/// The table's name.
pub const TABLE: &str = "_sqlx_migrations";

/// A version that was applied, or begun.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Row {
    pub version: i64,
    pub description: String,
    /// RFC 3339, UTC.
    pub installed_on: String,
    /// `false`: it ran outside of a transaction and did not come to its end.
    pub success: bool,
    /// In hexadecimal.
    pub checksum: String,
    /// Nanoseconds; below zero where it is not known.
    pub execution_time: i64,
}

/// What the database says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    /// The schema that it is in, or that sqlx would make it in; `None` where search_path names no schema.
    pub schema: Option<String>,
    /// Whether the table is there.
    pub exists: bool,
    /// Oldest version first.
    pub rows: Vec<Row>,
}

#[derive(Deserialize)]
struct Facts {
    found: Option<String>,
    home: Option<String>,
    all: Vec<String>,
}

const FACTS: &str = "
RESET search_path;
SELECT pg_catalog.json_build_object(
  'found', (SELECT n.nspname FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
            WHERE c.oid = pg_catalog.to_regclass('_sqlx_migrations')),
  'home', pg_catalog.current_schema(),
  'all', (SELECT COALESCE(pg_catalog.json_agg(n.nspname ORDER BY n.nspname), '[]') FROM pg_catalog.pg_class AS c
          JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
          WHERE c.relname = '_sqlx_migrations' AND c.relkind IN ('r', 'p')));
SELECT pg_catalog.format('SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_object(
  ''version'', version, ''description'', description, ''success'', success,
  ''installed_on'', pg_catalog.to_char(installed_on AT TIME ZONE ''UTC'', ''YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"''),
  ''checksum'', pg_catalog.encode(checksum, ''hex''), ''execution_time'', execution_time) ORDER BY version), ''[]'')
  FROM %s', pg_catalog.to_regclass('_sqlx_migrations')) WHERE pg_catalog.to_regclass('_sqlx_migrations') IS NOT NULL \\gexec
";

/// OpenFGA's own ledger has rows from the first moment on; they are no data.
const HAS_DATA: &str = "
SET lock_timeout TO '3s';
SELECT EXISTS (SELECT FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND n.nspname !~ '^pg_t(oast|emp_)' AND c.relname NOT IN ('_sqlx_migrations', 'goose_db_version')
  AND pg_catalog.pg_relation_size(c.oid) > 0)";

/// Whether the target's database holds rows that a migration could lose. A table that somebody holds may have some.
pub fn has_data(target: &Target, session: &str) -> bool {
    session::ask(target, session, HAS_DATA).map_or(true, |answer| answer.trim() != "f")
}

impl Ledger {
    /// Reads it in a fresh session of this database.
    ///
    /// # Errors
    /// A ledger that search_path hides: sqlx would make a second one and apply everything again.
    pub fn read(target: &Target, database: &str, session: &str) -> Result<Self> {
        let text = session::ask_in(target, database, session, FACTS)?;
        let mut documents = serde_json::Deserializer::from_str(&text).into_iter::<serde_json::Value>();
        let mut next = || documents.next().transpose().context("what the server says of its migrations");
        let facts: Facts = serde_json::from_value(next()?.unwrap_or_default()).context("the place of the ledger")?;
        let rows: Option<Vec<Row>> =
            next()?.map(serde_json::from_value).transpose().context("the rows of the ledger")?;
        if let (None, Some(hidden)) = (&rows, facts.all.first()) {
            let fault = format!("The ledger is in schema {hidden}, where search_path does not look");
            return Err(Fault::failed(fault)
                .hint(format!(
                    "put {hidden} into the search_path of user {}, or move the table: ALTER TABLE {} SET SCHEMA …",
                    target.user(),
                    qualified(hidden)?
                ))
                .into());
        }
        Ok(Self { exists: rows.is_some(), schema: facts.found.or(facts.home), rows: rows.unwrap_or_default() })
    }

    /// Its name, schema included.
    ///
    /// # Errors
    /// The session has no schema that a table could be made in.
    pub fn name(&self) -> Result<String, Fault> {
        let Some(schema) = self.schema.as_deref() else {
            return Err(Fault::failed("search_path names no schema that exists: there is no place for the ledger")
                .hint("make the schema, or set search_path: ALTER ROLE … SET search_path TO …"));
        };
        qualified(schema)
    }

    /// The row of this version.
    pub fn row(&self, version: i64) -> Option<&Row> {
        self.rows.iter().find(|row| row.version == version)
    }
}

fn qualified(schema: &str) -> Result<String, Fault> {
    Ok(format!("{}.{TABLE}", identifier(schema)?))
}

/// Makes the table as sqlx does, where it is not there yet.
pub fn create(ledger: &str) -> String {
    format!(
        "CREATE TABLE IF NOT EXISTS {ledger} (\n    version BIGINT PRIMARY KEY,\n    description TEXT NOT NULL,\n    \
         installed_on TIMESTAMPTZ NOT NULL DEFAULT now(),\n    success BOOLEAN NOT NULL,\n    checksum BYTEA NOT NULL,\n    \
         execution_time BIGINT NOT NULL\n);"
    )
}

/// The row of a version; without a time it is dirty, until `finish`.
pub fn insert(ledger: &str, migration: &Migration, checksum: &str, took: Option<Duration>) -> Result<String, Fault> {
    Ok(format!(
        "INSERT INTO {ledger} (version, description, success, checksum, execution_time) VALUES ({}, {}, {}, \
         pg_catalog.decode('{checksum}', 'hex'), {});",
        migration.version,
        literal(&migration.description)?,
        took.is_some(),
        took.map_or(-1, nanoseconds)
    ))
}

/// A dirty version has come to its end.
pub fn finish(ledger: &str, version: i64, took: Duration) -> String {
    let time = nanoseconds(took);
    format!("UPDATE {ledger} SET success = true, execution_time = {time} WHERE version = {version};")
}

/// A version that is being taken back outside of a transaction.
pub fn begin_removal(ledger: &str, version: i64) -> String {
    format!("UPDATE {ledger} SET success = false WHERE version = {version};")
}

/// A version that is not there any more.
pub fn remove(ledger: &str, version: i64) -> String {
    format!("DELETE FROM {ledger} WHERE version = {version};")
}

/// A file that is another one by now, and is accepted as such.
pub fn accept(ledger: &str, version: i64, checksum: &str) -> String {
    format!("UPDATE {ledger} SET checksum = pg_catalog.decode('{checksum}', 'hex') WHERE version = {version};")
}

fn nanoseconds(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}
