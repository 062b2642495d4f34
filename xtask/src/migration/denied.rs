//! What a role lacks where the server refused a statement for want of a right (SQLSTATE 42501), and what gives it. The
//! server's words name the object; whose it is says the catalog.

use super::failure::ServerError;
use crate::error::Fault;
use crate::postgres::powerful_role::POWERFUL;
use crate::postgres::quote::{identifier, literal};
use crate::postgres::relation::not_of_server;
use crate::postgres::server::Server;
use crate::words::{clean_line, shell_word};
use serde::Deserialize;
use std::time::Duration;

/// A hint waits no longer than that for the server.
const DEADLINE: Duration = Duration::from_secs(5);

/// The kinds that are in `pg_class`, as the server's messages and statements name them.
const RELATIONS: [&str; 7] = ["table", "view", "materialized view", "foreign table", "sequence", "relation", "index"];
/// The others whose owner can be found by a name: the catalog, and its columns of the name and the owner.
const OTHERS: [(&str, &str, &str, &str); 7] = [
    ("schema", "pg_namespace", "nspname", "nspowner"),
    ("database", "pg_database", "datname", "datdba"),
    ("extension", "pg_extension", "extname", "extowner"),
    ("type", "pg_type", "typname", "typowner"),
    ("function", "pg_proc", "proname", "proowner"),
    ("procedure", "pg_proc", "proname", "proowner"),
    ("aggregate", "pg_proc", "proname", "proowner"),
];

/// What the server's words say.
#[derive(Debug, PartialEq, Eq)]
struct Refusal<'a> {
    /// A statement that only the owner of the object may run.
    of_owner: bool,
    kind: &'a str,
    name: &'a str,
}

impl<'a> Refusal<'a> {
    /// Out of `ERROR:  permission denied for table a`; `None` for other words, such as those of a server of another language,
    /// and where code ran: code raises errors in words that its owner chooses, and the server says in which function.
    fn of(text: &'a str) -> Option<Self> {
        let mut lines = text.lines();
        let words = lines.next()?.strip_prefix("ERROR:  ")?;
        if lines.any(|line| line.starts_with("CONTEXT:")) {
            return None;
        }
        let (of_owner, object) = match words.strip_prefix("must be owner of ") {
            Some(object) => (true, object),
            None => (false, words.strip_prefix("permission denied for ")?),
        };
        let kinds = RELATIONS.into_iter().chain(OTHERS.into_iter().map(|(kind, ..)| kind));
        let named = kinds.filter_map(|kind| Some((kind, object.strip_prefix(kind)?.strip_prefix(' ')?)));
        named.max_by_key(|(kind, _)| kind.len()).map(|(kind, name)| Self { of_owner, kind, name })
    }

    fn is_relation(&self) -> bool {
        RELATIONS.contains(&self.kind)
    }
}

/// An object of that name that belongs to another role.
#[derive(Debug, Deserialize)]
struct Found {
    /// Of a relation.
    schema: Option<String>,
    owner: String,
    /// See [`POWERFUL`].
    is_powerful: bool,
    /// The session may become the owner, and has none of its rights before.
    is_member: bool,
    /// Of a schema: the session may use it.
    usage: Option<bool>,
}

/// What to type next.
pub fn hint(server: &Server<'_>, error: &anyhow::Error, statement: Option<&str>) -> String {
    let user = server.target().user();
    let text = error.downcast_ref::<ServerError>().map(ToString::to_string).unwrap_or_default();
    let cure = Refusal::of(&text).and_then(|refusal| {
        let found = found(server, &refusal)?;
        if refusal.of_owner { as_owner(&refusal, &found, user) } else { by_grant(&refusal, &found, user, statement) }
            .ok()?
    });
    let user = shell_word(user);
    cure.map(|cure| clean_line(&cure))
        .unwrap_or_else(|| format!("user {user} lacks a right: migrate as the owner, or as a superuser"))
}

/// The only object of that name; `None` where there are several, or none that another role owns.
fn found(server: &Server<'_>, refusal: &Refusal<'_>) -> Option<Found> {
    let mut found: Vec<Found> = server.within(DEADLINE).query(&question(refusal).ok()?).ok()?;
    let only = found.pop().filter(|_| found.is_empty())?;
    Some(only)
}

fn question(refusal: &Refusal<'_>) -> Result<String, Fault> {
    let name = literal(refusal.name)?;
    let object = if refusal.is_relation() {
        format!(
            "SELECT n.nspname, c.relowner AS owner, NULL::pg_catalog.bool AS usage FROM pg_catalog.pg_class AS c \
             JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE c.relname = {name} AND {}",
            not_of_server("n.nspname")
        )
    } else {
        let (kind, catalog, column, owner) =
            OTHERS.into_iter().find(|(kind, ..)| *kind == refusal.kind).unwrap_or(OTHERS[0]);
        let usage =
            if kind == "schema" { "pg_catalog.has_schema_privilege(x.oid, 'USAGE')" } else { "NULL::pg_catalog.bool" };
        format!(
            "SELECT NULL AS nspname, x.{owner} AS owner, {usage} AS usage FROM pg_catalog.{catalog} AS x \
             WHERE x.{column} = {name} AND {}",
            match kind {
                "schema" => not_of_server("x.nspname"),
                "database" | "extension" => "true".to_owned(),
                kind => {
                    let schema = if kind == "type" { "x.typnamespace" } else { "x.pronamespace" };
                    let schemas = "SELECT n.oid FROM pg_catalog.pg_namespace AS n WHERE";
                    format!("{schema} IN ({schemas} {})", not_of_server("n.nspname"))
                }
            }
        )
    };
    Ok(format!(
        "SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_object('schema', o.nspname, 'owner', r.rolname, \
         'is_powerful', {POWERFUL}, 'is_member', pg_catalog.pg_has_role(r.oid, 'MEMBER'), 'usage', o.usage)), '[]') \
         FROM ({object}) AS o JOIN pg_catalog.pg_roles AS r ON r.oid = o.owner \
         WHERE NOT pg_catalog.pg_has_role(r.oid, 'USAGE')"
    ))
}

/// The name of the object as SQL writes it.
fn object(refusal: &Refusal<'_>, found: &Found) -> Result<String, Fault> {
    let name = identifier(refusal.name)?;
    Ok(match &found.schema {
        Some(schema) => format!("{}.{name}", identifier(schema)?),
        None => name,
    })
}

/// What only an owner may do takes no grant on the object.
fn as_owner(refusal: &Refusal<'_>, found: &Found, user: &str) -> Result<Option<String>, Fault> {
    let (kind, object, name) = (refusal.kind, shell_word(refusal.name), object(refusal, found)?);
    let owner = shell_word(&found.owner);
    let whose = format!("{kind} {object} belongs to role {owner}, and only its owner may do this: log in as {owner}");
    if found.is_member {
        return Ok(Some(format!(
            "{whose}, or begin the file with SET ROLE {}; and end it with RESET ROLE;",
            identifier(&found.owner)?
        )));
    }
    if !found.is_powerful {
        let (owner, user) = (identifier(&found.owner)?, identifier(user)?);
        return Ok(Some(format!("{whose}, or become a member of that role: GRANT {owner} TO {user};")));
    }
    // A member of such a role would have more than this object. An index goes with its table.
    let given = match kind {
        "index" | "extension" | "function" | "procedure" | "aggregate" => return Ok(Some(whose)),
        "relation" => "TABLE".to_owned(),
        kind => kind.to_uppercase(),
    };
    Ok(Some(format!("{whose}, or have it handed over: ALTER {given} {name} OWNER TO {};", identifier(user)?)))
}

/// The right that the statement needs, as far as its first word tells.
fn by_grant(
    refusal: &Refusal<'_>,
    found: &Found,
    user: &str,
    statement: Option<&str>,
) -> Result<Option<String>, Fault> {
    let first = statement.and_then(|text| text.split_whitespace().next()).unwrap_or_default().to_uppercase();
    let privileges = match (refusal.kind, first.as_str()) {
        ("schema", "CREATE") if found.usage == Some(false) => "USAGE, CREATE ON SCHEMA",
        ("schema", _) if found.usage == Some(false) => "USAGE ON SCHEMA",
        ("schema", _) => "CREATE ON SCHEMA",
        ("database", _) => "CREATE ON DATABASE",
        ("type", _) => "USAGE ON TYPE",
        ("sequence", _) => "ALL ON SEQUENCE",
        (_, "SELECT") if refusal.is_relation() => "SELECT ON",
        (_, "INSERT") if refusal.is_relation() => "SELECT, INSERT ON",
        (_, "UPDATE") if refusal.is_relation() => "SELECT, UPDATE ON",
        (_, "DELETE") if refusal.is_relation() => "SELECT, DELETE ON",
        (_, "TRUNCATE") if refusal.is_relation() => "TRUNCATE ON",
        _ if refusal.is_relation() => "ALL ON",
        // Several may have one name, and their arguments tell them apart.
        _ => return Ok(None),
    };
    let (owner, kind, name) = (shell_word(&found.owner), refusal.kind, shell_word(refusal.name));
    let (grantee, object) = (identifier(user)?, object(refusal, found)?);
    let user = shell_word(user);
    Ok(Some(format!(
        "user {user} lacks a right on {kind} {name}: log in as its owner, {owner}, or have the right granted: GRANT \
         {privileges} {object} TO {grantee};"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_words_name_kind_and_object() {
        let refusal = |of_owner, kind, name| Some(Refusal { of_owner, kind, name });
        assert_eq!(Refusal::of("ERROR:  permission denied for table a b\nHINT:  x"), refusal(false, "table", "a b"));
        assert_eq!(
            Refusal::of("ERROR:  must be owner of materialized view view x"),
            refusal(true, "materialized view", "view x")
        );
        assert_eq!(Refusal::of("ERROR:  permission denied for schema public"), refusal(false, "schema", "public"));
        for other in [
            "ERROR:  permission denied to create role",
            "FEHLER:  keine Berechtigung für Tabelle a",
            "ERROR:  must be owner of tables",
            "FEHLER:  must be owner of schema s\nKONTEXT:  PL/pgSQL-Funktion",
            "ERROR:  must be owner of schema s\nCONTEXT:  PL/pgSQL function public.f() line 1 at RAISE",
            "",
        ] {
            assert_eq!(Refusal::of(other), None, "{other}");
        }
    }

    #[test]
    fn a_hint_asks_for_no_membership_in_a_powerful_role() {
        let refusal = Refusal { of_owner: true, kind: "table", name: "a" };
        let mut found = Found {
            schema: Some("s".to_owned()),
            owner: "postgres".to_owned(),
            is_powerful: true,
            is_member: false,
            usage: None,
        };
        let hint = |found: &Found| as_owner(&refusal, found, "app").unwrap().unwrap();
        assert!(hint(&found).ends_with("have it handed over: ALTER TABLE \"s\".\"a\" OWNER TO \"app\";"));
        found.is_powerful = false;
        assert!(hint(&found).ends_with("GRANT \"postgres\" TO \"app\";"));
        found.is_member = true;
        assert!(hint(&found).ends_with("begin the file with SET ROLE \"postgres\"; and end it with RESET ROLE;"));
    }
}
