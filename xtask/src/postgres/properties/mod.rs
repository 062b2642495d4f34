//! What belongs to the database itself and is in no dump: encoding, locale, owner, grants, settings, limit, comment.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod grant;
mod setting;

pub use grant::Grant;
pub use setting::{Assignment, Setting};

use super::count::Count;
use super::encoding::Encoding;
use super::path_dependents::{self, PathDependent};
use super::quote::literal;
use super::text::{Line, Name, ObjectName, Text};
use super::{questions, session};
use crate::target::Target;
use anyhow::{Context as _, Result};
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A database's own properties, as `CREATE DATABASE` and `ALTER DATABASE` would set them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Properties {
    pub encoding: Encoding,
    pub locale_provider: LocaleProvider,
    pub collate: Line,
    pub ctype: Line,
    /// The provider's own locale, where it is not libc.
    pub locale: Option<Line>,
    pub icu_rules: Option<Text>,
    pub owner: Name,
    /// Access privileges; none: the defaults.
    pub grants: Option<Vec<Grant>>,
    /// `ALTER DATABASE … SET` and `ALTER ROLE … IN DATABASE … SET`.
    pub settings: Vec<Setting>,
    pub connection_limit: ConnectionLimit,
    /// A person's; version 0.1.0 marked databases of its own with others.
    #[serde(default, deserialize_with = "of_a_person")]
    pub comment: Option<Text>,
    /// Roles that may create databases may copy it; not known of backups by xtask 0.1.0.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_template: bool,
    /// Where it lies, if not in the server's default place: the server alone says so, no manifest does.
    #[serde(skip)]
    pub tablespace: Option<Name>,
    /// On the server's disk.
    pub size_bytes: Count,
}

/// What version 0.1.0 began its comments with, in which it kept what a database was for. They mean nothing any more, are
/// in files of that version, and are never shown, dumped or carried over as a person's.
const MARK: &str = "xtask {";

fn of_a_person<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Text>, D::Error> {
    let comment = Option::<Text>::deserialize(deserializer)?;
    Ok(comment.filter(|comment| !comment.starts_with(MARK)))
}

/// Who knows a database's locale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LocaleProvider {
    Libc,
    Icu,
    Builtin,
}

/// How many sessions a database takes; -1: as many as the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "i32")]
pub struct ConnectionLimit(i32);

impl ConnectionLimit {
    /// No limit of its own.
    pub const NONE: Self = Self(-1);
}

impl TryFrom<i32> for ConnectionLimit {
    type Error = String;

    /// # Errors
    /// It is below -1.
    fn try_from(limit: i32) -> Result<Self, String> {
        if limit < -1 { Err(format!("{limit} is no connection limit")) } else { Ok(Self(limit)) }
    }
}

impl fmt::Display for ConnectionLimit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// What a server says of a database of its own.
#[derive(Deserialize)]
struct Answer {
    properties: Properties,
    tablespace: Option<Name>,
}

impl From<Answer> for Properties {
    fn from(answer: Answer) -> Self {
        Self { tablespace: answer.tablespace, ..answer.properties }
    }
}

// The row as JSON, because columns have other names in other versions: daticulocale (15, 16) became
// datlocale (17), and before 15 there was no provider.
const QUERY: &str = "
SELECT pg_catalog.json_build_object('properties', pg_catalog.json_build_object(
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
  'connection_limit', GREATEST(d.datconnlimit, -1),
  'comment', pg_catalog.shobj_description(d.oid, 'pg_database'),
  'is_template', d.datistemplate,
  'size_bytes', pg_catalog.pg_database_size(d.oid)),
  'tablespace', (SELECT s.spcname FROM pg_catalog.pg_tablespace AS s
      WHERE s.oid = d.dattablespace AND s.spcname <> 'pg_default'))
FROM pg_catalog.pg_database AS d, LATERAL (SELECT pg_catalog.to_jsonb(d) AS facts) AS r
WHERE d.datname = ";

impl Properties {
    /// Takes what `CREATE DATABASE` alone decides, and the owner, from another database.
    pub fn made_as(&mut self, other: &Self) {
        let other = other.clone();
        self.encoding = other.encoding;
        self.locale_provider = other.locale_provider;
        self.collate = other.collate;
        self.ctype = other.ctype;
        self.locale = other.locale;
        self.icu_rules = other.icu_rules;
        self.owner = other.owner;
    }

    /// The access privileges, also where they are the defaults.
    pub fn all_grants(&self) -> Vec<Grant> {
        self.grants.clone().unwrap_or_else(|| Grant::defaults(&self.owner))
    }

    /// Whether it has the access privileges that each new database of its owner has.
    pub fn has_default_grants(&self) -> bool {
        same_grants(&self.all_grants(), &Grant::defaults(&self.owner))
    }

    /// The roles without which a database cannot have these properties.
    pub fn roles(&self) -> BTreeSet<String> {
        let grants = self.grants.iter().flatten().flat_map(|grant| grant.grantee.iter().chain([&grant.grantor]));
        let settings = self.settings.iter().filter_map(|setting| setting.role.as_ref());
        grants.chain(settings).chain([&self.owner]).map(ToString::to_string).collect()
    }

    /// Asks about a database from the maintenance database; `None` where it does not exist.
    pub fn named(target: &Target, session: &str, database: &str) -> Result<Option<Self>> {
        let sql = format!("{QUERY}{}", literal(database)?);
        let text = questions::ask(target, session, &sql)?;
        match text.trim() {
            "" => Ok(None),
            text => {
                let answer: Answer = serde_json::from_str(text).context("the properties of the database")?;
                Ok(Some(answer.into()))
            }
        }
    }
}

/// Whether both lists give the same, in any order.
pub fn same_grants(one: &[Grant], other: &[Grant]) -> bool {
    let set = |grants: &[Grant]| grants.iter().map(Grant::to_string).collect::<BTreeSet<String>>();
    set(one) == set(other)
}

/// What a database says of itself, and what it answered to a question that came with it.
#[derive(Debug)]
pub struct OfItself {
    pub properties: Properties,
    /// Of every extension in it.
    pub extension_versions: BTreeMap<ObjectName, Line>,
    /// What a restore may fail at.
    pub path_dependents: Vec<PathDependent>,
    pub answer: String,
}

const EXTENSION_VERSIONS: &str =
    "SELECT COALESCE(pg_catalog.json_object_agg(extname, extversion), '{}') FROM pg_catalog.pg_extension;";

impl OfItself {
    /// Asks the database itself, with one question more: that costs no program of its own.
    pub fn ask(target: &Target, session: &str, question: &str) -> Result<Self> {
        let sql = format!(
            "{QUERY}pg_catalog.current_database();\n{EXTENSION_VERSIONS}\n{}\n{question}",
            path_dependents::QUERY
        );
        let text = session::ask(target, session, &sql)?;
        let (answer, rest) = session::first_of::<Answer>(&text).context("the properties of the database")?;
        let (extension_versions, rest) = session::first_of(rest).context("the versions of the extensions")?;
        let (path_dependents, rest) = session::first_of(rest).context("the functions that need a search_path")?;
        Ok(Self { properties: answer.into(), extension_versions, path_dependents, answer: rest.to_owned() })
    }
}

/// Bytes that the database takes on the server's disk.
pub fn database_size(target: &Target, session: &str) -> Result<u64> {
    session::query(target, session, "SELECT pg_catalog.pg_database_size(pg_catalog.current_database())")
}
