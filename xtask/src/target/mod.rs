//! Where PostgreSQL is. Everything that touches the database goes through [`Target`]. All that differs between the
//! targets stands in their folders, behind the traits of [`backend`]; this file is the one list of them.

pub mod backend;
mod cause;
mod client;
pub mod client_error;
mod clients;
pub mod companion;
mod compose;
mod conninfo;
mod cores;
pub mod database_name;
pub mod dependencies;
mod direct_choice;
pub mod disk;
pub mod disk_full;
pub mod endpoint;
pub mod file_lock;
mod free_port;
mod handle;
mod idle_psql;
mod local;
mod login;
pub mod loopback;
mod memory;
pub mod memory_openfga;
mod no_containers;
pub mod openfga;
pub mod openfga_exposure;
pub mod openfga_migration;
pub mod openfga_program;
pub mod overriding;
pub mod percent;
pub mod ports;
pub mod profiles;
mod programs;
mod proxy;
pub mod startup;
pub mod state_folder;
mod uri;
mod url;
mod wait;

pub use backend::StdioMode;
pub use direct_choice::DirectChoice;
pub use handle::Target;
pub use login::Refusal;
pub use url::named as named_by_url;

use crate::error::{self, Fault};
use crate::settings::Settings;
use anyhow::Result;
use backend::Backend;
use clap::ValueEnum as _;
use compose::Compose;
use compose::engine::{self, Lack};
use local::Local;
use std::fmt;
use std::path::Path;
use url::Url;

/// The kinds of target, by the names of `--target` and `XTASK_TARGET`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// The PostgreSQL service of the Compose project
    Compose,
    /// A private server that this tool starts from PostgreSQL programs of this host
    Local,
    /// The server that DATABASE_URL names, by client programs of this host
    Url,
}

impl Kind {
    /// The kind that a repository with a Compose file has.
    pub const COMPOSE: Self = Self::Compose;

    /// The target of this kind.
    ///
    /// # Errors
    /// Exit 2: a setting that it cannot use, or one that it lacks.
    pub(in crate::target) fn open(self, settings: &Settings, root: &Path) -> Result<Box<dyn Backend>> {
        Ok(match self {
            Self::Compose => Box::new(Compose::new(settings, root)?),
            Self::Local => Box::new(Local::new(settings, root)),
            Self::Url => Box::new(Url::new(settings, root)?),
        })
    }

    /// The settings that a target of this kind finds out itself, where neither command line nor environment give them.
    pub fn settings_of_stack(self) -> &'static [&'static str] {
        match self {
            Self::Compose => &compose::SETTINGS,
            Self::Local | Self::Url => &[],
        }
    }

    /// `--target` > `XTASK_TARGET` > `compose`. Nothing else ever chooses a database.
    pub fn chosen(settings: &Settings) -> Result<Self, Fault> {
        let Some(name) = settings.get("XTASK_TARGET") else { return Ok(Self::Compose) };
        Self::from_str(name, false).map_err(|_| {
            let names: Vec<String> = Self::value_variants().iter().map(Self::to_string).collect();
            let (last, others) = names.split_last().map_or(("", &[][..]), |(last, others)| (last.as_str(), others));
            Fault::usage(format!("XTASK_TARGET is {name:?}, which is not a target"))
                .hint(format!("it can be {} or {last}", others.join(", ")))
        })
    }

    /// The kind for a checkout that has chosen none yet, and why: Compose where a Docker engine answers, else this host.
    ///
    /// # Errors
    /// Exit 4 where there is an engine that this user may not use: the right to it is easily given, and another target
    /// would be another server.
    pub fn for_this_host() -> Result<(Self, String)> {
        match engine::lack() {
            None => Ok((Self::Compose, "a Docker engine answers".to_owned())),
            Some(lack @ Lack::Forbidden(_)) => {
                let error = lack.into_error();
                let hint = error::fault(&error).and_then(Fault::hint_text).unwrap_or_default().to_owned();
                let fault = Fault::unreachable(error.to_string());
                Err(error.context(
                    fault.hint(format!("{hint}\nor run without Docker: cargo xtask setup-env --target local")),
                ))
            }
            Some(lack) => Ok((Self::Local, lack.into_error().to_string())),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_possible_value().map_or(Ok(()), |value| formatter.write_str(value.get_name()))
    }
}
