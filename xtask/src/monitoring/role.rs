//! The role that postgres_exporter logs in as: it reads the server's statistics, and no table's rows.

use super::passwords;
use super::scram;
use crate::error::{self, Fault};
use crate::postgres::quote::{identifier, literal};
use crate::postgres::server::Server;
use crate::words::shell_word;
use anyhow::Result;
use serde::Deserialize;

/// Its name.
pub const ROLE: &str = "xtask_monitor";
/// The exporter has two sessions, and opens another one while it collects.
const CONNECTIONS: u32 = 10;

/// What the server says before anything is changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Found {
    /// Whether the role is there.
    pub exists: bool,
    /// Whether it may do more than log in.
    pub is_powerful: bool,
    /// Whether the server takes TLS.
    pub tls: bool,
    /// Whether it may log in and has the rights of pg_monitor.
    pub is_ready: bool,
    /// Whether this user may make roles, or change one.
    pub may_make_roles: bool,
    /// Whether the server was started with pg_stat_statements.
    pub statements_loaded: bool,
    /// Whether the maintenance database has that extension.
    pub statements_made: bool,
    /// What the server loads at its start; `None` where this user may not see it.
    pub preloaded: Option<Preloaded>,
}

/// `shared_preload_libraries`, and where its value comes from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Preloaded {
    pub libraries: String,
    /// `pg_settings.source`: `command line` wins over every file.
    pub source: String,
}

/// Looks at the server, in its maintenance database.
pub fn find(server: &Server<'_>) -> Result<Found> {
    server.in_maintenance().query(&format!(
        "SELECT pg_catalog.json_build_object(\
           'exists', EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = {role}), \
           'is_powerful', EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = {role} AND (rolsuper OR rolcreaterole \
              OR rolcreatedb OR rolreplication OR rolbypassrls)), \
           'is_ready', EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = {role} AND rolcanlogin \
              AND pg_catalog.pg_has_role(oid, 'pg_monitor', 'MEMBER')), \
           'may_make_roles', (SELECT rolsuper OR rolcreaterole FROM pg_catalog.pg_roles WHERE rolname = current_user), \
           'tls', pg_catalog.current_setting('ssl') = 'on', \
           'statements_loaded', EXISTS (SELECT FROM pg_catalog.pg_settings \
              WHERE name = 'pg_stat_statements.max'), \
           'statements_made', EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'pg_stat_statements'), \
           'preloaded', (SELECT pg_catalog.json_build_object('libraries', setting, 'source', source) \
              FROM pg_catalog.pg_settings WHERE name = 'shared_preload_libraries'))",
        role = literal(ROLE)?
    ))
}

/// Refuses a role that this program did not make: its password must not be changed.
pub fn check_ours(found: &Found, password_is_new: bool) -> Result<(), Fault> {
    if found.is_powerful {
        return Err(Fault::failed(format!(
            "The role {ROLE} may do more than read statistics: it is not this program's"
        ))
        .hint(format!(
            "rename it, or take its rights away: cargo xtask db-shell -- -c 'ALTER ROLE {ROLE} NOSUPERUSER NOCREATEROLE \
             NOCREATEDB NOREPLICATION NOBYPASSRLS'"
        )));
    }
    if found.exists && password_is_new {
        let fault = Fault::failed(format!(
            "The role {ROLE} is on this server already, and {} is not set: it may be another checkout's",
            passwords::EXPORTER
        ));
        return Err(fault.hint(format!(
            "set {} in .env to its password; or, if nothing uses it: cargo xtask db-shell -- -c 'DROP ROLE {ROLE}'",
            passwords::EXPORTER
        )));
    }
    Ok(())
}

/// Makes the role, or gives it this password. Where this user may not, a role that is there and may read the statistics
/// serves as it is: whether it has this password, the exporter says.
///
/// # Errors
/// Exit 1: this user may not make roles, or the role may not connect to the database.
pub fn ensure(server: &Server<'_>, found: &Found, password: &str) -> Result<()> {
    if found.is_ready && !found.may_make_roles {
        return check_connect(server);
    }
    let (role, verifier) = (identifier(ROLE)?, literal(&scram::verifier(password)?)?);
    let sql = if found.exists {
        format!("ALTER ROLE {role} LOGIN PASSWORD {verifier}; GRANT pg_monitor TO {role};")
    } else {
        format!("CREATE ROLE {role} LOGIN PASSWORD {verifier} CONNECTION LIMIT {CONNECTIONS} IN ROLE pg_monitor;")
    };
    server.in_maintenance().ask(&sql).map_err(|error| {
        // That run alone knows the role's password.
        let is_made_meanwhile = !found.exists && find(server).is_ok_and(|now| now.exists);
        error::explain(error, || {
            if is_made_meanwhile {
                let fault = Fault::failed(format!("Another run made the role {ROLE} at the same time"));
                return fault.hint("wait until it has ended, then run it again: cargo xtask monitoring-dashboard");
            }
            let fault = Fault::failed(format!("The role {ROLE} cannot be made"));
            fault.hint(format!(
                "as a role that may create roles, run: CREATE ROLE {ROLE} LOGIN IN ROLE pg_monitor; then give it the password \
                 that {} has in .env (\\password {ROLE}), and run this command again",
                passwords::EXPORTER
            ))
        })
    })?;
    check_connect(server)
}

fn check_connect(server: &Server<'_>) -> Result<()> {
    for database in [server.database(), server.maintenance_database()] {
        let question = format!(
            "SELECT pg_catalog.to_json(pg_catalog.has_database_privilege({}, {}, 'CONNECT'))",
            literal(ROLE)?,
            literal(database)?
        );
        if !server.in_maintenance().query::<bool>(&question)? {
            let fault = Fault::failed(format!("The role {ROLE} may not connect to the database {database}"));
            let grant = shell_word(&format!("GRANT CONNECT ON DATABASE {} TO {ROLE}", identifier(database)?));
            let hint =
                format!("as its owner, allow it, then run this command again: cargo xtask db-shell -- -c {grant}");
            return Err(fault.hint(hint).into());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_of_another_program_keeps_its_password() {
        let none = Found { may_make_roles: true, statements_loaded: true, ..Found::default() };
        assert!(check_ours(&none, true).is_ok());
        let there = Found { exists: true, ..none.clone() };
        assert!(check_ours(&there, false).is_ok());
        assert!(check_ours(&there, true).unwrap_err().to_string().contains("is on this server already"));
        let powerful = Found { exists: true, is_powerful: true, ..none };
        assert!(check_ours(&powerful, false).is_err());
    }
}
