//! The extensions that a backup names: whether the server has them, and whether a new database can have them.

use super::super::carried;
use crate::backup::manifest::Manifest;
use crate::backup::proof::Proven;
use crate::error::{Exit, Fault};
use crate::postgres::maintenance_database;
use crate::postgres::properties::Properties;
use crate::postgres::quote::{identifier, literal};
use crate::target::Target;
use crate::words::shell_word;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// Extensions that a server lets into one database alone, and the setting that names it. The staging database is another.
const OF_ONE_DATABASE: [(&str, &str); 1] = [("pg_cron", "cron.database_name")];
/// Extensions that no database can have unless the server began with their library.
const OF_PRELOADED_LIBRARY: [&str; 6] = ["citus", "pg_cron", "pg_net", "pgaudit", "pglogical", "timescaledb"];

/// What the server says of extensions.
#[derive(Debug, Deserialize)]
pub(super) struct Server {
    /// Those that it can make, with the version that it would have.
    available: BTreeMap<String, Option<String>>,
    /// `shared_preload_libraries`; `None`: this role may not see it.
    preloaded: Option<String>,
    /// The settings of [`OF_ONE_DATABASE`] that the server knows and shows.
    databases: BTreeMap<String, String>,
}

/// What [`Server`] is read from, as a value of JSON.
pub(super) const QUERY: &str = "pg_catalog.json_build_object(
  'available', (SELECT COALESCE(pg_catalog.json_object_agg(name, default_version), '{}') FROM pg_catalog.pg_available_extensions),
  'preloaded', (SELECT setting FROM pg_catalog.pg_settings WHERE name = 'shared_preload_libraries'),
  'databases', (SELECT COALESCE(pg_catalog.json_object_agg(name, setting), '{}') FROM pg_catalog.pg_settings
    WHERE name IN ('cron.database_name')))";

/// An extension of another version than the backup's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionChange {
    name: String,
    backup: String,
    server: String,
}

impl VersionChange {
    /// A line for people.
    pub fn line(&self) -> String {
        let Self { name, backup, server } = self;
        format!("extension {name} is {backup} in the backup, {server} on this server")
    }
}

/// Refuses a backup whose extensions the staging database cannot have; gives those that have another version here.
///
/// # Errors
/// Which extensions, and what to do (1).
pub(super) fn check(target: &Target, backup: &Proven, server: &Server) -> Result<Vec<VersionChange>, Fault> {
    let named = &backup.contents.extensions;
    let missing: Vec<&str> =
        named.iter().filter(|name| !server.available.contains_key(*name)).map(String::as_str).collect();
    if !missing.is_empty() {
        let message = format!("The server lacks extensions that the backup names: {}", missing.join(", "));
        return Err(
            Fault::failed(message).hint("install their packages on the server's host, or use an image that has them")
        );
    }
    let bound = OF_ONE_DATABASE.iter().find(|(name, _)| named.contains(*name));
    let unloaded = |name: &&&str| named.contains(**name) && !server.may_have_preloaded(name);
    if let Some(name) = OF_PRELOADED_LIBRARY.iter().find(unloaded) {
        let message = format!(
            "The backup names extension {name}, whose library this server has not loaded (shared_preload_libraries)"
        );
        let more = bound.map_or_else(String::new, |(name, setting)| {
            format!("\n{}\n{}", only_in(name, setting, None), by_hand(target, backup.manifest.as_ref(), &backup.path))
        });
        return Err(Fault::failed(message).hint(format!(
            "add {name} to shared_preload_libraries, and restart the server: {}{more}",
            target.hints().restart_hint()
        )));
    }
    if let Some((name, setting)) = bound {
        let database = server.databases.get(*setting).map(String::as_str);
        let message = format!(
            "{} cannot be loaded beside {}: {}",
            backup.path.display(),
            target.database(),
            only_in(name, setting, database)
        );
        let by_hand = by_hand(target, backup.manifest.as_ref(), &backup.path);
        return Err(Fault::new(Exit::Failed, message).hint(format!("nothing was changed; {by_hand}")));
    }
    Ok(backup.manifest.as_ref().map(|manifest| version_changes(manifest, server)).unwrap_or_default())
}

/// What is to be said of a backup that was just made and that no restore of ours can load; `None`: all is well.
pub fn advice(target: &Target, manifest: &Manifest, file: &Path) -> Option<String> {
    let has = |name: &str| manifest.extensions.iter().any(|extension| extension.as_str() == name);
    let (name, setting) = OF_ONE_DATABASE.iter().find(|(name, _)| has(name))?;
    let only_in = only_in(name, setting, Some(target.database()));
    let by_hand = by_hand(target, Some(manifest), file);
    Some(format!("db-restore and db-verify --restore cannot load this backup: {only_in}\n{by_hand}"))
}

fn only_in(name: &str, setting: &str, database: Option<&str>) -> String {
    let database = database.map_or_else(String::new, |database| format!(", {database},"));
    format!("extension {name} can be in one database alone{database} which {setting} names")
}

/// What a person types to restore such a backup, and what makes the next ones restorable.
fn by_hand(target: &Target, manifest: Option<&Manifest>, file: &Path) -> String {
    let properties = manifest.map(|manifest| &manifest.properties);
    let steps = steps(target, properties, file).unwrap_or_default();
    format!(
        "by hand, while nothing uses it:\n{steps}\n\
         so that later backups restore: keep pg_cron in another database (cron.database_name = 'postgres', the default), \
         and make its jobs there with cron.schedule_in_database"
    )
}

fn steps(target: &Target, properties: Option<&Properties>, file: &Path) -> Result<String, Fault> {
    let (name, quoted) = (literal(target.database())?, identifier(target.database())?);
    let old = identifier(&format!("{}_old", target.database()))?;
    let options = match properties {
        Some(properties) => {
            format!(" OWNER {}{}", identifier(&properties.owner)?, carried::creation(properties)?)
        }
        None => String::new(),
    };
    let maintenance = maintenance_database(target);
    Ok(format!(
        "cargo xtask db-shell -- -d {maintenance}, then\n\
         SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {name};\n\
         ALTER DATABASE {quoted} RENAME TO {old};\n\
         CREATE DATABASE {quoted} TEMPLATE template0{options};\n\
         \\q\n\
         cargo xtask db-shell -- -v ON_ERROR_STOP=1 -f {}\n\
         and restart the server: {}",
        shell_word(&file.display().to_string()),
        target.hints().restart_hint()
    ))
}

fn version_changes(manifest: &Manifest, server: &Server) -> Vec<VersionChange> {
    let versions = manifest.extension_versions.iter().flatten();
    let changes = versions.filter_map(|(name, backup)| {
        let there = server.available.get(name.as_str())?.as_deref()?;
        let change = VersionChange {
            name: name.as_str().to_owned(),
            backup: backup.as_str().to_owned(),
            server: there.to_owned(),
        };
        (there != backup.as_str()).then_some(change)
    });
    changes.collect()
}

impl Server {
    /// Whether this library is loaded, as far as can be told.
    fn may_have_preloaded(&self, library: &str) -> bool {
        let Some(preloaded) = &self.preloaded else { return true };
        let base = |entry: &str| {
            let entry = entry.trim().trim_matches('"');
            let name = entry.rsplit('/').next().unwrap_or(entry);
            name.strip_suffix(".so").unwrap_or(name).to_owned()
        };
        preloaded.split(',').any(|entry| {
            let name = base(entry);
            // Packages add a version: timescaledb-2.14.
            name == library || name.strip_prefix(library).is_some_and(|rest| rest.starts_with('-'))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_is_known_by_its_name_whatever_is_around_it() {
        let server = |preloaded: Option<&str>| Server {
            available: BTreeMap::new(),
            preloaded: preloaded.map(str::to_owned),
            databases: BTreeMap::new(),
        };
        for there in ["pg_cron", "a, pg_cron", "\"$libdir/pg_cron\",b", "/usr/lib/pg_cron.so", "pg_cron-1.6"] {
            assert!(server(Some(there)).may_have_preloaded("pg_cron"), "{there}");
        }
        for absent in ["", "pg_cronicle", "x_pg_cron"] {
            assert!(!server(Some(absent)).may_have_preloaded("pg_cron"), "{absent}");
        }
        assert!(server(None).may_have_preloaded("pg_cron"), "a role that may not see it");
    }
}
