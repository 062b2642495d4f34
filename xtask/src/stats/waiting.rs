//! Waiting between two samples.

use crate::process::signals;
use anyhow::Result;
use std::thread;
use std::time::{Duration, Instant};

/// How often signals are looked for in between.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Waits, but not beyond a signal.
pub(super) fn pause(time: Duration) -> Result<()> {
    let end = Instant::now() + time;
    while Instant::now() < end {
        signals::check()?;
        thread::sleep(POLL_INTERVAL.min(end.saturating_duration_since(Instant::now())));
    }
    Ok(())
}
