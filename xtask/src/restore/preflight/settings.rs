//! Settings that a manifest would give a new database: those that any role may set for itself go by themselves, any
//! other one only where a person names it.

use crate::error::Fault;
use crate::postgres::properties::Properties;
use crate::postgres::quote::literals;
use crate::postgres::server::Server;
use crate::postgres::text::Name;
use anyhow::{Context as _, Result};
use std::collections::{BTreeMap, BTreeSet};

/// The settings of every role's own by the server's word, by name in lower case.
const BY_ANYBODY: &str = "user";
/// Settings of every role's own that load a library or change who a session acts as.
const NEVER_BY_ITSELF: [&str; 5] =
    ["dynamic_library_path", "local_preload_libraries", "session_preload_libraries", "role", "session_authorization"];

/// What the server says of settings, and what a person agreed to.
pub(in crate::restore) struct SettingRules<'a> {
    /// Who may set each, by its name in lower case: `user`, `superuser`, …
    contexts: BTreeMap<String, String>,
    allowed: &'a [String],
}

impl<'a> SettingRules<'a> {
    /// Asks the server about the settings of these properties.
    pub(in crate::restore) fn of(server: &Server<'_>, properties: &Properties, allowed: &'a [String]) -> Result<Self> {
        let names = properties.settings.iter().flat_map(|setting| &setting.values);
        Self::of_names(server, &names.map(|assignment| assignment.name.to_ascii_lowercase()).collect(), allowed)
    }

    /// The same of settings by their names in lower case.
    pub(in crate::restore) fn of_names(
        server: &Server<'_>,
        names: &BTreeSet<String>,
        allowed: &'a [String],
    ) -> Result<Self> {
        if names.is_empty() {
            return Ok(Self { contexts: BTreeMap::new(), allowed });
        }
        let names = literals(names.iter().map(String::as_str))?;
        let sql = format!(
            "SELECT COALESCE(pg_catalog.json_object_agg(pg_catalog.lower(name), context), '{{}}') \
             FROM pg_catalog.pg_settings WHERE pg_catalog.lower(name) = ANY (ARRAY[{names}]::pg_catalog.text[])"
        );
        let answer = server.ask_maintenance(&sql)?;
        let contexts = serde_json::from_str(answer.trim()).context("the settings that the server knows")?;
        Ok(Self { contexts, allowed })
    }

    /// Whether only a superuser may set it. `name`: in lower case.
    fn is_of_superusers(&self, name: &str) -> bool {
        self.contexts.get(name).is_some_and(|context| context != BY_ANYBODY)
    }

    /// Why a setting does not go into a database by itself; `None`: it does, or a person named it.
    pub(in crate::restore) fn objection(&self, name: &str, role: Option<&Name>) -> Option<String> {
        let name = name.to_ascii_lowercase();
        if self.allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(&name)) {
            return None;
        }
        match (self.contexts.get(&name).map(String::as_str), role) {
            _ if decides_who_acts(&name) => Some("it decides what code runs or who acts".to_owned()),
            (Some(BY_ANYBODY), None) => None,
            (Some(BY_ANYBODY), Some(_)) => Some("it is for a single role".to_owned()),
            (Some(_), _) => Some("a superuser alone may set it".to_owned()),
            (None, _) => Some("this server does not know it".to_owned()),
        }
    }
}

/// Whether this role may set what only a superuser may.
fn is_superuser(server: &Server<'_>) -> Result<bool> {
    let sql = "SELECT r.rolsuper FROM pg_catalog.pg_roles AS r WHERE r.rolname OPERATOR(pg_catalog.=) CURRENT_USER";
    Ok(server.ask_maintenance(sql)?.trim() == "t")
}

/// Whether a setting loads a library or changes who a session acts as.
pub(super) fn decides_who_acts(name: &str) -> bool {
    NEVER_BY_ITSELF.iter().any(|never| name.eq_ignore_ascii_case(never))
}

/// Refuses what only a superuser may set, what the server does not know, libraries, and settings of single roles; but for
/// those that are named.
///
/// # Errors
/// Which settings, why each, and the options that allow them.
pub(super) fn check(server: &Server<'_>, properties: &Properties, allowed: &[String]) -> Result<()> {
    let rules = SettingRules::of(server, properties, allowed)?;
    let mut refused: BTreeMap<String, String> = BTreeMap::new();
    for setting in &properties.settings {
        for assignment in &setting.values {
            if let Some(why) = rules.objection(&assignment.name, setting.role.as_ref()) {
                refused.entry(assignment.name.to_ascii_lowercase()).or_insert(why);
            }
        }
    }
    if refused.is_empty() {
        return Ok(());
    }
    let of_superusers = refused.keys().filter(|name| rules.is_of_superusers(name)).count();
    let cannot = of_superusers > 0 && !is_superuser(server)?;
    let reasons: Vec<String> = refused.iter().map(|(name, why)| format!("{name}: {why}")).collect();
    let options: Vec<String> = refused.keys().map(|name| format!("--allow-setting {name}")).collect();
    let fault = Fault::failed("The backup's manifest has settings for the new database that need your consent");
    let empty = "create an empty database first: then these settings are not applied";
    let hint = match cannot {
        true => format!("{empty}\nor restore as a superuser: this role may not set all of them"),
        false => format!("if you know them and trust the file: {}\nor {empty}", options.join(" ")),
    };
    Err(anyhow::Error::msg(reasons.join("\n")).context(fault.hint(hint)))
}
