//! Other tools keep ledgers, too: a database that has one of theirs is theirs to migrate.

use super::ledger::Ledger;
use crate::postgres::server::Server;
use anyhow::Result;

/// OpenFGA's own ledger has goose's name.
const QUESTION: &str = "
SELECT DISTINCT c.relname FROM pg_catalog.pg_class AS c
WHERE c.relkind IN ('r', 'p') AND (c.relname IN ('alembic_version', '_prisma_migrations', '__diesel_schema_migrations',
  'flyway_schema_history', 'schema_migrations', 'django_migrations', 'databasechangelog', 'knex_migrations')
OR (c.relname OPERATOR(pg_catalog.=) 'goose_db_version' AND NOT EXISTS (SELECT FROM pg_catalog.pg_class AS o
  WHERE o.relnamespace OPERATOR(pg_catalog.=) c.relnamespace AND o.relname OPERATOR(pg_catalog.=) 'authorization_model')))
ORDER BY 1";

/// That the server's database is another tool's to migrate, with its ledgers; `None` where it has none, or where this
/// program's own `ledger` has rows.
pub fn owner(server: &Server<'_>, ledger: &Ledger) -> Result<Option<String>> {
    if !ledger.rows.is_empty() {
        return Ok(None);
    }
    let answer = server.ask(QUESTION)?;
    let found: Vec<&str> = answer.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let database = server.database();
    let named = || format!("database {database} is migrated by another tool (its ledger: {})", found.join(", "));
    Ok((!found.is_empty()).then(named))
}
