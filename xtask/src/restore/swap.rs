//! Databases change names in one transaction; no session ever sees a half-restored one under a live name, nor some of a set
//! swapped and others not.

pub(super) use super::swap_script::session_name;
pub use super::swap_script::{Swap, unlock};

use super::record::Record;
use super::staging::Checked;
use super::swap_outcome::{self, Outcome};
use super::swap_script::{names, script};
use crate::error::{self, Exit, Fault};
use crate::postgres::locks::{self, Holder};
use crate::process::signals;
use anyhow::Result;
use std::time::{Duration, Instant};

/// Ending sessions and renaming is tried for 5 s; a rename itself may wait as long.
const DEADLINE: Duration = Duration::from_secs(60);

/// A name may be held so long before anything is stopped.
const HELD: Duration = Duration::from_secs(3);
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Waits a moment for sessions that lock the names: now no service is stopped, and connections are still accepted.
///
/// # Errors
/// It is still held (1); the fault names who holds it.
pub fn wait_for_names(record: &Record<'_>, swaps: &[Swap<'_>]) -> Result<()> {
    let server = record.server();
    let end = Instant::now() + HELD;
    let names = names(swaps);
    loop {
        // Where it is not known the swap itself finds out.
        let held = locks::name_holders(server, &names).unwrap_or_default();
        let Some(holder) = held.first() else { return Ok(()) };
        signals::check()?;
        if Instant::now() >= end {
            let message = format!("{} cannot be swapped now; {}", lives(swaps), unchanged(swaps));
            let fault = Fault::failed(message).hint(release(holder, server.maintenance_database()));
            return Err(anyhow::Error::msg(holder.to_string()).context(fault));
        }
        std::thread::sleep(POLL_INTERVAL);
    }
}

/// Their names, for people.
fn lives(swaps: &[Swap<'_>]) -> String {
    swaps.iter().map(|swap| swap.live).collect::<Vec<_>>().join(", ")
}

fn unchanged(swaps: &[Swap<'_>]) -> &'static str {
    if swaps.len() == 1 { "it is unchanged" } else { "all of them are unchanged" }
}

/// The command connects to the maintenance database: a login to the live one may wait for the same lock, or it does not
/// exist.
fn release(holder: &Holder, maintenance: &str) -> String {
    format!(
        "once that session has ended, try again; to end it: \
         cargo xtask db-shell -- -d {maintenance} -c 'SELECT pg_catalog.pg_terminate_backend({})'",
        holder.pid
    )
}

/// How long no session could connect, by the server's clock.
pub type Outage = Duration;

/// Swaps checked staging databases in, one for each swap.
pub fn swap_in(record: &Record<'_>, stagings: Vec<Checked<'_, '_>>, swaps: &[Swap<'_>]) -> Result<Outage> {
    let outage = swap_names(record, swaps);
    // Where the outcome is not known, the next run needs the record.
    if outage.as_ref().map_or_else(|error| error::exit(error) == Exit::Partial, |_| true) {
        stagings.into_iter().for_each(Checked::leave);
    }
    outage
}

/// Sends all swaps as one script. It runs in the record database, so that names and record change together. Where its
/// answer is missing the server is asked which state it is in.
///
/// # Errors
/// The databases are as they were, and open (1); or that is not known, and a person must look (6).
pub fn swap_names(record: &Record<'_>, swaps: &[Swap<'_>]) -> Result<Outage> {
    let server = record.server();
    signals::check()?;
    let script = script(server.session(), swaps)?;
    let (database, session) = (record.database()?, session_name(server.session()));
    let clock = Instant::now();
    let swapping = server.in_database(&database).named(&session).within(DEADLINE);
    let sent = || swapping.run_script(&script);
    let (answer, said) = match signals::shielded(sent) {
        Ok(said) => (said.text(), said.stderr.trim().to_owned()),
        Err(error) => (String::new(), format!("{error:#}")),
    };
    let moments: Vec<f64> =
        answer.lines().filter_map(|line| line.strip_prefix("at ").and_then(|at| at.parse().ok())).collect();
    if let ([start, end], true) = (moments.as_slice(), answer.lines().any(|line| line == "swapped")) {
        return Ok(Duration::from_secs_f64((end - start).max(0.0)));
    }
    let why = anyhow::Error::msg(said);
    match signals::shielded(|| swap_outcome::find(server, swaps)) {
        Ok(Outcome::Swapped) => Ok(clock.elapsed()),
        Ok(Outcome::AsItWas) => {
            let fault = Fault::failed(format!("{} could not be swapped; {}", lives(swaps), unchanged(swaps)));
            let held = locks::possible_name_holders(server, &names(swaps)).unwrap_or_default();
            let maintenance = server.maintenance_database();
            let Some(holder) = held.first() else {
                let hint = format!(
                    "see who is connected: cargo xtask db-shell -- -d {maintenance} -c 'SELECT * FROM pg_catalog.pg_stat_activity'"
                );
                return Err(why.context(fault.hint(hint)));
            };
            Err(anyhow::Error::msg(format!("{why}\n{holder}")).context(fault.hint(release(holder, maintenance))))
        }
        Err(error) => Err(error.context(why).context(lost(swaps))),
    }
}

/// Whether it was done is not known.
fn lost(swaps: &[Swap<'_>]) -> Fault {
    let lives = lives(swaps);
    let message = match swaps {
        [_] => format!(
            "The server was lost while {lives} was swapped: it is intact (old or restored), but may refuse connections"
        ),
        _ => format!(
            "The server was lost while {lives} were swapped: all of them are old or all are restored, but they may \
             refuse connections"
        ),
    };
    let hint = "once the server runs (cargo xtask up), repair it with: cargo xtask db-restore --repair";
    Fault::new(Exit::Partial, message).hint(hint)
}
