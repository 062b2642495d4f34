//! One change of a database at a time: an advisory lock in the maintenance database, held by a session that stays open.

use super::open_session::OpenSession;
use super::server::Server;
use crate::error::{Exit, Fault};
use crate::process::signals;
use anyhow::Result;
use sha2::{Digest as _, Sha256};
use std::time::{Duration, Instant};

const POLL_INTERVAL: Duration = Duration::from_millis(250);
/// SQL: the session `a` of `pg_stat_activity` as people read it. Not every session has a name, and a role without
/// `pg_read_all_stats` does not see when another role's session began.
pub const SESSION: &str = "'session ' || a.pid || ' (' || pg_catalog.concat_ws(', ', NULLIF(a.application_name, ''), \
    'user ' || a.usename, 'since ' || pg_catalog.to_char(a.backend_start, 'HH24:MI:SS')) || ')'";

/// Held until it is dropped, or until we die.
#[derive(Debug)]
pub struct Lock<'a> {
    session: OpenSession<'a>,
}

impl<'a> Lock<'a> {
    /// Takes the lock on the target's database. Waits at most this long for another run.
    ///
    /// # Errors
    /// Exit 5 names the run that holds it.
    pub fn take(server: &Server<'a>, timeout: Duration) -> Result<Self> {
        Self::take_all(server, [server.target().database()], timeout)
    }

    /// Takes the locks on several databases of the server by one session.
    ///
    /// # Errors
    /// Exit 5 names the run that holds one; then none is held.
    pub fn take_all<'n>(
        server: &Server<'a>,
        databases: impl IntoIterator<Item = &'n str>,
        timeout: Duration,
    ) -> Result<Self> {
        let mut session = OpenSession::start(&server.in_maintenance())?;
        databases.into_iter().try_for_each(|name| of_database(&mut session, name, timeout))?;
        Ok(Self { session })
    }

    /// The session that holds the lock, as long as it lives.
    pub fn into_session(self) -> OpenSession<'a> {
        self.session
    }
}

/// Takes the lock on this database, until the session ends.
///
/// # Errors
/// Exit 5 names the run that holds it.
pub fn of_database(session: &mut OpenSession<'_>, name: &str, timeout: Duration) -> Result<()> {
    let mut ask = |sql: &str| Ok(session.run(sql)?.into_iter().next());
    acquire(name, key(&format!("xtask restore of {name}")), Mode::Exclusive, timeout, &mut ask)
}

/// Who else may hold an advisory lock at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// No other session.
    Exclusive,
    /// Other sessions that hold it shared.
    Shared,
}

/// Tries for this advisory lock until it is there or `timeout` is over. It never waits on the server: a session that
/// waits there keeps CREATE INDEX CONCURRENTLY waiting, too. `ask` gives the first row that a query prints.
///
/// # Errors
/// Exit 5 names the session that holds it.
pub fn acquire(
    database: &str,
    key: i64,
    mode: Mode,
    timeout: Duration,
    ask: &mut dyn FnMut(&str) -> Result<Option<String>>,
) -> Result<()> {
    let end = Instant::now() + timeout;
    let shared = if mode == Mode::Shared { "_shared" } else { "" };
    let lock = format!("SELECT pg_catalog.pg_try_advisory_lock{shared}({key})");
    loop {
        if ask(&lock)?.is_some_and(|answer| answer.starts_with('t')) {
            return Ok(());
        }
        signals::check()?;
        if Instant::now() >= end {
            break;
        }
        std::thread::sleep(POLL_INTERVAL);
    }
    let sql = format!(
        "SELECT {SESSION} FROM pg_catalog.pg_locks AS l \
         JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid WHERE l.locktype = 'advisory' AND l.granted \
         AND l.objsubid = 1 AND (l.classid::pg_catalog.int8 << 32 | l.objid::pg_catalog.int8) = {key} LIMIT 1"
    );
    let holder = ask(&sql).ok().flatten().unwrap_or_else(|| "another run".to_owned());
    Err(Fault::new(Exit::Locked, format!("The database {database} is being changed by {holder}"))
        .hint("wait until it has ended, then try again")
        .into())
}

/// A lock's number: the beginning of the SHA-256 of what it guards.
pub fn key(guarded: &str) -> i64 {
    let hash = Sha256::digest(guarded);
    i64::from_be_bytes([hash[0], hash[1], hash[2], hash[3], hash[4], hash[5], hash[6], hash[7]])
}
