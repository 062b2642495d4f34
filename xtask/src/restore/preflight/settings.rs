//! Settings that a manifest would give a new database: those that any role may set for itself go by themselves, any
//! other one only where a person names it.

use crate::error::Fault;
use crate::postgres::properties::Properties;
use crate::postgres::questions;
use crate::postgres::quote::literals;
use crate::target::Target;
use anyhow::{Context as _, Result};
use std::collections::BTreeMap;

/// The settings of every role's own by the server's word, by name in lower case.
const BY_ANYBODY: &str = "user";
/// Settings of every role's own that load a library or change who a session acts as.
const NEVER_BY_ITSELF: [&str; 5] =
    ["dynamic_library_path", "local_preload_libraries", "session_preload_libraries", "role", "session_authorization"];

/// Refuses what only a superuser may set, what the server does not know, libraries, and settings of single roles; but for
/// those that are named.
///
/// # Errors
/// Which settings, why each, and the options that allow them.
pub(super) fn check(target: &Target, session: &str, properties: &Properties, allowed: &[String]) -> Result<()> {
    let assignments = || {
        properties.settings.iter().flat_map(|setting| {
            setting.values.iter().map(move |assignment| (assignment.name.to_ascii_lowercase(), setting.role.as_ref()))
        })
    };
    let is_allowed = |name: &str| allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(name));
    let asked: Vec<_> = assignments().filter(|(name, _)| !is_allowed(name)).collect();
    if asked.is_empty() {
        return Ok(());
    }
    let names = literals(asked.iter().map(|(name, _)| name.as_str()))?;
    let sql = format!(
        "SELECT COALESCE(pg_catalog.json_object_agg(pg_catalog.lower(name), context), '{{}}') FROM pg_catalog.pg_settings \
         WHERE pg_catalog.lower(name) = ANY (ARRAY[{names}]::pg_catalog.text[])"
    );
    let answer = questions::ask(target, session, &sql)?;
    let contexts: BTreeMap<String, String> =
        serde_json::from_str(answer.trim()).context("the settings that the server knows")?;
    let mut refused: BTreeMap<String, String> = BTreeMap::new();
    for (name, role) in asked {
        let why = match (contexts.get(&name).map(String::as_str), role) {
            _ if NEVER_BY_ITSELF.contains(&name.as_str()) => "it decides what code runs or who acts".to_owned(),
            (Some(BY_ANYBODY), None) => continue,
            (Some(BY_ANYBODY), Some(role)) => format!("it is for role {role} alone"),
            (Some(_), _) => "a superuser alone may set it".to_owned(),
            (None, _) => "this server does not know it".to_owned(),
        };
        refused.entry(name).or_insert(why);
    }
    if refused.is_empty() {
        return Ok(());
    }
    let reasons: Vec<String> = refused.iter().map(|(name, why)| format!("{name}: {why}")).collect();
    let options: Vec<String> = refused.keys().map(|name| format!("--allow-setting {name}")).collect();
    let fault = Fault::failed("The backup's manifest has settings for the new database that do not go by themselves");
    Err(anyhow::Error::msg(reasons.join("\n")).context(fault.hint(format!(
        "if you know them and trust the file: {}\nor make an empty database first: it keeps its own settings",
        options.join(" ")
    ))))
}
