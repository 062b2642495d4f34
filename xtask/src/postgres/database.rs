//! What a server says of its databases: the questions whose answers are [`Properties`].

use super::money;
use super::path_dependents::{self, PathDependent};
use super::properties::Properties;
use super::quote::literal;
use super::server::Server;
use super::session;
use super::text::{Line, Name, ObjectName};
use anyhow::{Context as _, Result};
use serde::Deserialize;
use std::collections::BTreeMap;

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
    /// Asks about a database from the maintenance database; `None` where it does not exist.
    pub fn named(server: &Server<'_>, database: &str) -> Result<Option<Self>> {
        let sql = format!("{QUERY}{}", literal(database)?);
        let text = server.ask_maintenance(&sql)?;
        match text.trim() {
            "" => Ok(None),
            text => {
                let answer: Answer = serde_json::from_str(text).context("the properties of the database")?;
                Ok(Some(answer.into()))
            }
        }
    }
}

/// What a database says of itself, and what it answered to a question that came with it.
#[derive(Debug)]
pub struct OfItself {
    pub properties: Properties,
    /// The version of every extension in it.
    pub extension_versions: BTreeMap<ObjectName, Line>,
    /// The `lc_monetary` of a session there, where it has values of type money.
    pub lc_monetary: Option<Line>,
    /// It has no schema public.
    pub without_public: bool,
    /// What a restore may fail at.
    pub path_dependents: Vec<PathDependent>,
    pub answer: String,
}

const WITHOUT_PUBLIC: &str =
    "SELECT pg_catalog.to_json(NOT EXISTS (SELECT FROM pg_catalog.pg_namespace AS n WHERE n.nspname = 'public'));";

const EXTENSION_VERSIONS: &str =
    "SELECT COALESCE(pg_catalog.json_object_agg(extname, extversion), '{}') FROM pg_catalog.pg_extension;";

impl OfItself {
    /// Asks the database itself, with one question more: that costs no program of its own.
    pub fn ask(server: &Server<'_>, question: &str) -> Result<Self> {
        let sql = format!(
            "{QUERY}pg_catalog.current_database();\n{EXTENSION_VERSIONS}\n{WITHOUT_PUBLIC}\n{}\n{}\n{question}",
            money::QUERY,
            path_dependents::QUERY
        );
        let text = server.ask(&sql)?;
        let (answer, rest) = session::first_of::<Answer>(&text).context("the properties of the database")?;
        let (extension_versions, rest) = session::first_of(rest).context("the versions of the extensions")?;
        let (without_public, rest) = session::first_of(rest).context("whether there is a schema public")?;
        let (money, rest) = session::first_of::<money::Answer>(rest).context("the setting lc_monetary")?;
        let (path_dependents, rest) = session::first_of(rest).context("the functions that need a search_path")?;
        let (properties, answer) = (answer.into(), rest.to_owned());
        let lc_monetary = money.lc_monetary;
        Ok(Self { properties, extension_versions, lc_monetary, without_public, path_dependents, answer })
    }
}

/// Bytes that the database takes on the server's disk.
pub fn size(server: &Server<'_>) -> Result<u64> {
    server.query("SELECT pg_catalog.pg_database_size(pg_catalog.current_database())")
}
