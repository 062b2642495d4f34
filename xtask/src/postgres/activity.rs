//! What was written into a database, by the server's own counters: cheap, and not to the last row, because they come
//! a moment late and begin again when the server crashes.

use super::quote::literal;
use super::reader::Reader;
use super::server::Server;
use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Rows written so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    pub inserted: u64,
    pub updated: u64,
    pub deleted: u64,
}

impl Written {
    fn all(self) -> [u64; 3] {
        [self.inserted, self.updated, self.deleted]
    }

    /// Whether there is anything.
    fn is_any(self) -> bool {
        self.all() != [0; 3]
    }
}

/// Rows written to each table (`schema.table`) that was written to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters(pub BTreeMap<String, Written>);

const QUERY: &str = "
SELECT COALESCE(pg_catalog.json_object_agg(schemaname || '.' || relname, pg_catalog.json_build_object(
  'inserted', n_tup_ins, 'updated', n_tup_upd, 'deleted', n_tup_del)), '{}')
FROM pg_catalog.pg_stat_user_tables WHERE n_tup_ins + n_tup_upd + n_tup_del > 0";

/// The addresses from which sessions come to the target's database, as far as this role may see them; none of those that
/// come by a socket.
pub fn clients(server: &Server<'_>) -> Result<Vec<IpAddr>> {
    let name = literal(server.target().database())?;
    let sql = format!(
        "SELECT COALESCE(pg_catalog.json_agg(DISTINCT pg_catalog.host(client_addr)), '[]') \
         FROM pg_catalog.pg_stat_activity WHERE datname = {name} AND client_addr IS NOT NULL"
    );
    let text = server.ask_maintenance(&sql)?;
    let addresses: Vec<String> = serde_json::from_str(text.trim()).context("the sessions of the database")?;
    Ok(addresses.iter().filter_map(|address| address.parse().ok()).collect())
}

impl Counters {
    /// Asks the reader's database.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self> {
        reader.ask(QUERY)
    }

    /// Asks the server's database.
    pub fn of(server: &Server<'_>) -> Result<Self> {
        let text = server.ask(QUERY)?;
        serde_json::from_str(text.trim()).context("the server's counters")
    }

    /// Runs a statement there first, which takes as long as it takes; `None` where the counters cannot be read then.
    pub fn after(statement: &str, server: &Server<'_>) -> Result<Option<Self>> {
        let text = server.work(&format!("{statement};\n{QUERY}"))?;
        // The statement may have answered, too: with numbers, before the object.
        let counters = text.find('{').and_then(|start| text.get(start..));
        Ok(counters.and_then(|counters| serde_json::from_str(counters.trim()).ok()))
    }

    /// Rows changed since these counters were read; `None` where the server reset them meanwhile.
    pub fn since(&self, before: &Self) -> Option<BTreeMap<String, Written>> {
        let mut changes = BTreeMap::new();
        for (table, was) in &before.0 {
            // A table that was dropped took its counters with it.
            let grown = |now: &Written| now.all().iter().zip(was.all()).all(|(now, was)| *now >= was);
            if self.0.get(table).is_some_and(|now| !grown(now)) {
                return None;
            }
        }
        for (table, now) in &self.0 {
            let was = before.0.get(table).copied().unwrap_or_default();
            let written = Written {
                inserted: now.inserted - was.inserted,
                updated: now.updated - was.updated,
                deleted: now.deleted - was.deleted,
            };
            if written.is_any() {
                changes.insert(table.clone(), written);
            }
        }
        // All of them gone at once is a crash, not a DROP TABLE.
        (!self.0.is_empty() || before.0.is_empty()).then_some(changes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counters(rows: &[(&str, u64, u64)]) -> Counters {
        let one = |&(table, inserted, deleted): &(&str, u64, u64)| {
            (table.to_owned(), Written { inserted, updated: 0, deleted })
        };
        Counters(rows.iter().map(one).collect())
    }

    #[test]
    fn only_rows_written_since_are_counted() {
        let before = counters(&[("public.a", 5, 0), ("public.b", 3, 1), ("public.dropped", 2, 0)]);
        let now = counters(&[("public.a", 5, 0), ("public.b", 4, 3), ("public.new", 2, 0)]);
        let changes = now.since(&before).unwrap();
        let names: Vec<&String> = changes.keys().collect();
        assert_eq!(names, ["public.b", "public.new"]);
        assert_eq!(changes["public.b"], Written { inserted: 1, updated: 0, deleted: 2 });
    }

    #[test]
    fn counters_that_began_anew_tell_nothing() {
        let before = counters(&[("public.a", 5, 0)]);
        assert_eq!(counters(&[("public.a", 1, 0)]).since(&before), None);
        assert_eq!(counters(&[]).since(&before), None);
        assert_eq!(counters(&[]).since(&counters(&[])), Some(BTreeMap::new()));
    }
}
