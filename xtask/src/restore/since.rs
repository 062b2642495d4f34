//! What was written since a swap, and would go with an undo.

use crate::postgres::activity::{Counters, Written};
use crate::postgres::quote::literal;
use crate::postgres::session;
use crate::restore::mark::Mark;
use crate::target::Target;
use anyhow::Result;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// OpenFGA's own record of its tuples.
#[derive(Debug, Serialize, Deserialize)]
pub struct Tuples {
    pub written: u64,
    pub deleted: u64,
}

/// Rows by the server's counters, tuples by OpenFGA's changelog.
#[derive(Debug, Serialize)]
pub struct Since {
    /// Tables that were written to; `None`: not known. The counters come a moment late.
    pub tables: Option<BTreeMap<String, Written>>,
    /// `None` where the database holds nothing of OpenFGA's.
    pub tuples: Option<Tuples>,
}

/// A question is not worth more of anybody's time.
const PATIENCE: &str = "SET statement_timeout TO '10s'; SET lock_timeout TO '3s'; RESET search_path;";

impl Since {
    /// Asks the live database. What cannot be read is not known, and stops nothing.
    pub fn swap(target: &Target, run: &str, mark: &Mark) -> Result<Self> {
        let now = Counters::of(target, run, target.database()).ok();
        let tables = mark.written.as_ref().zip(now).and_then(|(before, now)| now.since(before));
        let changelog = format!(
            "{PATIENCE} SELECT pg_catalog.json_build_object( \
             'written', pg_catalog.count(*) FILTER (WHERE operation = 0), \
             'deleted', pg_catalog.count(*) FILTER (WHERE operation = 1)) FROM \
             (SELECT store, object_type, ulid, operation FROM changelog WHERE inserted_at > {}) AS c",
            literal(&mark.at)?
        );
        Ok(Self { tables, tuples: session::query(target, run, &changelog).ok() })
    }
}
