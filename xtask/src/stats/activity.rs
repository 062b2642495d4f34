//! Which transactions are open for long, and which sessions wait for which.

use super::database::is_client;
use crate::postgres::first_words::first_words;
use crate::postgres::reader::Reader;
use anyhow::Result;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// At most this many open transactions are shown, and at most this many waiting sessions.
const MOST_OPEN: u32 = 5;
const MOST_WAITING: u32 = 50;

/// Transactions and waits of the database's sessions, as far as this role may see them; without this command's own.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Activity {
    /// The oldest transactions, the oldest first.
    pub open_transactions: Vec<Session>,
    /// Statements that run now, the longest first.
    pub running: Vec<Running>,
    pub blocked: Vec<Blocked>,
    /// The sessions that others wait for.
    pub blocking: Vec<Session>,
    /// Prepared transactions, which hold their locks without a session.
    pub prepared_transactions: Vec<Prepared>,
}

/// A session and what it does.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Session {
    pub pid: i64,
    pub user: Option<String>,
    pub program: Option<String>,
    /// `None`: hidden from this role.
    pub state: Option<String>,
    /// How long its transaction has been open.
    pub transaction_seconds: Option<f64>,
    #[serde(deserialize_with = "told")]
    pub statement: Option<Statement>,
    /// Whether this role may cancel and end it.
    #[serde(skip_serializing)]
    pub may_end: bool,
}

/// A session that runs a statement.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Running {
    pub pid: i64,
    pub user: Option<String>,
    pub program: Option<String>,
    pub statement_seconds: Option<f64>,
    #[serde(deserialize_with = "told")]
    pub statement: Option<Statement>,
}

/// A session that waits for a lock.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Blocked {
    pub pid: i64,
    pub user: Option<String>,
    pub program: Option<String>,
    /// How long its statement has been running.
    pub statement_seconds: Option<f64>,
    #[serde(deserialize_with = "told")]
    pub statement: Option<Statement>,
    /// The sessions that it waits for; 0: a prepared transaction.
    pub waits_for: Vec<i64>,
}

/// A transaction that was prepared and not ended.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Prepared {
    pub name: String,
    pub owner: Option<String>,
    pub transaction_seconds: f64,
    /// Whether this role may roll it back.
    #[serde(skip_serializing)]
    pub may_end: bool,
}

/// The first words of a statement: what follows may hold a secret.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub struct Statement(String);

impl From<String> for Statement {
    fn from(text: String) -> Self {
        Self(first_words(&text))
    }
}

/// A session's statement; `None` where the server says in angle brackets why it shows none, as to a role that may not see it.
fn told<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Statement>, D::Error> {
    let text: Option<String> = Option::deserialize(deserializer)?;
    Ok(text.filter(|text| !text.starts_with('<')).map(Statement::from))
}

impl Statement {
    /// `ALTER TABLE public.t …`; empty where it is not recognised.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Serialize for Statement {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl Session {
    /// Whether it holds its locks without running a statement: there is nothing to cancel.
    pub fn is_idle(&self) -> bool {
        self.state.as_deref().is_some_and(|state| state.starts_with("idle"))
    }
}

impl Activity {
    /// Asks the database. `session`: the name of this command's own sessions.
    pub fn read(reader: &mut Reader<'_>, session: &str) -> Result<Self> {
        reader.ask(&question(&is_client(session)?))
    }
}

/// SQL that is true for a superuser.
const IS_SUPERUSER: &str = "(SELECT me.rolsuper FROM pg_catalog.pg_roles AS me WHERE me.rolname = current_user)";
/// SQL that is true for a session `s` that this role may cancel and end though it is no superuser. One of the server's own
/// has no role.
const MAY_END: &str = "EXISTS (SELECT FROM pg_catalog.pg_roles AS r, pg_catalog.pg_roles AS me
    WHERE me.rolname = current_user AND r.oid = s.usesysid AND NOT r.rolsuper
      AND (pg_catalog.pg_has_role(me.oid, r.oid, 'USAGE') OR pg_catalog.pg_has_role(me.oid, 'pg_signal_backend', 'USAGE')))";

fn question(is_client: &str) -> String {
    // What is hidden from this role is null; GREATEST would make 0 of it.
    let seconds = |since: &str| {
        format!(
            "CASE WHEN {since} IS NOT NULL THEN \
             EXTRACT(epoch FROM GREATEST(pg_catalog.clock_timestamp() - {since}, '0'))::pg_catalog.float8 END"
        )
    };
    let (open, running, prepared) = (seconds("s.xact_start"), seconds("s.query_start"), seconds("p.prepared"));
    let session = format!(
        "pg_catalog.json_build_object('pid', s.pid, 'user', s.usename, 'program', s.application_name, 'state', s.state,
    'transaction_seconds', {open}, 'statement', pg_catalog.\"left\"(s.query, 4000), 'may_end', {IS_SUPERUSER} OR {MAY_END})"
    );
    format!(
        "WITH here AS (SELECT * FROM pg_catalog.pg_stat_activity
  WHERE datname = pg_catalog.current_database() AND {is_client}),
waiting AS (SELECT h.*, pg_catalog.pg_blocking_pids(h.pid) AS waits_for FROM here AS h
  WHERE h.pid IN (SELECT l.pid FROM pg_catalog.pg_locks AS l WHERE NOT l.granted) ORDER BY h.query_start, h.pid LIMIT {MOST_WAITING})
SELECT pg_catalog.json_build_object(
  'open_transactions', (SELECT COALESCE(pg_catalog.json_agg({session} ORDER BY s.xact_start), '[]')
    FROM (SELECT * FROM here WHERE xact_start IS NOT NULL ORDER BY xact_start LIMIT {MOST_OPEN}) AS s),
  'running', (SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_object('pid', s.pid, 'user', s.usename,
    'program', s.application_name, 'statement_seconds', {running}, 'statement', pg_catalog.\"left\"(s.query, 4000))
    ORDER BY s.query_start, s.pid), '[]')
    FROM (SELECT * FROM here WHERE state = 'active' ORDER BY query_start, pid LIMIT {MOST_OPEN}) AS s),
  'blocked', (SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_object('pid', s.pid, 'user', s.usename,
    'program', s.application_name, 'statement_seconds', {running}, 'statement', pg_catalog.\"left\"(s.query, 4000),
    'waits_for', s.waits_for) ORDER BY s.query_start, s.pid), '[]') FROM waiting AS s),
  'blocking', (SELECT COALESCE(pg_catalog.json_agg({session} ORDER BY s.xact_start), '[]')
    FROM pg_catalog.pg_stat_activity AS s WHERE s.pid IN (SELECT pg_catalog.unnest(w.waits_for) FROM waiting AS w)),
  'prepared_transactions', (SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_object('name', p.gid, 'owner', p.owner,
    'transaction_seconds', {prepared}, 'may_end', COALESCE(p.owner = current_user, false) OR {IS_SUPERUSER}) ORDER BY p.prepared), '[]')
    FROM (SELECT * FROM pg_catalog.pg_prepared_xacts WHERE database = pg_catalog.current_database()
      ORDER BY prepared LIMIT {MOST_OPEN}) AS p));"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_statement_only_its_first_words_are_kept() {
        let kept = |text: &str| Statement::from(text.to_owned()).as_str().to_owned();
        assert_eq!(kept("ALTER ROLE bob PASSWORD 'hunter2'"), "ALTER ROLE bob …");
        assert_eq!(kept("hunter2"), "");
        let shown = |text: &str| told(serde_json::Value::from(text)).unwrap();
        assert_eq!((shown("<insufficient privilege>"), shown("hunter2")), (None, Some(Statement(String::new()))));
        let json = serde_json::to_string(&Statement::from("SET app.key TO 'hunter2'".to_owned())).unwrap();
        assert_eq!(json, "\"SET …\"");
    }
}
