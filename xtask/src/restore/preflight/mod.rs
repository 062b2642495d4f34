//! What a backup needs of the server that it is loaded into, asked before anything is made there.

mod roles;
mod versions;

use super::{maintenance_database, rights};
use crate::backup::proof::Proven;
use crate::error::Fault;
use crate::postgres::session;
use crate::target::Target;
use anyhow::{Context as _, Result};
use serde::Deserialize;

/// What the server offers.
#[derive(Debug, Deserialize)]
struct Server {
    version_num: u32,
    roles: Vec<String>,
    extensions: Vec<String>,
}

const QUERY: &str = "
SELECT pg_catalog.json_build_object(
  'version_num', pg_catalog.current_setting('server_version_num')::pg_catalog.int4,
  'roles', (SELECT pg_catalog.json_agg(rolname) FROM pg_catalog.pg_roles),
  'extensions', (SELECT COALESCE(pg_catalog.json_agg(name), '[]') FROM pg_catalog.pg_available_extensions))";

/// Refuses what could not be loaded here, and says what would help.
pub fn check(target: &Target, session: &str, backup: &Proven) -> Result<()> {
    let text = session::ask_in(target, maintenance_database(target), session, QUERY)?;
    let server: Server = serde_json::from_str(text.trim()).context("what the server offers")?;
    versions::check(server.version_num / 10_000, backup)?;
    let missing = |named: &mut dyn Iterator<Item = &String>, there: &[String]| -> Vec<String> {
        named.filter(|name| !there.contains(name)).cloned().collect()
    };
    let missing_roles = missing(&mut backup.contents.roles.iter(), &server.roles);
    if !missing_roles.is_empty() {
        return Err(roles::refuse(&missing_roles).into());
    }
    let extensions = missing(&mut backup.contents.extensions.iter(), &server.extensions);
    if !extensions.is_empty() {
        let names = extensions.join(", ");
        return Err(Fault::failed(format!("The server lacks extensions that the backup names: {names}"))
            .hint("install their packages on the server's host, or use an image that has them")
            .into());
    }
    rights::check_load(target, session, backup)
}
