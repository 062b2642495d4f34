//! Tables that another role may own, and whether reading them by a query could run that role's code with our rights.
//!
//! A query plans, and the planner runs functions of the table's owner: an index on a function that is falsely called
//! immutable is enough. `SET ROLE` and READ ONLY are no boundary. `COPY table (columns) TO STDOUT` plans nothing and
//! refuses views, so that it reads every table; a query reads only a [`trusted`] one.

use super::search_path;
use serde::Deserialize;

/// SQL that is true of a schema that is not the server's own: nothing of those is to be granted.
pub fn not_of_server(column: &str) -> String {
    format!("{column} <> 'information_schema' AND NOT pg_catalog.starts_with({column}::pg_catalog.text, 'pg_')")
}

/// A table that is looked for, and the columns without which it is another program's.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    pub name: &'static str,
    pub columns: &'static [&'static str],
}

/// What stands under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Nothing, or a table of other columns.
    Absent,
    Table(Table),
    /// `public.store is a view`: it is never read.
    Unread(String),
}

impl Found {
    /// The table, if it is one.
    pub fn table(&self) -> Option<&Table> {
        match self {
            Self::Table(table) => Some(table),
            _ => None,
        }
    }
}

/// An ordinary table whose wanted columns are of PostgreSQL's own types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    pub schema: String,
    pub name: String,
    /// Its owner and its schema's owner can act as our role anyway: a query may read it.
    pub trusted: bool,
    /// Whether our role may read it.
    pub readable: bool,
    /// On the disk, without what is stored apart.
    pub bytes: u64,
}

/// SQL that is true for the relation `c` of the schema `n` when its owner can act as our role anyway: it is that role,
/// a superuser, or may SET ROLE to it. So must the schema's owner, who could put another table in its place at any time.
/// The session's user counts: a role that a setting chose is left by RESET ROLE.
pub const TRUSTED: &str =
    "(SELECT pg_catalog.pg_has_role(CASE c.relowner WHEN w.oid THEN d.datdba ELSE c.relowner END, me.oid, may.word)
   AND pg_catalog.pg_has_role(CASE n.nspowner WHEN w.oid THEN d.datdba ELSE n.nspowner END, me.oid, may.word)
  FROM pg_catalog.pg_roles AS me, pg_catalog.pg_database AS d,
    (SELECT (SELECT r.oid FROM pg_catalog.pg_roles AS r WHERE r.rolname = 'pg_database_owner') AS oid) AS w,
    (SELECT CASE WHEN pg_catalog.current_setting('server_version_num')::pg_catalog.int4 >= 160000
       THEN 'SET' ELSE 'MEMBER' END AS word) AS may
  WHERE me.rolname = session_user AND d.datname = pg_catalog.current_database())";

/// SQL that is true for a column `a` that COPY can read and whose type PostgreSQL brought along.
pub const PLAIN_COLUMN: &str =
    "a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.atttypid < 16384 AND a.attgenerated = ''";

/// What the server answers to [`question`].
#[derive(Debug, Deserialize)]
pub struct Answer {
    path: String,
    user: String,
    relations: Vec<Relation>,
}

#[derive(Debug, Deserialize)]
struct Relation {
    schema: String,
    name: String,
    kind: String,
    columns: Vec<String>,
    trusted: bool,
    readable: bool,
    bytes: Option<u64>,
}

/// Asks for everything that bears one of these names in a schema that our role may use. The names are constants of
/// ours: they need no quoting.
pub fn question(wanted: &[Wanted]) -> String {
    let names: Vec<String> = wanted.iter().map(|wanted| format!("'{}'", wanted.name)).collect();
    format!(
        "SELECT pg_catalog.json_build_object(
  'path', (SELECT reset_val FROM pg_catalog.pg_settings WHERE name = 'search_path'), 'user', current_user,
  'relations', (SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_object(
      'schema', n.nspname, 'name', c.relname, 'kind', c.relkind, 'trusted', {TRUSTED},
      'readable', pg_catalog.has_table_privilege(c.oid, 'SELECT'),
      'bytes', CASE c.relkind WHEN 'r' THEN pg_catalog.pg_relation_size(c.oid) END,
      'columns', (SELECT COALESCE(pg_catalog.json_agg(a.attname), '[]') FROM pg_catalog.pg_attribute AS a WHERE {PLAIN_COLUMN}))), '[]')
    FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relname IN ({}) AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')));",
        names.join(", ")
    )
}

impl Answer {
    /// What the role's own `search_path` finds under each of the names.
    pub fn found(self, wanted: &[Wanted]) -> Vec<Found> {
        let schemas = search_path::schemas(&self.path, &self.user);
        let first = |wanted: &Wanted| {
            schemas.iter().find_map(|schema| {
                self.relations.iter().find(|there| there.schema == *schema && there.name == wanted.name)
            })
        };
        wanted.iter().map(|wanted| first(wanted).map_or(Found::Absent, |there| there.as_wanted(wanted))).collect()
    }
}

impl Relation {
    fn as_wanted(&self, wanted: &Wanted) -> Found {
        let kind = match self.kind.as_str() {
            "r" if !wanted.columns.iter().all(|name| self.columns.iter().any(|column| column == name)) => {
                return Found::Absent;
            }
            "r" => {
                return Found::Table(Table {
                    schema: self.schema.clone(),
                    name: self.name.clone(),
                    trusted: self.trusted,
                    readable: self.readable,
                    bytes: self.bytes.unwrap_or_default(),
                });
            }
            "v" => "a view",
            "m" => "a materialized view",
            "f" => "a foreign table",
            "p" => "a partitioned table",
            _ => "not a table",
        };
        Found::Unread(format!("{}.{} is {kind}", self.schema, self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WANTED: [Wanted; 2] =
        [Wanted { name: "store", columns: &["id", "name"] }, Wanted { name: "changelog", columns: &["ulid"] }];

    fn found(path: &str, relations: &serde_json::Value) -> Vec<Found> {
        let answer = serde_json::json!({ "path": path, "user": "me", "relations": relations });
        serde_json::from_value::<Answer>(answer).unwrap().found(&WANTED)
    }

    fn relation(schema: &str, kind: &str, columns: &[&str]) -> serde_json::Value {
        serde_json::json!({ "schema": schema, "name": "store", "kind": kind, "columns": columns, "trusted": false,
            "readable": true, "bytes": 8192 })
    }

    #[test]
    fn the_first_of_the_path_counts_whatever_it_is() {
        let there = serde_json::json!([
            relation("other", "r", &["id", "name"]),
            relation("public", "r", &["id", "name", "more"]),
            relation("me", "v", &["id", "name"]),
        ]);
        let table = |found: &[Found]| found[0].table().map(|table| table.schema.clone());
        assert_eq!(table(&found("public, me", &there)).as_deref(), Some("public"));
        assert_eq!(found("\"$user\", public", &there), [Found::Unread("me.store is a view".into()), Found::Absent]);
        assert_eq!(found("elsewhere", &there), [Found::Absent, Found::Absent]);
    }

    #[test]
    fn a_table_of_other_columns_is_another_programs() {
        let there = serde_json::json!([relation("public", "r", &["id"])]);
        assert_eq!(found("public", &there), [Found::Absent, Found::Absent]);
    }
}
