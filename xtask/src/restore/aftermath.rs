//! What became of an exchange of names whose answer was lost.

use super::maintenance_database;
use super::swap::{Exchange, session_name, unlock};
use crate::postgres::quote::literal;
use crate::postgres::session;
use crate::target::Target;
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
pub(super) enum Aftermath {
    AsItWas,
    Exchanged,
}

#[derive(Deserialize)]
struct State {
    /// The exchanging session still works.
    working: bool,
    exchanged: bool,
    /// `None`: there is no live database.
    open: Option<bool>,
}

/// Asks in a session of its own, once the exchanging one has ended, and opens a live database that is locked.
///
/// # Errors
/// The server could not be asked.
pub(super) fn find(target: &Target, run: &str, exchange: &Exchange<'_>) -> Result<Aftermath> {
    let begun = Instant::now();
    let state = loop {
        match state(target, run, exchange) {
            Ok(state) if !state.working || begun.elapsed() > PATIENCE => break state,
            Err(error) if begun.elapsed() > RECOVERY => return Err(error),
            _ => std::thread::sleep(PAUSE),
        }
    };
    if state.working {
        return Err(anyhow::Error::msg("the exchanging session still works"));
    }
    if state.open == Some(false) {
        unlock(target, run, target.database())?;
    }
    Ok(if state.exchanged { Aftermath::Exchanged } else { Aftermath::AsItWas })
}

fn state(target: &Target, run: &str, exchange: &Exchange<'_>) -> Result<State> {
    let sql = format!(
        "SELECT pg_catalog.json_build_object( \
         'working', EXISTS (SELECT FROM pg_catalog.pg_stat_activity WHERE application_name = {}), \
         'exchanged', {}, \
         'open', (SELECT datallowconn FROM pg_catalog.pg_database WHERE datname = {}))",
        literal(&session_name(run))?,
        exchange.took_place(target.database())?,
        literal(target.database())?
    );
    let text = session::ask_in(target, maintenance_database(target), run, &sql)?;
    serde_json::from_str(text.trim()).context("what became of the exchange")
}
