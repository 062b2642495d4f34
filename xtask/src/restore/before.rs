//! The databases of before a swap, which stay on the server under their own names.

use super::mark::{self, Marked, Use};
use super::repair::{self, Leftover};
use super::staging;
use crate::postgres::questions;
use crate::postgres::session;
use crate::target::Target;
use anyhow::{Context as _, Result};
use chrono::{DateTime, Local, TimeDelta};
use serde::{Deserialize, Serialize};

/// Those of the target's database, newest first.
pub fn list(target: &Target, run: &str) -> Result<Vec<Marked>> {
    let ours = |marked: &Marked| marked.mark.r#use == Use::Before && marked.mark.database == target.database();
    let mut marked: Vec<Marked> = mark::marked(target, run)?.into_iter().filter(ours).collect();
    marked.sort_by(|one, other| other.mark.time().cmp(&one.mark.time()).then_with(|| other.name.cmp(&one.name)));
    Ok(marked)
}

/// The time of the swap to come: now, but later than every swap of which something is kept. Undo and dropping go by
/// that order, though two swaps may come within one second, and a clock may have been set back.
pub fn next_time(target: &Target, run: &str) -> Result<DateTime<Local>> {
    let newest = list(target, run)?.first().and_then(|kept| kept.mark.time());
    let after = newest.map(|time| time.with_timezone(&Local) + TimeDelta::seconds(1));
    let now = Local::now();
    staging::free_time(target, run, "before", after.map_or(now, |after| after.max(now)))
}

/// Drops all but the newest ones; one that is the only way back stays. Says of each that had to go whether it went.
pub fn drop_old(target: &Target, run: &str, keep: usize) -> Result<Vec<(String, Result<()>)>> {
    let old = list(target, run)?.into_iter().skip(keep).filter(|old| !old.mark.only_way_back);
    Ok(old.map(|old| (old.name.clone(), staging::drop_database(target, run, &old.name))).collect())
}

/// A database of before a swap, for those who only look.
#[derive(Debug, Serialize, Deserialize)]
pub struct Kept {
    pub name: String,
    /// The live database that it was.
    pub database: String,
    /// When the swap was, RFC 3339.
    pub swapped_at: String,
    /// On the server's disk; `None` where this role may not know it.
    pub bytes: Option<u64>,
}

const KEPT: &str = "
SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_object('name', m.datname, 'database', m.mark->>'database',
  'swapped_at', m.mark->>'at', 'bytes', CASE WHEN pg_catalog.has_database_privilege(m.oid, 'CONNECT')
    THEN pg_catalog.pg_database_size(m.oid) END)
  ORDER BY (m.mark->>'at')::pg_catalog.timestamptz DESC, m.datname DESC), '[]')
FROM (SELECT oid, datname, pg_catalog.substr(pg_catalog.shobj_description(oid, 'pg_database'), 7)::pg_catalog.json AS mark
      FROM pg_catalog.pg_database WHERE pg_catalog.shobj_description(oid, 'pg_database') LIKE 'xtask {%}') AS m
WHERE m.mark->>'use' = 'before'";

/// Every one of the server's, newest first, and what killed runs left of the target's: asked at once.
pub fn kept_and_left(target: &Target, run: &str) -> Result<(Vec<Kept>, Vec<Leftover>)> {
    let sql = format!("{KEPT};\n{}", repair::QUESTION);
    let text = questions::ask(target, run, &sql)?;
    let (kept, marked) = session::first_of(&text).context("the databases of before a swap")?;
    Ok((kept, repair::look_in(marked, target, run)?))
}
