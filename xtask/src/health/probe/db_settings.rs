//! Settings of the database and of roles that load code into sessions, change what a name means, or switch off what
//! guards the data. Our own statements do not depend on them; other programs' do.

use super::server_facts::Setting;
use crate::health::Scene;
use crate::health::report::{Finding, Part};
use crate::postgres::search_path;
use crate::postgres::server::see_settings;

/// Names, the values that are harmless, and what the others do.
const HARMFUL: &[(&str, &[&str], &str)] = &[
    ("session_preload_libraries", &[""], "its sessions load this code"),
    ("local_preload_libraries", &[""], "its sessions load this code"),
    ("dynamic_library_path", &["$libdir"], "code is loaded from there"),
    ("extension_control_path", &["$system"], "extensions are made from there"),
    ("role", &["none"], "its sessions act as another role"),
    ("session_replication_role", &["origin"], "triggers and foreign keys do not work"),
    ("event_triggers", &["on"], "event triggers do not work"),
    ("allow_system_table_mods", &["off"], "the catalog can be changed by hand"),
    ("ignore_system_indexes", &["off"], "the catalog's indexes are not used"),
    ("lo_compat_privileges", &["off"], "everybody may read large objects"),
    ("zero_damaged_pages", &["off"], "damaged pages are lost in silence, in backups, too"),
    ("ignore_checksum_failure", &["off"], "damaged pages are read"),
];

const TAKE_BACK: &str = "to take one back: ALTER DATABASE … RESET NAME, or ALTER ROLE … IN DATABASE … RESET NAME";

pub fn probe(scene: &Scene) -> Finding {
    let Ok(facts) = scene.server() else { return Finding::not_asked(Part::Postgres) };
    let found: Vec<String> =
        facts.settings.iter().filter_map(|setting| judged(setting, &facts.open_schemas, scene)).collect();
    if found.is_empty() {
        return Finding::ok("none that loads code or changes what a name means");
    }
    Finding::warn(found.join("; "), format!("see all: {}; {TAKE_BACK}", see_settings(scene.target)))
}

fn judged(setting: &Setting, open_schemas: &[String], scene: &Scene) -> Option<String> {
    let (name, value) = setting.entry.split_once('=')?;
    let name = name.to_ascii_lowercase();
    let why = why(&name, value, setting.role.as_deref().unwrap_or_default(), open_schemas)?;
    let database = scene.target.database();
    let whose = match (&setting.role, setting.database) {
        (None, true) => format!("database {database}"),
        (None, false) => "every role".to_owned(),
        (Some(role), true) => format!("role {role} in database {database}"),
        (Some(role), false) => format!("role {role}"),
    };
    Some(format!("{whose}: {name} is {value} ({why})"))
}

fn why(name: &str, value: &str, role: &str, open_schemas: &[String]) -> Option<String> {
    if name == "search_path" {
        let path = search_path::elements(value);
        if path.iter().skip(1).any(|schema| schema == "pg_catalog") {
            return Some("the schemas before pg_catalog hide PostgreSQL's own functions and operators".to_owned());
        }
        let schemas = search_path::schemas(value, role);
        let open = schemas.iter().find(|schema| open_schemas.contains(schema))?;
        return Some(format!("every role may create something in schema {open}"));
    }
    let (_, harmless, why) = HARMFUL.iter().find(|(known, ..)| *known == name)?;
    (!harmless.contains(&value)).then(|| (*why).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_could_hurt_is_reported() {
        let open = ["open".to_owned(), "me".to_owned()];
        let told = |name: &str, value: &str| why(name, value, "me", &open).is_some();
        for (name, value) in [
            ("session_preload_libraries", "auto_explain"),
            ("search_path", "public, pg_catalog"),
            ("search_path", "closed, \"open\""),
            ("search_path", "\"$user\""),
            ("role", "other"),
            ("session_replication_role", "replica"),
            ("zero_damaged_pages", "on"),
        ] {
            assert!(told(name, value), "{name} {value}");
        }
        for (name, value) in [
            ("session_preload_libraries", ""),
            ("search_path", "pg_catalog, closed"),
            ("search_path", "\"$users\", public"),
            ("session_replication_role", "origin"),
            ("work_mem", "1GB"),
            ("statement_timeout", "5min"),
        ] {
            assert!(!told(name, value), "{name} {value}");
        }
    }
}
