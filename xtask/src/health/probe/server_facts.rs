//! What the server says of itself and of the database.

use crate::postgres::openfga_tables::Known;
use crate::restore::workers::Idle;
use serde::Deserialize;

/// The server and the database, as they say themselves.
#[derive(Debug, Deserialize)]
pub struct Facts {
    pub version: String,
    pub recovery: bool,
    pub read_only: bool,
    pub size_bytes: u64,
    /// Client sessions of the whole server.
    pub used: u64,
    /// `max_connections`, and how many of them only superusers get.
    pub most: u64,
    pub reserved: u64,
    /// Whether it tells us what the sessions of other users do.
    pub sees_all: bool,
    /// The oldest open transaction of the database, our own tools' apart.
    pub oldest: Option<Transaction>,
    pub idle_in_transaction: u64,
    /// Indexes that the server does not use; those that are being built are none.
    pub invalid_indexes: Vec<String>,
    /// Whether there are rows that a backup would save.
    pub has_data: bool,
    pub data_directory: Option<String>,
    /// Extensions whose background worker does not run.
    pub idle_workers: Vec<Idle>,
    /// Those that `ALTER DATABASE` and `ALTER ROLE` made, for sessions in this database.
    pub settings: Vec<Setting>,
    /// Schemas in which every role may create something.
    pub open_schemas: Vec<String>,
    /// OpenFGA's revision.
    #[serde(skip)]
    pub revision: Known<u64>,
    /// Ids of OpenFGA's stores, not deleted, the first of them.
    #[serde(skip)]
    pub stores: Known<Vec<String>>,
}

/// An open transaction, and for how many seconds it has been open.
#[derive(Debug, Deserialize)]
pub struct Transaction {
    pub pid: i64,
    pub application: String,
    pub state: String,
    pub seconds: i64,
}

/// One setting, and whose sessions it is for.
#[derive(Debug, Deserialize)]
pub struct Setting {
    /// For this database alone.
    pub database: bool,
    /// `None`: for every role.
    pub role: Option<String>,
    /// `name=value`.
    pub entry: String,
}
