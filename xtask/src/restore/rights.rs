//! What a role that is no superuser needs to load and swap, asked before anything is made; else the words to ask for
//! it.

use super::live::Live;
use crate::backup::proof::Proven;
use crate::error::{self, Fault};
use crate::postgres::quote::{identifier, literal, literal_or_null, literals};
use crate::postgres::server::{Server, see_settings};
use crate::postgres::session;
use crate::target::Target;
use crate::words::clean_line;
use crate::words::shell_word;
use anyhow::{Context as _, Result};
use serde::Deserialize;

/// What the role lacks, by the server's own word.
#[derive(Debug, Deserialize)]
struct Lacks {
    /// It follows another server, and takes no change of its own.
    standby: bool,
    read_only: bool,
    superuser: bool,
    may_create: bool,
    /// Roles that the load or the swap gives something to, which it may not act as.
    not_member_of: Vec<String>,
    /// Those of them as which one may do more than with one's own objects.
    powerful: Vec<String>,
    /// Who is connected to the live database and cannot be cut off by this role.
    sessions: Vec<Session>,
    /// Settings of the live database that only a superuser may carry over.
    parameters: Vec<String>,
    may_change_roles: bool,
    /// The server's major version.
    major: u32,
    /// Roles that have settings of their own in the live database, which this role cannot carry over.
    roles_with_settings: Vec<RoleWithSettings>,
}

#[derive(Debug, Deserialize)]
struct RoleWithSettings {
    name: String,
    superuser: bool,
}

#[derive(Debug, Deserialize)]
struct Session {
    user: String,
    superuser: bool,
}

// To give a role something takes SET ROLE (a right of its own since 16); to act with its rights takes inheritance.
fn query(database: &str, roles: &str, may_set: &str) -> String {
    format!(
        "
WITH me AS (SELECT r.* FROM pg_catalog.pg_roles AS r WHERE r.rolname = current_user),
version AS (SELECT pg_catalog.current_setting('server_version_num')::pg_catalog.int4 AS number),
database AS (SELECT d.* FROM pg_catalog.pg_database AS d WHERE d.datname = {database}),
wanted AS (
  SELECT r.oid, r.rolname, {POWERFUL} AS powerful FROM pg_catalog.pg_roles AS r
  WHERE r.rolname = ANY ({roles}) OR r.oid = (SELECT datdba FROM database)),
lacking AS (
  SELECT w.* FROM wanted AS w, version AS v WHERE NOT (pg_catalog.pg_has_role(w.oid, 'USAGE')
    AND pg_catalog.pg_has_role(w.oid, CASE WHEN v.number >= 160000 THEN 'SET' ELSE 'MEMBER' END))),
settings AS (
  SELECT s.setrole, pg_catalog.split_part(entry, '=', 1) AS name
  FROM pg_catalog.pg_db_role_setting AS s, pg_catalog.unnest(s.setconfig) AS entry
  WHERE s.setdatabase = (SELECT oid FROM database))
SELECT pg_catalog.json_build_object(
  'standby', pg_catalog.pg_is_in_recovery(),
  'read_only', pg_catalog.current_setting('transaction_read_only')::pg_catalog.bool,
  'superuser', (SELECT rolsuper FROM me),
  'may_create', (SELECT rolsuper OR rolcreatedb FROM me),
  'not_member_of', (SELECT COALESCE(pg_catalog.json_agg(l.rolname ORDER BY l.rolname), '[]') FROM lacking AS l),
  'powerful', (SELECT COALESCE(pg_catalog.json_agg(l.rolname ORDER BY l.rolname), '[]') FROM lacking AS l WHERE l.powerful),
  'sessions', (SELECT COALESCE(pg_catalog.json_agg(DISTINCT pg_catalog.jsonb_build_object(
      'user', a.usename, 'superuser', r.rolsuper)), '[]')
    FROM pg_catalog.pg_stat_activity AS a JOIN pg_catalog.pg_roles AS r ON r.oid = a.usesysid
    WHERE a.datid = (SELECT oid FROM database) AND a.pid <> pg_catalog.pg_backend_pid()
      AND (r.rolsuper OR NOT (pg_catalog.pg_has_role(r.oid, 'USAGE') OR pg_catalog.pg_has_role('pg_signal_backend', 'USAGE')))),
  'parameters', (SELECT COALESCE(pg_catalog.json_agg(DISTINCT s.name), '[]')
    FROM settings AS s JOIN pg_catalog.pg_settings AS p ON pg_catalog.lower(p.name) = pg_catalog.lower(s.name)
    WHERE p.context IN ('superuser', 'superuser-backend') AND NOT {may_set}),
  'may_change_roles', (SELECT rolcreaterole FROM me),
  'major', (SELECT number / 10000 FROM version),
  'roles_with_settings', (SELECT COALESCE(pg_catalog.json_agg(DISTINCT pg_catalog.jsonb_build_object(
      'name', r.rolname, 'superuser', r.rolsuper)), '[]')
    FROM settings AS s JOIN pg_catalog.pg_roles AS r ON r.oid = s.setrole, version AS v
    WHERE r.rolname <> current_user AND NOT ((SELECT rolcreaterole FROM me) AND NOT r.rolsuper
      AND (v.number < 160000 OR pg_catalog.pg_has_role(r.oid, 'MEMBER WITH ADMIN OPTION')))))"
    )
}

/// True of a role `r` that is, or may act as, a role with rights over the server or over others. A file names roles as it
/// likes: no hint asks for such a membership.
pub(super) const POWERFUL: &str = "EXISTS (SELECT FROM pg_catalog.pg_roles AS p WHERE (p.rolsuper OR p.rolcreaterole \
    OR p.rolreplication OR p.rolbypassrls OR pg_catalog.starts_with(p.rolname, 'pg_')) AND pg_catalog.pg_has_role(r.oid, p.oid, 'MEMBER'))";

/// Roles that the load gives something to and that this role may not act as.
#[derive(Debug, Default)]
pub struct NotMemberOf {
    pub roles: Vec<String>,
    /// Those of them that [`POWERFUL`] is true of.
    pub powerful: Vec<String>,
}

/// Since PostgreSQL 15 a single setting can be granted.
const MAY_SET: &str = "pg_catalog.has_parameter_privilege(p.name, 'SET')";
const PARAMETERS_SINCE: u32 = 15;
/// CREATEROLE alone changes no role since then.
const ADMIN_OPTION_SINCE: u32 = 16;
const SUPERUSERS_ONLY: &str = "-- a setting that only a superuser carries over";

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

fn ask(server: &Server<'_>, roles: &[&str], database: Option<&str>) -> Result<Lacks> {
    let asked = |sql: &str| server.ask_maintenance(sql);
    let version: u32 = asked("SHOW server_version_num")?.trim().parse().context("the server's version")?;
    let sql = query(
        &literal_or_null(database)?,
        &format!("ARRAY[{}]::pg_catalog.text[]", literals(roles.iter().copied())?),
        if version / 10_000 >= PARAMETERS_SINCE { MAY_SET } else { "false" },
    );
    serde_json::from_str(asked(&sql)?.trim()).context("what this role may do")
}

impl Lacks {
    /// A superuser's session can be ended by a superuser alone; no grant helps.
    fn refuse_superusers(&self, target: &Target) -> Result<()> {
        let users: Vec<&str> = self.sessions.iter().filter(|s| s.superuser).map(|s| s.user.as_str()).collect();
        if users.is_empty() {
            return Ok(());
        }
        let (users, database) = (users.join(", "), target.database());
        let fault = Fault::failed(format!(
            "A superuser is connected to {database}, whose session only a superuser can terminate: {users}"
        ));
        Err(fault.hint("ask them to disconnect, then try again; nothing was changed").into())
    }

    /// Where nothing can be changed, whatever the rights.
    fn refuse_read_only(&self, target: &Target) -> Result<(), Fault> {
        if self.standby {
            let fault = Fault::failed("The server is a standby, which is read-only; nothing was changed");
            return Err(fault.hint("name its primary (for target url: in DATABASE_URL)"));
        }
        if self.read_only {
            let user = target.user();
            let fault = Fault::failed(format!("Sessions of user {user} are read-only here; nothing was changed"));
            let why = session::configured_settings(target, &["default_transaction_read_only"]);
            return Err(fault.hint(why.unwrap_or_else(|| {
                let here = "cargo xtask db-shell -- -c 'SHOW default_transaction_read_only'";
                format!("see the session's value: {here}\nsee where it is set: {}", see_settings(target))
            })));
        }
        Ok(())
    }

    /// A membership in them would give this role more than the restore needs.
    fn refuse_powerful(&self, target: &Target) -> Result<(), Fault> {
        if self.powerful.is_empty() {
            return Ok(());
        }
        let (user, roles) = (target.user(), self.powerful.join(", "));
        let fault = Fault::failed(format!(
            "User {user} may not give anything to {roles}, which this needs; nothing was changed"
        ));
        let roles = self.powerful.iter().map(|role| shell_word(role)).collect::<Vec<_>>().join(", ");
        Err(fault.hint(format!(
            "restore as a superuser: a member of {roles} may do more than this needs\nor have a superuser give the objects, and \
             the database, to another role, and back it up again"
        )))
    }

    fn refuse(&self, target: &Target, by_hand: &str) -> Result<()> {
        self.refuse_read_only(target)?;
        if self.superuser {
            return Ok(());
        }
        self.refuse_powerful(target)?;
        let user = identifier(target.user())?;
        let mut asks = Vec::new();
        if !self.may_create {
            asks.push(format!("ALTER ROLE {user} CREATEDB;"));
        }
        for role in &self.not_member_of {
            asks.push(format!("GRANT {} TO {user};", identifier(role)?));
        }
        if self.sessions.iter().any(|session| !session.superuser) {
            asks.push(format!("GRANT pg_signal_backend TO {user};"));
        }
        for name in &self.parameters {
            asks.push(self.for_parameter(name, target)?);
        }
        asks.extend(self.for_roles_with_settings(target)?);
        if asks.is_empty() {
            return self.refuse_superusers(target);
        }
        let message = if self.may_create {
            format!("User {} lacks rights that this needs; nothing was changed", target.user())
        } else {
            format!("User {} may not create a database, which this needs; nothing was changed", target.user())
        };
        let hand = if self.may_create { "" } else { by_hand };
        // A name with a line break in it begins no line of ours.
        let asks: Vec<String> = asks.iter().map(|ask| clean_line(ask)).collect();
        Err(Fault::failed(message).hint(format!("ask a superuser for:\n{}{hand}", asks.join("\n"))).into())
    }

    fn for_parameter(&self, name: &str, target: &Target) -> Result<String, Fault> {
        if self.major >= PARAMETERS_SINCE {
            return Ok(format!("GRANT SET ON PARAMETER {name} TO {};", identifier(target.user())?));
        }
        Ok(format!("ALTER DATABASE {} RESET {name}; {SUPERUSERS_ONLY}", identifier(target.database())?))
    }

    fn for_roles_with_settings(&self, target: &Target) -> Result<Vec<String>, Fault> {
        let (user, database) = (identifier(target.user())?, identifier(target.database())?);
        let (superusers, others): (Vec<_>, Vec<_>) = self.roles_with_settings.iter().partition(|role| role.superuser);
        let mut asks = Vec::new();
        if !others.is_empty() && !self.may_change_roles {
            asks.push(format!("ALTER ROLE {user} CREATEROLE;"));
        }
        for role in others.iter().filter(|_| self.major >= ADMIN_OPTION_SINCE) {
            asks.push(format!("GRANT {} TO {user} WITH ADMIN OPTION;", identifier(&role.name)?));
        }
        for role in superusers {
            let role = identifier(&role.name)?;
            asks.push(format!("ALTER ROLE {role} IN DATABASE {database} RESET ALL; {SUPERUSERS_ONLY}"));
        }
        Ok(asks)
    }
}

pub(super) fn by_hand(backup: &Proven) -> String {
    format!(
        "\nor restore by hand into an empty database that a superuser creates for you:\n\
         cargo xtask db-shell -- -d EMPTY_DATABASE -f {}",
        backup.as_word()
    )
}
