//! Where PostgreSQL is. Everything that touches the database goes through [`Target`], which knows how to
//! start a PostgreSQL program against it, and how to say why one could not reach it.

pub mod compose;
mod generation;
pub mod local;
mod project;
mod space;

use crate::error::Fault;
use crate::process::Program;
use crate::settings::Settings;
use anyhow::Result;
use compose::Compose;
use local::Local;
use std::fmt;
use std::path::Path;
use std::time::Duration;

/// Seconds that a connection attempt may take (`PGCONNECT_TIMEOUT`).
pub const CONNECT_TIMEOUT_SECONDS: u64 = 10;

/// The kinds of target, by the names of `--target` and `XTASK_TARGET`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// The `postgres` service of docker-compose.yml
    Compose,
    /// A private server that this tool starts from PostgreSQL programs of this host
    Local,
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Compose => "compose",
            Self::Local => "local",
        })
    }
}

impl Kind {
    /// `--target` > `XTASK_TARGET` > `compose`. Nothing else ever chooses a database.
    pub fn chosen(settings: &Settings) -> Result<Self, Fault> {
        match settings.get_or("XTASK_TARGET", "compose") {
            "compose" => Ok(Self::Compose),
            "local" => Ok(Self::Local),
            other => Err(Fault::usage(format!("XTASK_TARGET is {other:?}, which is no target"))
                .hint("it can be compose or local")),
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
}

#[derive(Debug)]
enum Place {
    Compose(Compose),
    Local(Local),
}

impl Target {
    /// The target that the settings name.
    pub fn chosen(settings: &Settings, root: &Path) -> Result<Self> {
        let database = settings.get_or("POSTGRES_DB", "openfga").to_owned();
        let user = settings.get_or("POSTGRES_USER", "postgres").to_owned();
        let place = match Kind::chosen(settings)? {
            Kind::Compose => Place::Compose(Compose::new(settings, root)),
            Kind::Local => Place::Local(Local::new(settings, root, &user)),
        };
        Ok(Self { database, user, place })
    }

    /// Which kind of target this is.
    pub fn kind(&self) -> Kind {
        match &self.place {
            Place::Compose(_) => Kind::Compose,
            Place::Local(_) => Kind::Local,
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
            Place::Local(_) => None,
        }
    }

    /// The local server, where that is the target.
    pub fn local(&self) -> Option<&Local> {
        match &self.place {
            Place::Local(local) => Some(local),
            Place::Compose(_) => None,
        }
    }

    /// A PostgreSQL program (`psql`, `pg_dump`) connected to this database. `session` becomes the server
    /// session's `application_name`, by which it can be found and ended.
    pub fn program(&self, name: &str, session: &str, talk: Talk) -> Result<Program> {
        self.program_with(name, session, talk, &[])
    }

    /// The same, with more variables for the program's environment.
    pub fn program_with(&self, name: &str, session: &str, talk: Talk, more: &[(&str, &str)]) -> Result<Program> {
        let timeout = CONNECT_TIMEOUT_SECONDS.to_string();
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
        }
    }

    /// Whether the server runs, as far as that can be told within the deadline and without looking for causes.
    pub fn is_at_hand(&self, deadline: Duration) -> bool {
        match &self.place {
            Place::Compose(compose) => compose.is_at_hand(deadline),
            Place::Local(local) => local.running().is_ok(),
        }
    }

    /// Where a person finds the password that was refused.
    pub fn password_hint(&self) -> String {
        match &self.place {
            Place::Compose(_) => "the password is POSTGRES_PASSWORD, in the environment or in .env".to_owned(),
            Place::Local(local) => {
                format!("the password is in {}", local.folder.path().join("password").display())
            }
        }
    }

    /// Why a program that failed could not work here, looked for from the outside in; `None` where the
    /// place is fine and the failure is the program's own.
    pub fn cause(&self, stderr: &str) -> Option<anyhow::Error> {
        match &self.place {
            Place::Compose(compose) => compose.cause(stderr),
            Place::Local(local) => local.cause(stderr),
        }
    }
}
