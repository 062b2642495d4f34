//! The `url` target: PostgreSQL is whatever `DATABASE_URL` names; programs run on this host and get it by their
//! environment.

mod clients;
mod connection;
mod conninfo;
mod contact;
mod parameters;
mod uri;

use super::client_error::Connection as ClientConnection;
use super::{CONNECT_TIMEOUT_SECONDS, Talk, client};
use crate::error::Fault;
use crate::process::{Captured, Program};
use crate::settings::Settings;
use crate::target::local::openfga::Wishes;
use anyhow::Result;
use clients::Clients;
use connection::Connection;
use contact::Contact;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

/// Beyond the time that connecting may take.
const ANSWER: Duration = Duration::from_secs(20);
const MIGRATE_DEADLINE: Duration = Duration::from_secs(180);

/// The server that `DATABASE_URL` names.
#[derive(Debug)]
pub struct Url {
    connection: Connection,
    openfga: Wishes,
    named_programs: Option<PathBuf>,
    /// The programs of the server's own version, once it was asked.
    clients: OnceLock<Clients>,
}

impl Url {
    /// Takes `DATABASE_URL` apart; nothing is asked yet.
    ///
    /// # Errors
    /// Exit 2 where it is missing or cannot be used.
    pub fn new(settings: &Settings, root: &Path) -> Result<Self, Fault> {
        let named = settings.get("XTASK_PG_BIN").filter(|name| *name != super::local::EMBEDDED);
        Ok(Self {
            connection: Connection::of(settings, root)?,
            openfga: Wishes::of(settings, root),
            named_programs: named.map(|folder| root.join(folder)),
            clients: OnceLock::new(),
        })
    }

    /// The database's name.
    pub fn database(&self) -> &str {
        &self.connection.database
    }

    /// The role that programs log in as.
    pub fn user(&self) -> &str {
        &self.connection.user
    }

    /// `db.example.com:5432`.
    pub fn place(&self) -> String {
        self.connection.place()
    }

    /// `options` of the connection string.
    pub fn options(&self) -> Option<&str> {
        self.connection.variable("PGOPTIONS")
    }

    /// Whether the server is on this host.
    pub fn is_loopback(&self) -> bool {
        self.connection.is_loopback()
    }

    /// The parameters that no program gets, for people; none where all are libpq's.
    pub fn left_out(&self) -> Option<String> {
        let names = &self.connection.left_out;
        (!names.is_empty()).then(|| names.join(", "))
    }

    /// A client program of the server's own version, connected to it. `explain` says why a first contact failed, which
    /// takes no longer than `most`.
    pub(super) fn program(
        &self,
        name: &str,
        environment: &[(&str, &str)],
        talk: Talk,
        most: Option<Duration>,
        explain: &dyn Fn(&Captured) -> anyhow::Error,
    ) -> Result<Program> {
        let program = Program::new(self.clients(environment, most, explain)?.path(name));
        // psql would ask on the terminal, behind our back.
        let program = if talk == Talk::Piped { program.arg("--no-password") } else { program };
        Ok(self.prepared(program, environment, talk))
    }

    fn clients(
        &self,
        environment: &[(&str, &str)],
        most: Option<Duration>,
        explain: &dyn Fn(&Captured) -> anyhow::Error,
    ) -> Result<&Clients> {
        if let Some(clients) = self.clients.get() {
            return Ok(clients);
        }
        let installed = clients::installed(self.named_programs.as_deref())?;
        let Some(any) = installed.first() else { return Err(Fault::failed("no PostgreSQL client programs").into()) };
        let prepare = |program: Program, more: &[(&str, &str)]| {
            self.prepared(program, &[environment, more].concat(), Talk::Piped)
        };
        let options = self.options();
        let deadline = most.map_or(self.deadline(), |most| most.min(self.deadline()));
        let major = Contact { clients: any, prepare: &prepare, options, deadline, explain }.major()?;
        let fitting = clients::fitting(&installed, major)?;
        Ok(self.clients.get_or_init(|| fitting))
    }

    /// How long a first contact may take: each server that is named may be tried in turn.
    fn deadline(&self) -> Duration {
        let given = self.connection.variable("PGCONNECT_TIMEOUT").and_then(|seconds| seconds.parse().ok());
        let seconds = given.unwrap_or(CONNECT_TIMEOUT_SECONDS).clamp(2, 600);
        Duration::from_secs(seconds) * u32::try_from(self.connection.servers()).unwrap_or(1) + ANSWER
    }

    fn prepared(&self, program: Program, environment: &[(&str, &str)], talk: Talk) -> Program {
        let connection = &self.connection;
        let mut all: Vec<(&str, &str)> = Vec::new();
        if talk == Talk::Piped {
            // LC_ALL in somebody's shell would win over the LC_MESSAGES that causes are told from.
            all.push(("LC_ALL", "C"));
        }
        all.extend(environment);
        // What somebody wrote into the address wins over our defaults, but a step's own options win over it.
        let stands = |name: &str| name != "PGCONNECT_TIMEOUT" && environment.iter().any(|(known, _)| *known == name);
        let own = connection.variables.iter().filter(|(name, _)| !stands(name));
        all.extend(own.map(|(name, value)| (*name, value.as_str())));
        client::with_login_of(program, &all, connection.password.as_ref().map(|secret| secret.0.as_str()))
    }

    /// Why a program did not reach the server, told by libpq's words.
    pub fn cause(&self, connection: ClientConnection<'_>) -> Option<Fault> {
        let ClientConnection::NotMade(words) = connection else { return None };
        let has = |part: &str| words.contains(part);
        let place = self.place();
        Some(if words.starts_with("invalid ") || words.starts_with("could not match ") {
            Fault::usage("DATABASE_URL has a value that libpq refuses").hint("mend it there")
        } else if has("could not translate host name") {
            Fault::unreachable(format!("The host of {place} is not known")).hint("see the host in DATABASE_URL")
        } else if has("connection to server") && (has("certificate") || has("SSL")) {
            Fault::unreachable(format!("There is no TLS connection to PostgreSQL at {place} as DATABASE_URL wants it"))
                .hint("sslmode, sslrootcert, sslcert and sslkey in DATABASE_URL mean what they mean to libpq")
                .lasting()
        } else {
            Fault::unreachable(format!("PostgreSQL at {place} cannot be reached"))
                .hint("see host and port in DATABASE_URL, and whether this host may connect there")
        })
    }

    /// Whether OpenFGA's program is on this host, to bring its tables up to date.
    pub fn has_openfga(&self) -> Result<bool, Fault> {
        Ok(self.openfga.program()?.is_some())
    }

    /// Runs `openfga migrate` on the database; false where this host has no openfga.
    pub fn migrate_openfga(&self) -> Result<bool> {
        let Some(program) = self.openfga.program()? else { return Ok(false) };
        // The address has no host: OpenFGA's library takes the rest from the same variables as libpq.
        let uri = format!("postgres:///{}", super::percent::encoded(self.database()));
        let program = Program::new(program)
            .arg("migrate")
            .env("OPENFGA_DATASTORE_ENGINE", "postgres")
            .env("OPENFGA_DATASTORE_URI", uri)
            .env("OPENFGA_DATASTORE_USERNAME", self.user())
            .unset("OPENFGA_DATASTORE_SECONDARY_URI");
        let program = match &self.connection.password {
            Some(password) => program.secret("OPENFGA_DATASTORE_PASSWORD", &password.0),
            None => program.unset("OPENFGA_DATASTORE_PASSWORD"),
        };
        let environment = [("PGDATABASE", self.database()), ("PGUSER", self.user()), ("PGAPPNAME", "xtask-migrate")];
        let captured = self.prepared(program, &environment, Talk::Piped).capture(MIGRATE_DEADLINE)?;
        super::local::openfga::migrated(&captured).map(|()| true)
    }
}
