//! The database and its server as they describe themselves: size, age of transaction ids, connections.

use crate::postgres::quote::literal;
use crate::postgres::reader::Reader;
use crate::postgres::session::OWN;
use anyhow::Result;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What the server says of itself and the database.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Database {
    pub name: String,
    pub server_version: String,
    pub is_in_recovery: bool,
    pub size_bytes: u64,
    pub transaction_ids: TransactionIds,
    pub connections: Connections,
    /// Whether this role sees what other roles' sessions do.
    #[serde(skip_serializing)]
    pub sees_all: bool,
}

/// Ages in transactions. The server stops taking writes some million before 2^31.
#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
pub struct TransactionIds {
    /// Age of the oldest transaction id in this database.
    pub age_transactions: u64,
    /// Age of the oldest transaction id in any database of the server.
    pub server_age_transactions: u64,
    /// At this age the server vacuums a table whatever else is set.
    pub freeze_max_age_transactions: u64,
}

/// The client sessions of the whole server, without those of this command.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Connections {
    pub used: u64,
    /// Those of this database.
    pub used_by_database: u64,
    /// `max_connections`, and how many of them only privileged roles get.
    pub maximum: u64,
    pub reserved: u64,
    /// Sessions by their state; `hidden`: another role's, which this role may not see.
    pub by_state: BTreeMap<String, u64>,
    /// Sessions by `application_name`, which may be empty.
    pub by_program: BTreeMap<String, u64>,
}

impl Database {
    /// Asks the database. `session`: the name of this command's own sessions.
    pub fn read(reader: &mut Reader<'_>, session: &str) -> Result<Self> {
        reader.ask(&question(session)?)
    }
}

/// SQL that is true for a row of `pg_stat_activity` that is a client's session and none of this command's.
pub(super) fn is_client(session: &str) -> Result<String> {
    let session = literal(session)?;
    Ok(format!(
        "(backend_type = 'client backend' OR (backend_type IS NULL AND usesysid IS NOT NULL)) \
         AND NOT (application_name = {session} AND {OWN})"
    ))
}

fn question(session: &str) -> Result<String> {
    let is_client = is_client(session)?;
    Ok(format!(
        "WITH sessions AS (SELECT COALESCE(state, 'hidden') AS state, COALESCE(application_name, '') AS program,
    COALESCE(datname = pg_catalog.current_database(), false) AS here
    FROM pg_catalog.pg_stat_activity WHERE {is_client})
SELECT pg_catalog.json_build_object(
  'name', pg_catalog.current_database(),
  'server_version', pg_catalog.split_part(pg_catalog.current_setting('server_version'), ' ', 1),
  'is_in_recovery', pg_catalog.pg_is_in_recovery(),
  'size_bytes', pg_catalog.pg_database_size(pg_catalog.current_database()),
  'sees_all', pg_catalog.pg_has_role(current_user, 'pg_read_all_stats', 'USAGE'),
  'transaction_ids', (SELECT pg_catalog.json_build_object(
      'age_transactions', pg_catalog.max(pg_catalog.age(d.datfrozenxid))
          FILTER (WHERE d.datname = pg_catalog.current_database()),
      'server_age_transactions', pg_catalog.max(pg_catalog.age(d.datfrozenxid)),
      'freeze_max_age_transactions', pg_catalog.current_setting('autovacuum_freeze_max_age')::pg_catalog.int8)
      FROM pg_catalog.pg_database AS d),
  'connections', pg_catalog.json_build_object(
      'used', (SELECT pg_catalog.count(*) FROM sessions),
      'used_by_database', (SELECT pg_catalog.count(*) FROM sessions WHERE here),
      'maximum', pg_catalog.current_setting('max_connections')::pg_catalog.int8,
      'reserved', pg_catalog.current_setting('superuser_reserved_connections')::pg_catalog.int8
          + COALESCE(pg_catalog.current_setting('reserved_connections', true)::pg_catalog.int8, 0),
      'by_state', (SELECT COALESCE(pg_catalog.json_object_agg(g.state, g.sessions), '{{}}') FROM (
          SELECT state, pg_catalog.count(*) AS sessions FROM sessions GROUP BY state) AS g),
      'by_program', (SELECT COALESCE(pg_catalog.json_object_agg(g.program, g.sessions), '{{}}') FROM (
          SELECT program, pg_catalog.count(*) AS sessions FROM sessions GROUP BY program) AS g)));"
    ))
}
