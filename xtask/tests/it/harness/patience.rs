//! Limits of time: those of a machine at rest, and how many times more a slow or busy one gets.

use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What a start of the program takes on the machine of `docs/measurements.md`, at rest.
const START: Duration = Duration::from_millis(10);
/// A limit that grew without end would hold nothing.
const MOST: f64 = 10.0;

/// Whether this time is within the limit of a machine at rest, or as many times over it as a start of the program takes
/// longer here: now, or when a test asked before.
pub fn is_within(took: Duration, limit: Duration) -> bool {
    took < limit || took < limit.mul_f64(slowness())
}

fn slowness() -> f64 {
    static WORST: Mutex<f64> = Mutex::new(1.0);
    const STARTS: u32 = 20;
    let clock = Instant::now();
    for _ in 0..STARTS {
        let mut start = Command::new(env!("CARGO_BIN_EXE_xtask"));
        start.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    }
    let now = clock.elapsed().as_secs_f64() / f64::from(STARTS) / START.as_secs_f64();
    let mut worst = WORST.lock().unwrap_or_else(PoisonError::into_inner);
    *worst = worst.max(now).min(MOST);
    *worst
}
