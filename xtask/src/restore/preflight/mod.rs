//! What a backup needs of the server that it is loaded into, asked before anything is made there.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod commands;
mod encodings;
mod extensions;
mod owners;
mod parts;
mod roles;
mod settings;
mod space;
mod tablespaces;
mod versions;

use super::{load_settings, rights};
use crate::backup::proof::Proven;
use crate::postgres::encoding::Encoding;
use crate::postgres::properties::Properties;
use crate::postgres::server::Server;
use anyhow::{Context as _, Result};
pub use commands::refuse_hidden_commands;
pub use encodings::beside_live;
pub(super) use encodings::in_its_encoding;
pub use extensions::{Beside, MadeExtension, VersionChange, advice as extension_advice, check_made};
pub use parts::refuse as refuse_parts;
pub use roles::MissingRoles;
use serde::Deserialize;
pub(super) use settings::SettingRules;
pub(super) use space::{MAKE_ROOM, Watch};
pub use space::{Safety, check as check_room, check_beside as check_room_beside};

/// What the server offers.
#[derive(Debug, Deserialize)]
struct Offer {
    version_num: u32,
    /// That of a new database for which none is named.
    encoding: String,
    extensions: extensions::ServerExtensions,
}

/// A backup that fits into the server.
#[derive(Debug)]
pub struct Fitting {
    pub missing_roles: MissingRoles,
    /// Extensions that have another version here.
    pub version_changes: Vec<VersionChange>,
    /// What the server would take unchecked of the file's letters.
    pub unchecked_letters: Option<String>,
    /// Whether the server's free space could be looked at.
    pub space_known: bool,
}

const QUERY: &str = "
SELECT pg_catalog.json_build_object(
  'version_num', pg_catalog.current_setting('server_version_num')::pg_catalog.int4,
  'encoding', (SELECT pg_catalog.pg_encoding_to_char(d.encoding) FROM pg_catalog.pg_database AS d WHERE d.datname = 'template0'),
  'extensions', EXTENSIONS)";

/// What a person agreed to on the command line.
#[derive(Debug, Clone, Copy, Default)]
pub struct Consent<'a> {
    /// Roles that are missing are made.
    pub create_roles: bool,
    /// Settings that go into a new database though not every role may set them.
    pub settings: &'a [String],
}

/// The database that a backup is loaded into.
#[derive(Debug, Clone, Copy, Default)]
pub struct Destination<'a> {
    /// The properties, by the manifest, with which it is made where there is no live database yet.
    pub made_like: Option<&'a Properties>,
    /// Its encoding, where that is not the server's usual one.
    pub encoding: Option<&'a Encoding>,
    /// Its owner, where that is not this role.
    pub owner: Option<&'a str>,
}

/// Refuses what could not be loaded here, and says what would help.
pub fn check(
    server: &Server<'_>,
    backup: &Proven,
    destination: Destination<'_>,
    consent: Consent<'_>,
) -> Result<Fitting> {
    let Destination { made_like, encoding, owner: database_owner } = destination;
    parts::refuse(backup)?;
    commands::check(server, backup)?;
    let text = server.ask_maintenance(&QUERY.replace("EXTENSIONS", extensions::QUERY))?;
    let offer: Offer = serde_json::from_str(text.trim()).context("what the server offers")?;
    let major = offer.version_num / 10_000;
    versions::check(major, backup)?;
    load_settings::check(server, backup)?;
    let usual = offer.encoding.as_str();
    let unchecked_letters = encodings::check(backup, encoding.map_or(usual, Encoding::as_str), server.target())?;
    // First: roles that are made would not help.
    let roles = || {
        let properties = backup.manifest.as_ref().map(|manifest| &manifest.properties);
        Ok(MissingRoles::of(server, backup, properties, encoding)?.creations()?)
    };
    let version_changes = extensions::check(server.target(), backup, &offer.extensions, consent.settings, roles)?;
    let missing_roles = MissingRoles::of(server, backup, made_like, encoding)?;
    if !missing_roles.is_empty() && !consent.create_roles {
        return Err(missing_roles.refuse()?.into());
    }
    tablespaces::check(server, backup, made_like.and_then(|properties| properties.tablespace.as_deref()))?;
    if let Some(properties) = made_like {
        settings::check(server, properties, consent.settings)?;
    }
    let owner = made_like.map(|properties| properties.owner.as_str());
    let encoded = roles::not_member_of(server, backup, encoding)?;
    rights::check_load(server, backup, owner, encoded)?;
    owners::check(server, backup, major, database_owner)?;
    let space_known = space::check(server, &[backup])?;
    Ok(Fitting { missing_roles, version_changes, unchecked_letters, space_known })
}
