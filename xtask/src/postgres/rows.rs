//! Whether a database holds rows that a backup would save.

use super::server::Server;
use anyhow::Result;

/// SQL: the relations of this database with a lock that a measurement would wait for. The lock of a prepared transaction
/// has no process ID.
macro_rules! locked {
    () => {
        "ARRAY(SELECT l.relation FROM pg_catalog.pg_locks AS l WHERE l.locktype = 'relation'
          AND l.mode = 'AccessExclusiveLock' AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()
          AND l.database = (SELECT b.oid FROM pg_catalog.pg_database AS b WHERE b.datname = pg_catalog.current_database()))"
    };
}
pub(crate) use locked;

/// True of a database with a table of rows, but for the ledgers of migrations: OpenFGA's own has rows from the first
/// moment on. A table with such a lock counts as one with rows: it is not waited for.
macro_rules! has_data {
    () => {
        concat!("EXISTS (SELECT FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_t(oast|emp_)'
      AND c.relname NOT IN ('_sqlx_migrations', 'goose_db_version')
      AND CASE WHEN c.oid = ANY (", $crate::postgres::rows::locked!(), ") THEN true
        ELSE pg_catalog.pg_relation_size(c.oid) > 0 END)")
    };
}
pub(crate) use has_data;

/// Asks the database of this handle.
///
/// # Errors
/// It does not answer, or refuses the login.
pub fn are_there(server: &Server<'_>) -> Result<bool> {
    Ok(server.ask(concat!("SET lock_timeout TO '3s'; SELECT ", has_data!()))?.trim() == "t")
}

/// The same, and true where it is not known.
pub fn may_be_there(server: &Server<'_>) -> bool {
    are_there(server).unwrap_or(true)
}
