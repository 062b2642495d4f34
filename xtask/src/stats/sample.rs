//! What the server counts in a database, looked at twice: how much of it happens in a second.

use crate::postgres::quote::literal;
use crate::postgres::reader::Reader;
use anyhow::Result;
use serde::{Deserialize, Serialize};

/// The counters of a database at one moment, since the server last reset them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// The server's clock, in seconds since 1970.
    #[serde(skip_serializing)]
    at: f64,
    pub commits: u64,
    pub rollbacks: u64,
    pub blocks_read: u64,
    /// Blocks that were found in the server's memory.
    pub blocks_hit: u64,
    pub temporary_files: u64,
    pub temporary_bytes: u64,
    pub deadlocks: u64,
    /// When the counters began; `None`: they were never reset.
    pub counted_since: Option<String>,
    #[serde(skip_serializing)]
    started_at: String,
}

/// What happened between two samples.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rates {
    pub interval_seconds: f64,
    pub transactions_per_second: f64,
    pub rollbacks_per_second: f64,
    pub deadlocks: u64,
    pub temporary_bytes: u64,
}

impl Sample {
    /// The counters of this database now; the reader may be connected to another one.
    pub fn read(reader: &mut Reader<'_>, database: &str) -> Result<Self> {
        reader.ask(&format!(
            "SELECT pg_catalog.json_build_object(
  'at', EXTRACT(epoch FROM pg_catalog.clock_timestamp())::pg_catalog.float8, 'commits', xact_commit,
  'rollbacks', xact_rollback, 'blocks_read', blks_read, 'blocks_hit', blks_hit, 'temporary_files', temp_files,
  'temporary_bytes', temp_bytes, 'deadlocks', deadlocks, 'counted_since', stats_reset,
  'started_at', pg_catalog.pg_postmaster_start_time())
FROM pg_catalog.pg_stat_database WHERE datname = {};",
            literal(database)?
        ))
    }

    /// The part of the blocks that came from the server's memory, from 0 to 1; `None` where none was read yet.
    pub fn hit_ratio(&self) -> Option<f64> {
        ratio(self.blocks_hit, self.blocks_hit.saturating_add(self.blocks_read))
    }

    /// Seconds by the server's clock since an earlier sample.
    pub fn seconds_since(&self, before: &Self) -> f64 {
        self.at - before.at
    }

    /// What happened since an earlier sample; `None` where the counters were reset meanwhile.
    pub fn since(&self, before: &Self) -> Option<Rates> {
        let interval = self.seconds_since(before);
        let is_same = self.started_at == before.started_at && self.counted_since == before.counted_since;
        if !is_same || interval <= 0.0 {
            return None;
        }
        let grown = |of: fn(&Self) -> u64| of(self).checked_sub(of(before));
        let (commits, rollbacks) = (grown(|sample| sample.commits)?, grown(|sample| sample.rollbacks)?);
        Some(Rates {
            interval_seconds: interval,
            transactions_per_second: per_second(commits.saturating_add(rollbacks), interval),
            rollbacks_per_second: per_second(rollbacks, interval),
            deadlocks: grown(|sample| sample.deadlocks)?,
            temporary_bytes: grown(|sample| sample.temporary_bytes)?,
        })
    }
}

/// A part of a whole; `None` of nothing.
#[expect(clippy::cast_precision_loss, reason = "a part is shown with one decimal")]
pub(super) fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[expect(clippy::cast_precision_loss, reason = "a rate is shown with one decimal")]
pub(super) fn per_second(count: u64, seconds: f64) -> f64 {
    count as f64 / seconds
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(at: f64, commits: u64, rollbacks: u64) -> Sample {
        let (counted_since, started_at) = (None, "2026-01-01T00:00:00+00:00".to_owned());
        Sample {
            at,
            commits,
            rollbacks,
            blocks_read: 0,
            blocks_hit: 0,
            temporary_files: 0,
            temporary_bytes: 0,
            deadlocks: 0,
            counted_since,
            started_at,
        }
    }

    #[test]
    fn rates_are_what_was_counted_in_between() {
        let rates = sample(12.0, 130, 14).since(&sample(10.0, 100, 10)).unwrap();
        assert_eq!((rates.transactions_per_second, rates.rollbacks_per_second), (17.0, 2.0));
        assert_eq!(rates.interval_seconds, 2.0);
    }

    #[test]
    fn counters_that_were_reset_in_between_give_no_rates() {
        let before = sample(10.0, 100, 10);
        let reset = Sample { counted_since: Some("2026-01-02T00:00:00+00:00".into()), ..sample(12.0, 200, 20) };
        let restarted = Sample { started_at: "2026-01-03T00:00:00+00:00".into(), ..sample(12.0, 200, 20) };
        for now in [reset, restarted, sample(12.0, 99, 10), sample(12.0, 100, 9), sample(10.0, 100, 10)] {
            assert_eq!(now.since(&before), None, "{now:?}");
        }
    }

    #[test]
    fn no_block_that_was_read_is_no_hit_rate() {
        assert_eq!(sample(0.0, 0, 0).hit_ratio(), None);
        let read = Sample { blocks_read: 1, blocks_hit: 3, ..sample(0.0, 0, 0) };
        assert_eq!(read.hit_ratio(), Some(0.75));
    }
}
