//! The one folder of a local server: data, logs, password, record. Never part of the repository.

mod place;
mod record;

pub use place::SHARED;
pub use record::{OpenfgaPorts, Record};

use super::owner;
use crate::error::Fault;
use crate::platform::{self, User};
use crate::settings::Settings;
use crate::target::file_lock::FileLock;
use crate::target::state_folder::{self, Whose};
use crate::words::shell_word;
use anyhow::{Context as _, Result};
use place::{OWN, checkout_name, resolved};
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

const UNFINISHED: &str = "data.unfinished";
/// No small file is longer, in bytes.
const LONGEST: u64 = 1 << 20;
/// A log is put aside at the next start once it is larger.
const LOG_LIMIT: u64 = 10_000_000;

/// Where a local server lives.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// The checkout that it is a part of.
    checkout: Option<PathBuf>,
    elsewhere: bool,
}

impl Folder {
    /// `XTASK_LOCAL_DIR`, else `.xtask/local` of the checkout; for root, whose server runs as another user,
    /// a folder that this user can reach. A folder that holds data already is never left for another one.
    pub fn chosen(settings: &Settings, root: &Path) -> Self {
        if let Some(folder) = settings.get("XTASK_LOCAL_DIR") {
            return Self { path: resolved(&root.join(folder)), checkout: None, elsewhere: false };
        }
        let root = resolved(root);
        let own = Self { path: root.join(OWN), checkout: Some(root.clone()), elsewhere: false };
        if !platform::is_root() || own.data().exists() {
            return own;
        }
        let shared = Self { path: Path::new(SHARED).join(checkout_name(&root)), checkout: None, elsewhere: true };
        let reachable = owner::newcomer().is_none_or(|user| owner::may_reach(&own.path, &user));
        if reachable && !shared.data().exists() { own } else { shared }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it is outside the checkout because a server user cannot enter that.
    pub fn is_elsewhere(&self) -> bool {
        self.elsewhere
    }

    /// The cluster; there only when it is completely made.
    pub fn data(&self) -> PathBuf {
        self.path.join("data")
    }

    /// A cluster in the making: a name of this run's own, because an initdb that outlived its run may still
    /// write to the name that it was given.
    pub fn unfinished_data(&self) -> PathBuf {
        self.path.join(format!("{UNFINISHED}.{}", std::process::id()))
    }

    /// Removes what ended runs have left of clusters in the making; never a cluster that was finished.
    pub fn clear_unfinished(&self) {
        let entries = std::fs::read_dir(&self.path).into_iter().flatten().flatten();
        for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(UNFINISHED)) {
            // One that is still being written to stays for the next time.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }

    /// The log of the server of this name: `NAME.log`.
    pub fn log(&self, name: &str) -> PathBuf {
        self.path.join(format!("{name}.log"))
    }

    /// Makes the folder, so that `server` (root's server user) can pass through it.
    pub fn make(&self, server: Option<&User>) -> Result<()> {
        if let Some(user) = server.filter(|user| !owner::may_reach(&self.path, user)) {
            let fault = Fault::failed(format!("User {} cannot enter {}", user.name, self.path.display()));
            let better = format!("{SHARED}/{}", checkout_name(&self.path));
            return Err(fault
                .hint(format!(
                    "PostgreSQL refuses to run as root; choose another folder: XTASK_LOCAL_DIR={}",
                    shell_word(&better)
                ))
                .into());
        }
        let last = if server.is_none() { 0o700 } else { 0o711 };
        if let Some(checkout) = &self.checkout {
            let made = state_folder::make_below(checkout, Path::new(OWN), last, Whose::Any);
            made.map_err(|error| error.downcast().map_or_else(|error| error, |error| self.refused(error)))?;
        }
        let missing: Vec<&Path> = self.path.ancestors().take_while(|part| !part.exists()).collect();
        for part in missing.into_iter().rev() {
            let made = std::fs::create_dir(part).or_else(|error| already_there(part, error));
            let mode = if part == self.path { last } else { 0o711 };
            made.and_then(|()| platform::set_mode(part, mode)).map_err(|error| self.refused(error))?;
        }
        state_folder::keep_out_of_git(&self.path, "the data of a local server");
        Ok(())
    }

    /// The right to start and stop what lives here.
    pub fn lock(&self, waiting: &dyn Fn(&str)) -> Result<FileLock> {
        let path = self.path.join("lock");
        // The first run creates it, and no run replaces it: two files would be two locks.
        match platform::create_private(&path) {
            Ok(file) => self.give(&file).map_err(|error| self.refused(error))?,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(self.refused(error)),
        }
        FileLock::take(&path, waiting).map_err(|error| match error.downcast_ref::<std::io::Error>() {
            Some(cause) if cause.kind() == ErrorKind::PermissionDenied => error.context(self.not_ours()),
            _ => error,
        })
    }

    /// A small file's text.
    pub fn read(&self, name: &str) -> Result<Option<String>> {
        let path = self.path.join(name);
        match platform::open_of_folder(&path).and_then(|file| platform::read_bounded(file, LONGEST)) {
            Ok(bytes) => String::from_utf8(bytes).map(Some).with_context(|| self.unreadable(&path)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.not_read(&path, error)),
        }
    }

    /// Why a file in here, or in the data, could not be read.
    pub fn not_read(&self, path: &Path, error: std::io::Error) -> anyhow::Error {
        let is_theirs = error.kind() == ErrorKind::PermissionDenied;
        let fault = if is_theirs { self.not_ours() } else { self.unreadable(path) };
        anyhow::Error::new(error).context(fault)
    }

    /// What another program put there may be anything.
    pub fn unreadable(&self, path: &Path) -> Fault {
        Fault::failed(format!("{} cannot be read", path.display()))
            .hint("check what it is, and remove it by hand if no server of this folder needs it")
    }

    /// Writes a small private file whole: readers see the old text or the new one.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        self.write_for(None, name, bytes)
    }

    /// The same, for the server's user where there is one.
    pub fn write_for(&self, server: Option<&User>, name: &str, bytes: &[u8]) -> Result<()> {
        let give = |fresh: &File| match server {
            Some(user) => platform::change_owner_of(fresh, user.uid, Some(user.gid)),
            None => self.give(fresh),
        };
        platform::replace_file(&self.path.join(name), bytes, &give).map_err(|error| self.refused(error))
    }

    /// The log of a server, to append to. A long one is put aside first.
    pub fn open_log(&self, name: &str) -> Result<File> {
        let path = self.log(name);
        if path.symlink_metadata().is_ok_and(|facts| facts.len() > LOG_LIMIT) {
            let _ = std::fs::rename(&path, path.with_extension("log.old"));
        }
        let open = || {
            if path.symlink_metadata().is_err() {
                self.give(&platform::create_private(&path)?)?;
            }
            platform::open_to_append(&path)
        };
        open().map_err(|error| self.refused(error))
    }

    /// What root makes in another user's folder is that user's.
    fn give(&self, file: &File) -> std::io::Result<()> {
        match platform::owner_of(&self.path)?.filter(|uid| *uid != 0 && platform::is_root()) {
            Some(uid) => platform::change_owner_of(file, uid, platform::user_numbered(uid).map(|owner| owner.gid)),
            None => Ok(()),
        }
    }

    fn refused(&self, error: std::io::Error) -> anyhow::Error {
        let owner = platform::owner_of(&self.path).ok().flatten();
        let is_theirs = owner.is_some() && owner != platform::user_id();
        let fault = if is_theirs && error.kind() == ErrorKind::PermissionDenied {
            self.not_ours()
        } else if platform::is_disk_full(&error) {
            Fault::failed(format!("The disk of {} is full", self.path.display())).hint("make room, then try again")
        } else {
            Fault::failed(format!("{} cannot be written", self.path.display()))
                .hint("make it writable, or choose another folder: XTASK_LOCAL_DIR=/path cargo xtask up --target local")
        };
        anyhow::Error::new(error).context(fault)
    }

    /// The fault of a user who may not read this folder.
    pub fn not_ours(&self) -> Fault {
        let owner = platform::owner_of(&self.path).ok().flatten();
        let name = owner.map(|uid| platform::user_numbered(uid).map_or_else(|| uid.to_string(), |user| user.name));
        let whose = name.map_or_else(|| "another user".to_owned(), |name| format!("user {name}"));
        Fault::failed(format!("The local server in {} belongs to {whose}", self.path.display()))
            .hint("run this as that user, or have your own: XTASK_LOCAL_DIR=/path cargo xtask up --target local")
    }
}

fn already_there(part: &Path, error: std::io::Error) -> std::io::Result<()> {
    if part.is_dir() { Ok(()) } else { Err(error) }
}
