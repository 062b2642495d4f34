//! What became of swaps whose answer was lost.

use super::swap_script::{Swap, session_name, took_place, unlock};
use crate::postgres::quote::{literal, literals};
use crate::postgres::server::Server;
use crate::postgres::session::OWN;
use anyhow::{Context as _, Result};
use serde::Deserialize;
use std::time::{Duration, Instant};

/// A script whose client is gone has ended by then.
const TIMEOUT: Duration = Duration::from_secs(20);
/// A server that crashed and starts again by itself is back by then.
const RECOVERY: Duration = Duration::from_secs(8);
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// Where the names are; the live ones are open in either case.
#[derive(Debug)]
pub(super) enum Outcome {
    AsItWas,
    Swapped,
}

#[derive(Deserialize)]
struct State {
    /// The swapping session still works.
    working: bool,
    swapped: bool,
    /// Live databases that accept no connections.
    closed: Vec<String>,
}

/// Asks in a session of its own, once the swapping one has ended, and opens live databases that are locked.
///
/// # Errors
/// The server could not be asked.
pub(super) fn find(server: &Server<'_>, swaps: &[Swap<'_>]) -> Result<Outcome> {
    let begun = Instant::now();
    let state = loop {
        match state(server, swaps) {
            Ok(state) if !state.working || begun.elapsed() > TIMEOUT => break state,
            Err(error) if begun.elapsed() > RECOVERY => return Err(error),
            _ => std::thread::sleep(POLL_INTERVAL),
        }
    };
    if state.working {
        return Err(anyhow::Error::msg("the swapping session still works"));
    }
    state.closed.iter().try_for_each(|name| unlock(server, name))?;
    Ok(if state.swapped { Outcome::Swapped } else { Outcome::AsItWas })
}

fn state(server: &Server<'_>, swaps: &[Swap<'_>]) -> Result<State> {
    let sql = format!(
        "SELECT pg_catalog.json_build_object( \
         'working', EXISTS (SELECT FROM pg_catalog.pg_stat_activity WHERE application_name = {} AND {OWN}), \
         'swapped', {}, \
         'closed', (SELECT COALESCE(pg_catalog.json_agg(d.datname), '[]') FROM pg_catalog.pg_database AS d \
          WHERE NOT d.datallowconn AND d.datname = ANY (ARRAY[{}]::pg_catalog.text[])))",
        literal(&session_name(server.session()))?,
        took_place(swaps)?,
        literals(swaps.iter().map(|swap| swap.live))?
    );
    let text = server.in_maintenance().ask(&sql)?;
    serde_json::from_str(text.trim()).context("what became of the swap")
}
