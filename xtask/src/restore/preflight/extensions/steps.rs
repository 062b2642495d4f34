//! What a person types to fill a database in its own place, where no database beside it can be filled.

use super::super::super::carried;
use crate::error::Fault;
use crate::postgres::properties::{ConnectionLimit, Properties};
use crate::postgres::quote::{identifier, literal, printable_literal};
use crate::postgres::server::maintenance_database;
use crate::target::Target;
use crate::words::clean_line;

/// How a database has the jobs of pg_cron without the extension.
pub const ELSEWHERE: &str = "keep pg_cron in another database (cron.database_name = 'postgres', the default), \
                             and make its jobs there with cron.schedule_in_database";

/// The statements and commands; `fill` is the command that fills the new database.
pub fn by_hand(target: &Target, properties: Option<&Properties>, fill: &str) -> Result<String, Fault> {
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
    Ok(format!(
        "by hand, while nothing uses it:\n\
         cargo xtask db-shell -- -d {maintenance}, then\n\
         SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity WHERE datname = {name};\n\
         ALTER DATABASE {quoted} RENAME TO {old};\n\
         CREATE DATABASE {quoted} TEMPLATE template0{options};\n\
         {after}\\q\n\
         {fill}\n\
         and restart the server: {}",
        target.hints().restart_hint()
    ))
}

/// The statements that give it what belongs to the database itself, one a line; its settings are named alone, because some of
/// them load libraries.
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
    let settings = properties.settings.iter().flat_map(|setting| &setting.values);
    let names: Vec<&str> = settings.map(|assignment| &*assignment.name).collect();
    if !names.is_empty() {
        let names = names.join(", ");
        lines.push(format!(
            "-- its settings are to be set again (ALTER DATABASE … SET; \\drds shows the old ones): {names}"
        ));
    }
    Ok(lines.iter().map(|line| clean_line(line) + "\n").collect())
}
