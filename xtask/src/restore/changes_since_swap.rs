//! Changes since a swap, which an undo would lose.

use crate::postgres::activity::{Counters, Written};
use crate::postgres::openfga_tables::{self, Known, Tuples};
use crate::postgres::reader::Reader;
use crate::postgres::server::Server;
use crate::restore::record::Entry;
use serde::Serialize;
use std::collections::BTreeMap;

/// Rows by the server's counters, tuples by OpenFGA's changelog.
#[derive(Debug, Serialize)]
pub struct ChangesSinceSwap {
    /// Tables that were written to; `None`: not known. The counters come a moment late.
    pub tables: Option<BTreeMap<String, Written>>,
    /// `None` where the database holds nothing of OpenFGA's.
    pub tuples: Option<Tuples>,
}

impl ChangesSinceSwap {
    /// Asks the live database. What cannot be read is not known, and stops nothing.
    pub fn of(server: &Server<'_>, entry: &Entry) -> Self {
        let Ok(mut reader) = Reader::start(server) else {
            return Self { tables: None, tuples: None };
        };
        let now = Counters::read(&mut reader).ok();
        let tables = entry.details.written.as_ref().zip(now).and_then(|(before, now)| now.since(before));
        let tuples = openfga_tables::tuples_since(&mut reader, &entry.at);
        Self { tables, tuples: tuples.ok().and_then(Known::known) }
    }
}
