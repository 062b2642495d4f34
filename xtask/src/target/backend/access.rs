//! How a server is reached, and what runs where it is.

use crate::process::Program;
use crate::settings::Settings;
use crate::target::client_error::Connection;
use crate::target::disk::Disk;
use anyhow::Result;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// Whether a program talks to a person or to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StdioMode {
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
        let setting = |name: &str| settings.or_default(name).to_owned();
        Self { database: setting("POSTGRES_DB"), user: setting("POSTGRES_USER") }
    }
}

/// A whole database goes through a program. For a large one the target may look for a faster connection first.
#[derive(Debug, Clone, Copy)]
pub struct Bulk {
    /// About how many bytes there are, where that is known.
    pub bytes: Option<u64>,
}

/// How a program is started.
#[derive(Debug, Clone, Copy)]
pub struct Launch<'a> {
    pub environment: &'a [(&'a str, &'a str)],
    pub talk: StdioMode,
    /// A whole database goes through the program.
    pub bulk: Option<Bulk>,
    /// The longest that a first contact with the server may take, where the caller waits no longer than that.
    pub first_contact: Option<Duration>,
}

/// Reaching the server.
pub trait Access: fmt::Debug + Send + Sync {
    /// Values that the server may quote when it refuses a session, and that may be secrets.
    fn quoted_values(&self) -> Vec<String>;

    /// Finds out which server is meant, and how to log in: once, before anything else is asked. A program
    /// that does not answer here is no error: the call that needs it reports that.
    ///
    /// # Errors
    /// Exit 2: it is doubtful which server is meant.
    fn identify(&self, deadline: Duration) -> Result<Identified>;

    /// Refuses to go on where the stack could not be read: database and user are then only the defaults.
    ///
    /// # Errors
    /// Why it could not be read (exit 2 or 4).
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

    /// The disks of these folders of the server's host; empty where that host is not seen.
    ///
    /// # Errors
    /// A folder is not there, or the host's `df` gives no answer in time.
    fn disks(&self, folders: &[String], deadline: Duration) -> Result<Vec<Disk>>;

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
    /// The setting that names the service, where its image or its answer recognised it: a clone may not recognise it.
    pub setting_to_write: Option<(&'static str, String)>,
    /// Why the stack could not be read, in the words of others: they may hold a line of a file.
    pub unread: Option<String>,
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
    /// In the server's container, by this folder.
    InContainer { folder: String },
    /// On this host, by this folder.
    Folder(PathBuf),
    /// There is no data yet.
    Unmade,
    /// Nowhere: it is another host's, or may be.
    Unseen,
}
