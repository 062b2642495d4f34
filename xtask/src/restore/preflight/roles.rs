//! The roles that a backup names, and how to make those that are missing.
//!
//! The server keeps a role's name in the bytes that the session sent which made it, in the encoding of that session's
//! database. So beyond ASCII one name is different bytes in each encoding. The names of a dump are looked for, and made,
//! as the database takes them that the dump is loaded into.

use super::super::record::OwnedDatabase;
use crate::backup::proof::Proven;
use crate::error::{self, Cause, Fault};
use crate::postgres::dump::EncodedName;
use crate::postgres::encoding::Encoding;
use crate::postgres::powerful_role::POWERFUL;
use crate::postgres::properties::Properties;
use crate::postgres::quote::{identifier, literal, literals};
use crate::postgres::server::Server;
use crate::restore::rights::NotMemberOf;
use crate::words::shell_word;
use crate::words::{clean_line, hex};
use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use std::collections::BTreeSet;

/// Roles that must be made before a backup can be loaded.
#[derive(Debug, Default)]
pub struct MissingRoles {
    /// Of the dump in ASCII, and of the database's own properties: made in the maintenance database, which names them.
    named: Vec<String>,
    /// Of the dump, beyond ASCII: made in the database that it is loaded into.
    encoded: Vec<EncodedRole>,
}

/// A role by the bytes of its name.
#[derive(Debug)]
struct EncodedRole {
    /// For people.
    name: String,
    bytes: Vec<u8>,
    encoding: Encoding,
}

impl MissingRoles {
    /// Those of a backup's dump, and of the properties with which its database is made. `encoding` is that of the
    /// database which the dump is loaded into; `None`: the server's usual one.
    ///
    /// # Errors
    /// A database of that encoding cannot have one of the names.
    pub(super) fn of(
        server: &Server<'_>,
        backup: &Proven,
        made_like: Option<&Properties>,
        encoding: Option<&Encoding>,
    ) -> Result<Self> {
        let mut names: BTreeSet<String> =
            backup.contents.roles.iter().filter(|name| name.is_ascii()).cloned().collect();
        names.extend(made_like.iter().flat_map(|properties| properties.roles()));
        let named = missing_by_name(server, &names)?;
        let encoded = &backup.contents.encoded_roles;
        let encoded = by_bytes(server, encoded, encoding, |is_it| {
            format!("NOT EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE {is_it})")
        })?;
        Ok(Self { named, encoded })
    }

    /// Adds roles that the database itself names.
    pub fn add(&mut self, roles: &[String]) {
        let new: Vec<String> = roles.iter().filter(|role| !self.named.contains(role)).cloned().collect();
        self.named.extend(new);
    }

    /// Their names, for people.
    pub fn names(&self) -> Vec<String> {
        let mut names = self.named.clone();
        let others = self.encoded.iter().map(|role| &role.name).filter(|name| !self.named.contains(name));
        names.extend(others.cloned());
        names
    }

    /// Whether none is missing.
    pub fn is_empty(&self) -> bool {
        self.named.is_empty() && self.encoded.is_empty()
    }

    /// What a person types to make them, in lines.
    pub(super) fn creations(&self) -> Result<Vec<String>, Fault> {
        let names = self.names();
        // What a person types is UTF-8, whatever the database is.
        let first =
            (!names.iter().all(|name| name.is_ascii())).then(|| Ok("SET client_encoding TO 'UTF8';".to_owned()));
        // A name with a line break in it begins no line of ours.
        let shown = |role: &String| creation(role).map(|line| clean_line(&line));
        first.into_iter().chain(names.iter().map(shown)).collect()
    }

    /// Refuses a server without these roles.
    pub(super) fn refuse(&self) -> Result<Fault, Fault> {
        let (names, lines) = (self.names(), self.creations()?);
        let fault = Fault::failed(format!("The server lacks roles that the backup names: {}", names.join(", ")));
        Ok(fault
            .because(Cause::RolesMissing)
            .hint(format!("create them with --create-roles, or in cargo xtask db-shell:\n{}", lines.join("\n"))))
    }

    /// Makes the roles that the new database's owner, grants and settings may need, without login. Gives
    /// the names of those that were made: another backup of the same set may have needed them, too.
    pub fn create_named(&self, server: &Server<'_>) -> Result<Vec<String>> {
        if self.named.is_empty() {
            return Ok(Vec::new());
        }
        let missing = missing_by_name(server, &self.named.iter().cloned().collect())?;
        if !missing.is_empty() {
            let sql: String = missing.iter().map(|role| creation(role)).collect::<Result<_, _>>()?;
            make(&server.in_maintenance(), &sql)?;
        }
        Ok(missing)
    }

    /// Makes the roles that only the database can name into which the dump is loaded, without login. The
    /// names of those that [`Self::create_named`] has not made.
    pub fn create_encoded(&self, server: &Server<'_>, staging: &OwnedDatabase) -> Result<Vec<String>> {
        if !self.encoded.is_empty() {
            let sql: String = self.encoded.iter().map(EncodedRole::creation).collect::<Result<_, _>>()?;
            make(&server.in_database(staging.name()), &sql)?;
        }
        let others = self.encoded.iter().map(|role| &role.name).filter(|name| !self.named.contains(name));
        Ok(others.cloned().collect())
    }
}

impl EncodedRole {
    /// PL/pgSQL for a database in which the bytes mean this role.
    fn creation(&self) -> Result<String, Fault> {
        let name = format!(
            "pg_catalog.convert_from(pg_catalog.decode('{}', 'hex'), {})",
            hex(&self.bytes),
            literal(&self.encoding)?
        );
        Ok(format!(
            "DO $$BEGIN IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = {name}) THEN \
             EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', {name}); END IF; END$$;\n"
        ))
    }
}

/// The statement that makes a role without login.
fn creation(role: &str) -> Result<String, Fault> {
    Ok(format!("CREATE ROLE {} NOLOGIN;", identifier(role)?))
}

fn make(server: &Server<'_>, sql: &str) -> Result<()> {
    server.ask(&format!("BEGIN; {sql} COMMIT;")).map(drop).map_err(|error| {
        let user = server.target().user();
        let hint = format!("user {} needs CREATEROLE for that; or ask a user who has it", shell_word(user));
        error::explain(error, || Fault::failed("The roles that the backup names cannot be created").hint(hint))
    })
}

fn missing_by_name(server: &Server<'_>, names: &BTreeSet<String>) -> Result<Vec<String>> {
    let sql = format!(
        "SELECT COALESCE(pg_catalog.json_agg(w.name ORDER BY w.number), '[]') \
         FROM pg_catalog.unnest(ARRAY[{}]::pg_catalog.text[]) WITH ORDINALITY AS w(name, number) \
         WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.rolname = w.name)",
        literals(names.iter().map(String::as_str))?
    );
    serde_json::from_str(server.ask_maintenance(&sql)?.trim()).context("the roles that the server lacks")
}

/// Roles with names beyond ASCII to which a dump gives something, and which this role may not act as.
///
/// # Errors
/// A database of that encoding cannot have one of the names.
pub(super) fn not_member_of(server: &Server<'_>, backup: &Proven, encoding: Option<&Encoding>) -> Result<NotMemberOf> {
    let of = |which: &str| -> Result<Vec<String>> {
        let roles = by_bytes(server, &backup.contents.encoded_owners, encoding, |is_it| {
            format!(
                "EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE {is_it} AND {which} AND NOT (pg_catalog.pg_has_role(r.oid, 'USAGE') \
                 AND pg_catalog.pg_has_role(r.oid, CASE WHEN pg_catalog.current_setting('server_version_num')::pg_catalog.int4 \
                 >= 160000 THEN 'SET' ELSE 'MEMBER' END)))"
            )
        })?;
        Ok(roles.into_iter().map(|role| role.name).collect())
    };
    let roles = of("true")?;
    let powerful = if roles.is_empty() { Vec::new() } else { of(POWERFUL)? };
    Ok(NotMemberOf { roles, powerful })
}

/// A name that was asked for, by its place in the list.
#[derive(Deserialize)]
struct Found {
    number: usize,
    /// In UTF-8, where its encoding says what it is; in hexadecimal.
    name: String,
}

/// Those of the names for which a condition holds; it is made of SQL by which a role `r` bears the name.
fn by_bytes(
    server: &Server<'_>,
    names: &BTreeSet<EncodedName>,
    encoding: Option<&Encoding>,
    condition: impl Fn(&str) -> String,
) -> Result<Vec<EncodedRole>> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let of_database: Encoding = match encoding {
        Some(encoding) => encoding.clone(),
        None => {
            let sql = "SELECT pg_catalog.pg_encoding_to_char(encoding) FROM pg_catalog.pg_database WHERE datname = 'template0'";
            let name = server.ask_maintenance(sql)?;
            Encoding::try_from(name.trim()).map_err(anyhow::Error::msg)?
        }
    };
    let of = |name: &EncodedName| name.encoding.clone().unwrap_or_else(|| of_database.clone());
    let sql = question(names, &of, &of_database, condition)?;
    let cannot = || {
        let message = format!("The backup names a role that a database in encoding {of_database} cannot name");
        Fault::failed(message).hint("restore it into a database of the encoding that the backup has")
    };
    let answer = server.ask_maintenance(&sql).map_err(|error| error::explain(error, cannot))?;
    let found: Vec<Found> = serde_json::from_str(answer.trim()).context("the roles that the backup names")?;
    let role = |found: &Found| {
        let name = names.iter().nth(found.number).context("a role that was not asked for")?;
        let shown = String::from_utf8_lossy(&unhex(&found.name)?).into_owned();
        Ok(EncodedRole { name: shown, bytes: name.bytes.clone(), encoding: of(name) })
    };
    found.iter().map(role).collect()
}

fn question(
    names: &BTreeSet<EncodedName>,
    of: &dyn Fn(&EncodedName) -> Encoding,
    of_database: &Encoding,
    condition: impl Fn(&str) -> String,
) -> Result<String, Fault> {
    let rows: Vec<String> = names
        .iter()
        .enumerate()
        .map(|(number, name)| {
            Ok(format!("({number}, pg_catalog.decode('{}', 'hex'), {})", hex(&name.bytes), literal(&of(name))?))
        })
        .collect::<Result<_, Fault>>()?;
    // namesend gives the bytes as they are where the client's encoding is none.
    let is_it = format!(
        "pg_catalog.namesend(r.rolname) = pg_catalog.convert(w.bytes, w.encoding::pg_catalog.name, {})",
        literal(of_database)?
    );
    Ok(format!(
        "BEGIN;\nSET LOCAL client_encoding TO 'SQL_ASCII';\n\
         SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_object('number', w.number, 'name', pg_catalog.encode(\
         CASE w.encoding WHEN 'SQL_ASCII' THEN w.bytes ELSE pg_catalog.convert(w.bytes, w.encoding::pg_catalog.name, 'UTF8') END, \
         'hex')) ORDER BY w.number), '[]') FROM (VALUES {}) AS w(number, bytes, encoding) \
         WHERE {};\nCOMMIT",
        rows.join(", "),
        condition(&is_it)
    ))
}

/// The bytes that these hexadecimal digits stand for.
fn unhex(digits: &str) -> Result<Vec<u8>> {
    ensure!(digits.len().is_multiple_of(2) && digits.is_ascii(), "no bytes in hexadecimal");
    let byte = |pair: &[u8]| Ok(u8::from_str_radix(std::str::from_utf8(pair)?, 16)?);
    digits.as_bytes().chunks(2).map(byte).collect()
}
