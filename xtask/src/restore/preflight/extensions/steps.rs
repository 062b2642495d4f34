//! What a person types to fill a database in its own place, where no database beside it can be filled.

use super::super::super::carried;
use crate::error::Fault;
use crate::postgres::properties::Properties;
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
    let maintenance = maintenance_database(target);
    Ok(format!(
        "by hand, while nothing uses it:\n\
         cargo xtask db-shell -- -d {maintenance}, then\n\
         SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity WHERE datname = {name};\n\
         ALTER DATABASE {quoted} RENAME TO {old};\n\
         CREATE DATABASE {quoted} TEMPLATE template0{options};\n\
         \\q\n\
         {fill}\n\
         and restart the server: {}",
        target.hints().restart_hint()
    ))
}
