//! What only the making of a database decides, encoding and locale, where a backup's differ from the live database's.

use super::carried;
use crate::backup::proof::Proven;
use crate::error::Fault;
use crate::postgres::properties::Properties;
use crate::postgres::quote::identifier;
use crate::postgres::server::maintenance_database;
use crate::target::Target;
use crate::words::shell_word;

/// Both, as `CREATE DATABASE` has them.
#[derive(Debug, PartialEq, Eq)]
pub struct Making {
    pub live: String,
    pub backup: String,
}

impl Making {
    /// `None`: they are the same.
    pub(super) fn between(live: &Properties, backup: &Properties) -> Result<Option<Self>, Fault> {
        let options = |properties: &Properties| -> Result<String, Fault> {
            let alone = Properties { tablespace: None, ..properties.clone() };
            Ok(carried::creation(&alone)?.trim_start().to_owned())
        };
        let (live, backup) = (options(live)?, options(backup)?);
        Ok((spelling(&live) != spelling(&backup)).then_some(Self { live, backup }))
    }

    /// The statement that makes a database so; what is behind ` -- ` is for people.
    pub(super) fn statement(&self, database: &str) -> Result<String, Fault> {
        let (Self { live, backup }, database) = (self, identifier(database)?);
        Ok(format!(
            "CREATE DATABASE {database} TEMPLATE template0 {backup}; -- only a new database gets this; the \
             live one has {live}"
        ))
    }
}

/// One system says `en_US.UTF-8`, another `en_US.utf8`.
fn spelling(options: &str) -> String {
    options.replace("UTF-8", "utf8").replace("UTF8", "utf8").replace("utf-8", "utf8")
}

/// What a person types to recreate the database from this backup alone.
///
/// # Errors
/// A name that no statement can hold.
pub fn commands(backup: &Proven, target: &Target) -> Result<String, Fault> {
    let (name, file) = (shell_word(target.database()), backup.as_word());
    let drop = shell_word(&format!("DROP DATABASE {} WITH (FORCE)", identifier(target.database())?));
    let maintenance = maintenance_database(target);
    Ok(format!(
        "cargo xtask db-backup --database {name}\n\
         cargo xtask db-shell --database {name} -- -d {maintenance} -c {drop}\n\
         cargo xtask db-restore {file} --database {name}"
    ))
}
