//! OpenFGA's stores in the database: their models, their tuples, and when they were changed last.

use crate::postgres::openfga_tables::Known;
use crate::postgres::quote::identifier;
use crate::postgres::reader::Reader;
use crate::postgres::relation::{Found, Table, Wanted};
use crate::postgres::server::Server;
use anyhow::Result;
use chrono::{DateTime, FixedOffset, SecondsFormat};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const STORES: Wanted = Wanted { name: "store", columns: &["id", "name", "deleted_at"] };
const MODELS: Wanted = Wanted { name: "authorization_model", columns: &["store", "authorization_model_id"] };
const TUPLES: Wanted = Wanted { name: "tuple", columns: &["store", "object_type", "ulid"] };
const CHANGES: Wanted = Wanted { name: "changelog", columns: &["store", "ulid", "inserted_at"] };

/// Stores beyond these are not reported.
const MOST: usize = 10_000;
/// How long a locked table is waited for; then it is named.
const LOCK_TIMEOUT: &str = "SET lock_timeout TO '1s'; SET statement_timeout TO 0";
/// How long the tuples may be counted.
const COUNTED: &str = "SET statement_timeout TO '1s'";
/// A table that only COPY may read is counted up to this size.
const COPIED_UP_TO: u64 = 16_000_000;
/// The form of a time that the server writes under `SET datestyle TO ISO`.
const TIME: &str = "%Y-%m-%d %H:%M:%S%.f%#z";

/// A store that is not deleted. What could not be read is `None`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Store {
    pub id: String,
    pub name: String,
    pub models: Option<u64>,
    pub tuples: Option<u64>,
    /// The tuples are estimated: to count them would take more than a second, or would run another role's code.
    #[serde(default)]
    pub tuples_are_estimated: bool,
    /// When a tuple was written or deleted last; `None` also where none ever was.
    pub last_change_at: Option<String>,
}

/// The four tables, as far as they are there.
struct Tables<'a> {
    stores: &'a Table,
    models: Option<&'a Table>,
    tuples: Option<&'a Table>,
    changes: Option<&'a Table>,
}

/// The stores of the server's database, those with the most tuples first.
///
/// # Errors
/// The tables of stores cannot be read.
pub fn read(reader: &mut Reader<'_>, server: &Server<'_>) -> Result<Known<Vec<Store>>> {
    reader.run(LOCK_TIMEOUT)?;
    let found = reader.find(&[STORES, MODELS, TUPLES, CHANGES])?;
    if let Found::Unread(what) = &found[0] {
        return Ok(Known::Unread(what.clone()));
    }
    let Some(stores) = found[0].table() else { return Ok(Known::Absent) };
    if !stores.readable {
        return Ok(Known::Unread(format!("this user may not read {}.{}", stores.schema, stores.name)));
    }
    let readable = |found: &'_ Found| found.table().is_some_and(|table| table.readable);
    let usable = |at: usize| found[at].table().filter(|_| readable(&found[at]));
    let tables = Tables { stores, models: usable(1), tuples: usable(2), changes: usable(3) };
    let mut stores = tables.stores(reader)?;
    tables.count_tuples(&mut stores, reader, server)?;
    stores.sort_by(|a, b| b.tuples.cmp(&a.tuples).then_with(|| a.name.cmp(&b.name)).then_with(|| a.id.cmp(&b.id)));
    Ok(Known::Is(stores))
}

impl Tables<'_> {
    /// The stores without their tuples.
    fn stores(&self, reader: &mut Reader<'_>) -> Result<Vec<Store>> {
        let mut stores = BTreeMap::new();
        reader.copy(self.stores, STORES.columns, &mut |row| {
            if let [Some(id), name, None] = row
                && stores.len() < MOST
            {
                let name = name.clone().unwrap_or_default();
                stores.insert(id.clone(), Store { id: id.clone(), name, ..Store::default() });
            }
        })?;
        if let Some(models) = self.models {
            for (id, number) in per_store(reader, models)? {
                if let Some(store) = stores.get_mut(&id) {
                    store.models = Some(number);
                }
            }
            stores.values_mut().for_each(|store| store.models = store.models.or(Some(0)));
        }
        if let Some(changes) = self.changes {
            for (id, time) in last_changes(reader, changes, self.stores)? {
                if let Some(store) = stores.get_mut(&id) {
                    store.last_change_at = Some(time);
                }
            }
        }
        Ok(stores.into_values().collect())
    }

    /// Counts the tuples where that takes a second at most and plans nothing of another role's; else they are estimated.
    fn count_tuples(&self, stores: &mut [Store], reader: &mut Reader<'_>, server: &Server<'_>) -> Result<()> {
        let Some(tuples) = self.tuples else { return Ok(()) };
        let counted = match tuples.trusted {
            true => reader.run(COUNTED).and_then(|()| counted(reader, tuples)).ok(),
            false if tuples.bytes <= COPIED_UP_TO => copied(reader, tuples, "store").ok(),
            false => None,
        };
        let (numbers, is_estimated) = match counted {
            Some(counted) => (Some(counted), false),
            // After an error the session is over.
            None => (estimated(&mut Reader::start(server)?, tuples)?, true),
        };
        for store in stores {
            let Some(numbers) = &numbers else { continue };
            store.tuples = Some(numbers.get(&store.id).copied().unwrap_or(0));
            store.tuples_are_estimated = is_estimated;
        }
        Ok(())
    }
}

/// Rows of a table for each store.
fn per_store(reader: &mut Reader<'_>, table: &Table) -> Result<BTreeMap<String, u64>> {
    if table.trusted { counted(reader, table) } else { copied(reader, table, "store") }
}

fn counted(reader: &mut Reader<'_>, table: &Table) -> Result<BTreeMap<String, u64>> {
    reader.ask(&format!(
        "SELECT COALESCE(pg_catalog.json_object_agg(s.store, s.number), '{{}}') FROM (
  SELECT store, pg_catalog.count(*) AS number FROM ONLY {} GROUP BY store) AS s;",
        name(table)?
    ))
}

fn copied(reader: &mut Reader<'_>, table: &Table, column: &str) -> Result<BTreeMap<String, u64>> {
    let mut numbers = BTreeMap::new();
    reader.copy(table, &[column], &mut |row| {
        if let [Some(store)] = row {
            *numbers.entry(store.clone()).or_insert(0_u64) += 1;
        }
    })?;
    Ok(numbers)
}

/// What ANALYZE found: the share of each store that it saw often. `None` where it saw none.
fn estimated(reader: &mut Reader<'_>, table: &Table) -> Result<Option<BTreeMap<String, u64>>> {
    let (schema, table) = (&table.schema, &table.name);
    reader.ask(&format!(
        "SELECT pg_catalog.to_json((SELECT pg_catalog.json_object_agg(v.store, pg_catalog.round(v.share * c.reltuples)::pg_catalog.int8)
  FROM pg_catalog.pg_stats AS s
  JOIN pg_catalog.pg_namespace AS n ON n.nspname = s.schemaname
  JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = s.tablename
  CROSS JOIN LATERAL ROWS FROM (pg_catalog.unnest(s.most_common_vals::pg_catalog.text::pg_catalog.text[]),
    pg_catalog.unnest(s.most_common_freqs)) AS v (store, share)
  WHERE s.schemaname = {} AND s.tablename = {} AND s.attname = 'store' AND c.reltuples >= 0));",
        crate::postgres::quote::literal(schema)?,
        crate::postgres::quote::literal(table)?
    ))
}

/// The newest entry of each store, in RFC 3339.
fn last_changes(reader: &mut Reader<'_>, changes: &Table, stores: &Table) -> Result<BTreeMap<String, String>> {
    if changes.trusted && stores.trusted {
        // The primary key begins with store and ulid, and a ulid begins with its time.
        return reader.ask(&format!(
            "SELECT COALESCE(pg_catalog.json_object_agg(s.id, c.inserted_at), '{{}}') FROM ONLY {} AS s
  CROSS JOIN LATERAL (SELECT inserted_at FROM ONLY {} AS l WHERE l.store = s.id ORDER BY l.ulid DESC LIMIT 1) AS c
  WHERE s.deleted_at IS NULL;",
            name(stores)?,
            name(changes)?
        ));
    }
    if changes.bytes > COPIED_UP_TO {
        return Ok(BTreeMap::new());
    }
    reader.run("SET timezone TO 'UTC'; SET datestyle TO 'ISO'")?;
    let mut newest: BTreeMap<String, DateTime<FixedOffset>> = BTreeMap::new();
    reader.copy(changes, &["store", "inserted_at"], &mut |row| {
        if let [Some(store), Some(time)] = row
            && let Ok(time) = DateTime::parse_from_str(time, TIME)
        {
            let known = newest.entry(store.clone()).or_insert(time);
            *known = time.max(*known);
        }
    })?;
    let shown = |time: DateTime<FixedOffset>| time.to_rfc3339_opts(SecondsFormat::Micros, false);
    Ok(newest.into_iter().map(|(store, time)| (store, shown(time))).collect())
}

fn name(table: &Table) -> Result<String> {
    Ok(format!("{}.{}", identifier(&table.schema)?, identifier(&table.name)?))
}
