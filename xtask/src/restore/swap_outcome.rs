//! What became of a swap whose answer was lost.

use super::swap_script::{Swap, session_name, unlock};
use crate::postgres::quote::literal;
use crate::postgres::server::Server;
use crate::postgres::session::OWN;
use anyhow::{Context as _, Result};
use serde::Deserialize;
use std::time::{Duration, Instant};

/// A script that nobody listens to has ended by then.
const PATIENCE: Duration = Duration::from_secs(20);
/// A server that crashed and starts again by itself is back by then.
const RECOVERY: Duration = Duration::from_secs(8);
const PAUSE: Duration = Duration::from_millis(200);

/// Where the names are; the live one is open in either case.
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
    /// `None`: there is no live database.
    open: Option<bool>,
}

/// Asks in a session of its own, once the swapping one has ended, and opens a live database that is locked.
///
/// # Errors
/// The server could not be asked.
pub(super) fn find(server: &Server<'_>, swap: &Swap<'_>) -> Result<Outcome> {
    let begun = Instant::now();
    let state = loop {
        match state(server, swap) {
            Ok(state) if !state.working || begun.elapsed() > PATIENCE => break state,
            Err(error) if begun.elapsed() > RECOVERY => return Err(error),
            _ => std::thread::sleep(PAUSE),
        }
    };
    if state.working {
        return Err(anyhow::Error::msg("the swapping session still works"));
    }
    if state.open == Some(false) {
        unlock(server, server.target().database())?;
    }
    Ok(if state.swapped { Outcome::Swapped } else { Outcome::AsItWas })
}

fn state(server: &Server<'_>, swap: &Swap<'_>) -> Result<State> {
    let target = server.target();
    let sql = format!(
        "SELECT pg_catalog.json_build_object( \
         'working', EXISTS (SELECT FROM pg_catalog.pg_stat_activity WHERE application_name = {} AND {OWN}), \
         'swapped', {}, \
         'open', (SELECT datallowconn FROM pg_catalog.pg_database WHERE datname = {}))",
        literal(&session_name(server.session()))?,
        swap.took_place(target.database())?,
        literal(target.database())?
    );
    let text = server.in_maintenance().ask(&sql)?;
    serde_json::from_str(text.trim()).context("what became of the swap")
}
