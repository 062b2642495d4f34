//! What a server says of extensions, and which of them a database beside the target's own cannot have.

use crate::target::Target;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Extensions that a server lets into one database alone, and the setting that names it. The staging database is another.
const OF_ONE_DATABASE: [(&str, &str); 1] = [("pg_cron", "cron.database_name")];
/// Extensions that no database can have unless the server began with their library.
const OF_PRELOADED_LIBRARY: [&str; 6] = ["citus", "pg_cron", "pg_net", "pgaudit", "pglogical", "timescaledb"];

/// What the server says of extensions.
#[derive(Debug, Deserialize)]
pub struct ServerExtensions {
    /// Those that it can make, with the version that it would have.
    pub available: BTreeMap<String, Option<String>>,
    /// `shared_preload_libraries`; `None`: this role may not see it.
    preloaded: Option<String>,
    /// The settings of [`OF_ONE_DATABASE`] that the server knows and shows.
    databases: BTreeMap<String, String>,
}

/// What [`ServerExtensions`] is read from, as a value of JSON.
pub const QUERY: &str = "pg_catalog.json_build_object(
  'available', (SELECT COALESCE(pg_catalog.json_object_agg(name, default_version), '{}') FROM pg_catalog.pg_available_extensions),
  'preloaded', (SELECT setting FROM pg_catalog.pg_settings WHERE name = 'shared_preload_libraries'),
  'databases', (SELECT COALESCE(pg_catalog.json_object_agg(name, setting), '{}') FROM pg_catalog.pg_settings
    WHERE name IN ('cron.database_name')))";

/// Why a database beside the target's own cannot have extensions.
#[derive(Debug, PartialEq, Eq)]
pub enum Obstacle<'a> {
    /// The server has no packages of these.
    Missing(Vec<&'a str>),
    /// The server has not begun with the library of this one.
    Unloaded(&'a str),
    /// This one can be in one database alone.
    Bound(Bound<'a>),
}

/// An extension that can be in one database alone.
#[derive(Debug, PartialEq, Eq)]
pub struct Bound<'a> {
    pub name: &'a str,
    setting: &'static str,
    /// The one database, where the server shows the setting.
    home: Option<&'a str>,
}

impl Bound<'_> {
    /// That it can be in one database alone.
    pub fn why(&self) -> String {
        only_in(self.name, self.setting, self.home)
    }

    /// What to do where the target's own database is not the one that can have it; `None` where it is.
    pub fn elsewhere(&self, target: &Target) -> Option<String> {
        let (home, own) = (self.home.filter(|home| *home != target.database())?, target.database());
        let Self { name, setting, .. } = self;
        Some(format!(
            "{own} cannot have {name} while {setting} is {home}: set {setting} = '{own}', and restart the server: {}",
            target.hints().restart_hint()
        ))
    }
}

impl<'a> Obstacle<'a> {
    /// The first for one of these extensions.
    pub fn of(named: &[&'a str], server: &'a ServerExtensions) -> Option<Self> {
        let missing: Vec<&str> = named.iter().filter(|name| !server.available.contains_key(**name)).copied().collect();
        if !missing.is_empty() {
            return Some(Self::Missing(missing));
        }
        let unloaded = |name: &&&str| OF_PRELOADED_LIBRARY.contains(*name) && !server.may_have_preloaded(name);
        if let Some(name) = named.iter().find(unloaded) {
            return Some(Self::Unloaded(name));
        }
        let (name, setting) = named.iter().find_map(|name| Some((*name, setting_of(name)?)))?;
        Some(Self::Bound(Bound { name, setting, home: server.databases.get(setting).map(String::as_str) }))
    }
}

/// The setting that names the one database in which this extension can be.
pub fn setting_of(extension: &str) -> Option<&'static str> {
    OF_ONE_DATABASE.iter().find(|(name, _)| *name == extension).map(|(_, setting)| *setting)
}

/// That it can be in one database alone.
pub fn only_in(name: &str, setting: &str, database: Option<&str>) -> String {
    let database = database.map_or_else(String::new, |database| format!(", {database},"));
    format!("extension {name} can be in one database alone{database} which {setting} names")
}

/// What makes the server begin with a library.
pub fn preload(library: &str, target: &Target) -> String {
    format!("add {library} to shared_preload_libraries, and restart the server: {}", target.hints().restart_hint())
}

/// What makes a server know extensions.
pub const INSTALL: &str = "install their packages on the server's host, or use an image that has them";

impl ServerExtensions {
    /// Whether this library is loaded, as far as that is known.
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
        let server = |preloaded: Option<&str>| ServerExtensions {
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
