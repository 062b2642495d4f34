//! Whether a database holds rows that a backup would save.

use super::server::Server;
use anyhow::Result;

/// True of a database with a table of rows, but for the ledgers of migrations.
macro_rules! has_data {
    () => {
        "EXISTS (SELECT FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_t(oast|emp_)'
      AND c.relname NOT IN ('_sqlx_migrations', 'goose_db_version') AND pg_catalog.pg_relation_size(c.oid) > 0)"
    };
}
pub(crate) use has_data;

/// Asks the database of this handle.
///
/// # Errors
/// It does not answer, or refuses the login.
pub fn are_there(server: &Server<'_>) -> Result<bool> {
    Ok(server.ask(concat!("SELECT ", has_data!()))?.trim() == "t")
}
