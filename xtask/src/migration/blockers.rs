//! Who holds what a migration waits for: asked while it waits, because afterwards it is not known.

use crate::postgres::locks::Holder;
use crate::postgres::quote::literal;
use crate::postgres::server::Server;
use anyhow::{Context as _, Result};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// Holders that are named.
const NAMED: usize = 5;

/// Within so long a person who waits learns for whom.
const LONGEST_PAUSE: Duration = Duration::from_millis(2500);

/// Runs a task, and asks at least four times in each `lock_timeout` who blocks the session of this name. The first answer
/// that names a session goes to `tell`. Gives the task's result and the last such answer.
pub fn during<T>(
    server: &Server<'_>,
    lock_timeout: Duration,
    tell: &(dyn Fn(&[Holder]) + Sync),
    task: impl FnOnce() -> T,
) -> (T, Vec<Holder>) {
    let pause = LONGEST_PAUSE.min(lock_timeout / 4);
    let (over, ended) = channel::<()>();
    thread::scope(|scope| {
        let asking = scope.spawn(move || {
            let mut found = Vec::new();
            while ended.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                let holders = ask(server).unwrap_or_default();
                if holders.is_empty() {
                    continue;
                }
                if found.is_empty() {
                    tell(&holders);
                }
                found = holders;
            }
            found
        });
        let result = task();
        drop(over);
        (result, asking.join().unwrap_or_default())
    })
}

fn ask(server: &Server<'_>) -> Result<Vec<Holder>> {
    let sql = format!(
        "SELECT COALESCE(pg_catalog.json_agg(h), '[]') FROM (SELECT COALESCE((
           SELECT 'table ' || l.relation::pg_catalog.regclass::pg_catalog.text FROM pg_catalog.pg_locks AS l
           WHERE l.pid = me.pid AND NOT l.granted AND l.relation IS NOT NULL LIMIT 1), 'what it needs') AS what,
           b.pid, a.usename AS user, a.application_name AS application, a.state,
           pg_catalog.left(a.query, 80) AS query, EXTRACT(EPOCH FROM pg_catalog.now() - a.xact_start) AS seconds
         FROM pg_catalog.pg_stat_activity AS me
         CROSS JOIN LATERAL pg_catalog.unnest(pg_catalog.pg_blocking_pids(me.pid)) AS b(pid)
         LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = b.pid
         WHERE me.application_name = {} AND me.datname = pg_catalog.current_database() LIMIT {NAMED}) AS h",
        literal(server.session())?
    );
    // A name of its own: sessions of the run's name are ended and counted.
    let text = server.named(&format!("{}-holders", server.session())).ask(&sql)?;
    serde_json::from_str(text.trim()).context("who holds what the migration waits for")
}
