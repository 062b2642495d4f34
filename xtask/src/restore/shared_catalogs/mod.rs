//! What belongs to the whole server and to no single database: databases with comments and settings, roles, memberships,
//! tablespaces, parameter grants. A load changes none of it. The functions of a file run while it loads, with the loading
//! role's rights, so this is compared before and after.

mod change;
mod entry;
mod guard;
mod query;

pub use guard::Guard;

use crate::postgres::quote::literal;
use crate::postgres::{maintenance_database, questions, session};
use crate::target::Target;
use anyhow::{Context as _, Result};
use change::Change;
use entry::{Entry, Kind};
use query::Readable;
use std::collections::BTreeMap;
use std::time::Duration;

/// The shared catalogs at one time, without what belongs to the subscriptions of one database.
#[derive(Debug)]
struct SharedCatalogs {
    readable: Readable,
    /// The loaded database's name.
    own: String,
    entries: BTreeMap<(Kind, String), Entry>,
}

impl SharedCatalogs {
    /// Asks the server; `own` is the database that is loaded.
    fn before(target: &Target, run: &str, own: &str) -> Result<Self> {
        let readable = serde_json::from_str(questions::ask(target, run, query::READABLE)?.trim());
        let readable = readable.context("what this role may read of the shared catalogs")?;
        let entries = entries(&questions::ask(target, run, &query::query(readable, &literal(own)?))?)?;
        Ok(Self { readable, own: own.to_owned(), entries })
    }

    /// What has changed since.
    fn changes(&self, target: &Target, run: &str) -> Result<Vec<Change>> {
        self.differences(&questions::ask(target, run, &self.query()?)?)
    }

    /// The same, from a server that may be silent.
    fn changes_within(&self, target: &Target, run: &str, deadline: Duration) -> Result<Vec<Change>> {
        let more = [("PGDATABASE", maintenance_database(target))];
        self.differences(&session::ask_with(target, run, &self.query()?, &more, deadline)?)
    }

    fn query(&self) -> Result<String> {
        Ok(query::query(self.readable, &literal(&self.own)?))
    }

    fn differences(&self, answer: &str) -> Result<Vec<Change>> {
        Ok(change::between(&self.entries, &entries(answer)?))
    }
}

fn entries(answer: &str) -> Result<BTreeMap<(Kind, String), Entry>> {
    let entries: Vec<Entry> = serde_json::from_str(answer.trim()).context("the shared catalogs")?;
    Ok(entries.into_iter().map(|entry| ((entry.kind, entry.key.clone()), entry)).collect())
}
