//! The databases of a server.

use super::server::Server;
use super::text::ObjectName;
use anyhow::{Context as _, Result};
use serde::Deserialize;

/// A database, as the server lists it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Listed {
    pub oid: u32,
    pub name: ObjectName,
    pub is_template: bool,
    /// False where a `DROP DATABASE` was cut short: it can only be dropped.
    pub is_valid: bool,
}

const QUERY: &str = "
SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_object(
  'oid', d.oid::pg_catalog.int8, 'name', d.datname, 'is_template', d.datistemplate, 'is_valid', d.datconnlimit <> -2)
  ORDER BY d.datname), '[]')
FROM pg_catalog.pg_database AS d";

/// All of them, in the order of their names.
///
/// # Errors
/// The server does not answer.
pub fn list(server: &Server<'_>) -> Result<Vec<Listed>> {
    serde_json::from_str(server.ask_maintenance(QUERY)?.trim()).context("the list of the server's databases")
}
