//! What a person types to fill a database in its own place, where no database beside it can be filled.

use super::super::super::carried;
use super::super::settings::decides_who_acts;
use crate::error::Fault;
use crate::postgres::properties::{Assignment, ConnectionLimit, Properties};
use crate::postgres::quote::{identifier, literal, printable_literal};
use crate::postgres::server::maintenance_database;
use crate::postgres::text::Name;
use crate::target::Target;
use crate::words::clean_line;

/// How a database has the jobs of pg_cron without the extension.
pub const ELSEWHERE: &str = "keep pg_cron in another database (cron.database_name = 'postgres', the default), \
                             and make its jobs there with cron.schedule_in_database";

/// The statements and commands; `roles` are those that make missing roles, and `fill` is the command that fills the new
/// database.
pub fn by_hand(
    target: &Target,
    properties: Option<&Properties>,
    roles: &[String],
    fill: &str,
) -> Result<String, Fault> {
    let (name, quoted) = (literal(target.database())?, identifier(target.database())?);
    let old = identifier(&format!("{}_old", target.database()))?;
    let options = match properties {
        Some(properties) => {
            // An owner's name with a line break in it begins no line of ours.
            let owner = clean_line(&identifier(&properties.owner)?);
            format!(" OWNER {owner}{}", carried::creation(properties, printable_literal)?)
        }
        None => String::new(),
    };
    let after =
        properties.map(|properties| after_creation(target.database(), properties)).transpose()?.unwrap_or_default();
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

/// The statements that give it what belongs to the database itself, one a line. A setting that decides what code runs, and
/// one whose value is a secret, is a comment: a person looks at it first.
fn after_creation(database: &str, properties: &Properties) -> Result<String, Fault> {
    let mut lines = Vec::new();
    if !properties.has_default_grants() {
        lines.push(format!("REVOKE ALL ON DATABASE {} FROM PUBLIC;", identifier(database)?));
        let grants = properties.all_grants();
        for grant in carried::in_order(&grants, &properties.owner) {
            lines.push(carried::give_as_grantor(database, grant, &properties.owner)?);
        }
    }
    if properties.connection_limit != ConnectionLimit::NONE {
        lines.push(carried::limit(database, properties.connection_limit)?);
    }
    if let Some(comment) = &properties.comment {
        lines.push(format!("COMMENT ON DATABASE {} IS {};", identifier(database)?, printable_literal(comment)?));
    }
    for setting in &properties.settings {
        for assignment in &setting.values {
            lines.push(set(database, setting.role.as_ref(), assignment)?);
        }
    }
    Ok(lines.iter().map(|line| clean_line(line) + "\n").collect())
}

fn set(database: &str, role: Option<&Name>, assignment: &Assignment) -> Result<String, Fault> {
    let statement = carried::set(database, role, &carried::without_secret(assignment), printable_literal)?;
    let why = if carried::is_secret(assignment) {
        "its value is a secret"
    } else if decides_who_acts(&assignment.name) {
        "it decides what code runs or who acts: only if you know it"
    } else {
        return Ok(statement);
    };
    Ok(format!("-- {statement} -- {why}"))
}
