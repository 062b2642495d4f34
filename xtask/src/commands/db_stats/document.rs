//! `db-stats --json`, version 1: every number as it is, with its unit in the key.

use crate::postgres::openfga_tables::Known;
use crate::stats::{Activity, Database, Openfga, Rates, Requests, Sample, Statements, Stats, Store, Tables};
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct Document<'a> {
    version: u32,
    database: &'a Database,
    counters: &'a Sample,
    /// From 0 to 1; null where no block was read yet.
    cache_hit_ratio: Option<f64>,
    /// Null where the counters were reset between the two samples.
    rates: Option<Rates>,
    activity: &'a Activity,
    tables: &'a Tables,
    /// Null where there are none of OpenFGA, or they are not read.
    stores: Option<&'a [Store]>,
    stores_not_read: Option<&'a str>,
    slow_statements: &'a Statements,
    /// Null where the target has none, or its metrics are not read.
    openfga: Option<&'a Requests>,
    openfga_not_read: Option<&'a str>,
    /// What this role may not see.
    hidden: Vec<&'static str>,
}

impl<'a> Document<'a> {
    pub(super) fn of(stats: &'a Stats) -> Self {
        let (stores, stores_not_read) = match &stats.stores {
            Known::Is(stores) => (Some(stores.as_slice()), None),
            Known::Absent => (None, None),
            Known::Unread(why) => (None, Some(why.as_str())),
        };
        let (openfga, openfga_not_read) = match &stats.openfga {
            Openfga::Answered(requests) => (Some(requests), None),
            Openfga::Absent => (None, None),
            Openfga::Unread { why, .. } => (None, Some(why.as_str())),
        };
        Self {
            version: 1,
            database: &stats.database,
            counters: &stats.counters,
            cache_hit_ratio: stats.counters.hit_ratio(),
            rates: stats.rates,
            activity: &stats.activity,
            tables: &stats.tables,
            stores,
            stores_not_read,
            slow_statements: &stats.statements,
            openfga,
            openfga_not_read,
            hidden: stats.hidden(),
        }
    }
}
