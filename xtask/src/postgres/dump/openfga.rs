//! OpenFGA's data, counted from the dump itself, so that the figures are those of the file.

use super::Copied;
use memchr::memchr2;
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
/// A model's id has 26 letters, a time stamp 30.
const FIELD_KEPT: usize = 64;

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
    watching: Option<Rows>,
    tuple_block: bool,
}

#[derive(Debug)]
struct Rows {
    table: Table,
    columns: usize,
    /// Positions of `deleted_at`, `id` and `name`; or of `type` and `authorization_model_id`.
    wanted: [usize; 3],
    column: usize,
    field: Vec<u8>,
    kept: [Vec<u8>; 3],
}

impl Counting {
    /// Whether the rows of this block must be looked at.
    pub(super) fn block_begins(&mut self, copied: &Copied, columns: &[String]) -> bool {
        let has = |wanted: &[&str]| wanted.iter().all(|name| columns.iter().any(|column| column == name));
        let position = |name: &str| columns.iter().position(|column| column == name).unwrap_or(usize::MAX);
        self.watching = None;
        self.tuple_block = copied.name == "tuple" && has(TUPLE);
        let (table, wanted) = match copied.name.as_str() {
            "store" if has(STORE) => (Table::Store, [position("deleted_at"), position("id"), position("name")]),
            "authorization_model" if has(MODEL) => {
                (Table::Model, [position("type"), position("authorization_model_id"), usize::MAX])
            }
            _ => return false,
        };
        match table {
            Table::Store => self.stores.get_or_insert(0),
            Table::Model => self.models.get_or_insert(0),
        };
        let columns = columns.len();
        self.watching = Some(Rows { table, columns, wanted, column: 0, field: Vec::new(), kept: Default::default() });
        true
    }

    pub(super) fn rows(&mut self, mut piece: &[u8]) {
        while let Some(rows) = self.watching.as_mut() {
            let end = memchr2(b'\t', b'\n', piece);
            let field = &piece[..end.unwrap_or(piece.len())];
            let room = FIELD_KEPT.saturating_sub(rows.field.len());
            rows.field.extend_from_slice(&field[..field.len().min(room)]);
            let Some(end) = end else { return };
            let field = std::mem::take(&mut rows.field);
            if let Some(slot) = rows.wanted.iter().position(|&column| column == rows.column) {
                rows.kept[slot] = field;
            }
            rows.column += 1;
            if piece[end] == b'\n' {
                // The end mark's line has one column only.
                if rows.column == rows.columns {
                    let [first, second, third] = &mut rows.kept;
                    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                    match rows.table {
                        Table::Store if first == b"\\N" => {
                            self.stores = self.stores.map(|count| count + 1);
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
                                self.models = self.models.map(|count| count + 1);
                            } else {
                                self.split_models.insert(std::mem::take(second));
                            }
                        }
                    }
                }
                rows.column = 0;
            }
            piece = &piece[end + 1..];
        }
    }

    pub(super) fn block_ended(&mut self, copied: &Copied) {
        self.watching = None;
        if std::mem::take(&mut self.tuple_block) {
            *self.tuples.get_or_insert(0) += copied.rows;
        }
    }

    /// All three tables, or it is not OpenFGA.
    pub(super) fn finish(&self) -> Option<OpenFga> {
        let (stores, models, tuples) = (self.stores?, self.models?, self.tuples?);
        Some(OpenFga { stores, authorization_models: models + self.split_models.len() as u64, tuples })
    }
}
