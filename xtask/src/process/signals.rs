//! SIGINT, SIGTERM and SIGHUP as something to look at between two steps, instead of sudden death.

use crate::error::{self, Exit, Fault};
use crate::platform;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

static PENDING: OnceLock<Arc<AtomicUsize>> = OnceLock::new();
/// How many tasks are shielded now: threads shield each for itself.
static SHIELDED: AtomicUsize = AtomicUsize::new(0);

/// From here on a signal is noted. A handler (not "ignore") so that programs started later get the default again.
pub fn install() {
    let pending = PENDING.get_or_init(Arc::default);
    for &signal in platform::ENDING_SIGNALS {
        // A signal that cannot be caught keeps its default; nothing better can be done about it.
        let _ = signal_hook::flag::register_usize(signal, Arc::clone(pending), usize::try_from(signal).unwrap_or(2));
    }
}

/// The signal that came, if one did.
pub fn pending() -> Option<i32> {
    if SHIELDED.load(Ordering::Relaxed) > 0 {
        return None;
    }
    match PENDING.get()?.load(Ordering::Relaxed) {
        0 => None,
        signal => i32::try_from(signal).ok(),
    }
}

/// Does something, such as clearing up, that a signal must not cut short.
pub fn shielded<T>(task: impl FnOnce() -> T) -> T {
    SHIELDED.fetch_add(1, Ordering::Relaxed);
    let result = task();
    SHIELDED.fetch_sub(1, Ordering::Relaxed);
    result
}

/// An error with exit code 128 + n if a signal came. To be called between steps, while nothing has been changed.
pub fn check() -> Result<(), Fault> {
    pending().map_or(Ok(()), |signal| Err(interrupted(signal)))
}

/// The fault of a run that a signal ended before any change.
pub fn interrupted(signal: i32) -> Fault {
    interrupted_while(signal, "nothing was changed")
}

/// The fault of a run that a signal ended, with what is true of it now.
pub fn interrupted_while(signal: i32, outcome: &str) -> Fault {
    let name = match signal {
        1 => "SIGHUP".to_owned(),
        2 => "Ctrl-C (SIGINT)".to_owned(),
        15 => "SIGTERM".to_owned(),
        other => format!("signal {other}"),
    };
    Fault::new(Exit::Signal(signal), format!("Ended by {name}; {outcome}"))
}

/// The error of a run; where a signal ended it, with what is true of the whole run: a step knows only of itself.
pub fn with_outcome(error: anyhow::Error, outcome: impl FnOnce() -> String) -> anyhow::Error {
    match error::exit(&error) {
        Exit::Signal(signal) => interrupted_while(signal, &outcome()).into(),
        _ => error,
    }
}
