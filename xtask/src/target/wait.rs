//! Waiting for a part that was just started.

use crate::error::{self, Fault};
use crate::process::signals;
use anyhow::{Context as _, Result};
use std::time::{Duration, Instant};

const DEADLINE: Duration = Duration::from_secs(90);
const POLL_INTERVAL: Duration = Duration::from_millis(150);

/// Asks again until the answer comes, a refusal that `lasts`, a signal or the deadline. `look` is the
/// hint where the last refusal has none of its own.
pub(in crate::target) fn wait_for<T>(
    what: &str,
    hint: &str,
    lasts: impl Fn(&anyhow::Error) -> bool,
    ask: impl Fn() -> Result<T>,
) -> Result<T> {
    let end = Instant::now() + DEADLINE;
    loop {
        let refusal = match ask() {
            Ok(answer) => return Ok(answer),
            Err(refusal) => refusal,
        };
        signals::check()?;
        if lasts(&refusal) {
            return Err(refusal);
        }
        if Instant::now() >= end {
            let hint = error::fault(&refusal).and_then(Fault::hint_text).unwrap_or(hint).to_owned();
            return Err(refusal).context(Fault::unreachable(format!("{what} does not answer")).hint(hint));
        }
        std::thread::sleep(POLL_INTERVAL);
    }
}
