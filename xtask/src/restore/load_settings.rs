//! What a session that loads a backup sets first, so that the file's text means what it meant in the database that was
//! backed up: `lc_monetary`, by which values of type money are read, and the database's settings of its own kind
//! (`app.max`), which its checks and defaults may read.

use crate::backup::manifest::Manifest;
use crate::backup::proof::Proven;
use crate::error::{self, Exit, Fault};
use crate::postgres::locale;
use crate::postgres::properties::Assignment;
use crate::postgres::quote::literal;
use crate::postgres::server::Server;
use anyhow::Result;

const LC_MONETARY: &str = "lc_monetary";
/// Its manifests do not say whether there are values of type money.
const WITHOUT_MEMBER: &str = "xtask 0.1.0";

/// The statements, each with its semicolon; none where the file needs none.
///
/// # Errors
/// As for [`check`].
pub(super) fn statements(server: &Server<'_>, backup: &Proven) -> Result<String> {
    let Some(manifest) = &backup.manifest else { return Ok(String::new()) };
    let own = own_settings(manifest)?;
    match lc_monetary(manifest) {
        Some(locale) => Ok(format!("SET lc_monetary TO {}; {own}", literal(&known(server, backup, locale)?)?)),
        None => Ok(own),
    }
}

/// Refuses a backup whose values of type money this server cannot read.
///
/// # Errors
/// The server has no such locale.
pub(super) fn check(server: &Server<'_>, backup: &Proven) -> Result<()> {
    let Some(locale) = backup.manifest.as_ref().and_then(lc_monetary) else { return Ok(()) };
    known(server, backup, locale).map(drop)
}

/// The locale as this server writes it.
fn known(server: &Server<'_>, backup: &Proven, locale: &str) -> Result<String> {
    let mut refused = None;
    for spelling in locale::spellings(locale) {
        let sql = format!("SELECT pg_catalog.set_config('{LC_MONETARY}', {}, true)", literal(&spelling)?);
        // The answered questions before it show that nothing else is wrong with the server.
        match server.in_maintenance().ask(&sql) {
            Ok(_) => return Ok(spelling),
            Err(error) if error::exit(&error) == Exit::Failed => refused = refused.or(Some(error)),
            Err(error) => return Err(error),
        }
    }
    Err(refused.map_or_else(|| unknown(backup, locale).into(), |error| error.context(unknown(backup, locale))))
}

fn unknown(backup: &Proven, locale: &str) -> Fault {
    let message = format!(
        "{} holds values of type money that were written under lc_monetary {locale}, a locale that this server does not \
         have; nothing was changed",
        backup.path.display()
    );
    let how = if is_plain(locale) {
        let language = locale.split(['.', '@']).next().unwrap_or(locale);
        format!("install it on the server's host, such as by: localedef -i {language} -f UTF-8 {locale}")
    } else {
        "install it on the server's host".to_owned()
    };
    Fault::failed(message).hint(format!(
        "under another locale they would be other amounts\n{how}\nthen restart the server, and try again"
    ))
}

/// Whether it looks like a system's name of a locale: a command with another could name an option or a file.
fn is_plain(locale: &str) -> bool {
    locale.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && locale.bytes().all(|letter| letter.is_ascii_alphanumeric() || b"_.@-".contains(&letter))
}

/// The `lc_monetary` under which the dump was written, where that matters.
fn lc_monetary(manifest: &Manifest) -> Option<&str> {
    let of_database = || {
        let mut settings = of_all_roles(manifest);
        settings.find(|setting| setting.name.eq_ignore_ascii_case(LC_MONETARY)).map(|setting| setting.value.as_str())
    };
    manifest.lc_monetary.as_deref().or_else(|| of_database().filter(|_| *manifest.tool == *WITHOUT_MEMBER))
}

/// Sets those that an ordinary role may set: the setting's context is `user`, or no extension of the server has settings
/// with that prefix.
fn own_settings(manifest: &Manifest) -> Result<String, Fault> {
    let own = of_all_roles(manifest).filter(|setting| setting.name.contains('.'));
    let own = own.map(|setting| Ok(format!("({}, {})", literal(&setting.name)?, literal(&setting.value)?)));
    let own = own.collect::<Result<Vec<String>, Fault>>()?;
    if own.is_empty() {
        return Ok(String::new());
    }
    Ok(format!(
        "SELECT pg_catalog.count(pg_catalog.set_config(v.name, v.value, false)) FROM (VALUES {}) AS v(name, value) \
         WHERE EXISTS (SELECT FROM pg_catalog.pg_settings AS s WHERE pg_catalog.lower(s.name) = pg_catalog.lower(v.name) \
         AND s.context = 'user') OR (NOT EXISTS (SELECT FROM pg_catalog.pg_settings AS s WHERE s.name LIKE '%.%' AND \
         pg_catalog.lower(pg_catalog.split_part(s.name, '.', 1)) = pg_catalog.lower(pg_catalog.split_part(v.name, '.', 1))) \
         AND NOT EXISTS (SELECT FROM pg_catalog.pg_available_extensions AS e \
         WHERE pg_catalog.lower(e.name) = pg_catalog.lower(pg_catalog.split_part(v.name, '.', 1)))); ",
        own.join(", ")
    ))
}

fn of_all_roles(manifest: &Manifest) -> impl Iterator<Item = &Assignment> {
    let settings = manifest.properties.settings.iter().filter(|setting| setting.role.is_none());
    settings.flat_map(|setting| &setting.values)
}
