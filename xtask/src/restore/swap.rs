//! Two databases change names in one transaction; nobody ever sees a half-restored one under the live name.

pub(super) use super::swap_script::session_name;
pub use super::swap_script::{Swap, unlock};

use super::live::Live;
use super::record::Record;
use super::staging::Checked;
use super::swap_outcome::{self, Outcome};
use super::swap_script::script;
use crate::error::{self, Exit, Fault};
use crate::postgres::locks::{self, Holder};
use crate::process::signals;
use anyhow::Result;
use std::time::{Duration, Instant};

/// Ending sessions and renaming is tried for 5 s; a rename itself may wait as long.
const DEADLINE: Duration = Duration::from_secs(60);

/// A name may be held so long before anything is stopped.
const HELD: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(100);

/// Waits a moment for sessions that lock the names: now no service is stopped, and connections are still accepted.
///
/// # Errors
/// It is still held (1); the fault names who holds it.
pub fn wait_for_names(record: &Record<'_>, swap: &Swap<'_>) -> Result<()> {
    let (server, target) = (record.server(), record.target());
    let end = Instant::now() + HELD;
    let names = swap.names(target.database());
    loop {
        // Where it cannot be told the swap itself finds out.
        let held = locks::name_holders(server, &names).unwrap_or_default();
        let Some(holder) = held.first() else { return Ok(()) };
        signals::check()?;
        if Instant::now() >= end {
            let message = format!("{} cannot be swapped now; it is unchanged", target.database());
            return Err(Fault::failed(message).hint(release(holder)).into());
        }
        std::thread::sleep(PAUSE);
    }
}

fn release(holder: &Holder) -> String {
    format!(
        "{}\nonce that session has ended, try again; to end it: cargo xtask db-shell -- -c 'SELECT pg_terminate_backend({})'",
        holder.to_string().replace(char::is_control, " "),
        holder.pid
    )
}

/// How long nobody could connect, by the server's clock, from lock-out to the names being there again.
pub type Outage = Duration;

/// Swaps a checked staging database in.
pub fn swap_in(record: &Record<'_>, live: &Live, staging: Checked<'_, '_>, swap: &Swap<'_>) -> Result<Outage> {
    let outage = exchange_names(record, live.properties.is_some(), swap);
    // Of what nobody knows the next run must find the record.
    if outage.as_ref().map_or_else(|error| error::exit(error) == Exit::Partial, |_| true) {
        staging.leave();
    }
    outage
}

/// Sends the whole swap as one script. It runs in the record database, so that names and record change together. Where
/// its answer is missing the server is asked which state it is in.
///
/// # Errors
/// The databases are as they were, and open (1); or nobody could tell, and a person must look (6).
pub fn exchange_names(record: &Record<'_>, live_exists: bool, swap: &Swap<'_>) -> Result<Outage> {
    let (server, target) = (record.server(), record.target());
    signals::check()?;
    let script = script(target.database(), server.session(), live_exists, swap)?;
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
    match signals::shielded(|| swap_outcome::find(server, swap)) {
        Ok(Outcome::Swapped) => Ok(clock.elapsed()),
        Ok(Outcome::AsItWas) => {
            let fault = Fault::failed(format!("{} could not be swapped; it is unchanged", target.database()));
            let names = swap.names(target.database());
            let held = locks::possible_name_holders(server, &names).unwrap_or_default();
            let hint = held.first().map_or_else(
                || "see who is connected: cargo xtask db-shell -- -c 'SELECT * FROM pg_stat_activity'".to_owned(),
                release,
            );
            Err(why.context(fault.hint(hint)))
        }
        Err(error) => {
            let message = format!(
                "The server was lost while {} was swapped: it is intact (old or restored), but may refuse connections",
                target.database()
            );
            let hint = "once the server runs (cargo xtask up), repair it with: cargo xtask db-restore --repair";
            Err(error.context(why).context(Fault::new(Exit::Partial, message).hint(hint)))
        }
    }
}
