//! Where PostgreSQL is. Everything that touches the database goes through [`Target`], which knows how to
//! start a PostgreSQL program against it, and how to say why one could not reach it.

mod client;
pub mod client_error;
pub mod compose;
pub mod local;
mod login;
pub mod overriding;
pub mod percent;
mod programs;
mod space;
pub mod url;
mod waiting;

use crate::error::Fault;
use crate::process::{Captured, Ending, Program};
use crate::settings::{Origin, Settings};
use anyhow::Result;
use client_error::Connection;
use compose::Compose;
use local::Local;
use std::fmt;
use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use url::Url;
use waiting::Waiting;

/// Seconds that a connection attempt may take (`PGCONNECT_TIMEOUT`).
pub const CONNECT_TIMEOUT_SECONDS: u64 = 10;

/// For an answer to one question.
const PATIENCE: Duration = Duration::from_secs(30);
/// Enough to hear that a program is there.
const LEAST: Duration = Duration::from_millis(200);
/// A login that gets no answer is given up so long before the end: its own words say more than a program that was
/// ended.
const SOONER_SECONDS: u64 = 2;

/// The kinds of target, by the names of `--target` and `XTASK_TARGET`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// The `postgres` service of docker-compose.yml
    Compose,
    /// A private server that this tool starts from PostgreSQL programs of this host
    Local,
    /// The server that DATABASE_URL names, by client programs of this host
    Url,
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Compose => "compose",
            Self::Local => "local",
            Self::Url => "url",
        })
    }
}

impl Kind {
    /// `--target` > `XTASK_TARGET` > `compose`. Nothing else ever chooses a database.
    pub fn chosen(settings: &Settings) -> Result<Self, Fault> {
        match settings.get_or("XTASK_TARGET", "compose") {
            "compose" => Ok(Self::Compose),
            "local" => Ok(Self::Local),
            "url" => Ok(Self::Url),
            other => Err(Fault::usage(format!("XTASK_TARGET is {other:?}, which is no target"))
                .hint("it can be compose, local or url")),
        }
    }
}

/// Whether a program talks to a person or to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Talk {
    /// Bytes as they are, never a terminal in the chain.
    Piped,
    /// The person's terminal is handed to the program.
    Terminal,
}

/// A PostgreSQL database, and how to run programs against it.
#[derive(Debug)]
pub struct Target {
    database: String,
    user: String,
    place: Place,
    /// `--target` stands on the command line.
    typed: bool,
    /// When nobody waits for an answer any more.
    end: Option<Instant>,
    waiting: Waiting,
    /// The options that sessions of ours need here, once one has ended without them (see [`overriding`]).
    overriding: OnceLock<&'static str>,
}

#[derive(Debug)]
enum Place {
    Compose(Compose),
    Local(Local),
    Url(Url),
}

impl Target {
    /// The target that the settings name.
    pub fn chosen(settings: &Settings, root: &Path) -> Result<Self> {
        let database = settings.get_or("POSTGRES_DB", "openfga").to_owned();
        let user = settings.get_or("POSTGRES_USER", "postgres").to_owned();
        let place = match Kind::chosen(settings)? {
            Kind::Compose => Place::Compose(Compose::new(settings, root)?),
            Kind::Local => Place::Local(Local::new(settings, root, &user)),
            Kind::Url => Place::Url(Url::new(settings, root)?),
        };
        let typed = settings.find("XTASK_TARGET").is_some_and(|(_, origin)| origin == Origin::Flag);
        let (database, user) = match &place {
            Place::Url(url) => (url.database().to_owned(), url.user().to_owned()),
            _ => (database, user),
        };
        Ok(Self { database, user, place, typed, end: None, waiting: Waiting::default(), overriding: OnceLock::new() })
    }

    /// The same target for somebody who waits no longer than this, for all answers together.
    #[must_use]
    pub fn until(self, end: Instant) -> Self {
        Self { end: Some(end), ..self }
    }

    /// How long a question may take.
    pub fn patience(&self) -> Duration {
        self.end.map_or(PATIENCE, |end| end.saturating_duration_since(Instant::now()).max(LEAST))
    }

    /// Seconds that a connection attempt may take.
    fn connect_timeout(&self) -> u64 {
        let most = self.end.map(|_| self.patience().as_secs().saturating_sub(SOONER_SECONDS));
        // libpq takes 1 for 2.
        most.unwrap_or(CONNECT_TIMEOUT_SECONDS).clamp(2, CONNECT_TIMEOUT_SECONDS)
    }

    /// The psql that waits for the run's next question.
    pub fn waiting(&self) -> &Waiting {
        &self.waiting
    }

    /// Refuses `--yes` for a destructive change of a server elsewhere, unless `--target` was typed beside it: a
    /// setting that somebody forgot is no consent.
    pub fn check_consent(&self, yes: bool) -> Result<(), Fault> {
        match &self.place {
            Place::Url(url) if yes && !self.typed && !url.is_loopback() => {
                let fault = Fault::usage(format!("--yes alone is not enough for {}", self.shown()));
                Err(fault.hint("the server is not this host: type the target, too: --target url --yes"))
            }
            _ => Ok(()),
        }
    }

    /// Which kind of target this is.
    pub fn kind(&self) -> Kind {
        match &self.place {
            Place::Compose(_) => Kind::Compose,
            Place::Local(_) => Kind::Local,
            Place::Url(_) => Kind::Url,
        }
    }

    /// The database's name.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// The role that programs log in as.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Where the server is, for people: `compose service postgres`.
    pub fn place(&self) -> String {
        match &self.place {
            Place::Compose(_) => format!("compose service {}", compose::SERVICE),
            Place::Local(local) => local.place(),
            Place::Url(url) => url.place(),
        }
    }

    /// Target, place, database and user in one phrase, for the first line of a changing command.
    pub fn shown(&self) -> String {
        format!("{} (target {}, database {}, user {})", self.place(), self.kind(), self.database, self.user)
    }

    /// The Compose project, where that is the target.
    pub fn compose(&self) -> Option<&Compose> {
        match &self.place {
            Place::Compose(compose) => Some(compose),
            _ => None,
        }
    }

    /// The local server, where that is the target.
    pub fn local(&self) -> Option<&Local> {
        match &self.place {
            Place::Local(local) => Some(local),
            _ => None,
        }
    }

    /// The server that `DATABASE_URL` names, where that is the target.
    pub fn url(&self) -> Option<&Url> {
        match &self.place {
            Place::Url(url) => Some(url),
            _ => None,
        }
    }

    /// A PostgreSQL program (`psql`, `pg_dump`) connected to this database. `session` becomes the server
    /// session's `application_name`, by which it can be found and ended.
    pub fn program(&self, name: &str, session: &str, talk: Talk) -> Result<Program> {
        self.program_with(name, session, talk, &[])
    }

    /// The same for a session of ours, which does not depend on what role and database set for their own programs.
    pub fn own_program(&self, name: &str, session: &str, more: &[(&str, &str)]) -> Result<Program> {
        self.own_program_under(self.overriding(), name, session, more)
    }

    /// The same, under these options of the connection.
    pub fn own_program_under(
        &self,
        options: Option<&str>,
        name: &str,
        session: &str,
        more: &[(&str, &str)],
    ) -> Result<Program> {
        let Some(options) = options else { return self.program_with(name, session, Talk::Piped, more) };
        let named = self.url().and_then(Url::options).unwrap_or_default();
        let options = [named, options].join(" ");
        self.program_with(name, session, Talk::Piped, &[more, &[("PGOPTIONS", options.trim())]].concat())
    }

    /// The options that sessions of ours need here, as far as that is known.
    pub fn overriding(&self) -> Option<&'static str> {
        self.overriding.get().copied()
    }

    /// From here on sessions of ours begin under these options.
    pub fn override_settings(&self, options: &'static str) {
        self.overriding.get_or_init(|| options);
    }

    /// The same, with more variables for the program's environment.
    pub fn program_with(&self, name: &str, session: &str, talk: Talk, more: &[(&str, &str)]) -> Result<Program> {
        let timeout = self.connect_timeout().to_string();
        let mut environment = vec![
            ("PGDATABASE", self.database.as_str()),
            ("PGUSER", &self.user),
            ("PGAPPNAME", session),
            ("PGCONNECT_TIMEOUT", &timeout),
            // Messages in one language: causes are told from them.
            ("LC_MESSAGES", "C"),
        ];
        environment.extend(more);
        match &self.place {
            Place::Compose(compose) => compose.exec(name, &environment, talk),
            Place::Local(local) => local.program(name, &environment, talk),
            Place::Url(url) => {
                let most = self.end.map(|_| self.patience());
                url.program(name, &environment, talk, most, &|said| self.failed(said))
            }
        }
    }

    /// Whether the server runs, as far as that can be told at once and without looking for causes.
    pub fn is_at_hand(&self) -> bool {
        match &self.place {
            Place::Compose(compose) => compose.is_at_hand(),
            Place::Local(local) => local.running().is_ok(),
            Place::Url(_) => true,
        }
    }

    /// Where a person finds the password that was refused.
    pub fn password_hint(&self) -> String {
        match &self.place {
            Place::Compose(_) => format!(
                "{}\nor give the server the new one: cargo xtask db-shell, then \\password",
                self.setting_hint("password", "POSTGRES_PASSWORD")
            ),
            Place::Local(local) => {
                format!("the password is in {}", local.folder.path().join("password").display())
            }
            Place::Url(_) => {
                "the password is in DATABASE_URL (@ / : % in it percent-encoded), else in ~/.pgpass".to_owned()
            }
        }
    }

    /// Where a person sets what the server does not know: `the user is POSTGRES_USER, …`.
    pub fn setting_hint(&self, what: &str, setting: &str) -> String {
        match &self.place {
            Place::Compose(_) => format!(
                "the {what} is {setting}, in the environment or in .env; the volume keeps the {what} that it was made with"
            ),
            Place::Local(_) => format!("the {what} is {setting}, in the environment or in .env"),
            Place::Url(_) => format!("the {what} is named in DATABASE_URL"),
        }
    }

    fn failed(&self, said: &Captured) -> anyhow::Error {
        self.cause(&said.stderr, said.ending).unwrap_or_else(|| {
            let fault = Fault::unreachable(format!("PostgreSQL at {} does not answer ({})", self.place(), said.ending));
            anyhow::Error::msg(said.stderr.trim().to_owned()).context(fault)
        })
    }

    /// Why a program that failed could not work here, looked for from the outside in; `None` where the
    /// place is fine and the failure is the program's own.
    pub fn cause(&self, stderr: &str, ending: Ending) -> Option<anyhow::Error> {
        let connection = Connection::of(stderr, ending);
        let said = |fault: Fault| anyhow::Error::msg(stderr.trim().to_owned()).context(fault);
        if let Connection::NotMade(words) = connection
            && let Some(fault) = login::fault(self, words)
        {
            return Some(said(fault));
        }
        let of_place = match &self.place {
            Place::Compose(compose) => compose.cause(stderr, connection),
            Place::Local(local) => local.cause(),
            Place::Url(url) => url.cause(connection).map(said),
        };
        of_place.or_else(|| login::unexplained(self, connection).map(said))
    }

    /// What a person types to start the server again.
    pub fn restart_hint(&self) -> String {
        match &self.place {
            Place::Compose(_) => format!("docker compose restart {}", compose::SERVICE),
            Place::Local(_) => "cargo xtask down --target local && cargo xtask up --target local".to_owned(),
            Place::Url(_) => "as its host does it; a managed server: in its console".to_owned(),
        }
    }

    /// Where a person reads what the server said.
    fn log_hint(&self) -> String {
        match &self.place {
            Place::Compose(_) => {
                format!("see what the server says: docker compose logs --tail 20 {}", compose::SERVICE)
            }
            Place::Local(local) => format!("see what the server says: {}", local.log().display()),
            Place::Url(_) => "see what the server's log says, then try again".to_owned(),
        }
    }
}
