//! OpenFGA's data, counted from the dump itself, so that the figures are those of the file.

use super::Copied;
use super::rows::Rows;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// How much authorization data a dump holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenFga {
    /// Stores that are not deleted.
    pub stores: u64,
    pub authorization_models: u64,
    pub tuples: u64,
}

/// Stores (id and name) and models (id) of a dump or a database, to compare them. Not more than `MOST_IDS` of each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ids {
    pub stores: BTreeMap<String, String>,
    pub models: BTreeSet<String>,
}

/// Memory stays bounded whatever a dump holds.
const MOST_IDS: usize = 10_000;

/// The columns by which OpenFGA's tables are known; other programs have a `store` too.
const STORE: &[&str] = &["id", "name", "created_at", "updated_at", "deleted_at"];
const MODEL: &[&str] = &["store", "authorization_model_id", "type", "type_definition"];
const TUPLE: &[&str] = &["store", "object_type", "object_id", "relation", "_user", "user_type", "ulid"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Table {
    Store,
    Model,
}

#[derive(Debug, Default)]
pub(super) struct Counting {
    stores: Option<u64>,
    models: Option<u64>,
    tuples: Option<u64>,
    /// Models of the time when each type was a row of its own.
    split_models: BTreeSet<Vec<u8>>,
    pub(super) ids: Ids,
    watching: Option<(Table, Rows)>,
    tuple_block: bool,
}

impl Counting {
    /// Whether the rows of this block must be looked at.
    pub(super) fn block_begins(&mut self, copied: &Copied, columns: &[String]) -> bool {
        let has = |wanted: &[&str]| wanted.iter().all(|name| columns.iter().any(|column| column == name));
        self.watching = None;
        self.tuple_block = copied.name == "tuple" && has(TUPLE);
        let (table, wanted) = match copied.name.as_str() {
            "store" if has(STORE) => (Table::Store, ["deleted_at", "id", "name"]),
            "authorization_model" if has(MODEL) => (Table::Model, ["type", "authorization_model_id", ""]),
            _ => return false,
        };
        match table {
            Table::Store => self.stores.get_or_insert(0),
            Table::Model => self.models.get_or_insert(0),
        };
        self.watching = Some((table, Rows::new(columns, wanted)));
        true
    }

    pub(super) fn rows(&mut self, piece: &[u8]) {
        let Some((table, mut rows)) = self.watching.take() else { return };
        rows.take(piece, &mut |fields| self.row(table, fields));
        self.watching = Some((table, rows));
    }

    fn row(&mut self, table: Table, [first, second, third]: &[Vec<u8>; 3]) {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match table {
            Table::Store if first == b"\\N" => {
                self.stores = self.stores.map(|count| count.saturating_add(1));
                if self.ids.stores.len() < MOST_IDS {
                    self.ids.stores.insert(text(second), text(third));
                }
            }
            Table::Store => {}
            Table::Model => {
                if self.ids.models.len() < MOST_IDS {
                    self.ids.models.insert(text(second));
                }
                if first.is_empty() {
                    self.models = self.models.map(|count| count.saturating_add(1));
                } else if self.split_models.len() < MOST_IDS {
                    self.split_models.insert(second.clone());
                }
            }
        }
    }

    pub(super) fn block_ended(&mut self, copied: &Copied) {
        self.watching = None;
        if std::mem::take(&mut self.tuple_block) {
            self.tuples = Some(self.tuples.unwrap_or(0).saturating_add(copied.rows));
        }
    }

    /// All three tables, or it is not OpenFGA.
    pub(super) fn finish(&self) -> Option<OpenFga> {
        let (stores, models, tuples) = (self.stores?, self.models?, self.tuples?);
        Some(OpenFga { stores, authorization_models: models.saturating_add(self.split_models.len() as u64), tuples })
    }
}
