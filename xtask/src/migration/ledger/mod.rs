//! sqlx's table of what was applied: where it is, what is in it, and how it is written.
//!
//! The table belongs to a role that may have fewer rights than ours. It is found through the catalog alone, read by
//! `COPY`, which runs no code of its owner, and written only where the owner cannot have put code into the way
//! (`guard`). It is always named with its schema: a migration that sets `search_path` hides the bare name.

mod guard;
mod homeless;
mod locked;
mod place;
mod rows;
pub mod write;
mod writer;

pub use place::Name;
pub use rows::Row;
pub use writer::Writer;

use crate::error::Fault;
use crate::postgres::open_session::OpenSession;
use crate::postgres::server::Server;
use crate::process::signals;
use crate::words;
use anyhow::{Context as _, Result};
use homeless::Homeless;
use place::Place;

/// What the database says of its migrations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    /// The table's name, without schema.
    pub table: String,
    /// The schema that it is in, or that sqlx would make it in; `None` where search_path names no schema.
    pub schema: Option<String>,
    /// Whether the table is there.
    pub exists: bool,
    /// The schema in which sqlx would make another ledger, because `search_path` names it first.
    pub shadowed_by: Option<String>,
    /// Why there is no schema for it.
    homeless: Homeless,
    /// Oldest version first.
    pub rows: Vec<Row>,
}

impl Ledger {
    /// Reads it in a fresh session of this database; `schemas` are those that are made before it.
    ///
    /// # Errors
    /// A ledger that search_path hides, or one without rows beside another one with rows: everything would be applied
    /// again. Something of that name that is no plain table with the columns of sqlx's.
    pub fn read(server: &Server<'_>, name: &Name, schemas: &[String]) -> Result<Self> {
        Self::read_in(server, name, schemas, true)
    }

    /// The same while files run, when another ledger does not matter any more.
    ///
    /// # Errors
    /// As [`Ledger::read`], but for another one with rows.
    pub fn read_again(server: &Server<'_>, name: &Name, schemas: &[String]) -> Result<Self> {
        Self::read_in(server, name, schemas, false)
    }

    fn read_in(server: &Server<'_>, name: &Name, schemas: &[String], alone: bool) -> Result<Self> {
        let mut session = OpenSession::start_asking(server)?;
        let answer = session.run(&place::question(name)?)?.join("\n");
        let place: Place = serde_json::from_str(&answer).context("the place of the ledger")?;
        place.check(name, server.target().user())?;
        let lines = match place.rows_question(&name.table)? {
            Some(question) => {
                let read = session.run(&locked::patient(&question));
                read.map_err(|error| locked::named(error, &name.table, server))?
            }
            None => Vec::new(),
        };
        let mut rows = lines.iter().map(|line| Row::parse(line)).collect::<Result<Vec<Row>>>()?;
        rows.sort_by_key(|row| row.version);
        if alone && rows.is_empty() && name.schema.is_none() {
            refuse_other_rows(&mut session, &place, name, schemas)?;
        }
        Ok(Self {
            table: name.table.clone(),
            exists: place.found.is_some(),
            shadowed_by: place.shadow(schemas),
            schema: place.schema(schemas),
            homeless: place.homeless(name, server.target().user()),
            rows,
        })
    }

    /// Its name as SQL writes it, schema included.
    ///
    /// # Errors
    /// The session has no schema that a table could be made in, or the name cannot be written without a backslash.
    pub fn name(&self) -> Result<String, Fault> {
        let schema = self.schema.as_deref().map_or_else(|| Err(self.homeless.fault()), Ok)?;
        let name = place::qualified(schema, &self.table)?;
        // Where a name stands in a value, a backslash cannot be written otherwise.
        if [schema, &self.table].iter().any(|part| part.contains('\\')) {
            let fault = format!("The ledger {name} has a backslash in its name, which psql could take for a command");
            return Err(Fault::failed(fault).hint("rename its schema or the table"));
        }
        Ok(name)
    }

    /// The row of this version.
    pub fn row(&self, version: i64) -> Option<&Row> {
        self.rows.iter().find(|row| row.version == version)
    }
}

/// Another table with rows that sqlx may have made: a service names it in code, another checkout in its `sqlx.toml`; or a
/// file's `SET search_path` decided under sqlx where its row went. Everything would be applied again. A checkout that
/// names its own ledger with its schema has said which one is meant.
fn refuse_other_rows(session: &mut OpenSession, place: &Place, name: &Name, schemas: &[String]) -> Result<()> {
    for other in place.others(&name.table) {
        let versions = other.versions_question()?.map(|question| session.run(&question)).transpose();
        signals::check()?;
        let has = match &versions {
            Ok(Some(versions)) if versions.is_empty() => continue,
            Ok(Some(versions)) => format!("has {}", words::counted(versions.len() as u64, "version", "versions")),
            Ok(None) | Err(_) => "cannot be read".to_owned(),
        };
        let other_name = other.name()?;
        let fault = match place.found {
            Some(_) => format!("The ledger on the search_path is empty, and {other_name} {has}"),
            None => format!("There is no ledger {} yet, and {other_name} {has}", name.table),
        };
        let own = match place.schema(schemas) {
            Some(schema) => format!("; if that one is another program's: {}", place::setting(&schema, &name.table)?),
            None => String::new(),
        };
        let hint = format!("name the right one in sqlx.toml: {}{own}", other.setting()?);
        let fault = Fault::failed(fault).hint(hint);
        return match versions {
            Err(error) => Err(error.context(fault)),
            Ok(_) => Err(fault.into()),
        };
    }
    Ok(())
}
