//! The largest tables: rows, sizes, and when VACUUM and ANALYZE saw them last.
//!
//! Sizes are measured for the tables that are shown. Which ones these are, the server's catalog says (`relpages`), which
//! VACUUM and ANALYZE keep; a table that neither has seen is measured. A measurement waits for the table's lock, so that a
//! table with a lock that would keep us out is estimated, too.

use crate::postgres::quote::literals;
use crate::postgres::reader::Reader;
use crate::postgres::rows::locked;
use anyhow::Result;
use serde::{Deserialize, Serialize};

/// The tables of a database, the largest first.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Tables {
    /// How many there are, shown or not.
    pub total: u64,
    /// Names that were asked for, and that no table has.
    #[serde(skip_serializing)]
    pub absent: Vec<String>,
    pub shown: Vec<Table>,
}

/// A table or a materialized view.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Table {
    pub schema: String,
    pub name: String,
    /// The planner's estimate.
    pub estimated_rows: u64,
    pub dead_rows: u64,
    /// All of it.
    pub total_bytes: u64,
    /// The rows themselves, without what is stored apart.
    pub table_bytes: u64,
    pub index_bytes: u64,
    /// Long values, which are stored apart.
    pub toast_bytes: u64,
    /// Sizes are those of the catalog: a session's lock kept us from measuring.
    pub sizes_are_estimated: bool,
    /// By hand or by autovacuum; `None`: never.
    pub last_vacuum_at: Option<String>,
    pub last_analyze_at: Option<String>,
}

/// Which tables are shown.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Names, with or without their schema; none: all tables.
    pub names: &'a [String],
    /// At most this many of them, where none is named.
    pub most: u32,
}

/// How sizes are found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sizes {
    Measured,
    /// From the catalog alone: no lock is waited for.
    Estimated,
}

impl Tables {
    /// Asks the reader's database.
    pub fn read(reader: &mut Reader<'_>, wanted: Wanted<'_>, sizes: Sizes) -> Result<Self> {
        reader.ask(&question(wanted, sizes)?)
    }
}

const LOCKED: &str = locked!();
const LAST_VACUUM: &str =
    "GREATEST(pg_catalog.pg_stat_get_last_vacuum_time(r.oid), pg_catalog.pg_stat_get_last_autovacuum_time(r.oid))";
const LAST_ANALYZE: &str =
    "GREATEST(pg_catalog.pg_stat_get_last_analyze_time(r.oid), pg_catalog.pg_stat_get_last_autoanalyze_time(r.oid))";
/// Before version 14 a table that ANALYZE found empty looks the same. Of a table only its rows are measured, and what is
/// stored apart where it has any: to look at its indexes, too, takes ten times as long.
const NEVER_ANALYZED: &str = "(r.reltuples < 0 OR (r.reltuples = 0 AND r.relpages = 0
    AND pg_catalog.current_setting('server_version_num')::pg_catalog.int4 < 140000))";
/// The planner's estimate: rows per page at the last ANALYZE, times the present number of pages. A table that was never
/// analyzed has only the server's counters.
const ROWS: &str = "CASE WHEN r.reltuples < 0 OR r.relpages = 0 THEN pg_catalog.pg_stat_get_live_tuples(r.oid)
    WHEN r.is_locked THEN r.reltuples::pg_catalog.int8
    ELSE pg_catalog.round(r.reltuples / r.relpages * (pg_catalog.pg_relation_size(r.oid) / r.block))::pg_catalog.int8 END";

/// A partitioned table stands for itself only while it has no partition.
const WITHOUT_PARTITIONS: &str =
    "(c.relkind = 'p' AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits AS h WHERE h.inhparent = c.oid))";
const OF_USERS: &str = "n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_t(oast|emp_)'";
const QUOTED_TABLE: &str = "'\"' || pg_catalog.replace(c.relname, '\"', '\"\"') || '\"'";
const QUOTED_SCHEMA: &str = "'\"' || pg_catalog.replace(n.nspname, '\"', '\"\"') || '\"'";

fn question(wanted: Wanted<'_>, sizes: Sizes) -> Result<String> {
    let named = if wanted.names.is_empty() {
        "true".to_owned()
    } else {
        // A partitioned table holds no rows itself.
        "(EXISTS (SELECT FROM wanted AS w WHERE w.oid = c.oid) OR (c.relispartition AND EXISTS (SELECT FROM wanted AS w \
         JOIN pg_catalog.pg_partition_ancestors(c.oid) AS a(oid) ON a.oid = w.oid)))"
            .to_owned()
    };
    let limit = if wanted.names.is_empty() { wanted.most.to_string() } else { "ALL".to_owned() };
    let locked = match sizes {
        Sizes::Measured => {
            "(c.oid = ANY (b.locked) OR c.reltoastrelid = ANY (b.locked)
      OR c.oid IN (SELECT x.indrelid FROM pg_catalog.pg_index AS x WHERE x.indexrelid = ANY (b.locked)))"
        }
        Sizes::Estimated => "true",
    };
    Ok(format!("WITH {}{}{}", of_names(wanted.names)?, ranked(&named, &limit, locked), sizes_of_ranked()))
}

/// The tables that these names mean, partitioned ones among them: as they are, or quoted as in SQL, with or without their
/// schema.
fn of_names(names: &[String]) -> Result<String> {
    let names = literals(names.iter().map(String::as_str))?;
    Ok(format!(
        "names AS (SELECT name FROM pg_catalog.unnest(ARRAY[{names}]::pg_catalog.text[]) AS u(name)),
wanted AS (SELECT m.name, c.oid FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    JOIN names AS m ON m.name IN (c.relname, {QUOTED_TABLE}, n.nspname || '.' || c.relname, n.nspname || '.' || {QUOTED_TABLE},
      {QUOTED_SCHEMA} || '.' || c.relname, {QUOTED_SCHEMA} || '.' || {QUOTED_TABLE})
    WHERE c.relkind IN ('r', 'm', 'p') AND {OF_USERS}),
"
    ))
}

/// The tables with their pages, largest first.
fn ranked(named: &str, limit: &str, locked: &str) -> String {
    format!(
        "base AS (SELECT {LOCKED} AS locked, pg_catalog.current_setting('block_size')::pg_catalog.int8 AS block),
indexes AS (SELECT x.indrelid, pg_catalog.sum(i.relpages)::pg_catalog.int8 AS pages
    FROM pg_catalog.pg_index AS x JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid GROUP BY x.indrelid),
tables AS (SELECT c.oid, n.nspname, c.relname, c.reltoastrelid, c.reltuples, c.relpages, b.block,
    COALESCE(t.relpages, 0) AS toast_pages, COALESCE(x.pages, 0) AS index_pages, {locked} AS is_locked
    FROM base AS b CROSS JOIN pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_class AS t ON t.oid = c.reltoastrelid LEFT JOIN indexes AS x ON x.indrelid = c.oid
    WHERE (c.relkind IN ('r', 'm') OR {WITHOUT_PARTITIONS}) AND {OF_USERS} AND {named}),
measured AS (SELECT r.*, CASE WHEN {NEVER_ANALYZED} AND NOT r.is_locked
    THEN pg_catalog.pg_relation_size(r.oid) / r.block END AS pages FROM tables AS r),
ranked AS (SELECT * FROM measured AS r ORDER BY CASE
    WHEN r.pages > 0 AND r.reltoastrelid <> 0 THEN r.pages + pg_catalog.pg_relation_size(r.reltoastrelid) / r.block
    ELSE COALESCE(r.pages, r.relpages + r.toast_pages) END + r.index_pages DESC, r.nspname, r.relname LIMIT {limit})
"
    )
}

fn sizes_of_ranked() -> String {
    format!(
        "SELECT pg_catalog.json_build_object('total', (SELECT pg_catalog.count(*) FROM tables),
  'absent', (SELECT COALESCE(pg_catalog.json_agg(m.name), '[]') FROM names AS m WHERE m.name NOT IN (SELECT name FROM wanted)),
  'shown',
  (SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_object('schema', r.nspname, 'name', r.relname,
    'estimated_rows', GREATEST({ROWS}, 0), 'dead_rows', pg_catalog.pg_stat_get_dead_tuples(r.oid),
    'table_bytes', s.whole - s.indexes - s.toast, 'index_bytes', s.indexes, 'toast_bytes', s.toast,
    'total_bytes', s.whole, 'sizes_are_estimated', r.is_locked,
    'last_vacuum_at', v.vacuumed, 'last_analyze_at', v.analyzed) ORDER BY s.whole DESC, r.nspname, r.relname), '[]')
  FROM ranked AS r
  CROSS JOIN LATERAL (SELECT {LAST_VACUUM} AS vacuumed, {LAST_ANALYZE} AS analyzed) AS v
  CROSS JOIN LATERAL (SELECT
    CASE WHEN r.is_locked THEN (r.relpages + r.toast_pages + r.index_pages) * r.block
      ELSE pg_catalog.pg_total_relation_size(r.oid) END AS whole,
    CASE WHEN r.is_locked THEN r.index_pages * r.block ELSE pg_catalog.pg_indexes_size(r.oid) END AS indexes,
    CASE WHEN r.is_locked THEN r.toast_pages * r.block WHEN r.reltoastrelid = 0 THEN 0
      ELSE pg_catalog.pg_total_relation_size(r.reltoastrelid) END AS toast) AS s
  WHERE s.whole IS NOT NULL));"
    )
}
