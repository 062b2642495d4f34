//! What a backup needs of the server that it is loaded into, asked before anything is made there.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod commands;
mod roles;
mod settings;
mod space;
mod versions;

use super::rights;
use crate::backup::proof::Proven;
use crate::error::{Exit, Fault};
use crate::postgres::properties::Properties;
use crate::postgres::questions;
use crate::target::Target;
use anyhow::{Context as _, Result};
pub use commands::refuse_hidden_commands;
pub use roles::create as create_roles;
use serde::Deserialize;
pub(super) use space::{MAKE_ROOM, Watch};
use std::collections::BTreeSet;

/// What the server offers.
#[derive(Debug, Deserialize)]
struct Server {
    version_num: u32,
    roles: Vec<String>,
    extensions: Vec<String>,
}

/// A backup that fits into the server.
#[derive(Debug)]
pub struct Fitting {
    /// Roles that must be made before it can be loaded.
    pub missing_roles: Vec<String>,
    /// Whether the server's free space could be looked at.
    pub space_known: bool,
}

const QUERY: &str = "
SELECT pg_catalog.json_build_object(
  'version_num', pg_catalog.current_setting('server_version_num')::pg_catalog.int4,
  'roles', (SELECT pg_catalog.json_agg(rolname) FROM pg_catalog.pg_roles),
  'extensions', (SELECT COALESCE(pg_catalog.json_agg(name), '[]') FROM pg_catalog.pg_available_extensions))";

/// Refuses a dump that an empty database cannot take, because it drops or fills what it does not create.
fn refuse_parts(backup: &Proven) -> Result<()> {
    let path = backup.path.display();
    let (what, hint) = match (&backup.contents.absent, backup.contents.drops) {
        (Some(absent), _) => (
            format!("line {} needs table {:?}, which it does not create", absent.line, absent.name),
            "dump again without --data-only and --section, so that the file holds the whole database",
        ),
        (None, Some(line)) => (
            format!("line {line} drops what an empty database has not got"),
            "dump again without --clean, or with --clean --if-exists",
        ),
        (None, None) => return Ok(()),
    };
    let message = format!("{path} cannot be loaded into an empty database: {what}");
    Err(Fault::new(Exit::Refused, message).hint(hint).into())
}

/// What a person agreed to on the command line.
#[derive(Debug, Clone, Copy, Default)]
pub struct Consent<'a> {
    /// Roles that are missing are made.
    pub create_roles: bool,
    /// Settings that go into a new database though not every role may set them.
    pub settings: &'a [String],
}

/// Refuses what could not be loaded here, and says what would help. `made_like` are the properties, by the manifest,
/// with which a database is made here that does not exist yet.
pub fn check(
    target: &Target,
    session: &str,
    backup: &Proven,
    made_like: Option<&Properties>,
    consent: Consent<'_>,
) -> Result<Fitting> {
    refuse_parts(backup)?;
    let text = questions::ask(target, session, QUERY)?;
    let server: Server = serde_json::from_str(text.trim()).context("what the server offers")?;
    versions::check(server.version_num / 10_000, backup)?;
    let missing = |named: &BTreeSet<String>, there: &[String]| -> Vec<String> {
        named.iter().filter(|name| !there.contains(name)).cloned().collect()
    };
    let mut roles = backup.contents.roles.clone();
    roles.extend(made_like.iter().flat_map(|properties| properties.roles()));
    let missing_roles = missing(&roles, &server.roles);
    if !missing_roles.is_empty() && !consent.create_roles {
        return Err(roles::refuse(&missing_roles)?.into());
    }
    let extensions = missing(&backup.contents.extensions, &server.extensions);
    if !extensions.is_empty() {
        let names = extensions.join(", ");
        return Err(Fault::failed(format!("The server lacks extensions that the backup names: {names}"))
            .hint("install their packages on the server's host, or use an image that has them")
            .into());
    }
    if let Some(properties) = made_like {
        settings::check(target, session, properties, consent.settings)?;
    }
    let owner = made_like.map(|properties| properties.owner.as_str());
    rights::check_load(target, session, backup, owner)?;
    let space_known = space::check(target, session, backup)?;
    Ok(Fitting { missing_roles, space_known })
}
