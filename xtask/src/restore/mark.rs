//! What is ours on the server says so: a comment on the database, in JSON behind a word of ours.

use super::swap;
use crate::postgres::activity::Counters;
use crate::postgres::questions;
use crate::postgres::quote;
use crate::target::Target;
use anyhow::{Context as _, Result};
use chrono::{DateTime, FixedOffset, Local, SecondsFormat};
use serde::{Deserialize, Serialize};

const WORD: &str = "xtask ";

/// What a database of ours is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Use {
    /// A throwaway database of `db-verify --restore`.
    Verify,
    /// Being filled; it becomes the live one at the swap.
    Staging,
    /// The live one of before a swap.
    Before,
    /// The live one itself, where none stood before: until its services run again.
    First,
}

/// The mark of a database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    pub r#use: Use,
    /// The live database that it stands beside.
    pub database: String,
    /// The session name of the run that made it: the run is alive while a session of that name is.
    pub run: String,
    /// RFC 3339.
    pub at: String,
    /// Services that the run stopped and will start again.
    #[serde(default)]
    pub stopped: Vec<String>,
    /// An undo is about to exchange it with the live one.
    #[serde(default)]
    pub swapping: bool,
    /// OpenFGA's tables in the new live database are to be brought up to date.
    #[serde(default)]
    pub migrate: bool,
    /// The comment that the database had before, for an undo.
    #[serde(default)]
    pub comment: Option<String>,
    /// There is no safety backup of it: it is never dropped by itself.
    #[serde(default)]
    pub only_way_back: bool,
    /// The server's counters of the database that became the live one, when it did.
    #[serde(default)]
    pub written: Option<Counters>,
}

impl Mark {
    /// The mark of a database that a run makes at this time.
    pub fn new(r#use: Use, target: &Target, run: &str, at: &DateTime<Local>) -> Self {
        Self {
            r#use,
            database: target.database().to_owned(),
            run: run.to_owned(),
            at: at.to_rfc3339_opts(SecondsFormat::Secs, false),
            stopped: Vec::new(),
            swapping: false,
            migrate: false,
            comment: None,
            only_way_back: false,
            written: None,
        }
    }

    /// Whether nothing is left to do of the swap that made it.
    pub fn is_settled(&self) -> bool {
        self.stopped.is_empty() && !self.swapping && !self.migrate
    }

    /// The statement that puts the mark on a database.
    pub fn sql(&self, name: &str) -> Result<String> {
        let comment = format!("{WORD}{}", serde_json::to_string(self)?);
        Ok(format!("COMMENT ON DATABASE {} IS {}", quote::identifier(name)?, quote::literal(&comment)?))
    }

    /// When the run made it.
    pub fn time(&self) -> Option<DateTime<FixedOffset>> {
        DateTime::parse_from_rfc3339(&self.at).ok()
    }

    fn parse(comment: &str) -> Option<Self> {
        serde_json::from_str(comment.strip_prefix(WORD)?).ok()
    }
}

/// A marked database.
#[derive(Debug, Clone)]
pub struct Marked {
    pub name: String,
    pub mark: Mark,
    /// Whether the run that made it still has a session.
    pub alive: bool,
}

#[derive(Deserialize)]
struct Row {
    name: String,
    comment: String,
    sessions: Vec<String>,
}

/// One line of JSON: every marked database.
pub(super) const QUERY: &str = "
SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_object(
  'name', d.datname, 'comment', pg_catalog.shobj_description(d.oid, 'pg_database'),
  'sessions', (SELECT COALESCE(pg_catalog.json_agg(DISTINCT a.application_name), '[]')
               FROM pg_catalog.pg_stat_activity AS a WHERE a.application_name LIKE 'xtask-%')) ORDER BY d.datname), '[]')
FROM pg_catalog.pg_database AS d
WHERE pg_catalog.shobj_description(d.oid, 'pg_database') LIKE 'xtask {%'";

/// Staging databases of the target's that bear no mark: their run was killed between making and marking them.
/// Names that had to be cut do not tell whose they are.
pub fn unmarked(target: &Target, session: &str) -> Result<Vec<String>> {
    let beginning = quote::literal(&format!("{}_staging_", target.database()))?;
    let sql = format!(
        "SELECT COALESCE(pg_catalog.json_agg(d.datname ORDER BY d.datname), '[]') FROM pg_catalog.pg_database AS d \
         WHERE d.datname::pg_catalog.text = {beginning} || pg_catalog.right(d.datname::pg_catalog.text, 15) \
         AND d.datname ~ '_[0-9]{{8}}_[0-9]{{6}}$' AND pg_catalog.shobj_description(d.oid, 'pg_database') IS NULL"
    );
    let text = questions::ask(target, session, &sql)?;
    serde_json::from_str(text.trim()).context("the names of the server's databases")
}

/// Every marked database of the server.
pub fn marked(target: &Target, session: &str) -> Result<Vec<Marked>> {
    read(&questions::ask(target, session, QUERY)?)
}

/// What the query answered.
pub(super) fn read(answer: &str) -> Result<Vec<Marked>> {
    let rows: Vec<Row> = serde_json::from_str(answer.trim()).context("the marks on the server's databases")?;
    Ok(rows
        .into_iter()
        .filter_map(|row| {
            let mark = Mark::parse(&row.comment)?;
            let alive = row.sessions.contains(&mark.run) || row.sessions.contains(&swap::session_name(&mark.run));
            Some(Marked { name: row.name, mark, alive })
        })
        .collect())
}
