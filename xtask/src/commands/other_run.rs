//! A lock that another run may have: taken at once, or waited for with a word on who has it.

use crate::context::Context;
use crate::error::{self, Exit};
use crate::terminal;
use anyhow::Result;
use std::time::{Duration, Instant};

/// How long to wait for another run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wait {
    limit: Duration,
    end: Instant,
    /// The option that sets the limit, if there is one.
    option: Option<&'static str>,
}

impl Wait {
    /// From now on.
    pub(super) fn begin(limit: Duration, option: Option<&'static str>) -> Self {
        Self { limit, end: Instant::now() + limit, option }
    }

    /// Takes a lock at once; else says which session has it, and takes it before the end. `take` waits as long as its
    /// argument says.
    ///
    /// # Errors
    /// Those of `take`: exit 5 where the lock is not free by then.
    pub(super) fn take<T>(self, context: &Context, take: &mut dyn FnMut(Duration) -> Result<T>) -> Result<T> {
        match take(Duration::ZERO) {
            Err(error) if error::exit(&error) == Exit::Locked && !self.limit.is_zero() => {
                let option = self.option.map(|option| format!(" ({option})")).unwrap_or_default();
                let line = format!("{error}; waiting up to {} s{option}", self.limit.as_secs());
                context.terminal.note(&terminal::clean_line(&line));
                let _line = context.terminal.waiting("waiting for the other run");
                take(self.end.saturating_duration_since(Instant::now()))
            }
            taken => taken,
        }
    }
}
