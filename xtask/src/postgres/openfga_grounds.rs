//! Whether OpenFGA's program may run with our login. It is another's program: what it names without a schema it finds on the
//! path that role and database have, and a role that may write there decides what is found.

use super::openfga_exposed;
use super::openfga_roles::{ABLE, CARRIER};
use super::openfga_tables::{self, Known, NEWEST_REVISION};
use super::quote::{literal, literals, name_in_value};
use super::reader::Reader;
use super::search_path;
use super::server::Server;
use crate::process;
use crate::target::backend::OwnMigration;
use crate::target::openfga_exposure::{Carrier, Exposure, Grounds, PinnedPath};
use crate::target::openfga_migration::not_migrated;
use anyhow::{Context as _, Result};
use serde::Deserialize;

/// The path of a session of this login in this database, and whom `$user` stands for there.
#[derive(Debug, Deserialize)]
struct Configured {
    path: String,
    user: String,
}

/// Our sessions of a superuser give up a role that a setting chose, which those of other programs keep.
const CONFIGURED: &str = "SELECT pg_catalog.json_build_object(
  'path', (SELECT s.reset_val FROM pg_catalog.pg_settings AS s WHERE s.name = 'search_path'),
  'user', CASE WHEN me.rolsuper THEN COALESCE((
      SELECT NULLIF(pg_catalog.substr(e, 6), 'none') FROM pg_catalog.pg_db_role_setting AS s
      CROSS JOIN pg_catalog.unnest(s.setconfig) AS e JOIN pg_catalog.pg_database AS d ON d.datname = pg_catalog.current_database()
      WHERE e LIKE 'role=%' AND s.setdatabase IN (0, d.oid) AND s.setrole IN (0, me.oid)
      ORDER BY s.setrole = 0, s.setdatabase = 0 LIMIT 1), session_user::pg_catalog.text)
    ELSE current_user::pg_catalog.text END)
FROM pg_catalog.pg_roles AS me WHERE me.rolname = session_user";

/// What stands in the schemas of that path.
#[derive(Debug, Deserialize)]
struct Found {
    /// The schema that OpenFGA's tables are in, or would be made in.
    home: Option<String>,
    exposed: Vec<Exposure>,
    carrier: Option<Carrier>,
}

/// What OpenFGA's program would meet in the server's database.
pub(super) fn of(server: &Server<'_>) -> Result<Grounds> {
    if let Some(owner) = weaker_owner(&server.in_maintenance(), server.database())? {
        let exposure = Exposure::owned_by(owner.role, owner.member, server.database());
        return Ok(Grounds { exposed: vec![exposure.carried_by(owner.carrier.as_ref())], path: None });
    }
    let configured: Configured = server.query(CONFIGURED)?;
    let schemas = search_path::schemas(&configured.path, &configured.user);
    let Found { home, exposed, carrier } =
        server.query(&openfga_exposed::question(&literals(schemas.iter().map(String::as_str))?))?;
    // An empty name is no schema's: nothing is found then, and nothing can be made.
    let path = home.as_deref().map_or_else(|| Ok("\"\"".to_owned()), name_in_value)?;
    let exposed = exposed.into_iter().map(|exposure| exposure.carried_by(carrier.as_ref())).collect();
    Ok(Grounds { path: Some(PinnedPath(path)), exposed })
}

/// Who could use the database as its owner.
#[derive(Debug, Deserialize)]
struct Owner {
    role: String,
    /// The member of that role, where it is not the role itself.
    member: Option<String>,
    carrier: Option<Carrier>,
}

/// The role that owns this database, where it is weaker than our login or has a member that is.
fn weaker_owner(server: &Server<'_>, database: &str) -> Result<Option<Owner>> {
    let sql = format!(
        "WITH RECURSIVE {ABLE} SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_object( \
         'role', a.role, 'member', a.member, 'carrier', {CARRIER})), '[]') FROM pg_catalog.pg_database AS d JOIN able AS a ON a.oid = d.datdba \
         WHERE d.datname = {}",
        literal(database)?
    );
    let owners: Vec<Owner> = serde_json::from_str(server.ask(&sql)?.trim()).context("the owner of the database")?;
    Ok(owners.into_iter().next())
}

/// Refuses to migrate the tables with our login. Where they have the newest revision already, nothing is left to do.
///
/// # Errors
/// Their revision is older, or cannot be read.
pub(super) fn other_migrates(exposed: &[&Exposure], server: &Server<'_>, own: &OwnMigration) -> Result<()> {
    let target = server.target();
    let refused = not_migrated(exposed, target.user(), target.database(), own);
    match openfga_tables::revision(&mut Reader::start(server)?)? {
        Known::Is(revision) if revision >= NEWEST_REVISION => {
            process::remark(&format!("{refused}; they have revision {revision}, the newest that this program knows"));
            Ok(())
        }
        _ => Err(refused.into()),
    }
}
