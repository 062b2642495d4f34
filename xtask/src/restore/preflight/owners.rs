//! Roles to which a dump gives objects, but which may not make any in that schema of a new database. The server then
//! refuses `ALTER … OWNER TO` to all but superusers, and a dump grants `CREATE` on a schema only at its end.

use crate::backup::proof::Proven;
use crate::error::Fault;
use crate::postgres::powerful_role::POWERFUL;
use crate::postgres::quote::{identifier, literal};
use crate::postgres::server::Server;
use crate::restore::rights;
use crate::words::{clean_line, shell_word};
use anyhow::{Context as _, Result};
use serde::Deserialize;

/// Since this version not everybody may make objects in the schema `public` of a new database.
const PRIVATE_PUBLIC_SINCE: u32 = 15;

/// A role that gets an object in a schema which belongs to another role.
#[derive(Debug, Deserialize)]
struct Given {
    line: u64,
    schema: String,
    role: String,
    schema_owner: String,
    /// As that owner one may do more than with one's own objects.
    powerful: bool,
}

/// `database_owner` owns the database that the dump is loaded into; `None`: this role does.
pub(super) fn check(server: &Server<'_>, backup: &Proven, major: u32, database_owner: Option<&str>) -> Result<()> {
    let user = server.target().user();
    let owner_of = |schema: &str| match backup.contents.schema_owners.get(schema) {
        Some(owner) => Some(owner.as_str()),
        None if schema != "public" => Some(user),
        None => (major >= PRIVATE_PUBLIC_SINCE).then(|| database_owner.unwrap_or(user)),
    };
    let mut rows = Vec::new();
    for ((schema, role), line) in &backup.contents.given {
        let Some(owner) = owner_of(schema).filter(|owner| owner != role && role != user) else { continue };
        // What is not ASCII has other bytes in each encoding.
        if role.is_ascii() && owner.is_ascii() && schema.is_ascii() {
            rows.push(format!("({line}, {}, {}, {})", literal(schema)?, literal(role)?, literal(owner)?));
        }
    }
    if rows.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "SELECT COALESCE(pg_catalog.json_agg(g ORDER BY g.line), '[]') FROM (SELECT g.*, EXISTS (SELECT FROM \
         pg_catalog.pg_roles AS r WHERE r.rolname = g.schema_owner AND {POWERFUL}) AS powerful FROM (VALUES {}) AS g(line, schema, role, schema_owner) JOIN pg_catalog.pg_roles AS r ON r.rolname = g.role \
         WHERE NOT r.rolsuper AND NOT (SELECT m.rolsuper FROM pg_catalog.pg_roles AS m WHERE m.rolname = current_user) \
         AND NOT EXISTS (SELECT FROM pg_catalog.pg_roles AS o WHERE o.rolname = g.schema_owner \
         AND pg_catalog.pg_has_role(r.oid, o.oid, 'USAGE'))) AS g",
        rows.join(", ")
    );
    let answer = server.ask_maintenance(&sql)?;
    let lacking: Vec<Given> = serde_json::from_str(answer.trim()).context("who may own what in which schema")?;
    match lacking.first() {
        Some(given) => Err(given.refusal(backup, user)?.into()),
        None => Ok(()),
    }
}

impl Given {
    fn refusal(&self, backup: &Proven, user: &str) -> Result<Fault, Fault> {
        let Self { line, schema, role, schema_owner, powerful } = self;
        let path = backup.path.display().to_string();
        let line = backup.line_of_dump(*line);
        let message = format!(
            "{path} cannot be loaded by user {user}: line {line} gives role {role} an object in schema {schema}, where \
             {role} may make none; nothing was changed"
        );
        // A name with a line break in it begins no line of ours.
        let (quoted_role, quoted_owner) = (clean_line(&identifier(role)?), clean_line(&identifier(schema_owner)?));
        let (role, user, owner) = (shell_word(role), shell_word(user), shell_word(schema_owner));
        let way = if owner == user {
            format!(
                "restore it as a superuser; or give such objects to {user}, and back the database up again: \
                 cargo xtask db-shell, then\nREASSIGN OWNED BY {quoted_role} TO {quoted_owner};"
            )
        } else if *powerful {
            format!("restore it as a superuser: a member of {owner} may do more than this needs")
        } else {
            format!(
                "restore it as a superuser, or ask one to make {role} a member of {owner} for the restore:\n\
                 GRANT {quoted_owner} TO {quoted_role};"
            )
        };
        Ok(Fault::failed(message).hint(format!("{way}{}", rights::by_hand(backup))))
    }
}
