//! Starting and stopping what a target runs.

use super::project_state::ProjectState;
use crate::error::Fault;
use crate::process::Captured;
use crate::settings::Settings;
use crate::target::ports::Taken;
use crate::target::startup::{Answering, Startup};
use anyhow::Result;
use chrono::{DateTime, Utc};
use std::path::Path;
use std::time::Duration;

/// How much of a stack is started or stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// The database, OpenFGA, and what they need.
    Needed,
    /// Every service, as the stack's own program would.
    All,
}

/// The server with what belongs to it, started and stopped as one.
pub trait Stack {
    /// Whether `up` starts the server, and `down` stops it.
    fn starts_server(&self) -> bool;

    /// Starts the stack and waits until PostgreSQL answers a query, and OpenFGA its health and a request.
    fn up(&self, startup: &Startup, extent: Extent) -> Result<Answering>;

    /// Stops the stack; data stays. False where nothing ran. `warn` hears which services lose what they need.
    fn down(&self, extent: Extent, warn: &dyn Fn(&Fault)) -> Result<bool>;

    /// What of the stack runs now, by the names that people know; `None` where that cannot be found out.
    fn running(&self) -> Option<Vec<String>>;

    /// Refuses a stack that another checkout made.
    fn check_ours(&self) -> Result<()>;

    /// Refuses a line of `.env` with which the stack could not be started.
    fn check_env_file(&self, settings: &Settings) -> Result<()>;

    /// The ports of settings that the stack would publish, but others hold.
    ///
    /// # Errors
    /// It is not known whose they are.
    fn taken_ports(&self, settings: &Settings) -> Result<Vec<Taken>>;

    /// Whether the stack has containers, running or not.
    fn has_containers(&self) -> bool;

    /// The service that runs this folder's files itself when it makes a new cluster: they are mounted for that.
    fn runs_at_first_start(&self, folder: &Path) -> Option<String>;

    /// The Compose project that the stack is; `None` where Docker is not needed.
    fn compose_project(&self) -> Option<&dyn ComposeProject>;
}

/// A project as `docker compose` runs it, and what Docker says of it.
pub trait ComposeProject {
    /// The database's service.
    fn database_service(&self) -> &str;

    /// Why the Docker engine cannot be used (exit 4); `None` where it can.
    fn engine_cause(&self) -> Option<anyhow::Error>;

    /// The engine's version; `None` where the engine does not say it.
    ///
    /// # Errors
    /// Docker's command cannot be started, or does not answer in time.
    fn engine_version(&self, deadline: Duration) -> Result<Option<String>>;

    /// The time by the engine's clock; `None` where it does not say it.
    fn engine_time(&self, deadline: Duration) -> Option<DateTime<Utc>>;

    /// The version of the Compose in use.
    ///
    /// # Errors
    /// There is none, or it is too old.
    fn version(&self) -> Result<String>;

    /// The services of the project's files, all profiles included, so that what an inactive profile leaves out is seen,
    /// too; and their containers.
    ///
    /// # Errors
    /// Why Compose cannot read the project, or Docker does not describe the containers; another checkout made them.
    fn state(&self, deadline: Duration) -> Result<ProjectState>;

    /// Runs a program in a container, and takes what it prints.
    ///
    /// # Errors
    /// Docker's command cannot be started, or does not answer in time.
    fn ask_in(&self, container: &str, words: &[&str], deadline: Duration) -> Result<Captured>;

    /// The last lines of a container's log; empty where Docker does not give them.
    fn log(&self, container: &str, lines: u16, deadline: Duration) -> String;

    /// The exit code of a running container's previous run, by the engine's record of events; `None` where it has none.
    fn last_exit_code(&self, container: &str, deadline: Duration) -> Option<i64>;

    /// Programs run in this container from now on: the caller has just seen that it is the database's.
    fn adopt(&self, container: &str);
}
