//! What a role that is no superuser needs to load and swap, asked before anything is made; else the words to ask for
//! it.

mod lacks;
mod refusal;

use super::live::Live;
use crate::backup::proof::Proven;
use crate::error::{self, Fault};
use crate::postgres::quote::{literal, literals};
use crate::postgres::server::Server;
use anyhow::{Context as _, Result};
use lacks::ask;

/// Roles that the load gives something to and that this role may not act as.
#[derive(Debug, Default)]
pub struct NotMemberOf {
    pub roles: Vec<String>,
    /// Those of them that [`crate::postgres::powerful_role::POWERFUL`] is true of.
    pub powerful: Vec<String>,
}

/// Refuses a load that this role could not do, into a database of this owner's where it is not the role's own. `encoded`
/// are the roles with names beyond ASCII that the backup gives something to and that this role may not act as.
pub fn check_load(server: &Server<'_>, backup: &Proven, owner: Option<&str>, encoded: NotMemberOf) -> Result<()> {
    let owners = backup.contents.owners.iter().map(String::as_str).filter(|name| name.is_ascii());
    let mut lacks = ask(server, &owners.chain(owner).collect::<Vec<_>>(), None)?;
    lacks.not_member_of.extend(encoded.roles);
    lacks.powerful.extend(encoded.powerful);
    lacks.refuse(server.target(), &by_hand(backup))
}

/// Whether this role is a superuser's or may act as that one, and make it the owner of something.
pub fn may_act_as(server: &Server<'_>, role: &str) -> Result<bool, Fault> {
    let sql = format!(
        "SELECT EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.rolname = {} AND pg_catalog.pg_has_role(r.oid, 'USAGE') \
         AND pg_catalog.pg_has_role(r.oid, CASE WHEN pg_catalog.current_setting('server_version_num')::pg_catalog.int4 \
         >= 160000 THEN 'SET' ELSE 'MEMBER' END))",
        literal(role)?
    );
    // A maintenance database that cannot read the name has no such role.
    Ok(server.ask_maintenance(&sql).is_ok_and(|answer| answer.trim() == "t"))
}

/// Refuses a swap that this role could not do: the live database is renamed, its sessions end, what belongs to it
/// goes over to the new one.
pub fn check_swap(server: &Server<'_>, live: &Live) -> Result<()> {
    let target = server.target();
    let database = live.properties.is_some().then(|| target.database());
    ask(server, &[], database)?.refuse(target, "")
}

/// Refuses to make a database with the live one's owner and rights where their names cannot be written as they are: the
/// server keeps a role's name in the bytes of the database that made it, and this program writes UTF-8.
pub fn check_names(server: &Server<'_>, live: &Live) -> Result<()> {
    let target = server.target();
    let Some(properties) = &live.properties else { return Ok(()) };
    let roles = properties.roles();
    let Some(doubtful) = roles.iter().find(|name| !name.is_ascii()) else { return Ok(()) };
    let (database, maintenance) = (target.database(), server.maintenance_database());
    let refusal = |name: &str| {
        Fault::failed(format!(
            "The name of a role that owns {database} or has rights on it is not UTF-8, or cannot be read in database \
             {maintenance}: {name:?}; nothing was changed"
        ))
        .hint(
            "give the role a name in ASCII: cargo xtask db-shell, then\n\
             \\du\nALTER ROLE \"NAME\" RENAME TO new_name;",
        )
    };
    // The owner of another name than was read is another role.
    let sql = format!(
        "SELECT COALESCE(pg_catalog.json_agg(w.name), '[]') FROM pg_catalog.unnest(ARRAY[{}]::pg_catalog.text[]) AS w(name) \
         WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.rolname = w.name) OR (w.name = {} AND NOT EXISTS \
         (SELECT FROM pg_catalog.pg_database AS d JOIN pg_catalog.pg_roles AS r ON r.oid = d.datdba \
         WHERE d.datname = {} AND r.rolname = w.name))",
        literals(roles.iter().map(String::as_str))?,
        literal(&properties.owner)?,
        literal(database)?
    );
    // A server whose encoding has no such bytes refuses the question.
    let answer = server.ask_maintenance(&sql).map_err(|error| error::explain(error, || refusal(doubtful)))?;
    let unread: Vec<String> = serde_json::from_str(answer.trim()).context("the roles of the database")?;
    match unread.first() {
        Some(name) => Err(refusal(name).into()),
        None => Ok(()),
    }
}

pub(super) fn by_hand(backup: &Proven) -> String {
    format!(
        "\nor restore by hand into an empty database that a superuser creates for you:\n\
         cargo xtask db-shell -- -d EMPTY_DATABASE -f {}",
        backup.as_word()
    )
}
