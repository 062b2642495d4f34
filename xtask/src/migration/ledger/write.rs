//! Statements that change the ledger. Each names the table with its schema, and reaches no table that inherits from it.

use super::rows;
use crate::error::Fault;
use crate::migration::checks::Direction;
use crate::postgres::quote::literal;
use std::time::Duration;

/// Makes the table as sqlx does, where it is not there yet.
pub fn create(ledger: &str) -> String {
    format!(
        "CREATE TABLE IF NOT EXISTS {ledger} (\n    version BIGINT PRIMARY KEY,\n    description TEXT NOT NULL,\n    \
         installed_on TIMESTAMPTZ NOT NULL DEFAULT now(),\n    success BOOLEAN NOT NULL,\n    checksum BYTEA NOT NULL,\n    \
         execution_time BIGINT NOT NULL\n);"
    )
}

/// The row of a version; without a time it is dirty, until `finish`. Every column has a value: no default is asked.
pub fn insert(
    ledger: &str,
    version: i64,
    description: &str,
    checksum: &str,
    took: Option<Duration>,
) -> Result<String, Fault> {
    Ok(format!(
        "INSERT INTO {ledger} ({COLUMNS}) VALUES ({version}, {}, pg_catalog.now(), {}, \
         pg_catalog.decode('{checksum}', 'hex'), {});",
        literal(description)?,
        took.is_some(),
        took.map_or(-1, nanoseconds),
        COLUMNS = rows::COLUMNS,
    ))
}

/// A dirty version has come to its end.
pub fn finish(ledger: &str, version: i64, took: Duration) -> String {
    let time = nanoseconds(took);
    format!("UPDATE ONLY {ledger} SET success = true, execution_time = {time} WHERE version = {version};")
}

/// A version that is being reverted outside a transaction: it is dirty, and has a time.
pub fn begin_removal(ledger: &str, version: i64) -> String {
    format!(
        "UPDATE ONLY {ledger} SET success = false, execution_time = GREATEST(execution_time, 0) \
         WHERE version = {version};"
    )
}

/// A version whose file was begun outside a transaction, and of which nothing was run: its row is as before.
pub fn not_begun(ledger: &str, version: i64, direction: Direction) -> String {
    let dirty = format!("WHERE version = {version} AND NOT success;");
    match direction {
        Direction::Up => format!("DELETE FROM ONLY {ledger} {dirty}"),
        Direction::Down => format!("UPDATE ONLY {ledger} SET success = true {dirty}"),
    }
}

/// A version that is not there any more.
pub fn remove(ledger: &str, version: i64) -> String {
    format!("DELETE FROM ONLY {ledger} WHERE version = {version};")
}

/// A file that is another one by now, and is accepted as such.
pub fn accept(ledger: &str, version: i64, description: &str, checksum: &str) -> Result<String, Fault> {
    renumber(ledger, version, version, description, checksum)
}

/// A version whose file has another version now.
pub fn renumber(ledger: &str, version: i64, to: i64, description: &str, checksum: &str) -> Result<String, Fault> {
    Ok(format!(
        "UPDATE ONLY {ledger} SET version = {to}, description = {}, checksum = pg_catalog.decode('{checksum}', 'hex') \
         WHERE version = {version};",
        literal(description)?
    ))
}

fn nanoseconds(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}
