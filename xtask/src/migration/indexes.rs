//! Indexes that are there but of no use: what is left of a concurrent build that failed.

use super::made::Made;
use super::session::Session;
use crate::error::{Exit, Fault};
use crate::postgres::quote::literals;
use anyhow::{Context as _, Result};
use serde::Deserialize;

/// An index of the database.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Index {
    /// As SQL writes it, schema included.
    pub shown: String,
    name: String,
}

impl Index {
    /// Whether a file's text has the name.
    pub fn is_named_in(&self, text: &[u8]) -> bool {
        memchr::memmem::find(text, self.name.as_bytes()).is_some()
    }
}

/// Those that are being built right now are left out; of a partitioned table's an unattached one is as it should be.
const INVALID: &str = "
SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
  'shown', pg_catalog.format('%I.%I', n.nspname, c.relname), 'name', c.relname) ORDER BY n.nspname, c.relname), '[]')
FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE NOT i.indisvalid AND c.relkind = 'i' AND n.nspname !~ '^pg_toast'
AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index AS p WHERE p.index_relid = c.oid)";

/// The invalid ones of the database.
pub fn invalid(session: &mut Session<'_>) -> Result<Vec<Index>> {
    let text = session.ask(INVALID)?.unwrap_or_default();
    serde_json::from_str(&text).context("the invalid indexes of the database")
}

/// Refuses what leaves invalid indexes behind.
///
/// # Errors
/// Exit 6 names them, with the statement that drops them.
pub fn refuse(invalid: &[Index]) -> Result<(), Fault> {
    if invalid.is_empty() {
        return Ok(());
    }
    let names = invalid.iter().map(|index| index.shown.as_str()).collect::<Vec<_>>().join(", ");
    let hint = format!("drop them: DROP INDEX CONCURRENTLY {names};");
    Err(Fault::new(Exit::Partial, format!("Invalid indexes are left: {names}")).hint(hint))
}

/// Of the indexes that a file makes by name those that no schema of the database has.
pub fn absent(session: &mut Session<'_>, made: &[Made]) -> Result<Vec<Made>> {
    let wanted: Vec<&Made> = made.iter().filter(|made| made.kind == "index").collect();
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let names = literals(wanted.iter().map(|made| made.name.as_str()))?;
    let query = format!(
        "SELECT COALESCE(pg_catalog.jsonb_agg(c.relname), '[]') FROM pg_catalog.pg_class AS c \
         WHERE c.relkind IN ('i', 'I') AND c.relname IN ({names})"
    );
    let text = session.ask(&query)?.unwrap_or_default();
    let there: Vec<String> = serde_json::from_str(&text).context("the indexes of the database")?;
    Ok(wanted.into_iter().filter(|made| !there.contains(&made.name)).cloned().collect())
}
