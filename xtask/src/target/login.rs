//! Why a server refuses a login, by libpq's words and by those of a server that speaks English. What a server of
//! another language means the layer above asks it, and gets the fault from here.

use super::backend::Backend;
use super::client_error::{self, Connection};
use super::{conninfo, database_name, overriding};
use crate::error::{Cause, Fault};
use crate::words::{shell_word, sql_name};

/// Why a server refuses a login to one of its databases, where that is asked in another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It has no such database.
    Missing,
    /// The database takes no sessions.
    Closed,
    /// This user may not connect to it.
    Forbidden,
    /// It has a login event trigger (PostgreSQL 17).
    LoginTrigger,
}

/// The fault of a connection that was not made; `None` where these words, libpq's own, speak of something else.
pub(super) fn fault(backend: &dyn Backend, words: &str) -> Option<Fault> {
    // A message of its code may say what it likes.
    if client_error::is_raised_by_code(words) && !overriding::is_library_missing(words) {
        return Some(by_code(backend));
    }
    refused(backend, words)
        .or_else(|| missing_library(backend, words))
        .or_else(|| closed(backend, words))
        .or_else(|| not_understood(backend, words))
}

/// The fault of a refusal that is known.
pub(super) fn of(backend: &dyn Backend, refusal: Refusal) -> Fault {
    let database = &*backend.login().database;
    match refusal {
        Refusal::Missing => {
            let hint = backend.setting_hint("database", "POSTGRES_DB");
            let maintenance = database_name::maintenance(database);
            let make = shell_word(&format!("CREATE DATABASE {}", sql_name(database)));
            let hint = format!(
                "{hint}\nsee what there is: cargo xtask db-shell -- -l -d {maintenance}\n\
                 or make it: cargo xtask db-shell -- -d {maintenance} -c {make}"
            );
            let fault = Fault::unreachable(format!("PostgreSQL has no database {database}")).hint(hint);
            fault.lasting().because(Cause::DatabaseMissing)
        }
        Refusal::Closed => {
            let maintenance = database_name::maintenance(database);
            let open = shell_word(&format!("ALTER DATABASE {} ALLOW_CONNECTIONS true", sql_name(database)));
            Fault::unreachable(format!("The database {database} accepts no connections")).hint(format!(
                "if a restore was killed, repair it with: cargo xtask db-restore --repair\n\
                 else open it: cargo xtask db-shell -- -d {maintenance} -c {open}"
            ))
        }
        Refusal::Forbidden => forbidden(backend, database),
        Refusal::LoginTrigger => by_code(backend),
    }
}

/// Names the triggers, whatever the database's search_path finds first.
const LOGIN_TRIGGERS: &str = "SELECT evtname, evtfoid::pg_catalog.regproc FROM pg_catalog.pg_event_trigger \
                              WHERE evtevent OPERATOR(pg_catalog.=) 'login'";

/// A trigger ends the sessions of superusers, too, unless they turn event triggers off from their beginning.
fn by_code(backend: &dyn Backend) -> Fault {
    let (user, database) = (&*backend.login().user, &*backend.login().database);
    let silent = shell_word(&format!("dbname={} options=-cevent_triggers=off", conninfo::value(database)));
    let fault = Fault::unreachable(format!(
        "Code of database {database} raises an error at each login of user {user}: a login event trigger does that"
    ));
    fault.lasting().because(Cause::CodeAtLogin).hint(format!(
        "as a superuser, with event triggers off for the session, find it: cargo xtask db-shell -- -d {silent} -c \"{LOGIN_TRIGGERS}\"\n\
         then turn it off: cargo xtask db-shell -- -d {silent} -c 'ALTER EVENT TRIGGER NAME DISABLE'"
    ))
}

fn forbidden(backend: &dyn Backend, database: &str) -> Fault {
    let user = &*backend.login().user;
    let grant = format!("GRANT CONNECT ON DATABASE {} TO {}", sql_name(database), sql_name(user));
    let fault = Fault::unreachable(format!("User {user} may not connect to database {database}"));
    fault.hint(format!("ask its owner for: {grant}")).lasting()
}

/// The server answered: its words are in another language, or of a kind that is not known.
fn not_understood(backend: &dyn Backend, words: &str) -> Option<Fault> {
    client_error::is_refusal(words).then(|| {
        Fault::unreachable(format!("PostgreSQL at {} refuses the connection", backend.place()))
            .because(Cause::Refused)
            .hint("its own message says why; check user, password and database, and see the server's log")
    })
}

/// Login, database or right is missing: it lasts until a person changes it.
fn refused(backend: &dyn Backend, words: &str) -> Option<Fault> {
    let has = |part: &str| words.contains(part);
    let lasting = |what: String, hint: String| Fault::unreachable(what).hint(hint).lasting();
    let database = &*backend.login().database;
    let user = &*backend.login().user;
    if has("password authentication failed") || has("no password supplied") {
        return Some(lasting(format!("PostgreSQL refuses the password of user {user}"), backend.password_hint()));
    }
    if has("FATAL") && has("authentication failed for user") {
        let what = format!(
            "PostgreSQL refuses the login of user {user}: pg_hba.conf asks for something other than the password"
        );
        let hint = "write scram-sha-256 as the method of the line that applies in the server's pg_hba.conf (or in the file that its setting hba_file names), then reload the server";
        return Some(lasting(what, hint.to_owned()));
    }
    if has("FATAL") && has("role") && has("does not exist") {
        let hint = backend.setting_hint("user", "POSTGRES_USER");
        return Some(lasting(format!("PostgreSQL has no user {user}"), hint));
    }
    if has("FATAL") && has("database") && has("does not exist") {
        return Some(of(backend, Refusal::Missing));
    }
    if has("FATAL") && has("permission denied for database") {
        let named = words.split_once("permission denied for database \"").and_then(|(_, rest)| rest.split_once('"'));
        return Some(forbidden(backend, named.map_or(database, |(name, _)| name)));
    }
    None
}

fn missing_library(backend: &dyn Backend, words: &str) -> Option<Fault> {
    if !overriding::is_library_missing(words) {
        return None;
    }
    let (user, database) = (&*backend.login().user, &*backend.login().database);
    let fault = Fault::unreachable(format!(
        "PostgreSQL ends every session of user {user} in database {database}: it cannot load a library that a setting names"
    ));
    let (role, database) = (sql_name(user), sql_name(database));
    Some(fault.lasting().hint(format!(
        "it is session_preload_libraries, or local_preload_libraries; remove it as a superuser, where it is set:\n\
         ALTER ROLE {role} RESET session_preload_libraries;\n\
         ALTER DATABASE {database} RESET session_preload_libraries;\n\
         ALTER ROLE {role} IN DATABASE {database} RESET session_preload_libraries;"
    )))
}

/// The server or the database takes no session now, or none from here.
fn closed(backend: &dyn Backend, words: &str) -> Option<Fault> {
    let has = |part: &str| words.contains(part);
    let user = &*backend.login().user;
    if has("not currently accepting connections") {
        return Some(of(backend, Refusal::Closed));
    }
    let passing = ["is starting up", "is shutting down", "is not yet accepting connections", "is in recovery mode"];
    if passing.iter().any(|state| has(&format!("the database system {state}"))) {
        let fault = Fault::unreachable("PostgreSQL is starting or stopping").because(Cause::Starting);
        return Some(fault.hint("try again in a moment"));
    }
    let of_one = has("too many connections for role") || has("too many connections for database");
    if of_one || has("too many clients") || has("remaining connection slots are reserved") {
        return Some(Fault::unreachable("PostgreSQL has no free connection").hint(if of_one {
            "close some clients, or raise the CONNECTION LIMIT of the role or the database"
        } else {
            "close some clients, or raise max_connections"
        }));
    }
    let is_rejected = has("no pg_hba.conf entry") || has("pg_hba.conf rejects connection");
    is_rejected.then(|| {
        Fault::unreachable(format!("pg_hba.conf rejects user {user} from this host")).hint(
            "add a line for this user and address to that file, or to the one that the server's setting hba_file names, such as:\n\
             host DATABASE USER ADDRESS scram-sha-256\nthen have it read: SELECT pg_catalog.pg_reload_conf();",
        )
    })
}

/// The fault of a connection of which nothing more is known.
pub(super) fn unexplained(backend: &dyn Backend, connection: Connection<'_>) -> Option<Fault> {
    let fault = match connection {
        Connection::NotMade(words) => {
            let fault = Fault::unreachable(format!("PostgreSQL at {} does not answer", backend.place()));
            fault.because(client_error::silence(words).unwrap_or(Cause::NoConnection))
        }
        Connection::Lost => Fault::unreachable("The connection to PostgreSQL was lost").because(Cause::Lost),
        Connection::Held | Connection::Unknown => return None,
    };
    Some(fault.hint(backend.log_hint()))
}
