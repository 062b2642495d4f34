//! One object of the shared catalogs.

use serde::Deserialize;
use std::collections::BTreeMap;

/// Kinds of objects, in the order in which changes are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Database,
    Role,
    Membership,
    Settings,
    Comment,
    Label,
    Tablespace,
    Parameter,
    Subscription,
    Origin,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Entry {
    pub(super) kind: Kind,
    /// What stays the same when the object gets another name.
    pub(super) key: String,
    /// For people.
    pub(super) name: String,
    /// The database that it is or belongs to.
    pub(super) database: Option<u32>,
    /// A digest of each column.
    pub(super) columns: BTreeMap<String, Option<String>>,
}
