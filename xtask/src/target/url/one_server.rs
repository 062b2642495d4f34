//! Which of several servers a run works on. `DATABASE_URL` may name more than one, and libpq chooses anew for each session:
//! what one session saw, another one would change elsewhere. So the server of the first session is that of all.

use super::connection::Connection;
use crate::error::Fault;
use std::sync::{Mutex, PoisonError};

/// What names a server to libpq, a list of each where there are several.
const VARIABLES: [&str; 3] = ["PGHOST", "PGHOSTADDR", "PGPORT"];

/// Commands to psql that print, on a line each, the host and the port of its session.
pub(super) const TELL: &str = "\\echo :HOST\n\\echo :PORT\n";

/// Variables that name one server.
type Server = Vec<(&'static str, String)>;

/// A list as an address has it, and the server that was met.
type Met = ([Option<String>; 3], Server);

/// Each target of a run has an address of its own, also where they name the same servers.
static MET: Mutex<Vec<Met>> = Mutex::new(Vec::new());

/// Whether the variable names servers.
pub(super) fn is_about_servers(variable: &str) -> bool {
    VARIABLES.contains(&variable)
}

/// The server that this process met at such an address.
pub(super) fn met(connection: &Connection) -> Option<Server> {
    let named = lists(connection);
    let met = MET.lock().unwrap_or_else(PoisonError::into_inner);
    met.iter().find(|(lists, _)| *lists == named).map(|(_, server)| server.clone())
}

/// Keeps to the server at this host and port, in libpq's words, from now on.
///
/// # Errors
/// The address does not name it.
pub(super) fn keep_to(connection: &Connection, host: &str, port: &str) -> Result<(), Fault> {
    let server = named(connection, host, port).ok_or_else(|| {
        Fault::failed("psql does not say which of the servers in DATABASE_URL it reached").hint("name one server there")
    })?;
    let lists = lists(connection);
    let mut met = MET.lock().unwrap_or_else(PoisonError::into_inner);
    if !met.iter().any(|(known, _)| *known == lists) {
        met.push((lists, server));
    }
    Ok(())
}

fn lists(connection: &Connection) -> [Option<String>; 3] {
    VARIABLES.map(|name| connection.variable(name).map(str::to_owned))
}

fn named(connection: &Connection, host: &str, port: &str) -> Option<Server> {
    let entries = |name: &str| -> Vec<&str> {
        connection.variable(name).map(|list| list.split(',').map(str::trim).collect()).unwrap_or_default()
    };
    let (hosts, addresses, ports) = (entries("PGHOST"), entries("PGHOSTADDR"), entries("PGPORT"));
    // One port is that of each host.
    let port_of = |at: usize| ports.get(at).or(ports.first().filter(|_| ports.len() == 1)).copied().unwrap_or_default();
    let is_it = |at: &usize| {
        let name = hosts.get(*at).filter(|name| !name.is_empty()).or(addresses.get(*at)).copied().unwrap_or_default();
        // Without a name it is a socket's folder, or this host.
        let is_host = name == host || (name.is_empty() && (host.starts_with('/') || host == "localhost"));
        is_host && (port_of(*at).is_empty() || port_of(*at) == port)
    };
    let at = (0..hosts.len().max(addresses.len())).find(is_it)?;
    let one = [hosts.get(at).copied(), addresses.get(at).copied(), Some(port_of(at))];
    let given = VARIABLES.into_iter().zip(one).filter_map(|(name, value)| Some((name, value?.to_owned())));
    Some(given.filter(|(_, value)| !value.is_empty()).collect())
}
