//! Whether a database has rows that a migration could lose.

use crate::postgres::server::Server;

/// OpenFGA's own ledger has rows from the first moment on; they are no data.
const HAS_DATA: &str = "
SET lock_timeout TO '3s';
SELECT EXISTS (SELECT FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND n.nspname !~ '^pg_t(oast|emp_)' AND c.relname NOT IN ('_sqlx_migrations', 'goose_db_version')
  AND pg_catalog.pg_relation_size(c.oid) > 0)";

/// Whether the server's database holds rows that a migration could lose. A table that a session holds may have some.
pub fn is_there(server: &Server<'_>) -> bool {
    server.ask(HAS_DATA).map_or(true, |answer| answer.trim() != "f")
}
