//! Drift: the schema of the live database beside the one that files make in a scratch database.

use super::catalog::{Catalog, Differences};
use super::files::Migration;
use super::ledger::Ledger;
use super::scratch::Scratch;
use crate::postgres::server::Server;
use anyhow::Result;

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
) -> Result<Differences> {
    scratch.replay(migrations)?;
    let live = Catalog::made_by_files(live, &ledger.name()?)?;
    Ok(scratch.made_by_files()?.differences(&live.without_openfga()))
}
