//! Who is at work on the migrations of a database: the session that holds sqlx's lock there.

use super::checksum;
use super::plan::{Entry, State};
use crate::postgres::change_lock::SESSION;
use crate::postgres::quote::literal;
use crate::postgres::server::Server;
use anyhow::Result;

/// The session that holds the lock, as people read it; not one of this run.
pub fn session(server: &Server<'_>) -> Result<Option<String>> {
    let (key, own) = (checksum::lock_number(server.database()), literal(server.session())?);
    let sql = format!(
        "SELECT {SESSION} FROM pg_catalog.pg_locks AS l \
         JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid \
         JOIN pg_catalog.pg_database AS d ON d.oid = l.database AND d.datname = pg_catalog.current_database() \
         WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 \
           AND (l.classid::pg_catalog.int8 << 32 | l.objid::pg_catalog.int8) = {key} \
           AND NOT pg_catalog.starts_with(COALESCE(a.application_name, ''), {own}) LIMIT 1"
    );
    let answer = server.ask(&sql)?;
    Ok(Some(answer.trim().to_owned()).filter(|answer| !answer.is_empty()))
}

/// Tells versions that are being run from those that were begun and never ended.
pub fn mark(entries: &mut [Entry], server: &Server<'_>) -> Result<()> {
    if !entries.iter().any(|entry| entry.state == State::Dirty) {
        return Ok(());
    }
    let session = session(server)?;
    for entry in entries.iter_mut().filter(|entry| session.is_some() && entry.state == State::Dirty) {
        entry.state = State::Running;
        entry.session.clone_from(&session);
    }
    Ok(())
}
