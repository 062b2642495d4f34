//! The `compose` target: PostgreSQL is a service of a Compose project, programs run inside its container.

mod access;
mod cause;
mod choosing;
mod claims;
mod claims_in_text;
mod companion_looks;
mod companions;
mod config;
mod confined;
mod containers;
mod data_place;
mod datastore;
mod direct;
mod direct_server;
pub mod engine;
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
mod read_project;
mod reading;
mod remote;
mod said;
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

pub(super) use stack_login::SETTINGS;

use super::backend::Talk;
use super::client_error::Connection;
use super::database_name::SETTING;
use super::direct_choice::DirectChoice;
use crate::error::Fault;
use crate::process::{Captured, Program};
use crate::settings::{Origin, Settings, compose_files};
use anyhow::Result;
use config::Config;
use confined::Confined;
use direct_server::Direct;
use engine::DEADLINE;
use found::Found;
use read_project::{AskedOnce, ReadProject};
use selection::ServiceFound;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

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
}

/// What Compose reads in the project's files.
const CONFIG: [&str; 3] = ["config", "--format", "json"];

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
        let command = named.map_or_else(OnceLock::new, OnceLock::from);
        Ok(Self {
            root: root.to_owned(),
            folder: compose_files::project_folder(settings, root),
            settings: settings.clone(),
            confined,
            command,
            plugin: generation::plugin_is_installed(settings),
            by_docker,
            project: project.map_or_else(OnceLock::new, OnceLock::from),
            is_named: settings.get("COMPOSE_PROJECT_NAME").is_some(),
            found: OnceLock::new(),
            renewed: OnceLock::new(),
            openfga: OnceLock::new(),
            container: OnceLock::new(),
            direct: OnceLock::new(),
            files: AskedOnce::default(),
            files_of_start: AskedOnce::default(),
            checked: OnceLock::new(),
            starts: OnceLock::new(),
            needs_database: OnceLock::new(),
        })
    }

    /// The words that start Compose: `XTASK_COMPOSE`, else Docker's plugin, else the first that is new enough.
    fn command(&self) -> Result<&[String]> {
        if let Some(command) = self.command.get() {
            return Ok(command);
        }
        let found = if self.plugin { generation::plugin() } else { generation::detected()? };
        Ok(self.command.get_or_init(|| found))
    }

    /// `docker compose …` for this project, all profiles included: without, Compose refuses a project in which a service
    /// depends on one of an inactive profile. The arguments name the services; those of `down` do not, see
    /// [`Compose::program_of_profiles`].
    fn program<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Result<Program> {
        self.program_of_profiles(["--profile", "*"].into_iter().chain(args))
    }

    /// `docker compose …` with the profiles that the arguments name, and those that are active.
    ///
    /// No `-f`: a team's docker-compose.override.yml keeps its effect. No `--project-directory` where `COMPOSE_FILE` names
    /// the files: the project's folder is that of the first file then, and its name and relative paths come from there.
    fn program_of_profiles<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Result<Program> {
        let mut program = self.with_selection(generation::started(self.command()?)).folder(&self.root);
        if let Some(confined) = &self.confined {
            program = confined.around(program);
        }
        if !compose_files::are_listed(&self.settings) {
            program = program.arg("--project-directory").arg(&self.root);
        }
        Ok(program.args(args))
    }

    /// What is typed, or set for this process, says which database a command works on, not what the services are made
    /// of: only `up` gives it to Compose. Elsewhere it would turn the URI of each service into that database's.
    fn with_selection(&self, program: Program) -> Program {
        match self.selection() {
            Some(database) => program.env(SETTING, database),
            None => program.unset(SETTING),
        }
    }

    /// The database that Compose is given: in `up`, where one is selected; elsewhere that of the process environment,
    /// where the files cannot be read without it.
    fn selection(&self) -> Option<&str> {
        if self.starts.get().is_none() {
            return self.settings.in_environment(SETTING).filter(|_| self.needs_database.get() == Some(&true));
        }
        let selected = self.settings.find(SETTING).filter(|(_, origin)| *origin != Origin::File);
        selected.map(|(database, _)| database)
    }

    /// Whether Compose reads the project only with the database of the process environment, as files with
    /// `${POSTGRES_DB:?…}` want it. Asked after a failure, and once: true means that the same call is worth another try.
    fn has_learnt_to_give_database(&self) -> bool {
        if self.starts.get().is_some() || self.needs_database.get().is_some() {
            return false;
        }
        let Some(database) = self.settings.in_environment(SETTING) else { return false };
        let reads = |database: Option<&str>| {
            let asked = self.program(["config", "--quiet"]).ok()?;
            let asked = database.into_iter().fold(asked, |asked, database| asked.env(SETTING, database));
            Some(asked.capture(DEADLINE).ok()?.ending.success())
        };
        let needs = reads(None) == Some(false) && reads(Some(database)) == Some(true);
        *self.needs_database.get_or_init(|| needs)
    }

    /// Runs a Compose command and takes what it says; a failure is explained.
    fn run<'a>(&self, args: impl IntoIterator<Item = &'a str>, deadline: Duration) -> Result<Captured> {
        let words: Vec<&str> = ["--profile", "*"].into_iter().chain(args).collect();
        self.run_with_profiles(&words, deadline)
    }

    /// Runs a Compose command with the profiles that the words name, and those that are active.
    fn run_with_profiles(&self, words: &[&str], deadline: Duration) -> Result<Captured> {
        let captured = || self.captured(&self.program_of_profiles(words.iter().copied())?, deadline, said::explained);
        match captured() {
            Err(_) if self.has_learnt_to_give_database() => captured(),
            first => first,
        }
    }

    /// What a Compose program says; `explain` explains a failure for which nothing around Compose is the cause.
    fn captured(
        &self,
        program: &Program,
        deadline: Duration,
        explain: impl FnOnce(&Captured) -> anyhow::Error,
    ) -> Result<Captured> {
        let captured = match program.capture(deadline) {
            Ok(captured) if captured.ending.success() => return Ok(captured),
            Ok(captured) => captured,
            Err(error) => return Err(self.outer_cause().unwrap_or(error)),
        };
        Err(self.outer_cause().or_else(|| self.project_cause()).unwrap_or_else(|| explain(&captured)))
    }

    /// A program inside the database's container, with the login that the stack has. Where the project's name is known,
    /// `docker exec` saves the 0.1 s that Compose needs to read its files.
    fn exec(&self, name: &str, environment: &[(&str, &str)], talk: Talk) -> Result<Program> {
        let terminal = talk == Talk::Terminal;
        let found = self.readable()?;
        let container = self.container()?;
        if container.is_none() {
            // An old Compose would fail in words of its own.
            self.check_version()?;
        }
        let (mut program, place) = match container {
            Some(id) if terminal => (Program::new("docker").args(["exec", "-it"]), id),
            Some(id) => (Program::new("docker").args(["exec", "-i"]), id),
            None if terminal => (self.program(["exec"])?, self.service()),
            None => (self.program(["exec", "-T"])?, self.service()),
        };
        for (name, value) in found.login.inside_variables(environment).chain(environment.iter().copied()) {
            program = match name {
                // By name only: Docker takes the value from its own environment, which no other user can read.
                "PGPASSWORD" => program.arg("-e").arg(name).secret(name, value),
                _ => program.arg("-e").arg(format!("{name}={value}")),
            };
        }
        Ok(program.arg(place).arg(name).starts(name))
    }

    /// The running container of the database, by the labels that Compose gives; `None` where only Compose
    /// itself can tell which project this is.
    fn container(&self) -> Result<Option<&str>> {
        if let Some(id) = self.container.get() {
            return Ok(Some(id));
        }
        let service = self.service();
        let Some(project) = self.project() else {
            self.check_made_here()?;
            return Ok(None);
        };
        let asked = match self.found().listed.clone() {
            // They have just been listed.
            Some(listed) if listed.iter().any(|container| container.service == service && container.is_up()) => {
                Ok(Some(listed))
            }
            _ => containers::of_project(project, false),
        };
        let listed = asked.as_ref().ok().and_then(Option::as_ref).into_iter().flatten();
        let mut ours = listed.filter(|container| container.service == service && container.is_up());
        match (ours.next(), ours.next()) {
            (Some(container), None) => {
                if !self.is_named {
                    container.check_made_from(&self.folder, project)?;
                }
                container.check_awake()?;
                Ok(Some(self.container.get_or_init(|| container.id.clone())))
            }
            (Some(_), Some(_)) => Err(several(service).into()),
            (None, _) => match (self.cause_of("", Connection::Unknown), asked) {
                (Some(cause), _) | (None, Err(cause)) => Err(cause),
                (None, Ok(_)) => Ok(None),
            },
        }
    }

    /// Refuses containers that another checkout made under the same project name, unless that name was chosen; and a
    /// database that is paused. Where Docker or Compose do not answer, the caller that needs them says so.
    fn check_made_here(&self) -> Result<()> {
        if self.checked.get().is_some() {
            return Ok(());
        }
        let Some(project) = self.project().or_else(|| self.asked_name()) else { return Ok(()) };
        for container in containers::of_project(project, true).ok().flatten().unwrap_or_default() {
            if !self.is_named {
                container.check_made_from(&self.folder, project)?;
            }
            if container.service == self.service() {
                container.check_awake()?;
            }
        }
        self.checked.get_or_init(|| ());
        Ok(())
    }

    /// Refuses a database that runs, or would be started, in more than one container: each has other data, or they
    /// destroy it for each other.
    fn check_single(&self) -> Result<()> {
        let service = self.service();
        let listed = self.listed(true).unwrap_or_default();
        let running = listed.iter().filter(|container| container.service == service && container.is_up());
        if running.count() > 1 {
            return Err(several(service).into());
        }
        let replicas = self.config()?.service(service).map_or(1, config::Service::replicas);
        if replicas > 1 {
            let fault = Fault::failed(format!("The {service} service would run in {replicas} containers"));
            return Err(fault
                .hint("a database runs in one: set scale or deploy.replicas to 1 in its Compose file")
                .into());
        }
        Ok(())
    }

    /// The project as Compose reads it, all profiles included; asked once.
    fn config(&self) -> Result<&Config> {
        self.config_within(DEADLINE)
    }

    fn config_within(&self, deadline: Duration) -> Result<&Config> {
        Ok(&self.read_within(deadline)?.config)
    }

    fn read_within(&self, deadline: Duration) -> Result<&ReadProject> {
        self.files().get(deadline, || Ok(self.run(CONFIG, deadline)?.text()))
    }

    /// The same for those who have no time to look for causes once it is over.
    fn read_in_time(&self, deadline: Duration) -> Result<&ReadProject> {
        self.files().get(deadline, || {
            let captured = self.program(CONFIG)?.capture(deadline)?;
            if captured.ending.success() { Ok(captured.text()) } else { Ok(self.run(CONFIG, deadline)?.text()) }
        })
    }

    fn files(&self) -> &AskedOnce {
        let is_selected = self.starts.get().is_some() && self.selection().is_some();
        if is_selected { &self.files_of_start } else { &self.files }
    }

    /// The project's name, where it is known without asking Compose.
    fn project(&self) -> Option<&str> {
        self.project.get().map(String::as_str)
    }

    /// The project's name, as Compose tells it.
    fn asked_name(&self) -> Option<&str> {
        self.config().ok().map(|config| config.name.as_str())
    }

    /// The version of the Compose in use; refused when it is too old.
    fn check_version(&self) -> Result<String> {
        generation::checked_version(self.command()?)
    }
}

/// The database's service runs in several containers: which one is meant is not known.
fn several(service: &str) -> Fault {
    let fault = Fault::failed(format!("The {service} service runs in more than one container"));
    fault.hint("see them with: docker compose ps")
}
