//! The handle for the server: where it is, the name of our sessions there, and the database that they connect to.

use super::session_name::fresh_name;
use crate::process::Program;
use crate::target::backend::Bulk;
use crate::target::{StdioMode, Target, database_name};
use anyhow::Result;
use std::fmt;
use std::time::Duration;

/// A database of the target's server, as the sessions of one run use it. What is to be different for some sessions is said
/// of a copy: `server.in_database(name).within(deadline)`.
#[derive(Clone)]
pub struct Server<'a> {
    target: &'a Target,
    session: String,
    database: String,
    maintenance: &'static str,
    environment: Vec<(String, String)>,
    is_utf8: bool,
    bulk: Option<Bulk>,
    deadline: Option<Duration>,
}

impl<'a> Server<'a> {
    /// The target's database, for sessions of a new name.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn new(target: &'a Target) -> Result<Self> {
        Ok(Self::under_name(target, &fresh_name()?))
    }

    /// The target's database, for sessions of this name.
    pub fn under_name(target: &'a Target, session: &str) -> Self {
        let (session, database) = (session.to_owned(), target.database().to_owned());
        let maintenance = maintenance_database(target);
        let environment = Vec::new();
        Self { target, session, database, maintenance, environment, is_utf8: false, bulk: None, deadline: None }
    }

    /// Where the server is. Its database is the live one, whatever these sessions connect to.
    pub fn target(&self) -> &'a Target {
        self.target
    }

    /// The sessions' `application_name`, by which they are found and ended.
    pub fn session(&self) -> &str {
        &self.session
    }

    /// The database that is connected to.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// The database that is connected to while others are made, renamed and dropped.
    pub fn maintenance_database(&self) -> &'static str {
        self.maintenance
    }

    /// This server where another database is changed, too: that database is then not used as maintenance database.
    #[must_use]
    pub fn beside(self, database: &str) -> Self {
        if self.maintenance == database { Self { maintenance: database_name::OTHER_MAINTENANCE, ..self } } else { self }
    }

    /// Another database of the server.
    #[must_use]
    pub fn in_database(&self, database: &str) -> Self {
        Self { database: database.to_owned(), ..self.clone() }
    }

    /// The maintenance database. A question is asked there by [`Self::ask_maintenance`] without a new program.
    #[must_use]
    pub fn in_maintenance(&self) -> Self {
        self.in_database(self.maintenance_database())
    }

    /// Sessions of another name.
    #[must_use]
    pub fn named(&self, session: &str) -> Self {
        Self { session: session.to_owned(), ..self.clone() }
    }

    /// Sessions of programs that have these variables more in their environment.
    #[must_use]
    pub fn with_environment(&self, environment: &[(&str, &str)]) -> Self {
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Self { environment: environment.collect(), ..self.clone() }
    }

    /// Sessions of UTF-8, whatever the database's encoding is: JSON has no other. In the maintenance database names are sent
    /// and come as the bytes that the server keeps: a database or a role that was named in UTF-8 is found there whatever
    /// its encoding is.
    #[must_use]
    pub fn in_utf8(&self) -> Self {
        Self { is_utf8: true, ..self.clone() }
    }

    /// This server for sessions through which a whole database goes. `bytes`: about its size, where that is known.
    #[must_use]
    pub fn in_bulk(&self, bytes: Option<u64>) -> Self {
        Self { bulk: Some(Bulk { bytes }), ..self.clone() }
    }

    /// This server with this deadline for a login and for an answer, in place of the target's own.
    #[must_use]
    pub fn within(&self, deadline: Duration) -> Self {
        Self { deadline: Some(deadline), ..self.clone() }
    }

    /// How long a login or an answer is waited for.
    pub fn deadline(&self) -> Duration {
        self.deadline.unwrap_or_else(|| self.target.timeout())
    }

    /// A PostgreSQL program (`psql`, `pg_dump`) connected to this database, under the settings of its role and database.
    pub fn program(&self, name: &str, talk: StdioMode) -> Result<Program> {
        self.start(name, talk, None)
    }

    /// A PostgreSQL program for a session of ours, independent of the settings of role and database.
    pub fn own_program(&self, name: &str) -> Result<Program> {
        self.own_program_under(self.target.overriding(), name)
    }

    /// A program for a session of ours, with these options of the connection.
    pub(super) fn own_program_under(&self, options: Option<&str>, name: &str) -> Result<Program> {
        self.start(name, StdioMode::Piped, options)
    }

    fn start(&self, name: &str, talk: StdioMode, options: Option<&str>) -> Result<Program> {
        let mut environment = vec![("PGDATABASE", self.database.as_str())];
        let encoding = if self.database == self.maintenance_database() { "SQL_ASCII" } else { "UTF8" };
        environment.extend(self.is_utf8.then_some(("PGCLIENTENCODING", encoding)));
        environment.extend(self.environment.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        environment.extend(options.map(|options| ("PGOPTIONS", options)));
        match self.bulk.filter(|_| talk == StdioMode::Piped) {
            Some(bulk) => self.target.bulk_program(name, &self.session, bulk, &environment),
            None => self.target.program(name, &self.session, talk, &environment),
        }
    }
}

/// Without the environment, which may hold a password.
impl fmt::Debug for Server<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { session, database, deadline, .. } = self;
        let mut shown = formatter.debug_struct("Server");
        shown.field("session", session).field("database", database).field("deadline", deadline);
        shown.finish_non_exhaustive()
    }
}

/// What a person types to see the settings of databases and roles. psql names operators without their schema in its own
/// commands, and the owner of the live database may have made others: those of the whole server go to another database.
pub fn see_settings(target: &Target) -> String {
    format!("cargo xtask db-shell -- -d {} -c '\\drds'", maintenance_database(target))
}

/// [`Server::maintenance_database`] of a target.
pub fn maintenance_database(target: &Target) -> &'static str {
    database_name::maintenance(target.database())
}
