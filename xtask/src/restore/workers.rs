//! Background workers that extensions keep in a database. A swap ends them with the other sessions, and the server starts
//! one again only if its extension asked for that.

use crate::postgres::quote;
use crate::postgres::server::Server;
use anyhow::{Context as _, Result};

/// Names of the workers in database NAME; those that PostgreSQL itself keeps are not an extension's. A role that may not
/// see what they are hears of none.
pub(super) const OF_DATABASE: &str = "
SELECT COALESCE(pg_catalog.json_agg(DISTINCT a.backend_type), '[]') FROM pg_catalog.pg_stat_activity AS a
WHERE a.datname = NAME AND a.backend_type NOT IN ('client backend', 'autovacuum worker', 'parallel worker', 'walsender',
  'background worker', 'slotsync worker', 'standalone backend', 'REPACK decoding worker')
  AND a.backend_type NOT LIKE 'logical replication %'";

/// Those of one database of the server.
pub fn of(server: &Server<'_>, database: &str) -> Result<Vec<String>> {
    let answer = server.ask_maintenance(&OF_DATABASE.replace("NAME", &quote::literal(database)?))?;
    serde_json::from_str(answer.trim()).context("the background workers of a database")
}
