//! Who holds tables against every reader, or the names of databases, and how long one waits for them.

use super::first_words::first_words;
use super::quote::{literal, literals};
use super::server::Server;
use crate::error::Fault;
use crate::settings::Settings;
use crate::words::clean_line;
use anyhow::{Context as _, Result};
use serde::Deserialize;
use std::time::Duration;

const TIMEOUT: &str = "XTASK_LOCK_TIMEOUT";

/// How long to wait for a lock: what was typed, else `XTASK_LOCK_TIMEOUT`, else the command's own default.
pub fn timeout(typed: Option<Duration>, settings: &Settings, default: Duration) -> Result<Duration, Fault> {
    match (typed, settings.get(TIMEOUT)) {
        (Some(typed), _) => Ok(typed),
        (None, Some(text)) => parse_timeout(text).map_err(|why| {
            Fault::usage(format!("{TIMEOUT} is {text:?}; {why}")).hint("write the seconds alone, such as 30")
        }),
        (None, None) => Ok(default),
    }
}

/// What PostgreSQL takes for a timeout, in whole seconds.
pub fn parse_timeout(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|seconds| (1..=2_000_000).contains(seconds));
    seconds.map(Duration::from_secs).ok_or_else(|| "it must be 1 to 2000000 seconds".to_owned())
}

/// A session that holds a lock for which others wait.
#[derive(Debug, Deserialize)]
pub struct Holder {
    /// `table t`, `database d`.
    pub what: String,
    pub pid: i64,
    pub user: Option<String>,
    pub application: Option<String>,
    pub state: Option<String>,
    pub seconds: Option<f64>,
    /// Its beginning: of it only the command and the object's name are shown.
    query: Option<String>,
}

// Behind a session that waits for an exclusive lock readers wait, too: for the one that keeps it waiting.
const HOLDERS: &str = "
WITH wanted AS (SELECT l.relation, l.pid, l.granted FROM pg_catalog.pg_locks AS l
  WHERE l.mode = 'AccessExclusiveLock' AND l.relation IS NOT NULL
    AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()))
SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_object(
  'what', 'table ' || l.relation::pg_catalog.regclass::pg_catalog.text, 'pid', l.pid, 'user', a.usename,
  'application', a.application_name, 'state', a.state, 'query', pg_catalog.left(a.query, 400),
  'seconds', EXTRACT(EPOCH FROM pg_catalog.now() - a.xact_start)) ORDER BY a.xact_start), '[]')
FROM (SELECT l.relation, l.pid FROM wanted AS l WHERE l.granted
      UNION SELECT l.relation, b.pid FROM wanted AS l, pg_catalog.unnest(pg_catalog.pg_blocking_pids(l.pid)) AS b(pid)
      WHERE NOT l.granted) AS l
LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid
JOIN pg_catalog.pg_class AS c ON c.oid = l.relation AND c.relkind IN ('r', 'p', 'f', 'v', 'm', 'S')
WHERE l.pid <> pg_catalog.pg_backend_pid()";

/// Who holds tables of this database against every reader.
pub fn holders(server: &Server<'_>) -> Result<Vec<Holder>> {
    server.query(HOLDERS)
}

/// Who keeps databases of these names from being renamed, but for sessions in them, which a swap ends, and our own.
pub fn name_holders(server: &Server<'_>, names: &[&str]) -> Result<Vec<Holder>> {
    let sql = names_held(server.session(), names, "l.locktype = 'object' AND l.objid = d.oid")?;
    let answer = server.ask_maintenance(&sql)?;
    serde_json::from_str(answer.trim()).context("who holds the databases' names")
}

/// The holders of these names, and the sessions whose open transaction changed any database: locks do not say which.
pub fn possible_name_holders(server: &Server<'_>, names: &[&str]) -> Result<Vec<Holder>> {
    let sql = names_held(
        server.session(),
        names,
        "(l.locktype = 'object' AND l.objid = d.oid OR l.locktype = 'relation' AND l.mode = 'RowExclusiveLock')",
    )?;
    let answer = server.in_maintenance().ask(&sql)?;
    serde_json::from_str(answer.trim()).context("who holds the databases' names")
}

/// A session that connects locks the name for a moment, in the weakest mode of an object.
fn names_held(run: &str, names: &[&str], how: &str) -> Result<String> {
    let names = literals(names.iter().copied())?;
    Ok(format!(
        "SELECT COALESCE(pg_catalog.json_agg(h), '[]') FROM (SELECT DISTINCT ON (l.pid) 'database ' || d.datname AS what, \
         l.pid, a.usename AS user, a.application_name AS application, a.state, pg_catalog.left(a.query, 400) AS query, \
         EXTRACT(EPOCH FROM pg_catalog.now() - a.xact_start) AS seconds \
         FROM pg_catalog.pg_locks AS l \
         JOIN pg_catalog.pg_database AS d ON d.datname IN ({names}) \
         LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid \
         WHERE l.granted AND COALESCE(l.classid, l.relation) = 'pg_catalog.pg_database'::pg_catalog.regclass AND {how} \
           AND NOT (l.locktype = 'object' AND l.mode = 'RowExclusiveLock') \
           AND l.pid <> pg_catalog.pg_backend_pid() AND (a.usesysid IS NULL OR a.datname NOT IN ({names})) \
           AND NOT pg_catalog.starts_with(COALESCE(a.application_name, ''), {}) \
         ORDER BY l.pid, l.locktype = 'object' DESC) AS h",
        literal(run)?
    ))
}

/// In one line, whatever a table, a role or a program is called.
impl std::fmt::Display for Holder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} is held by session {}", clean_line(&self.what), self.pid)?;
        let known = [("user", &self.user), ("application", &self.application), ("state", &self.state)];
        for (what, value) in known {
            if let Some(value) = value.as_deref().filter(|value| !value.is_empty()) {
                write!(formatter, ", {what} {}", clean_line(value))?;
            }
        }
        if let Some(seconds) = self.seconds {
            write!(formatter, ", for {seconds:.0} s")?;
        }
        match self.query.as_deref().map(first_words).filter(|words| !words.is_empty()) {
            Some(words) => write!(formatter, ": {}", clean_line(&words)),
            None => Ok(()),
        }
    }
}
