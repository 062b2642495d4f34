//! The `url` target: PostgreSQL is whatever `DATABASE_URL` names; programs run on this host and get it by their
//! environment.

mod access;
mod connection;
mod contact;
mod hints;
mod one_server;
mod openfga;
mod options;
mod parameters;
mod services;
mod stack;

use super::backend::{CONNECT_TIMEOUT_SECONDS, Launch, Login, StdioMode};
use super::client_error::{self, Connection as ClientConnection};
use super::clients::Clients;
use super::no_containers::NoContainers;
use super::{cause, client, clients, database_name};
use crate::error::{Cause, Fault};
use crate::process::{Captured, Program};
use crate::settings::Settings;
use crate::target::openfga_program::OpenfgaProgram;
use crate::target::programs::EMBEDDED;
use anyhow::Result;
use connection::Connection;
use contact::{Contact, Met};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

/// Beyond the time that connecting may take.
const ANSWER: Duration = Duration::from_secs(20);

/// The server that `DATABASE_URL` names.
#[derive(Debug)]
pub struct Url {
    connection: Connection,
    login: Login,
    openfga: OpenfgaProgram,
    named_programs: Option<PathBuf>,
    /// The programs of the server's own version, once it was asked.
    clients: OnceLock<Clients>,
}

impl NoContainers for Url {}

/// The place and the name of a database.
#[derive(Debug)]
pub struct Named {
    pub place: String,
    pub database: String,
}

/// The database that `DATABASE_URL` names.
///
/// # Errors
/// Exit 2 where it is missing or cannot be used.
pub fn named(settings: &Settings, root: &Path) -> Result<Named, Fault> {
    let connection = Connection::of(settings, root, None)?;
    Ok(Named { place: connection.place(), database: connection.database })
}

impl Url {
    /// Takes `DATABASE_URL` apart; `--database` replaces its database. Nothing is asked yet.
    ///
    /// # Errors
    /// Exit 2 where it is missing or cannot be used.
    pub fn new(settings: &Settings, root: &Path) -> Result<Self, Fault> {
        let named = settings.get("XTASK_PG_BIN").filter(|name| *name != EMBEDDED);
        let connection = Connection::of(settings, root, settings.flag(database_name::SETTING))?;
        Ok(Self {
            login: Login { database: connection.database.clone(), user: connection.user.clone() },
            connection,
            openfga: OpenfgaProgram::of(settings, root),
            named_programs: named.map(|folder| root.join(folder)),
            clients: OnceLock::new(),
        })
    }

    /// A client program of the server's own version, connected to it.
    fn client(&self, name: &str, launch: &Launch) -> Result<Program> {
        let program = Program::new(self.clients(launch)?.path(name));
        // psql would ask on the terminal, behind our back.
        let program = if launch.talk == StdioMode::Piped { program.arg("--no-password") } else { program };
        // A step's own options stand beside those of the address.
        let own = self.connection.variable("PGOPTIONS").unwrap_or_default();
        let options = launch.environment.iter().find(|(name, _)| *name == "PGOPTIONS");
        let options = options.map(|(_, more)| [own, more].join(" "));
        let options = options.as_deref().map(|options| ("PGOPTIONS", options.trim()));
        Ok(self.prepared(program, &[launch.environment, options.as_slice()].concat(), launch.talk))
    }

    fn clients(&self, launch: &Launch) -> Result<&Clients> {
        if let Some(clients) = self.clients.get() {
            return Ok(clients);
        }
        let installed = clients::installed(self.named_programs.as_deref())?;
        let Some(first) = installed.first() else { return Err(Fault::failed("no PostgreSQL client programs").into()) };
        let is_known_by = |clients: &&Clients| self.connection.check_known_by(clients.major).is_ok();
        let any = installed.iter().find(is_known_by).unwrap_or(first);
        self.connection.check_known_by(any.major)?;
        let prepare = |program: Program, more: &[(&str, &str)]| {
            self.prepared(program, &[launch.environment, more].concat(), StdioMode::Piped)
        };
        let options = self.connection.variable("PGOPTIONS");
        let deadline = launch.first_contact.map_or(self.deadline(), |most| most.min(self.deadline()));
        let explain = &|said: &Captured| cause::of_contact(self, said);
        let several = self.connection.servers() > 1;
        let contact = Contact { clients: any, prepare: &prepare, options, deadline, explain, several };
        let Met { major, place } = contact.meet()?;
        if let Some((host, port)) = place {
            one_server::keep_to(&self.connection, &host, &port)?;
        }
        let fitting = clients::fitting(&installed, major)?;
        self.connection.check_known_by(fitting.major)?;
        Ok(self.clients.get_or_init(|| fitting))
    }

    /// How long a first contact may take: each server that is named may be tried in turn.
    fn deadline(&self) -> Duration {
        let given = self.connection.variable("PGCONNECT_TIMEOUT").and_then(|seconds| seconds.parse().ok());
        let seconds = given.unwrap_or(CONNECT_TIMEOUT_SECONDS).clamp(2, 600);
        Duration::from_secs(seconds) * u32::try_from(self.connection.servers()).unwrap_or(1) + ANSWER
    }

    fn prepared(&self, program: Program, environment: &[(&str, &str)], talk: StdioMode) -> Program {
        let connection = &self.connection;
        let mut all: Vec<(&str, &str)> = Vec::new();
        if talk == StdioMode::Piped {
            // LC_ALL in the caller's shell would win over LC_MESSAGES, in whose language causes are recognised.
            all.push(("LC_ALL", "C"));
        }
        all.extend(environment);
        // Options in the address win over our defaults; a step's own options win over both.
        let stands = |name: &str| name != "PGCONNECT_TIMEOUT" && environment.iter().any(|(known, _)| *known == name);
        let one = one_server::met(connection);
        let is_one = |name: &str| one.is_some() && one_server::is_about_servers(name);
        let own = connection.variables.iter().filter(|(name, _)| !stands(name) && !is_one(name));
        all.extend(own.chain(one.iter().flatten()).map(|(name, value)| (*name, value.as_str())));
        client::with_login_of(program, &all, connection.password.as_ref().map(|secret| secret.0.as_str()))
    }

    /// Why a program did not reach the server, by libpq's words.
    fn fault(&self, connection: ClientConnection<'_>) -> Option<Fault> {
        let ClientConnection::NotMade(words) = connection else { return None };
        let has = |part: &str| words.contains(part);
        let place = self.connection.place();
        Some(if words.starts_with("invalid ") || words.starts_with("could not match ") {
            Fault::usage("DATABASE_URL has a value that libpq refuses").hint("fix it there")
        } else if has("could not translate host name") {
            Fault::unreachable(format!("The host of {place} is not known")).hint("check the host in DATABASE_URL")
        } else if has("connection to server") && (has("certificate") || has("SSL")) {
            Fault::unreachable(format!(
                "The TLS connection to PostgreSQL at {place} that DATABASE_URL asks for cannot be made"
            ))
            .hint("sslmode, sslrootcert, sslcert and sslkey in DATABASE_URL mean what they mean to libpq")
            .lasting()
        } else {
            Fault::unreachable(format!("PostgreSQL at {place} cannot be reached"))
                .because(client_error::silence(words).unwrap_or(Cause::NoConnection))
                .hint("check host and port in DATABASE_URL, and whether this host may connect there")
        })
    }
}
