//! What a statement says of the dump as a whole, and whether a load can do without it.

use super::written::Meaning;
use crate::postgres::dump::{Contents, Statistics};

/// A statement that asks for what is so already in a load, which begins with settings of its own and in a new database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Needless {
    /// No limit for transactions. Servers before PostgreSQL 17 do not know the setting.
    TransactionTimeout,
    /// `CREATE SCHEMA public`, as pg_dump writes it where an option names that schema. Its privileges are written as
    /// changes of those that the schema has in a new database: making another one would lose them.
    PublicSchema,
}

/// `creates`: whether the dump has made anything before.
pub(super) fn tell(meaning: Meaning, line: u64, creates: bool, contents: &mut Contents) {
    match meaning {
        Meaning::ForeignTable | Meaning::ForeignPartition => {
            contents.foreign_tables = contents.foreign_tables.saturating_add(1);
        }
        Meaning::Begin => contents.begins_transactions = true,
        Meaning::ActsAs => contents.acts_as_owners = true,
        Meaning::Statistics => {
            contents.statistics.get_or_insert(Statistics { line, of_other_tables: !creates });
        }
        _ => {}
    }
}
