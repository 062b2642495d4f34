//! A lock that another run may have: taken at once, or waited for with a word on who has it.

use crate::context::Context;
use crate::error::{self, Exit};
use crate::terminal;
use anyhow::Result;
use std::time::{Duration, Instant};

/// Takes a lock at once; else says which session has it, and takes it before `end`. `take` waits as long as it is told.
///
/// # Errors
/// Those of `take`: exit 5 where the lock is not free by then.
pub(super) fn outwait<T>(
    context: &Context,
    end: Instant,
    option: &str,
    take: &mut dyn FnMut(Duration) -> Result<T>,
) -> Result<T> {
    let taken = take(Duration::ZERO);
    let left = end.saturating_duration_since(Instant::now());
    match taken {
        Err(error) if error::exit(&error) == Exit::Locked && !left.is_zero() => {
            let line = format!("{error}; waiting up to {} s{option}", left.as_secs_f64().ceil());
            context.terminal.note(&terminal::clean(&line));
            let _line = context.terminal.waiting("waiting for the other run");
            take(end.saturating_duration_since(Instant::now()))
        }
        taken => taken,
    }
}
