//! A plain SQL dump as a stream: read once, in constant memory, in any pieces. It is whole, or the first
//! thing that is wrong with it is named.
//!
//! psql itself cannot tell a cut dump from a whole one, so everything that pg_dump's text promises is
//! checked: its first lines, its end to the last byte, quotes closed, every `COPY` block ended and each of
//! its rows with as many columns as its header.

mod body;
mod copy;
mod copy_header;
mod foreign;
mod keyword;
mod names;
mod openfga;
mod rows;
mod scanner;
mod statement;
#[cfg(test)]
mod tests;
mod watching;
mod written;

pub use openfga::{Ids, OpenFga};
pub use scanner::Scanner;

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

/// The first thing that is wrong with a dump.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// Counted from 1.
    pub line: u64,
    pub what: String,
    /// The text simply ends too early; what is there is right.
    pub cut: bool,
}

impl fmt::Display for Flaw {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "line {}: {}", self.line, self.what)
    }
}

impl std::error::Error for Flaw {}

/// One `COPY` block: which table its header names, and how many rows it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copied {
    pub schema: String,
    pub name: String,
    pub rows: u64,
}

/// What a whole dump holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contents {
    /// As pg_dump wrote it: `15.18 (Debian 15.18-0+deb12u1)`.
    pub server_version: Option<String>,
    pub pg_dump_version: Option<String>,
    /// Every `COPY` block, in order.
    pub copied: Vec<Copied>,
    /// Roles that owners, grants, policies and user mappings name.
    pub roles: BTreeSet<String>,
    /// Those of them that get something to own, or whose defaults are set.
    pub owners: BTreeSet<String>,
    pub extensions: BTreeSet<String>,
    /// OpenFGA's data, if its tables are there.
    pub openfga: Option<OpenFga>,
    pub openfga_ids: Ids,
    /// Applied versions of sqlx's ledger; `None`: the dump has no ledger.
    pub migrations: Option<BTreeSet<i64>>,
    /// Where the dump's own `\restrict` and `\unrestrict` lines are, in bytes from its beginning.
    pub restrict_lines: Vec<Range<u64>>,
}
