//! How long a run waits: for another run, and for a table that a session holds.

use crate::context::Context;
use crate::error::Fault;
use crate::postgres::locks;
use std::time::Duration;

const FOR_RUN: &str = "XTASK_WAIT_FOR_RUN";
/// For another run, where nothing else was said: a deployment starts several at once.
const RUN: Duration = Duration::from_secs(60);
/// For a table, where nothing else was said: its readers wait behind the migration.
const TABLE: Duration = Duration::from_secs(10);
/// Longest time that PostgreSQL takes for a timeout, in seconds.
const LONGEST: u64 = 2_000_000;

/// How long to wait, as typed.
#[derive(Debug, Default, clap::Args)]
pub struct Waiting {
    /// Seconds to wait for another run to end; 0 does not wait [setting: XTASK_WAIT_FOR_RUN, default: 60]
    #[arg(long, value_name = "SECONDS", value_parser = parse_wait, allow_negative_numbers = true)]
    wait_for_run: Option<Duration>,
    /// Seconds that a statement waits for a table that another session locks; new readers wait behind it [setting:
    /// XTASK_LOCK_TIMEOUT, default: 10]
    #[arg(long, value_name = "SECONDS", value_parser = locks::parse_timeout, allow_negative_numbers = true)]
    lock_timeout: Option<Duration>,
}

/// How long to wait.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// For another run.
    pub run: Duration,
    /// A statement for a lock.
    pub table: Duration,
}

impl Waiting {
    /// What was typed, else the settings, else the defaults.
    pub fn limits(&self, context: &Context) -> Result<Limits, Fault> {
        let run = match (self.wait_for_run, context.settings.get(FOR_RUN)) {
            (Some(typed), _) => typed,
            (None, Some(text)) => parse_wait(text).map_err(|why| {
                Fault::usage(format!("{FOR_RUN} is {text:?}; {why}")).hint("write the seconds alone, such as 60")
            })?,
            (None, None) => RUN,
        };
        Ok(Limits { run, table: locks::timeout(self.lock_timeout, &context.settings, TABLE)? })
    }
}

fn parse_wait(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|seconds| *seconds <= LONGEST);
    seconds.map(Duration::from_secs).ok_or_else(|| format!("it must be 0 to {LONGEST} seconds"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings;

    #[test]
    fn the_default_is_that_of_the_setting() {
        assert_eq!(settings::default_of(FOR_RUN), RUN.as_secs().to_string());
    }
}
