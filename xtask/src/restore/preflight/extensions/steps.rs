//! What a person types to fill a database in its own place, where no database beside it can be filled.

use super::super::super::property_statements;
use super::super::settings::{SettingRules, decides_who_acts};
use crate::error::Fault;
use crate::postgres::properties::{Assignment, ConnectionLimit, Properties};
use crate::postgres::quote::{identifier, literal, printable_literal};
use crate::postgres::server::maintenance_database;
use crate::postgres::text::Name;
use crate::target::Target;
use crate::words::{clean_line, shell_word};
use std::collections::BTreeSet;

/// How a database has the jobs of pg_cron without the extension.
pub const ELSEWHERE: &str = "keep pg_cron in another database (cron.database_name = 'postgres', the default), \
                             and make its jobs there with cron.schedule_in_database";

/// What is printed of the settings of a database.
#[derive(Clone, Copy)]
pub enum Shown<'a> {
    /// Their names, of a backup that was just made: the output of a scheduled run stays in a log.
    Names,
    /// Those of a manifest: a statement for each that needs no consent, a comment for any other.
    Judged(&'a SettingRules<'a>),
    /// Those of the live database, which the new one keeps: statements.
    Live,
}

/// The statements and commands; `roles` are those that make missing roles, and `fill` is the command that fills the new
/// database.
pub fn by_hand(
    target: &Target,
    properties: Option<(&Properties, Shown<'_>)>,
    roles: &[String],
    fill: &str,
) -> Result<String, Fault> {
    let (name, quoted) = (literal(target.database())?, identifier(target.database())?);
    let old = identifier(&format!("{}_old", target.database()))?;
    let options = match properties {
        Some((properties, _)) => {
            // An owner's name with a line break in it begins no line of ours.
            let owner = clean_line(&identifier(&properties.owner)?);
            format!(" OWNER {owner}{}", property_statements::creation(properties, printable_literal)?)
        }
        None => String::new(),
    };
    let after = match properties {
        Some((properties, shown)) => after_creation(target.database(), properties, shown)?,
        None => String::new(),
    };
    let maintenance = maintenance_database(target);
    let roles: String = roles.iter().map(|role| format!("{role}\n")).collect();
    Ok(format!(
        "by hand, while nothing uses it:\n\
         cargo xtask db-shell -- -d {maintenance}, then\n\
         {roles}SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity WHERE datname = {name};\n\
         ALTER DATABASE {quoted} RENAME TO {old};\n\
         CREATE DATABASE {quoted} TEMPLATE template0{options};\n\
         {after}\\q\n\
         {fill}\n\
         and restart the server: {}",
        target.hints().restart_hint()
    ))
}

/// The statements that give it what belongs to the database itself, one a line.
fn after_creation(database: &str, properties: &Properties, shown: Shown<'_>) -> Result<String, Fault> {
    let mut lines = Vec::new();
    if !properties.has_default_grants() {
        lines.push(format!("REVOKE ALL ON DATABASE {} FROM PUBLIC;", identifier(database)?));
        let grants = properties.all_grants();
        for grant in property_statements::in_order(&grants, &properties.owner) {
            lines.push(property_statements::give_as_grantor(database, grant, &properties.owner)?);
        }
    }
    if properties.connection_limit != ConnectionLimit::NONE {
        lines.push(property_statements::limit(database, properties.connection_limit)?);
    }
    if let Some(comment) = &properties.comment {
        lines.push(format!("COMMENT ON DATABASE {} IS {};", identifier(database)?, printable_literal(comment)?));
    }
    lines.extend(match shown {
        Shown::Names => setting_names(properties).into_iter().collect(),
        Shown::Judged(rules) => settings(database, properties, Some(rules))?,
        Shown::Live => settings(database, properties, None)?,
    });
    Ok(lines.iter().map(|line| clean_line(line) + "\n").collect())
}

/// A comment with the names of its settings, if it has any.
fn setting_names(properties: &Properties) -> Option<String> {
    let assignments = properties.settings.iter().flat_map(|setting| &setting.values);
    let names: BTreeSet<&str> = assignments.map(|assignment| assignment.name.as_str()).collect();
    let names: Vec<&str> = names.into_iter().collect();
    let text = "its settings are to be set again (ALTER DATABASE … SET); the manifest of the file has their values";
    (!names.is_empty()).then(|| format!("/* {text}: {} */", names.join(", ")))
}

/// A line for each of its settings. `rules`: those of a manifest; `None`: the settings are the live database's.
fn settings(database: &str, properties: &Properties, rules: Option<&SettingRules<'_>>) -> Result<Vec<String>, Fault> {
    let mut lines = Vec::new();
    for setting in &properties.settings {
        for assignment in &setting.values {
            lines.push(set(database, setting.role.as_ref(), assignment, rules)?);
        }
    }
    Ok(lines)
}

/// A statement. A setting that needs consent, or whose value is left out, is a comment with its name and the reason: it has
/// no text of others, and it may go over several lines where a terminal is narrow.
fn set(
    database: &str,
    role: Option<&Name>,
    assignment: &Assignment,
    rules: Option<&SettingRules<'_>>,
) -> Result<String, Fault> {
    let Assignment { name, value } = assignment;
    let (objection, keeper) = match rules {
        Some(rules) => {
            let by_option =
                |why| format!("{why}, so only if you know it (db-restore --allow-setting {})", shell_word(name));
            (rules.objection(name, role).map(by_option), "the manifest of the file")
        }
        None => {
            let why = "it decides what code runs or who acts, so only if you know it";
            (decides_who_acts(name).then(|| why.to_owned()), "the renamed database")
        }
    };
    let secret =
        || (property_statements::is_secret(assignment) || holds_login(value)).then(|| "it may be a secret".to_owned());
    match objection.or_else(secret) {
        Some(why) => Ok(format!("/* {name} is not set: {why}; {keeper} has its value */")),
        None => property_statements::set(database, role, assignment, printable_literal),
    }
}

/// Whether a value looks like a connection string with a login: an address with one, or a password by name.
fn holds_login(value: &str) -> bool {
    let value = value.to_ascii_lowercase();
    let is_address = value.rsplit_once('@').is_some_and(|(before, _)| before.contains(':'));
    let is_given = |behind: &str| {
        let behind = behind.trim_start_matches(|letter: char| letter.is_whitespace() || matches!(letter, '"' | '\''));
        behind.starts_with(['=', ':'])
    };
    is_address || ["password", "passwd", "pwd"].iter().any(|word| value.split(word).skip(1).any(is_given))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_string_with_a_login_is_known() {
        for value in [
            "postgres://u:p@h/db",
            "postgres://u:p/w?x@h",
            "u:p@h",
            "host=h password=p",
            "host=h PassWord = 'p'",
            "Server=h;Pwd=p",
            "postgres://h/db?user=u&password=p",
            r#"{"password": "p"}"#,
        ] {
            assert!(holds_login(value), "{value}");
        }
        for value in
            ["5min", "\"$user\", public", "a@b.example", "http://h:1/x", "password_store, public", "host=h", ""]
        {
            assert!(!holds_login(value), "{value}");
        }
    }

    #[test]
    fn a_setting_whose_value_is_left_out_is_a_comment() {
        let line = |text: &str| set("d", None, &Assignment::try_from(text.to_owned()).unwrap(), None).unwrap();
        assert_eq!(line("work_mem=5MB"), "ALTER DATABASE \"d\" SET \"work_mem\" TO '5MB';");
        for text in ["app.dsn=postgres://u:hunter2@h", "app.api_key=hunter2"] {
            let name = text.split('=').next().unwrap();
            let comment = format!("/* {name} is not set: it may be a secret; the renamed database has its value */");
            assert_eq!(line(text), comment);
        }
        let comment = "/* role is not set: it decides what code runs or who acts, so only if you know it; the renamed database \
                       has its value */";
        assert_eq!(line("role=*/ evil"), comment);
    }
}
