//! The `compose` target: PostgreSQL is a service of a Compose project, programs run inside its container.

mod access;
mod as_project;
mod cause;
mod claims;
mod claims_in_text;
mod command;
mod companion_docker;
mod companions;
mod config;
mod confined;
mod container;
mod containers;
mod data_place;
mod datastore;
mod direct;
mod direct_server;
pub mod engine;
mod failure_text;
mod files;
mod found;
mod generation;
mod hints;
mod image;
mod inspection;
mod life;
mod listens;
mod migrate;
mod openfga;
mod openfga_database;
mod openfga_kept;
mod openfga_service;
mod port_holder;
mod ports;
mod project;
mod project_state;
mod raw_container;
mod read_project;
mod reading;
mod remote;
mod selection;
mod server_names;
mod server_options;
mod services;
mod stack_login;
mod start;
mod stop;
mod up;
mod users;
mod volume;
mod without_compose;

pub(super) use stack_login::SETTINGS;

use super::direct_choice::DirectChoice;
use crate::error::Fault;
use crate::settings::{Settings, compose_files};
use anyhow::Result;
use confined::Confined;
use direct_server::Direct;
use found::Found;
use read_project::AskedOnce;
use selection::ServiceFound;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// One Compose project: this checkout's.
#[derive(Debug)]
pub struct Compose {
    root: PathBuf,
    /// Compose's own folder of the project: where the first of its files is.
    folder: PathBuf,
    settings: Settings,
    /// How Compose is held where the project is only looked at.
    confined: Option<Confined>,
    /// `docker compose` or what stands for it, once it was looked for.
    command: OnceLock<Vec<String>>,
    /// Whether Docker's plugin lies where Docker looks for it.
    plugin: bool,
    /// The plugin itself, where questions that concern no engine may be put to it without `docker`.
    asked_plugin: Option<PathBuf>,
    /// Whether containers are asked by `docker` itself: not where `XTASK_COMPOSE` names another program, which may
    /// have another engine.
    by_docker: bool,
    /// The project's name, where it can be known without asking Compose, or has been learnt.
    project: OnceLock<String>,
    /// Whether the user chose that name: then its containers are meant, whichever checkout made them.
    is_named: bool,
    /// What the stack says of the server, read once; and once more after it was started.
    found: OnceLock<Found>,
    renewed: OnceLock<Found>,
    openfga: OnceLock<Option<ServiceFound>>,
    /// The database's running container.
    container: OnceLock<String>,
    /// Its limit of memory, once it was asked for.
    memory: OnceLock<Option<u64>>,
    /// The way to the server past Docker, once it was looked for; why there is none.
    direct: OnceLock<Result<Direct, String>>,
    /// The project as Compose reads it; and as it reads it for `up`, with the database that is selected.
    files: AskedOnce,
    files_of_start: AskedOnce,
    checked: OnceLock<()>,
    /// Set by `up`: from then on Compose puts the database of command line or environment into its files.
    starts: OnceLock<()>,
    /// Whether Compose has to be given the database of the process environment at other times, too; asked where it fails.
    needs_database: OnceLock<bool>,
    /// Set once this run has brought OpenFGA's tables up to date.
    migrated: OnceLock<()>,
}

impl Compose {
    /// The project of this folder. Nothing is asked yet: most commands need only its name.
    ///
    /// # Errors
    /// Exit 2: a setting that Compose could not use.
    pub fn new(settings: &Settings, root: &Path) -> Result<Self, Fault> {
        let named = generation::named(settings)?;
        project::check(settings)?;
        compose_files::check(settings, root)?;
        DirectChoice::chosen(settings)?;
        let confined = settings.are_of_others().then(|| Confined::new(settings, root)).transpose()?;
        let by_docker = named.is_none();
        let project = by_docker.then(|| project::declared(settings, root)).flatten();
        let asked_plugin = if by_docker && confined.is_none() { generation::certain_plugin(settings) } else { None };
        let command = named.map_or_else(OnceLock::new, OnceLock::from);
        Ok(Self {
            root: root.to_owned(),
            folder: compose_files::project_folder(settings, root),
            settings: settings.clone(),
            confined,
            command,
            plugin: generation::installed_plugin(settings).is_some(),
            asked_plugin,
            by_docker,
            project: project.map_or_else(OnceLock::new, OnceLock::from),
            is_named: settings.get("COMPOSE_PROJECT_NAME").is_some(),
            found: OnceLock::new(),
            renewed: OnceLock::new(),
            openfga: OnceLock::new(),
            container: OnceLock::new(),
            memory: OnceLock::new(),
            direct: OnceLock::new(),
            files: AskedOnce::default(),
            files_of_start: AskedOnce::default(),
            checked: OnceLock::new(),
            starts: OnceLock::new(),
            needs_database: OnceLock::new(),
            migrated: OnceLock::new(),
        })
    }
}
