//! The seam: what a target is to the rest of the program. Each target implements these traits in its own folder, and
//! `target/mod.rs` lists the targets. No method has a default body: the compiler names everything that a new target lacks.

use super::client_error::Connection;
use super::companion::{Companion, CompanionContainer, CompanionEnd, CompanionImage, Surroundings};
use super::disk::Disk;
use super::ports::Taken;
use super::startup::{Answering, Startup};
use crate::error::Fault;
use crate::process::Program;
use crate::settings::Settings;
use anyhow::Result;
use serde::Serialize;
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Seconds that a connection attempt may take (`PGCONNECT_TIMEOUT`).
pub(super) const CONNECT_TIMEOUT_SECONDS: u64 = 10;

/// A target as a whole.
pub trait Backend: Access + Hints + Stack + Services + OwnOpenfga + Companions {}

impl<T: Access + Hints + Stack + Services + OwnOpenfga + Companions> Backend for T {}

/// Whether a program talks to a person or to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Talk {
    /// Bytes as they are, never a terminal in the chain.
    Piped,
    /// The person's terminal is handed to the program.
    Terminal,
}

/// The database, and the role that programs log in as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    pub database: String,
    pub user: String,
}

impl Login {
    /// The database and the user of the settings.
    pub fn of(settings: &Settings) -> Self {
        let setting = |name: &str, default: &str| settings.get_or(name, default).to_owned();
        Self { database: setting("POSTGRES_DB", "openfga"), user: setting("POSTGRES_USER", "postgres") }
    }
}

/// A whole database goes through a program. For a large one the target may look for a faster connection first.
#[derive(Debug, Clone, Copy)]
pub struct Bulk {
    /// About how many bytes there are, where that is known.
    pub bytes: Option<u64>,
}

impl Bulk {
    /// Fewer bytes are through before it is known whether there is another way.
    const SMALL: u64 = 8 << 20;

    /// Whether another way may pay.
    pub fn may_be_large(self) -> bool {
        self.bytes.is_none_or(|bytes| bytes >= Self::SMALL)
    }
}

/// How a program is started.
#[derive(Debug, Clone, Copy)]
pub struct Launch<'a> {
    pub environment: &'a [(&'a str, &'a str)],
    pub talk: Talk,
    /// A whole database goes through the program.
    pub bulk: Option<Bulk>,
    /// The longest that a first contact with the server may take, where the caller waits no longer than that.
    pub first_contact: Option<Duration>,
}

/// Reaching the server.
pub trait Access: fmt::Debug + Send + Sync {
    /// Finds out which server is meant, and how to log in: once, before anything else is asked. Where that needs a
    /// program that does not answer, it is no error: who needs that program says so.
    ///
    /// # Errors
    /// Exit 2: it is doubtful which server is meant.
    fn identify(&self, deadline: Duration) -> Result<Identified>;

    /// Refuses to go on where nothing names the server: its names are then those of the shipped stack.
    ///
    /// # Errors
    /// What [`Self::identify`] needs and does not get.
    fn check_identified(&self) -> Result<()>;

    fn login(&self) -> &Login;

    /// Where the server is, for people: `compose service postgres`, `db.example.com:5432`.
    fn place(&self) -> String;

    /// Whether the server may be the one at `place`, written as the target `url` writes it. Only a target that knows its
    /// server by an address can say no.
    fn may_be_at(&self, place: &str) -> bool;

    /// Whether the server may be on another host: then `--yes` alone is no consent to a destructive change.
    fn is_on_another_host(&self) -> bool;

    /// Whether the server runs, as far as that is known at once and without looking for causes.
    fn is_at_hand(&self) -> bool;

    /// A PostgreSQL program (`psql`, `pg_dump`) that connects to the server.
    ///
    /// # Errors
    /// Exit 4 where the server does not run; exit 1 or 2 where there is no such program, or none that fits.
    fn program(&self, name: &str, launch: &Launch) -> Result<Program>;

    /// Where programs run, if they do not run on this host with its files.
    fn programs_elsewhere(&self) -> Option<&dyn ProgramsElsewhere>;

    /// Why a program failed, where the words of the login do not say it; looked for from the outside in. `None` where
    /// the server can be reached and the failure is the program's own.
    fn cause(&self, stderr: &str, connection: Connection<'_>) -> Option<anyhow::Error>;

    /// Variables by which a program connects as the services do; none where it connects so anyhow.
    fn as_services_connect(&self, settings: &Settings) -> Vec<(&'static str, String)>;

    /// How a silent server is asked whether it is ready; `None` where no program runs beside it.
    fn readiness(&self) -> Option<Readiness>;

    /// Parameters of the server's address that no program gets, for people; `None` where there are none.
    fn ignored_parameters(&self) -> Option<String>;

    /// The disks of these folders of the server's host. `None`: not known.
    fn disks(&self, folders: &[String]) -> Option<Vec<Disk>>;

    /// Bytes of memory that the server may use: its host's, or its container's limit. `None`: not known.
    fn memory(&self) -> Option<u64>;

    /// How many cores the server may use: its host's, or its container's share. `None`: not known.
    fn cores(&self) -> Option<usize>;

    /// The disk of the server's data.
    fn data_disk(&self) -> DataDisk;

    /// The data folder that the server must have: this program made it. `None` where it did not.
    fn data_folder(&self) -> Option<PathBuf>;
}

/// What is to be said of a server that was found by looking.
#[derive(Debug, Default)]
pub struct Identified {
    pub notes: Vec<String>,
    pub warnings: Vec<String>,
    /// `POSTGRES_USER=app (service db)`: each part of the login, the password masked. Empty where settings say it all.
    pub origins: Vec<String>,
    /// The setting that would name the service, where it is recognised by its image alone.
    pub untold: Option<(&'static str, String)>,
}

/// Programs that do not see the files of this host.
pub trait ProgramsElsewhere {
    /// Where that is, for people: `the container`.
    fn place(&self) -> &'static str;

    /// Makes a file there that only the user of these programs can read or change, and gives its path. `text` gets that
    /// path, in letters of a plain word, and gives what the file holds.
    ///
    /// # Errors
    /// There is no room, or no program to make it.
    fn private_file(&self, text: &dyn Fn(&str) -> Vec<u8>) -> Result<String>;
}

/// How `pg_isready` asks a silent server.
#[derive(Debug, Clone)]
pub struct Readiness {
    /// `PGHOST` of the program beside it.
    pub host: &'static str,
    /// What a person does about a server that is not ready.
    pub hint: String,
}

/// Where the disk of the server's data can be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataDisk {
    /// From inside the container of this service.
    InContainer { service: String },
    /// On this host, by this folder.
    Folder(PathBuf),
    /// There is no data yet.
    Unmade,
    /// Nowhere: it is another host's, or may be.
    Unseen,
}

/// What a person types, or where a person looks.
pub trait Hints {
    /// Where the password is that was refused.
    fn password_hint(&self) -> String;

    /// Where to set what the server does not know: `the user is POSTGRES_USER, …`.
    fn setting_hint(&self, what: &str, setting: &str) -> String;

    /// What starts the server again.
    fn restart_hint(&self) -> String;

    /// Where the server's log is.
    fn log_hint(&self) -> String;

    /// Where the log of this service is.
    fn service_log_hint(&self, service: &str) -> String;

    /// The steps by which a server that does not start any more is thrown away and made again, one a line; `None` where
    /// that is not this program's to advise, or would not help now.
    fn start_over_hint(&self) -> Option<String>;
}

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
    fn down(&self, extent: Extent, warn: &dyn Fn(&str)) -> Result<bool>;

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

/// A project as `docker compose` runs it.
pub trait ComposeProject {
    /// Its name, where it is known without asking Compose.
    fn name(&self) -> Option<&str>;

    /// The database's service.
    fn database_service(&self) -> &str;

    /// Why the Docker engine cannot be used (exit 4); `None` where it can.
    fn engine_cause(&self) -> Option<anyhow::Error>;

    /// The version of the Compose in use.
    ///
    /// # Errors
    /// There is none, or it is too old.
    fn version(&self) -> Result<String>;

    /// What Compose reads in the project's files, as JSON: `docker compose config --format json`, all profiles included,
    /// so that what an inactive profile leaves out is seen, too. Asked once. It holds secrets: it is read, never shown.
    ///
    /// # Errors
    /// Why Compose cannot read the project.
    fn read_files(&self, deadline: Duration) -> Result<&str>;

    /// Programs run in this container from now on: the caller has just seen that it is the database's.
    fn adopt(&self, container: &str);
}

/// The services that use the database.
pub trait Services {
    /// Those that run now; `clients`: the addresses from which the database's sessions come.
    fn running_users(&self, clients: &[IpAddr]) -> Result<Vec<ServiceUser>>;

    /// What a person must know where services are not this program's to stop; `openfga`: its tables are about to come in.
    fn notice(&self, openfga: bool) -> Result<Option<String>, Fault>;

    /// Stops these services, and no others.
    fn stop(&self, services: &[String]) -> Result<()>;

    /// Starts these services, and waits until they answer.
    fn start(&self, services: &[String], startup: &Startup) -> Result<()>;

    /// The services that got these variables when they were started; `None` where there are none.
    fn holders_of(&self, variables: &[&str]) -> Option<Holders>;

    /// The values of these variables that running services were started with.
    fn started_with(&self, variables: &[&str]) -> Vec<StartedWith>;

    /// The services that get every one of these variables, as those do whose `env_file` is the `.env` that sets them.
    fn given_all(&self, variables: &[&str]) -> Vec<String>;
}

/// A service that uses the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServiceUser {
    pub name: String,
    /// How that is known, for people: `DATABASE_URL names openfga`.
    pub why: String,
}

/// Services that keep the values of variables with which they were started.
#[derive(Debug)]
pub struct Holders {
    pub services: Vec<String>,
    /// What gives them the new values.
    pub renew: String,
}

/// A variable of a service that runs, with the value that it has kept since its start.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct StartedWith {
    pub service: String,
    pub variable: String,
    pub value: String,
}

/// OpenFGA as a part of the stack, with its data in the target's database.
pub trait OwnOpenfga {
    /// Whether a stack of this target can have one. A server elsewhere then keeps its data elsewhere.
    fn can_have_openfga(&self) -> bool;

    /// Whether this stack has one, or would once it is started.
    fn has_openfga(&self) -> bool;

    /// Its service, as the target names it.
    fn openfga_service(&self) -> &str;

    /// What it is, for people: `this project's openfga container`.
    fn openfga_name(&self) -> &'static str;

    /// Where it answers: `http://127.0.0.1:8080`.
    ///
    /// # Errors
    /// Exit 4 where it does not run; exit 2 where the stack can have none and no setting names one.
    fn openfga_address(&self) -> Result<String>;

    /// Where its metrics are: `http://127.0.0.1:2112`.
    ///
    /// # Errors
    /// Exit 4 where it does not run, or its metrics cannot be reached from here.
    fn openfga_metrics_address(&self) -> Result<String>;

    /// Where it would answer if it ran, as far as the settings say that.
    fn openfga_address_of_settings(&self, settings: &Settings) -> Option<String>;

    /// Its keys, a comma between them, where they stand elsewhere than in the settings.
    fn openfga_keys(&self) -> Option<String>;

    /// How it is known that the one that runs was started for another database than the target's.
    fn other_database_of_openfga(&self) -> Option<String>;

    /// Brings OpenFGA's tables in the target's database up to date, where this target has the means.
    fn migrate_openfga(&self) -> Result<()>;

    /// What its container was made of, where it has one that Docker runs.
    fn openfga_container(&self) -> Option<MadeOf>;

    /// How its program is built on this host, where it is missing.
    ///
    /// # Errors
    /// The program that a setting names is not there.
    fn openfga_to_build(&self) -> Result<Option<Build<'_>>, Fault>;
}

/// What a container was made of.
#[derive(Debug)]
pub struct MadeOf {
    /// The name of its Compose project, where that is known.
    pub project: Option<String>,
    /// The image's id.
    pub image: String,
    /// `NAME=value` each; there are secrets among them.
    pub environment: Vec<String>,
}

/// A program that can be built on this host.
pub struct Build<'a> {
    /// Asked first: what is built, into which folder.
    pub question: String,
    /// Builds and installs it; where it is then.
    pub install: Box<dyn Fn() -> Result<PathBuf> + 'a>,
}

/// Containers of ours beside the stack: a Compose project of its own, joined to the stack's networks.
pub trait Companions {
    /// Where such containers find the stack; `None` where the target's server is in no container.
    ///
    /// # Errors
    /// Exit 4: Docker does not answer, or the stack does not run. Exit 1: no network leads to it.
    fn surroundings(&self) -> Result<Option<Surroundings>>;

    /// Pulls those of the images that are not here; `say` hears each before.
    ///
    /// # Errors
    /// Exit 4: Docker does not answer. Exit 1: an image cannot be pulled.
    fn fetch_images(&self, images: &[CompanionImage<'_>], say: &dyn Fn(&str)) -> Result<()>;

    /// How the container of this service of a companion ended; `None` while it runs, and where Docker does not say.
    fn companion_end(&self, name: &str, service: &str, deadline: Duration) -> Option<CompanionEnd>;

    /// Starts the companion; `renew` recreates its containers.
    fn start_companion(&self, companion: &Companion<'_>, renew: bool) -> Result<()>;

    /// The containers of the companion of this name, running or not; none where Docker does not say.
    fn companion_containers(&self, name: &str, deadline: Duration) -> Vec<CompanionContainer>;

    /// Stops the companion of this name; with `remove` its containers and its network go, too. Its volumes stay.
    fn stop_companion(&self, name: &str, remove: bool) -> Result<()>;
}
