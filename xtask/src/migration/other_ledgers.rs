//! Other tools keep ledgers, too: a database that has one of theirs is theirs to migrate.

use super::ledger::Ledger;
use crate::error::Fault;
use crate::postgres::quote::literal;
use crate::postgres::server::Server;
use anyhow::Result;

/// Their tables, each with a column where other programs may have a table of that name.
const LEDGERS: &[(&str, Option<&str>)] = &[
    ("alembic_version", None),
    ("_prisma_migrations", None),
    ("__diesel_schema_migrations", None),
    ("flyway_schema_history", None),
    ("schema_migrations", None),
    ("django_migrations", None),
    ("databasechangelog", None),
    ("knex_migrations", None),
    // tern, and Flyway before its version 5.
    ("schema_version", Some("version")),
    // node-pg-migrate.
    ("pgmigrations", Some("run_on")),
    ("__drizzle_migrations", None),
    ("atlas_schema_revisions", None),
    // sql-migrate.
    ("gorp_migrations", None),
    ("refinery_schema_history", None),
    ("seaql_migrations", None),
    ("__EFMigrationsHistory", None),
    ("SequelizeMeta", None),
    ("_yoyo_migration", None),
    ("mikro_orm_migrations", None),
    ("shmig_version", None),
    // TypeORM; Laravel and rambler; graphile-migrate.
    ("migrations", Some("timestamp")),
    ("migrations", Some("migration")),
    ("migrations", Some("previous_hash")),
    // MyBatis Migrations; OpenFGA has a table of that name.
    ("changelog", Some("applied_at")),
];

/// OpenFGA's own ledger has goose's name.
fn question() -> Result<String, Fault> {
    let rows = LEDGERS.iter().map(|(table, column)| {
        let column = column.map_or_else(|| Ok("NULL".to_owned()), literal)?;
        Ok(format!("({}, {column})", literal(table)?))
    });
    let rows = rows.collect::<Result<Vec<_>, Fault>>()?.join(", ");
    Ok(format!(
        "SELECT DISTINCT c.relname FROM pg_catalog.pg_class AS c
         LEFT JOIN (VALUES {rows}) AS t(name, holds) ON c.relname OPERATOR(pg_catalog.=) t.name
         WHERE c.relkind IN ('r', 'p') AND (t.name IS NOT NULL AND (t.holds IS NULL OR EXISTS (
             SELECT FROM pg_catalog.pg_attribute AS a WHERE a.attrelid OPERATOR(pg_catalog.=) c.oid
               AND a.attname OPERATOR(pg_catalog.=) t.holds AND NOT a.attisdropped))
           OR (c.relname OPERATOR(pg_catalog.=) 'goose_db_version' AND NOT EXISTS (SELECT FROM pg_catalog.pg_class AS o
             WHERE o.relnamespace OPERATOR(pg_catalog.=) c.relnamespace
               AND o.relname OPERATOR(pg_catalog.=) 'authorization_model')))
         ORDER BY 1"
    ))
}

/// That the server's database is another tool's to migrate, with its ledgers; `None` where it has none, or where this
/// program's own `ledger` has rows.
pub fn owner(server: &Server<'_>, ledger: &Ledger) -> Result<Option<String>> {
    if !ledger.rows.is_empty() {
        return Ok(None);
    }
    let answer = server.ask(&question()?)?;
    let found: Vec<&str> = answer.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let database = server.database();
    let named = || format!("database {database} is migrated by another tool (its ledger: {})", found.join(", "));
    Ok((!found.is_empty()).then(named))
}
