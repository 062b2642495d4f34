//! What a restore would change, counted before the question.

use super::live::Live;
use crate::backup::manifest;
use crate::error::{self, Cause};
use crate::postgres::dump::{Contents, Copied, Ids};
use crate::postgres::locks;
use crate::postgres::openfga_tables::{self, Known};
use crate::postgres::reader::Reader;
use crate::postgres::row_counts::{self, Rows};
use crate::postgres::server::Server;
use crate::target::client_error;
use anyhow::Result;
use serde::Serialize;
use std::collections::BTreeMap;

/// Above this size rows are estimated from the planner's statistics: counting would take minutes.
const COUNTED_UP_TO: u64 = 1_000_000_000;

/// Rows of a table now and in the backup; `None`: the table is not there.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Change {
    pub schema: String,
    pub table: String,
    pub now: Option<u64>,
    /// Whether the live row counts are an estimate: the database is large, or counting would run code of the table's
    /// owner.
    pub estimated: bool,
    pub backup: Option<u64>,
    /// The backup creates it and holds no rows of it.
    pub rows_left_out: bool,
}

/// A preview.
#[derive(Debug, Serialize)]
pub struct Plan {
    /// `None` where the live database is absent or cannot be read.
    pub tables: Option<Vec<Change>>,
    /// Whether some of the live row counts are estimates.
    pub estimated: bool,
    /// Why the live database cannot be read.
    pub unreadable: Option<String>,
    /// Why stores and models are not compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_compared: Option<String>,
    /// OpenFGA's stores and models that would appear and disappear, as `id name` and `id`.
    pub stores_gained: Vec<String>,
    pub stores_lost: Vec<String>,
    pub models_gained: usize,
    pub models_lost: usize,
    /// Sessions that would be cut, by program.
    pub sessions: Vec<String>,
    /// Background workers of extensions that end with the swap.
    pub workers: Vec<String>,
}

impl Plan {
    /// Compares the live database with what comes in its place. A live database that cannot be read shortens the plan
    /// and stops nothing.
    pub fn draw(server: &Server<'_>, live: &Live, then: &Contents) -> Result<Self> {
        let mut plan = Self {
            tables: None,
            estimated: false,
            unreadable: None,
            not_compared: None,
            stores_gained: Vec::new(),
            stores_lost: Vec::new(),
            models_gained: 0,
            models_lost: 0,
            sessions: live.facts.sessions.clone(),
            workers: live.facts.workers.clone(),
        };
        let Some(properties) = &live.properties else { return Ok(plan) };
        let counted = properties.size_bytes.get() <= COUNTED_UP_TO;
        let read = Reader::start(server)
            .and_then(|mut reader| row_counts::of(&mut reader, counted).map(|rows| (reader, rows)));
        match read {
            Ok((mut reader, now)) => {
                plan.estimated = now.iter().any(|table| table.estimated);
                plan.tables = Some(changes(now, then));
                if then.openfga.is_some() || plan.has_openfga() {
                    plan.compare_ids(openfga_tables::ids(&mut reader), &then.openfga_ids);
                }
            }
            Err(error) => plan.unreadable = Some(why_unreadable(server, &error)),
        }
        Ok(plan)
    }

    /// Whether the live database or the backup may have tables.
    pub fn has_tables(&self) -> bool {
        self.tables.as_ref().is_none_or(|tables| !tables.is_empty())
    }

    /// Whether the live database holds OpenFGA's tables.
    pub fn has_openfga(&self) -> bool {
        let tables = self.tables.as_deref().unwrap_or_default();
        let is_there = |name: &&str| tables.iter().any(|table| table.now.is_some() && table.table == *name);
        ["store", "authorization_model", "tuple"].iter().all(is_there)
    }

    fn compare_ids(&mut self, now: Result<Known<openfga_tables::Ids>>, backup: &Ids) {
        let now = match now {
            Ok(Known::Is(now)) => now,
            Ok(Known::Absent) => openfga_tables::Ids::default(),
            Ok(Known::Unread(what)) => {
                self.not_compared = Some(format!("{what}, which this program does not read"));
                return;
            }
            Err(error) => {
                self.not_compared = Some(client_error::server_message(&error));
                return;
            }
        };
        let missing = |from: &BTreeMap<String, String>, there: &BTreeMap<String, String>| -> Vec<String> {
            from.iter().filter(|(id, _)| !there.contains_key(*id)).map(|(id, name)| format!("{id} {name}")).collect()
        };
        self.stores_gained = missing(&backup.stores, &now.stores);
        self.stores_lost = missing(&now.stores, &backup.stores);
        self.models_gained = backup.models.difference(&now.models).count();
        self.models_lost = now.models.difference(&backup.models).count();
    }
}

/// The session that holds the lock, if there is one, else the message of the server.
fn why_unreadable(server: &Server<'_>, error: &anyhow::Error) -> String {
    if error::cause(error) == Some(Cause::LockTimeout) {
        let holders = locks::holders(server).unwrap_or_default();
        if let Some(holder) = holders.first() {
            return holder.to_string();
        }
    }
    client_error::server_message(error)
}

/// The rows of each table, now and in the backup.
pub(super) fn changes(now: Vec<Rows>, then: &Contents) -> Vec<Change> {
    let mut tables: BTreeMap<(String, String), Change> = BTreeMap::new();
    // A dump that is not UTF-8 has other names for the tables of now.
    let mut as_dumped: BTreeMap<(String, String), Vec<(String, String)>> = BTreeMap::new();
    for Rows { schema, table, bytes, rows, estimated } in now {
        let name = (schema.clone(), table.clone());
        as_dumped.entry((as_read(&bytes.0), as_read(&bytes.1))).or_default().push(name.clone());
        tables.insert(name, Change { schema, table, now: Some(rows), estimated, ..Change::default() });
    }
    let empty = then.unfilled.iter().cloned().map(|(schema, name)| Copied { schema, name, rows: 0 });
    let left_out = then.without_rows();
    for Copied { schema, name: table, rows } in empty.chain(manifest::tables(&then.filled())) {
        let dumped = (schema.clone(), table.clone());
        let name = match as_dumped.get(&dumped).map(Vec::as_slice) {
            Some([name]) => name.clone(),
            _ => dumped.clone(),
        };
        let rows_left_out = left_out.is_some_and(|tables| tables.contains(&dumped));
        let absent = Change { schema, table, ..Change::default() };
        let change = tables.entry(name).or_insert(absent);
        (change.backup, change.rows_left_out) = (Some(rows), rows_left_out);
    }
    tables.into_values().collect()
}

/// What the reader of a dump makes of these bytes of a name.
fn as_read(hex: &str) -> String {
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = hex.as_bytes().chunks(2).map(byte).collect();
    String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_of_a_dump_that_is_not_utf8_is_that_of_now() {
        let row = |table: &str, hex: &str| Rows {
            schema: "public".to_owned(),
            table: table.to_owned(),
            bytes: ("7075626c6963".to_owned(), hex.to_owned()),
            rows: 1,
            estimated: false,
        };
        let copied = |name: &str| Copied { schema: "public".to_owned(), name: name.to_owned(), rows: 2 };
        let then =
            Contents { copied: vec![copied("t"), copied("\u{fffd}l"), copied("\u{fffd}")], ..Contents::default() };
        // The last two are the same for who reads a dump.
        let now = vec![row("t", "74"), row("öl", "f66c"), row("ä", "e4"), row("ü", "fc")];
        let changes = changes(now, &then);
        let shown: Vec<_> = changes.iter().map(|c| (c.table.as_str(), c.now, c.backup)).collect();
        let (here, both) = (Some(1), Some(2));
        assert_eq!(
            shown,
            [("t", here, both), ("ä", here, None), ("öl", here, both), ("ü", here, None), ("\u{fffd}", None, both)]
        );
    }
}
