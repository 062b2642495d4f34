//! What a backup needs of the server that it is loaded into, asked before anything is made there.

use super::{maintenance_database, rights};
use crate::backup::proof::Proven;
use crate::error::{Exit, Fault};
use crate::postgres::session;
use crate::target::Target;
use anyhow::{Context as _, Result};
use serde::Deserialize;

/// What the server offers.
#[derive(Debug, Deserialize)]
struct Server {
    version_num: u32,
    roles: Vec<String>,
    extensions: Vec<String>,
}

const QUERY: &str = "
SELECT pg_catalog.json_build_object(
  'version_num', pg_catalog.current_setting('server_version_num')::pg_catalog.int4,
  'roles', (SELECT pg_catalog.json_agg(rolname) FROM pg_catalog.pg_roles),
  'extensions', (SELECT COALESCE(pg_catalog.json_agg(name), '[]') FROM pg_catalog.pg_available_extensions))";

/// From this pg_dump on a dump sets `transaction_timeout`, which older servers refuse.
const TRANSACTION_TIMEOUT: u32 = 17;

/// Refuses what could not be loaded here, and says what would help.
pub fn check(target: &Target, session: &str, backup: &Proven) -> Result<()> {
    let text = session::ask_in(target, maintenance_database(target), session, QUERY)?;
    let server: Server = serde_json::from_str(text.trim()).context("what the server offers")?;
    check_versions(server.version_num / 10_000, backup)?;
    let missing = |named: &mut dyn Iterator<Item = &String>, there: &[String]| -> Vec<String> {
        named.filter(|name| !there.contains(name)).cloned().collect()
    };
    let roles = missing(&mut backup.contents.roles.iter(), &server.roles);
    if !roles.is_empty() {
        let lines: Vec<String> =
            roles.iter().map(|role| format!("CREATE ROLE {} NOLOGIN;", session::identifier(role))).collect();
        return Err(Fault::failed(format!("The server lacks roles that the backup names: {}", roles.join(", ")))
            .hint(format!("make them with cargo xtask db-shell:\n{}", lines.join("\n")))
            .into());
    }
    let extensions = missing(&mut backup.contents.extensions.iter(), &server.extensions);
    if !extensions.is_empty() {
        let names = extensions.join(", ");
        return Err(Fault::failed(format!("The server lacks extensions that the backup names: {names}"))
            .hint("install their packages on the server's host, or use an image that has them")
            .into());
    }
    rights::check_load(target, session, backup)
}

fn check_versions(server: u32, backup: &Proven) -> Result<()> {
    let contents = &backup.contents;
    let dumped_from = contents.server_version.as_deref().and_then(major);
    let dumped_by = contents.pg_dump_version.as_deref().and_then(major);
    let shown = backup.path.display();
    let message = if let Some(from) = dumped_from.filter(|from| *from > server) {
        format!(
            "{shown} is from PostgreSQL {from}; this server is {server}, and older ones cannot be relied on to read it"
        )
    } else if let Some(by) = dumped_by.filter(|by| *by >= TRANSACTION_TIMEOUT && server < TRANSACTION_TIMEOUT) {
        format!("{shown} was written by pg_dump {by}, whose settings PostgreSQL {server} does not know")
    } else {
        return Ok(());
    };
    Err(Fault::new(Exit::Failed, message).hint("use a server of that version or newer").into())
}

/// The major version of `15.18 (Debian …)` or `18beta1`.
fn major(version: &str) -> Option<u32> {
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}
