//! Background workers that extensions keep in a database. A swap ends them with the other sessions, and the server starts
//! one again only if its extension asked for that.

use crate::postgres::quote;
use crate::postgres::server::Server;
use anyhow::{Context as _, Result};
use serde::Deserialize;

/// Names of the workers in database NAME; those that PostgreSQL itself keeps are not an extension's. To a role that
/// may not see other sessions, the server names none.
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

/// An extension of the current database whose worker runs only after a start of the server, and does not run.
#[derive(Debug, Deserialize)]
pub struct Idle {
    pub extension: String,
    pub worker: String,
}

/// Gives a list of [`Idle`], as a value of JSON. The server knows the setting only where it began with the library; a role
/// that may not see it, or what other sessions are, hears of none.
pub const IDLE: &str = "(
SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_object('extension', e.extname, 'worker', l.worker)), '[]')
FROM (VALUES ('pg_cron', 'cron.database_name', 'pg_cron launcher')) AS l (extension, setting, worker)
JOIN pg_catalog.pg_extension AS e ON e.extname = l.extension
WHERE NOT pg_catalog.pg_is_in_recovery() AND pg_catalog.pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')
  AND EXISTS (SELECT FROM pg_catalog.pg_settings AS s
    WHERE s.name = l.setting AND s.setting = pg_catalog.current_database())
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity AS a
    WHERE a.datname = pg_catalog.current_database() AND a.backend_type = l.worker))";

/// Those of the server's database.
pub fn idle(server: &Server<'_>) -> Result<Vec<Idle>> {
    server.query(&format!("SELECT {IDLE}"))
}
