//! The chosen target, and how to run programs against its database.

use super::Kind;
use super::backend::{
    Access, Backend, Bulk, CONNECT_TIMEOUT_SECONDS, Companions, Hints, Launch, OwnOpenfga, Services, Stack, StdioMode,
};
use super::cause;
use super::idle_psql::IdlePsql;
use super::login::{self, Refusal};
use crate::error::Fault;
use crate::process::{Ending, Program};
use crate::settings::{Origin, Settings};
use anyhow::Result;
use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// For an answer to one question.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Enough to hear that a program is there.
const LEAST: Duration = Duration::from_millis(200);
/// How long before the end a login without an answer gives up: its own message says more than a program that was
/// ended.
const SOONER_SECONDS: u64 = 2;

/// A PostgreSQL database, and how to run programs against it.
#[derive(Debug)]
pub struct Target {
    kind: Kind,
    backend: Box<dyn Backend>,
    /// `--target` stands on the command line.
    typed: bool,
    /// The instant after which no answer is waited for.
    end: Option<Instant>,
    idle_psql: IdlePsql,
    /// The options that sessions of ours need here, once one has ended without them (see `overriding`).
    overriding: OnceLock<&'static str>,
}

/// For what a program is started.
#[derive(Clone, Copy)]
struct LaunchOptions {
    talk: StdioMode,
    bulk: Option<Bulk>,
}

impl Target {
    /// The target that the settings name.
    pub fn chosen(settings: &Settings, root: &Path) -> Result<Self> {
        let kind = Kind::chosen(settings)?;
        let backend = kind.open(settings, root)?;
        let typed = settings.find("XTASK_TARGET").is_some_and(|(_, origin)| origin == Origin::Flag);
        Ok(Self { kind, backend, typed, end: None, idle_psql: IdlePsql::default(), overriding: OnceLock::new() })
    }

    /// This target, which waits until this instant at most, for all answers together.
    #[must_use]
    pub fn until(self, end: Instant) -> Self {
        Self { end: Some(end), ..self }
    }

    /// This target, with the idle psql of another target: both are databases of one server, and the run asks about both in
    /// the same maintenance database.
    #[must_use]
    pub fn asking_with(self, other: &Self) -> Self {
        Self { idle_psql: other.idle_psql.clone(), ..self }
    }

    /// How long a question may take.
    pub fn timeout(&self) -> Duration {
        self.end.map_or(TIMEOUT, |end| end.saturating_duration_since(Instant::now()).max(LEAST))
    }

    /// Seconds that a connection attempt may take.
    fn connect_timeout(&self) -> u64 {
        let most = self.end.map(|_| self.timeout().as_secs().saturating_sub(SOONER_SECONDS));
        // libpq takes 1 for 2.
        most.unwrap_or(CONNECT_TIMEOUT_SECONDS).clamp(2, CONNECT_TIMEOUT_SECONDS)
    }

    /// The psql that waits for the run's next question.
    pub fn idle_psql(&self) -> &IdlePsql {
        &self.idle_psql
    }

    /// Refuses `--yes` for a destructive change of a server elsewhere, unless `--target` was typed beside it: a
    /// forgotten setting is no consent.
    pub fn check_consent(&self, yes: bool) -> Result<(), Fault> {
        if !yes || self.typed || !self.backend.is_on_another_host() {
            return Ok(());
        }
        let fault = Fault::usage(format!("--yes alone is not enough for {}", self.shown()));
        Err(fault.hint(format!("the server is not this host: type the target, too: --target {} --yes", self.kind)))
    }

    /// The name by which it was chosen.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The database's name.
    pub fn database(&self) -> &str {
        &self.backend.login().database
    }

    /// The role that programs log in as.
    pub fn user(&self) -> &str {
        &self.backend.login().user
    }

    /// Where the server is, for people: `compose service postgres`.
    pub fn place(&self) -> String {
        self.backend.place()
    }

    /// Target, place, database and user in one phrase, for the first line of a changing command.
    pub fn shown(&self) -> String {
        format!("{} (target {}, database {}, user {})", self.place(), self.kind, self.database(), self.user())
    }

    /// The phrase of [`Self::shown`] for several databases of the server.
    pub fn shown_with(&self, databases: &[&str]) -> String {
        let (place, databases) = (self.place(), databases.join(", "));
        format!("{place} (target {}, databases {databases}, user {})", self.kind, self.user())
    }

    /// How the server is reached.
    pub fn access(&self) -> &dyn Access {
        &*self.backend
    }

    /// What a person types, or where a person looks.
    pub fn hints(&self) -> &dyn Hints {
        &*self.backend
    }

    /// The server with what belongs to it.
    pub fn stack(&self) -> &dyn Stack {
        &*self.backend
    }

    /// Why the Docker engine cannot be used (exit 4); `None` where it can, or is not needed.
    pub fn engine_cause(&self) -> Option<anyhow::Error> {
        self.stack().compose_project()?.engine_cause()
    }

    /// The services that use the database.
    pub fn services(&self) -> &dyn Services {
        &*self.backend
    }

    /// OpenFGA as a part of the stack.
    pub fn own_openfga(&self) -> &dyn OwnOpenfga {
        &*self.backend
    }

    /// Containers of ours beside the stack.
    pub fn companions(&self) -> &dyn Companions {
        &*self.backend
    }

    /// The options that sessions of ours need here, as far as that is known.
    pub fn overriding(&self) -> Option<&'static str> {
        self.overriding.get().copied()
    }

    /// From here on sessions of ours begin under these options.
    pub fn override_settings(&self, options: &'static str) {
        self.overriding.get_or_init(|| options);
    }

    /// A PostgreSQL program (`psql`, `pg_dump`) connected to this database, with these variables more in its environment.
    /// `session` becomes the server session's `application_name`.
    pub fn program(&self, name: &str, session: &str, talk: StdioMode, more: &[(&str, &str)]) -> Result<Program> {
        self.start(name, session, LaunchOptions { talk, bulk: None }, more)
    }

    /// A PostgreSQL program through which a whole database goes; its stdin and stdout are pipes of ours.
    pub fn bulk_program(&self, name: &str, session: &str, bulk: Bulk, more: &[(&str, &str)]) -> Result<Program> {
        self.start(name, session, LaunchOptions { talk: StdioMode::Piped, bulk: Some(bulk) }, more)
    }

    fn start(&self, name: &str, session: &str, options: LaunchOptions, more: &[(&str, &str)]) -> Result<Program> {
        let timeout = self.connect_timeout().to_string();
        let mut environment = vec![
            ("PGDATABASE", self.database()),
            ("PGUSER", self.user()),
            ("PGAPPNAME", session),
            ("PGCONNECT_TIMEOUT", &timeout),
            // Messages in one language: causes are read from them.
            ("LC_MESSAGES", "C"),
        ];
        environment.extend(more);
        let first_contact = self.end.map(|_| self.timeout());
        let LaunchOptions { talk, bulk } = options;
        self.backend.program(name, &Launch { environment: &environment, talk, bulk, first_contact })
    }

    /// The fault of a login that the server refuses for this reason.
    pub fn refusal(&self, refusal: Refusal) -> Fault {
        login::of(&*self.backend, refusal)
    }

    /// Why a program that failed could not work here, looked for from the outside in; `None` where the
    /// server can be reached and the failure is the program's own.
    pub fn cause(&self, stderr: &str, ending: Ending) -> Option<anyhow::Error> {
        cause::of(&*self.backend, stderr, ending)
    }
}
