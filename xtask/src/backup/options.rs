//! What a backup is to hold, and where it goes.

use super::name::Purpose;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long pg_dump waits for a table, where nothing else was said.
pub const LOCK_TIMEOUT: Duration = Duration::from_secs(30);

/// What is to be backed up, and where to.
#[derive(Debug)]
pub struct BackupOptions {
    pub purpose: Purpose,
    /// `--table` patterns; none: the whole database.
    pub tables: Vec<String>,
    /// How long pg_dump waits for a table that another session locks.
    pub lock_timeout: Duration,
    /// What else the server is asked while pg_dump runs; empty: nothing.
    pub question: &'static str,
    pub destination: Destination,
    /// The number that the file's name begins to count copies of its second with, from 1.
    pub first_copy: u32,
}

/// Where the file goes.
#[derive(Debug)]
pub enum Destination {
    /// A file of a name of its own in this folder.
    Folder(PathBuf),
    /// Exactly this file, which must not exist.
    File(PathBuf),
}

impl Destination {
    pub(super) fn folder(&self) -> &Path {
        match self {
            Self::Folder(folder) => folder,
            Self::File(file) => file.parent().unwrap_or(file),
        }
    }
}
