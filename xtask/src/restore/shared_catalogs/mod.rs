//! What belongs to the whole server and to no single database: databases with comments and settings, roles, memberships,
//! tablespaces, parameter grants. A load and a trial of migrations must change none of it. Code of their
//! files runs with the role's rights, so this is compared before and after.

mod change;
mod entry;
mod guard;
mod query;
mod roles;

pub use guard::{Guard, Tried};
pub use roles::Place;

use crate::postgres::quote::literal;
use anyhow::{Context as _, Result};
use change::Change;
use entry::{Entry, Kind};
use query::Readable;
use std::collections::BTreeMap;

/// Asks the server, in the maintenance database; gives its answer.
type Ask<'a> = &'a dyn Fn(&str) -> Result<String>;

/// The shared catalogs at one time, without what belongs to the subscriptions of one database.
#[derive(Debug)]
struct SharedCatalogs {
    readable: Readable,
    /// The name of the database in which the code runs.
    own: String,
    entries: BTreeMap<(Kind, String), Entry>,
}

impl SharedCatalogs {
    /// Asks the server; `own` is that database.
    fn before(ask: Ask<'_>, own: &str) -> Result<Self> {
        let readable = serde_json::from_str(ask(query::READABLE)?.trim());
        let readable = readable.context("what this role may read of the shared catalogs")?;
        let entries = entries(ask, readable, own)?;
        Ok(Self { readable, own: own.to_owned(), entries })
    }

    /// What has changed since.
    fn changes(&self, ask: Ask<'_>) -> Result<Vec<Change>> {
        let now = entries(ask, self.readable, &self.own)?;
        Ok(change::between(&self.entries, &now))
    }
}

fn entries(ask: Ask<'_>, readable: Readable, own: &str) -> Result<BTreeMap<(Kind, String), Entry>> {
    let answer = ask(&query::query(readable, &literal(own)?))?;
    let entries: Vec<Entry> = serde_json::from_str(answer.trim()).context("the shared catalogs")?;
    Ok(entries.into_iter().map(|entry| ((entry.kind, entry.key.clone()), entry)).collect())
}
