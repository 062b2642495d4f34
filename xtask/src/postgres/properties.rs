//! What belongs to the database itself and is in no dump: encoding, locale, owner, grants, settings, limit, comment.

use super::quote::literal;
use super::{questions, session};
use crate::target::Target;
use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A database's own properties, as `CREATE DATABASE` and `ALTER DATABASE` would set them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Properties {
    pub encoding: String,
    /// `libc`, `icu` or `builtin`.
    pub locale_provider: String,
    pub collate: String,
    pub ctype: String,
    /// The provider's own locale, where it is not libc.
    pub locale: Option<String>,
    pub icu_rules: Option<String>,
    pub owner: String,
    /// Access privileges as the server writes them (`user=privileges/grantor`); none: the defaults.
    pub grants: Option<Vec<String>>,
    /// `ALTER DATABASE … SET` and `ALTER ROLE … IN DATABASE … SET`.
    pub settings: Vec<Setting>,
    /// -1: no limit.
    pub connection_limit: i64,
    pub comment: Option<String>,
    /// Where it lies, if not in the server's default place: of this server alone, so that no manifest holds it.
    #[serde(default, skip_serializing)]
    pub tablespace: Option<String>,
    /// On the server's disk.
    pub size_bytes: u64,
}

/// Settings for one role in this database, or for all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    pub role: Option<String>,
    pub values: Vec<String>,
}

// The row as JSON, because columns have other names in other versions: daticulocale (15, 16) became
// datlocale (17), and before 15 there was no provider.
const QUERY: &str = "
SELECT pg_catalog.json_build_object(
  'encoding', pg_catalog.pg_encoding_to_char(d.encoding),
  'locale_provider', CASE r.facts->>'datlocprovider' WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' ELSE 'libc' END,
  'collate', d.datcollate,
  'ctype', d.datctype,
  'locale', COALESCE(r.facts->>'datlocale', r.facts->>'daticulocale'),
  'icu_rules', r.facts->>'daticurules',
  'owner', pg_catalog.pg_get_userbyid(d.datdba),
  'grants', CASE WHEN d.datacl IS NOT NULL THEN COALESCE((
      SELECT pg_catalog.json_agg(entry::pg_catalog.text) FROM pg_catalog.unnest(d.datacl) AS entry), '[]') END,
  'settings', COALESCE((
      SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
          'role', CASE WHEN s.setrole = 0 THEN NULL ELSE pg_catalog.pg_get_userbyid(s.setrole) END,
          'values', s.setconfig) ORDER BY s.setrole)
      FROM pg_catalog.pg_db_role_setting AS s WHERE s.setdatabase = d.oid), '[]'),
  'connection_limit', d.datconnlimit,
  'comment', pg_catalog.shobj_description(d.oid, 'pg_database'),
  'tablespace', (SELECT s.spcname FROM pg_catalog.pg_tablespace AS s
      WHERE s.oid = d.dattablespace AND s.spcname <> 'pg_default'),
  'size_bytes', pg_catalog.pg_database_size(d.oid))
FROM pg_catalog.pg_database AS d, LATERAL (SELECT pg_catalog.to_jsonb(d) AS facts) AS r
WHERE d.datname = ";

impl Properties {
    /// Asks the database itself, and one more question with it: that costs no program of its own.
    pub fn with(target: &Target, session: &str, question: &str) -> Result<(Self, String)> {
        let text = session::ask(target, session, &format!("{QUERY}pg_catalog.current_database();\n{question}"))?;
        let (properties, answer) = session::first_of(&text).context("the properties of the database")?;
        Ok((properties, answer.to_owned()))
    }

    /// Takes what `CREATE DATABASE` alone decides, and the owner, from another database.
    pub fn made_as(&mut self, other: &Self) {
        for (own, others) in [
            (&mut self.encoding, &other.encoding),
            (&mut self.locale_provider, &other.locale_provider),
            (&mut self.collate, &other.collate),
            (&mut self.ctype, &other.ctype),
            (&mut self.owner, &other.owner),
        ] {
            own.clone_from(others);
        }
        self.locale.clone_from(&other.locale);
        self.icu_rules.clone_from(&other.icu_rules);
    }

    /// The roles without which a database cannot have these properties.
    pub fn roles(&self) -> BTreeSet<String> {
        let entries = self.grants.iter().flatten().flat_map(|entry| grantee_and_grantor(entry));
        let settings = self.settings.iter().filter_map(|setting| setting.role.clone());
        entries.chain(settings).chain([self.owner.clone()]).filter(|role| !role.is_empty()).collect()
    }

    /// Asks about a database from the maintenance database; `None` where it does not exist.
    pub fn named(target: &Target, session: &str, database: &str) -> Result<Option<Self>> {
        let sql = format!("{QUERY}{}", literal(database)?);
        let text = questions::ask(target, session, &sql)?;
        match text.trim() {
            "" => Ok(None),
            text => Ok(Some(serde_json::from_str(text).context("the properties of the database")?)),
        }
    }
}

/// Bytes that the database takes on the server's disk.
pub fn database_size(target: &Target, session: &str) -> Result<u64> {
    session::query(target, session, "SELECT pg_catalog.pg_database_size(pg_catalog.current_database())")
}

/// The roles of `"a ""b"=C*Tc/c`; the first is empty for PUBLIC.
fn grantee_and_grantor(entry: &str) -> [String; 2] {
    let (grantee, rest) = role_until(entry, '=');
    let grantor = rest.split_once('/').map_or("", |(_, grantor)| grantor);
    [grantee, role_until(grantor, '\0').0]
}

/// A role's name, quoted where the server saw need, and what follows it.
fn role_until(text: &str, end: char) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let at = text.find(end).unwrap_or(text.len());
        return (text[..at].to_owned(), &text[at..]);
    };
    let mut name = String::new();
    let mut characters = quoted.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' if characters.next_if(|(_, next)| *next == '"').is_none() => return (name, &quoted[at + 1..]),
            other => name.push(other),
        }
    }
    (name, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_roles_of_an_access_privilege() {
        assert_eq!(grantee_and_grantor("=T/app"), ["", "app"]);
        assert_eq!(grantee_and_grantor("app=C*Tc*/postgres"), ["app", "postgres"]);
        assert_eq!(grantee_and_grantor(r#""R=ö ""q/"=T/"a b""#), ["R=ö \"q/", "a b"]);
        assert_eq!(grantee_and_grantor("\"never ends"), ["never ends", ""]);
    }
}
