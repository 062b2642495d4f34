//! A plain SQL dump as a stream: read once, in constant memory, in any pieces. It is whole, or the first
//! thing that is wrong with it is named.
//!
//! psql itself cannot tell a cut dump from a whole one, so everything that pg_dump's text promises is
//! checked: its first lines, its end to the last byte, quotes closed, every `COPY` block ended and each of
//! its rows with as many columns as its header. Of statements only those pass that pg_dump writes (`statement/written`).

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod copy;
mod foreign;
mod kind;
mod layout;
mod letters;
mod names;
mod openfga;
mod rows;
mod scanner;
mod statement;
#[cfg(test)]
mod tests;
mod watching;

pub use kind::Kind;
pub use layout::{Part, PartKind};
pub use letters::Letters;
pub use openfga::{Ids, OpenFga};
pub use scanner::Scanner;
pub use scanner::readings::{Reading, Readings};
pub use statement::Made;

use super::encoding::Encoding;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
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
    /// What the file was recognised as, and with it the way to a plain dump.
    pub kind: Option<Kind>,
}

impl Flaw {
    /// Something that no dump holds, in this line.
    pub fn wrong(line: u64, what: impl Into<String>) -> Self {
        Self { line, what: what.into(), cut: false, kind: None }
    }
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

/// A name in bytes beyond ASCII, and the encoding that the dump names for them; `None`: that of the database.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct EncodedName {
    pub encoding: Option<Encoding>,
    pub bytes: Vec<u8>,
}

/// A table that a dump needs and does not create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Absent {
    pub line: u64,
    pub schema: String,
    pub name: String,
}

/// Calls that restore the planner's statistics (`--statistics`, from PostgreSQL 18 on).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statistics {
    /// The line of the first one.
    pub line: u64,
    /// The dump has made nothing before it.
    pub of_other_tables: bool,
}

/// Lines at which a psql whose session reads strings in another way than the dump says could find a meta-command: a
/// default that runs while rows are loaded can make it so. A psql that keeps to `\\restrict` is safe from it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hidden {
    /// The first `\\unrestrict`, which a psql of before 18.6, 17.11, 16.15, 15.19 and 14.24 runs programs for.
    pub unrestrict: Option<u64>,
    /// The first backslash that could be any command; it matters to a psql that does not know `\\restrict`.
    pub command: Option<u64>,
}

/// So many statements about tablespaces are noted by their lines.
pub const MOST_TABLESPACE_LINES: usize = 200;

/// What a whole dump holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contents {
    /// In pg_dump's words: `15.18 (Debian 15.18-0+deb12u1)`.
    pub server_version: Option<String>,
    pub pg_dump_version: Option<String>,
    /// Every `COPY` block, in order.
    pub copied: Vec<Copied>,
    /// Roles that owners, grants, policies and user mappings name, where the name is UTF-8.
    pub roles: BTreeSet<String>,
    /// Those of them that get something to own, or whose defaults are set.
    pub owners: BTreeSet<String>,
    /// Those roles whose names are not ASCII, also where their bytes are no UTF-8.
    pub encoded_roles: BTreeSet<EncodedName>,
    /// Those of them that get something to own, or whose defaults are set.
    pub encoded_owners: BTreeSet<EncodedName>,
    /// In which schema which role gets an object to own, and the line where it first does; names that are UTF-8.
    pub given: BTreeMap<(String, String), u64>,
    /// The owners that schemas get.
    pub schema_owners: BTreeMap<String, String>,
    /// The last `client_encoding` that the dump sets.
    pub client_encoding: Option<Encoding>,
    pub extensions: BTreeSet<String>,
    /// Tablespaces other than the database's own that objects go into.
    pub tablespaces: BTreeSet<String>,
    /// The lines in which the first [`MOST_TABLESPACE_LINES`] statements begin that name those.
    pub tablespace_lines: Vec<u64>,
    /// OpenFGA's data, if its tables are there.
    pub openfga: Option<OpenFga>,
    pub openfga_ids: Ids,
    /// Applied versions of sqlx's ledger; `None`: the dump has no ledger.
    pub migrations: Option<BTreeSet<i64>>,
    /// Rows that come in `INSERT` statements, by schema and then by name of their table.
    pub inserted: BTreeMap<String, BTreeMap<String, u64>>,
    /// Tables that the dump makes and puts no rows into, by schema and name.
    pub unfilled: BTreeSet<(String, String)>,
    /// It makes tables, and no key, index or foreign key (`--section=pre-data --section=data`).
    pub lacks_keys: bool,
    /// The line of the first thing that the dump drops without `IF EXISTS` (`--clean`): an empty database lacks it.
    pub drops: Option<u64>,
    /// The first table that is not in the dump and gets rows, a constraint or an index (`--data-only`, `--section`), or
    /// that a foreign key refers to (`--table`).
    pub absent: Option<Absent>,
    /// Schemas that it creates.
    pub schemas: BTreeSet<String>,
    /// The first object, by its line, in a schema that is neither in the dump nor in an empty database (`--table`).
    pub absent_schema: Option<(u64, String)>,
    pub hidden: Hidden,
    pub letters: Letters,
    pub statistics: Option<Statistics>,
    /// Whether it begins transactions of its own, as around large objects.
    pub begins_transactions: bool,
    /// Whether it acts as the owners of its objects (`--use-set-session-authorization`).
    pub acts_as_owners: bool,
    /// Whether checks, defaults and the like may run more than harmless functions of PostgreSQL's own while it loads: the file
    /// makes a function, a procedure or an operator, or calls another function.
    pub runs_code: bool,
    pub makes_event_triggers: bool,
    /// Partitioned tables that get rows, by schema and name: the rows are in their partitions then.
    pub filled_roots: BTreeSet<(String, String)>,
    /// Tables that get rows and that the dump does not make, by schema and name: those of an extension.
    pub filled_not_made: BTreeSet<(String, String)>,
    /// How many foreign tables it makes: what reads them while it loads connects to another server.
    pub foreign_tables: u64,
    /// The line of the first grant on an object of PostgreSQL itself.
    pub grants_on_catalog: Option<u64>,
    /// The line of the first grant on a function that it does not make, or of a new owner for one.
    pub grants_on_others: Option<u64>,
    /// The line of the first user mapping that needs no password: its role acts as another one on the foreign server.
    pub mappings_without_password: Option<u64>,
    /// The line of the first view or rule that reads catalogs of PostgreSQL which not every role may read.
    pub reads_catalogs: Option<u64>,
    /// Where the first statement ends that sets `search_path`, in bytes from the beginning: pg_dump empties it there.
    pub search_path_set: Option<u64>,
    /// Where the dump's own `\restrict` and `\unrestrict` lines are, in bytes from its beginning.
    pub restrict_lines: Vec<Range<u64>>,
    /// The statement within one line that sets no `transaction_timeout`: a load does without it.
    pub skipped_timeout: Option<Range<u64>>,
    /// The line of another statement that sets `transaction_timeout`: a load executes it.
    pub unskipped_timeout_line: Option<u64>,
    /// The statement within one line that makes schema public: a load does without it.
    pub skipped_public: Option<Range<u64>>,
    /// All of it, from the first byte to the last; empty where it has too many parts.
    pub parts: Vec<Part>,
}

impl Contents {
    /// Whether any table gets a row.
    pub fn has_rows(&self) -> bool {
        let inserted = self.inserted.values().flat_map(BTreeMap::values);
        self.copied.iter().map(|copied| &copied.rows).chain(inserted).any(|rows| *rows > 0)
    }

    /// Tables whose rows were left out (`--exclude-table-data`): pg_dump writes a `COPY` block for an empty table, too, and
    /// no `INSERT`.
    pub fn without_rows(&self) -> Option<&BTreeSet<(String, String)>> {
        Some(&self.unfilled).filter(|_| self.inserted.is_empty())
    }

    /// All that puts rows into tables: the `COPY` blocks in order, and then the tables that `INSERT` statements fill.
    pub fn filled(&self) -> Vec<Copied> {
        let mut filled = self.copied.clone();
        for (schema, tables) in &self.inserted {
            let table =
                |(name, rows): (&String, &u64)| Copied { schema: schema.clone(), name: name.clone(), rows: *rows };
            filled.extend(tables.iter().map(table));
        }
        filled
    }

    /// Counts rows of `INSERT` statements.
    fn insert(&mut self, schema: &str, name: &str, rows: u64) {
        let tables = match self.inserted.get_mut(schema) {
            Some(tables) => tables,
            None => self.inserted.entry(schema.to_owned()).or_default(),
        };
        match tables.get_mut(name) {
            Some(counted) => *counted = counted.saturating_add(rows),
            None => drop(tables.insert(name.to_owned(), rows)),
        }
    }
}
