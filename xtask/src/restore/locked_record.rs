//! The record for a run that changes databases, under the lock on each of them.

use super::record::{Record, SwapSet};
use crate::postgres::change_lock::Lock;
use crate::postgres::server::Server;
use anyhow::Result;
use std::time::Duration;

/// For the target's database.
///
/// # Errors
/// Exit 5: another run changes it.
pub fn record<'t>(server: &Server<'t>) -> Result<Record<'t>> {
    Ok(Record::new(server, Lock::take(server, Duration::ZERO)?.into_session()))
}

/// For each of these databases, which one run swaps together. `made`: those that do not exist yet.
///
/// # Errors
/// Exit 5: another run changes one of them.
pub fn records<'t>(servers: &[Server<'t>], made: Vec<String>) -> Result<Vec<Record<'t>>> {
    let names: Vec<&str> = servers.iter().map(|server| server.target().database()).collect();
    let Some((first, others)) = servers.split_first() else { return Ok(Vec::new()) };
    let lock = Lock::take_all(first, names.iter().copied(), Duration::ZERO)?;
    let databases = names.iter().map(|name| (*name).to_owned()).collect();
    let set = SwapSet { run: first.session().to_owned(), databases, made };
    let first = Record::new(first, lock.into_session()).in_set(set);
    let others: Vec<Record<'_>> = others.iter().map(|server| first.of_another(server)).collect();
    Ok(std::iter::once(first).chain(others).collect())
}
