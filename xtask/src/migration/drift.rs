//! Drift: the schema of the live database beside the one that files make in a scratch database.

use super::catalog::{Catalog, Differences};
use super::files::Migration;
use super::ledger::Ledger;
use super::rights::{self, Rights, RightsDifferences};
use super::scratch::Scratch;
use crate::postgres::server::Server;
use anyhow::Result;

/// How the live database differs from the one that files make.
#[derive(Debug, Default)]
pub struct Drift {
    pub schema: Differences,
    /// Grants, default privileges and owners.
    pub rights: RightsDifferences,
    /// The live database has grants of its own, which are not compared: a file gives them on the database that it names.
    pub of_database: bool,
}

/// What the live database lacks of what these files make, and what it has beside that. Tables of OpenFGA in it are left
/// out.
///
/// # Errors
/// A file cannot be applied to an empty database, or the server does not answer.
pub fn of<'m>(
    live: &Server<'_>,
    ledger: &Ledger,
    scratch: &mut Scratch<'_, '_>,
    migrations: impl IntoIterator<Item = &'m Migration>,
) -> Result<Drift> {
    scratch.replay(migrations)?;
    let (mut schema, runner) = (Catalog::made_by_files(live, &ledger.name()?)?, rights::runner(live, ledger)?);
    let mut rights = Rights::out_of(&mut schema, runner);
    if schema.leave_out_openfga() {
        rights.leave_out_openfga();
    }
    let (mut made, runner) = scratch.made_by_files()?;
    let given = Rights::out_of(&mut made, runner);
    let of_database = live.query(
        "SELECT pg_catalog.to_json(d.datacl IS NOT NULL) FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database()",
    );
    Ok(Drift { schema: made.differences(&schema), rights: given.differences(&rights), of_database: of_database? })
}
