//! Drift: the schema of the live database beside the one that files make in a scratch database.

use super::catalog::{self, Catalog, Differences};
use super::files::Migration;
use super::ledger::Ledger;
use super::left_out::LeftOutStatement;
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
    /// The live database itself has grants. They are not compared: a file names the database in them.
    pub database_has_grants: bool,
    /// What was left out of the files.
    pub left_out: Vec<LeftOutStatement>,
}

/// What the live database lacks of what these files make, and what it has beside that. OpenFGA's tables are left out of
/// both.
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
    let openfga = catalog::openfga_tables(live)?;
    let left_out: Vec<String> = [ledger.name()?].into_iter().chain(openfga.clone()).collect();
    let (mut schema, runner) = (Catalog::without(live, &left_out)?, rights::runner(live, ledger)?);
    let rights = Rights::out_of(&mut schema, runner);
    let (mut made, runner) = scratch.made_by_files(openfga)?;
    let given = Rights::out_of(&mut made, runner);
    let database_has_grants: bool = live.query(
        "SELECT pg_catalog.to_json(d.datacl IS NOT NULL) FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database()",
    )?;
    let (schema, rights) = (made.differences(&schema), given.differences(&rights));
    Ok(Drift { schema, rights, database_has_grants, left_out: scratch.left_out() })
}
