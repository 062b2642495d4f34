//! What a restore would change, counted before anybody is asked.

use super::live::Live;
use crate::backup::manifest;
use crate::postgres::dump::{Contents, Ids};
use crate::postgres::locks;
use crate::postgres::openfga_tables::{self, Known};
use crate::postgres::reader::Reader;
use crate::postgres::row_counts::{self, Rows};
use crate::postgres::server::Server;
use anyhow::Result;
use serde::Serialize;
use std::collections::BTreeMap;

/// Above this size rows are estimated from the planner's statistics: counting would take minutes.
const COUNTED_UP_TO: u64 = 1_000_000_000;

/// Rows of a table now and in the backup; `None`: the table is not there.
#[derive(Debug, Clone, Serialize)]
pub struct Change {
    pub schema: String,
    pub table: String,
    pub now: Option<u64>,
    /// Whether the live row counts are an estimate: the database is large, or counting would run code of the table's
    /// owner.
    pub estimated: bool,
    pub backup: Option<u64>,
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
                self.not_compared = Some(server_message(&format!("{error:#}")));
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
    let said = format!("{error:#}");
    if said.contains(" lock timeout") {
        let holders = locks::holders(server).unwrap_or_default();
        if let Some(holder) = holders.first() {
            return holder.to_string();
        }
    }
    server_message(&said)
}

/// What the server says, without psql's words before it.
fn server_message(said: &str) -> String {
    let server = said.lines().find_map(|line| line.split_once(" ERROR:  ").map(|(_, message)| message.to_owned()));
    server.unwrap_or_else(|| said.to_owned())
}

fn changes(now: Vec<Rows>, then: &Contents) -> Vec<Change> {
    let mut tables: BTreeMap<(String, String), Change> = BTreeMap::new();
    let mut change = |schema: String, table: String, set: &dyn Fn(&mut Change)| {
        let empty =
            || Change { schema: schema.clone(), table: table.clone(), now: None, estimated: false, backup: None };
        set(tables.entry((schema.clone(), table.clone())).or_insert_with(empty));
    };
    for rows in now {
        change(rows.schema, rows.table, &|change| {
            (change.now, change.estimated) = (Some(rows.rows), rows.estimated);
        });
    }
    for table in manifest::tables(&then.filled()) {
        change(table.schema, table.name, &|change| change.backup = Some(table.rows));
    }
    tables.into_values().collect()
}
