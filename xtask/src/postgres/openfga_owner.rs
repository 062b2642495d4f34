//! Whether `openfga migrate` may run with our login. It is another's program: what it names without a schema it finds on the
//! path that role and database have, and the owner of the database decides what is found there.

use super::openfga_tables::{self, Known, NEWEST_REVISION};
use super::quote::literal;
use super::reader::Reader;
use super::server::Server;
use crate::error::Fault;
use crate::target::backend::OwnMigration;
use crate::target::openfga_migration::not_migrated;
use anyhow::{Context as _, Result};

/// The role that owns this database, where code of it would gain rights by our login: it may not do what our login may, and
/// is not what our login, no superuser, gets its own rights from.
pub(super) fn weaker_owner(server: &Server<'_>, database: &str) -> Result<Option<String>> {
    let sql = format!(
        "SELECT COALESCE(pg_catalog.json_agg(o.rolname), '[]') FROM pg_catalog.pg_database AS d \
         JOIN pg_catalog.pg_roles AS o ON o.oid = d.datdba JOIN pg_catalog.pg_roles AS me ON me.rolname = session_user \
         WHERE d.datname = {} AND NOT o.rolsuper AND NOT pg_catalog.pg_has_role(o.oid, me.oid, 'MEMBER') \
         AND (me.rolsuper OR NOT pg_catalog.pg_has_role(me.oid, o.oid, 'MEMBER'))",
        literal(database)?
    );
    let owners: Vec<String> = serde_json::from_str(server.ask(&sql)?.trim()).context("the owner of the database")?;
    Ok(owners.into_iter().next())
}

/// What is said where the owner has to migrate the tables. Nothing is known to be left to do where they have the newest
/// revision.
///
/// # Errors
/// They have not, or cannot be read.
pub(super) fn owner_migrates(owner: &str, server: &Server<'_>, own: &OwnMigration) -> Result<Fault> {
    let target = server.target();
    let refused = not_migrated(owner, target.user(), target.database(), own);
    match openfga_tables::revision(&mut Reader::start(server)?)? {
        Known::Is(revision) if revision >= NEWEST_REVISION => {
            let what = format!("{refused}; they have revision {revision}, the newest that this program knows");
            Ok(Fault::failed(what).hint(refused.hint_text().unwrap_or_default()))
        }
        _ => Err(refused.into()),
    }
}
