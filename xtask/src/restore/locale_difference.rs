//! What only the making of a database decides, encoding and locale, where a backup's differ from the live database's.

use super::property_statements;
use crate::backup::proof::Proven;
use crate::error::Fault;
use crate::postgres::locale;
use crate::postgres::properties::{LocaleProvider, Properties};
use crate::postgres::quote::{identifier, printable_literal};
use crate::postgres::server::maintenance_database;
use crate::target::Target;
use crate::words::shell_word;

/// Both, as `CREATE DATABASE` has them, in letters that every terminal shows.
#[derive(Debug, PartialEq, Eq)]
pub struct LocaleDifference {
    pub live: String,
    pub backup: String,
}

impl LocaleDifference {
    /// `None`: they are the same.
    pub(super) fn between(live: &Properties, backup: &Properties) -> Result<Option<Self>, Fault> {
        if are_same(live, backup) {
            return Ok(None);
        }
        let options = |properties: &Properties| -> Result<String, Fault> {
            let alone = Properties { tablespace: None, ..properties.clone() };
            Ok(property_statements::creation(&alone, printable_literal)?.trim_start().to_owned())
        };
        Ok(Some(Self { live: options(live)?, backup: options(backup)? }))
    }

    /// The statement that creates a database with the backup's encoding and locale. The comment behind ` -- ` holds no name: a
    /// line break in a name would end it.
    pub(super) fn statement(&self, database: &str) -> Result<String, Fault> {
        let (backup, database) = (&self.backup, identifier(database)?);
        Ok(format!("CREATE DATABASE {database} TEMPLATE template0 {backup}; -- only a new database gets this"))
    }
}

/// Whether two databases have the same encoding and locale, as far as `CREATE DATABASE` decides them.
fn are_same(live: &Properties, backup: &Properties) -> bool {
    // libc has no locale of its own.
    let is_libc = live.locale_provider == LocaleProvider::Libc;
    let same_own = || match (&live.locale, &backup.locale) {
        (Some(live), Some(backup)) => locale::same(live, backup),
        (live, backup) => live == backup,
    };
    live.encoding == backup.encoding
        && live.locale_provider == backup.locale_provider
        && locale::same(&live.collate, &backup.collate)
        && locale::same(&live.ctype, &backup.ctype)
        && (is_libc || (same_own() && live.icu_rules == backup.icu_rules))
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
