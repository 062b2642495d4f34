//! Indexes that are there but of no use: what is left of a concurrent build that failed.

use super::session::Session;
use anyhow::{Context as _, Result};

/// Those that somebody builds right now are none; of a partitioned table's an unattached one is as it should be.
const QUERY: &str = "
SELECT COALESCE(pg_catalog.json_agg(pg_catalog.format('%I.%I', n.nspname, c.relname) ORDER BY n.nspname, c.relname), '[]')
FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE NOT i.indisvalid AND c.relkind = 'i' AND n.nspname !~ '^pg_toast'
AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index AS p WHERE p.index_relid = c.oid)";

/// Their names, schemas included.
pub fn invalid(session: &mut Session<'_>) -> Result<Vec<String>> {
    let text = session.ask(QUERY)?.unwrap_or_default();
    serde_json::from_str(&text).context("the invalid indexes of the database")
}
