//! What a backup is to hold, and where it goes.

use super::codec::Codec;
use super::name::Purpose;
use super::space;
use crate::error::Fault;
use anyhow::Result;
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
    /// How the text lies in the file.
    pub codec: Box<dyn Codec>,
    /// The number that the file's name begins to count copies of its second with, from 1.
    pub first_copy: u32,
    /// Whether the database is asked for its properties before pg_dump runs, rather than beside it: then there is never
    /// more than one server session.
    pub one_session: bool,
}

impl BackupOptions {
    /// A backup of the whole database by itself, without a question.
    pub fn of(purpose: Purpose, destination: Destination, codec: Box<dyn Codec>, lock_timeout: Duration) -> Self {
        let tables = Vec::new();
        Self { purpose, tables, lock_timeout, question: "", destination, codec, first_copy: 1, one_session: false }
    }
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
    /// The folder, ready to be written to.
    ///
    /// # Errors
    /// There is a file of that name already, or no such folder and none can be made.
    pub(super) fn prepared(&self) -> Result<&Path> {
        let folder = self.folder();
        if let Self::File(file) = self
            && file.symlink_metadata().is_ok()
        {
            let fault = Fault::failed(format!("{} exists already; a backup never replaces a file", file.display()));
            return Err(fault.hint("name another file, or a folder").into());
        }
        if folder.is_dir() {
            return Ok(folder);
        }
        // A folder that was named as one is made; one that only stands before a file's name may be a slip.
        if matches!(self, Self::File(_)) && folder.symlink_metadata().is_err() {
            let fault = Fault::failed(format!("There is no folder {}", folder.display()));
            return Err(fault.hint("create it first; or end the name with / to have the folder created").into());
        }
        space::make_folder(folder)?;
        Ok(folder)
    }

    pub(super) fn folder(&self) -> &Path {
        match self {
            Self::Folder(folder) => folder,
            Self::File(file) => file.parent().unwrap_or(file),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings;

    #[test]
    fn the_default_is_that_of_the_setting() {
        assert_eq!(settings::default_of("XTASK_LOCK_TIMEOUT"), LOCK_TIMEOUT.as_secs().to_string());
    }
}
