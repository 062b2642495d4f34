//! The contents of OpenFGA's tables in the target's database, for any owner.

use super::quote::{identifier, literal};
use super::reader::Reader;
use super::relation::{Found, Table, Wanted};
use anyhow::Result;
use chrono::{DateTime, FixedOffset};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What a person types to see whose OpenFGA's tables are. The statement runs nothing of the database's owner.
pub const SEE_OWNER: &str = "see who owns it: cargo xtask db-shell -- -c \"SELECT relnamespace::pg_catalog.regnamespace, \
                             relkind, relowner::pg_catalog.regrole FROM pg_catalog.pg_class WHERE relname \
                             OPERATOR(pg_catalog.=) 'goose_db_version'\"";
/// What a person types to migrate OpenFGA's tables where this program does not.
pub const MIGRATE_BY_HAND: &str =
    "migrate them: openfga migrate --datastore-engine postgres, the database in OPENFGA_DATASTORE_URI";
const REVISIONS: Wanted = Wanted { name: "goose_db_version", columns: &["version_id", "is_applied"] };
/// The newest revision of OpenFGA's tables at the pinned version (docker-compose.yml).
pub const NEWEST_REVISION: u64 = 6;
const STORES: Wanted = Wanted { name: "store", columns: &["id", "name", "deleted_at"] };
const MODELS: Wanted = Wanted { name: "authorization_model", columns: &["authorization_model_id"] };
const CHANGES: Wanted = Wanted { name: "changelog", columns: &["operation", "inserted_at"] };

/// Stores and models beyond these are not reported.
const MOST_IDS: usize = 10_000;
/// The form of a time that the server writes under `SET datestyle TO ISO`.
const TIME: &str = "%Y-%m-%d %H:%M:%S%.f%#z";

/// An answer that a table gives.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Known<T> {
    /// The table is not there.
    #[default]
    Absent,
    Is(T),
    /// Why it is not read: `public.store is a view`.
    Unread(String),
}

impl<T> Known<T> {
    /// The answer, if there is one.
    pub fn known(self) -> Option<T> {
        match self {
            Self::Is(value) => Some(value),
            _ => None,
        }
    }

    fn of(found: &Found, read: impl FnOnce(&Table) -> Result<T>) -> Result<Self> {
        match found {
            Found::Absent => Ok(Self::Absent),
            Found::Unread(what) => Ok(Self::Unread(what.clone())),
            Found::Table(table) => read(table).map(Self::Is),
        }
    }
}

/// Stores that are not deleted (id and name) and models (id).
#[derive(Debug, Default)]
pub struct Ids {
    pub stores: BTreeMap<String, String>,
    pub models: BTreeSet<String>,
}

/// OpenFGA's own record of its tuples.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Tuples {
    pub written: u64,
    pub deleted: u64,
}

/// The newest revision of OpenFGA's tables that was applied (0: none), and the ids of its stores.
pub fn revision_and_stores(reader: &mut Reader<'_>) -> (Known<u64>, Known<Vec<String>>) {
    let unread = |error: anyhow::Error| format!("{error:#}");
    match reader.find(&[REVISIONS, STORES]) {
        Err(error) => (Known::Unread(unread(error)), Known::Unread(String::new())),
        Ok(found) => {
            let revision = newest_revision(reader, &found[0]);
            let ids = Known::of(&found[1], |table| Ok(stores(reader, table)?.into_keys().collect()));
            let or_unread = |error| Known::Unread(unread(error));
            (revision.unwrap_or_else(or_unread), ids.unwrap_or_else(|error| Known::Unread(unread(error))))
        }
    }
}

/// The newest revision of OpenFGA's tables that was applied; 0: none.
pub fn revision(reader: &mut Reader<'_>) -> Result<Known<u64>> {
    let found = reader.find(&[REVISIONS])?;
    newest_revision(reader, &found[0])
}

fn newest_revision(reader: &mut Reader<'_>, found: &Found) -> Result<Known<u64>> {
    Known::of(found, |table| {
        let mut newest = 0;
        reader.copy(table, REVISIONS.columns, &mut |row| {
            if let [Some(version), Some(applied)] = row
                && applied == "t"
            {
                newest = newest.max(version.parse().unwrap_or(0));
            }
        })?;
        Ok(newest)
    })
}

/// Stores and models of the database.
pub fn ids(reader: &mut Reader<'_>) -> Result<Known<Ids>> {
    let found = reader.find(&[STORES, MODELS])?;
    if let Some(what) = found.iter().find_map(|found| match found {
        Found::Unread(what) => Some(what),
        _ => None,
    }) {
        return Ok(Known::Unread(what.clone()));
    }
    let (Some(of_stores), Some(of_models)) = (found[0].table(), found[1].table()) else { return Ok(Known::Absent) };
    let mut ids = Ids { stores: stores(reader, of_stores)?, models: BTreeSet::new() };
    reader.copy(of_models, MODELS.columns, &mut |row| {
        if let [Some(id)] = row
            && ids.models.len() < MOST_IDS
        {
            ids.models.insert(id.clone());
        }
    })?;
    Ok(Known::Is(ids))
}

fn stores(reader: &mut Reader<'_>, table: &Table) -> Result<BTreeMap<String, String>> {
    let mut stores = BTreeMap::new();
    reader.copy(table, STORES.columns, &mut |row| {
        if let [Some(id), name, None] = row
            && stores.len() < MOST_IDS
        {
            stores.insert(id.clone(), name.clone().unwrap_or_default());
        }
    })?;
    Ok(stores)
}

/// Tuples that were written and deleted after this time (RFC 3339).
pub fn tuples_since(reader: &mut Reader<'_>, time: &str) -> Result<Known<Tuples>> {
    let found = reader.find(&[CHANGES])?;
    Known::of(&found[0], |table| {
        // By an index it may be quick, and COPY has none.
        if table.trusted { asked(reader, table, time) } else { copied(reader, table, time) }
    })
}

fn asked(reader: &mut Reader<'_>, table: &Table, time: &str) -> Result<Tuples> {
    reader.ask(&format!(
        "SET statement_timeout TO '10s'; SELECT pg_catalog.json_build_object( \
         'written', pg_catalog.count(*) FILTER (WHERE operation = 0), \
         'deleted', pg_catalog.count(*) FILTER (WHERE operation = 1)) FROM ONLY {}.{} WHERE inserted_at > {};",
        identifier(&table.schema)?,
        identifier(&table.name)?,
        literal(time)?
    ))
}

fn copied(reader: &mut Reader<'_>, table: &Table, time: &str) -> Result<Tuples> {
    let begin = DateTime::parse_from_rfc3339(time)?;
    reader.run("SET statement_timeout TO '10s'; SET timezone TO 'UTC'; SET datestyle TO 'ISO'")?;
    let mut tuples = Tuples::default();
    reader.copy(table, CHANGES.columns, &mut |row| {
        if let [Some(operation), Some(inserted_at)] = row
            && is_after(inserted_at, &begin)
        {
            match operation.as_str() {
                "0" => tuples.written += 1,
                "1" => tuples.deleted += 1,
                _ => {}
            }
        }
    })?;
    Ok(tuples)
}

fn is_after(text: &str, begin: &DateTime<FixedOffset>) -> bool {
    DateTime::parse_from_str(text, TIME).is_ok_and(|time| time > *begin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_compared_as_the_server_writes_it() {
        let begin = DateTime::parse_from_rfc3339("2025-10-21T16:30:22+02:00").unwrap();
        assert!(is_after("2025-10-21 14:30:22.000001+00", &begin) && is_after("2025-10-21 14:30:23+00", &begin));
        assert!(!is_after("2025-10-21 14:30:22+00", &begin) && !is_after("2024-10-21 14:30:22.5+00", &begin));
        assert!(!is_after("infinity", &begin) && !is_after("", &begin));
    }
}
