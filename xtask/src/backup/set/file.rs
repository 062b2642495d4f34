//! The file of a set: written as backups are, read as strictly.

use super::{FileName, LONGEST, ServerSet};
use crate::backup::name::UNFINISHED;
use crate::backup::open::open;
use crate::backup::partial::Partial;
use crate::backup::sealed::Sealed as _;
use crate::backup::server_name::Kind;
use crate::error::{Exit, Fault};
use anyhow::{Context as _, Result};
use chrono::{DateTime, Local};
use std::fs;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

/// A set, and where it is.
#[derive(Debug)]
pub struct SetFile {
    pub path: PathBuf,
    pub set: ServerSet,
}

impl SetFile {
    /// The folder of the set and of all its files.
    pub fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("."))
    }

    /// Where one of its files is.
    pub fn path_of(&self, file: &FileName) -> PathBuf {
        file.in_folder(self.folder())
    }

    /// Where all its files are.
    pub fn paths(&self) -> Vec<PathBuf> {
        let databases = self.set.databases.iter().map(|database| &database.file);
        let globals = self.set.globals.iter().map(|globals| &globals.file);
        databases.chain(globals).map(|file| self.path_of(file)).collect()
    }
}

/// A file that is named like a set.
#[derive(Debug)]
pub struct Listed {
    pub path: PathBuf,
    /// By its name.
    pub time: DateTime<Local>,
    /// Which one of the same second, by its name.
    pub copy: u32,
    /// The set, or why the file is none.
    pub set: Result<SetFile, String>,
}

/// Writes the set beside its files: private, complete and on disk before it has its name, never in place of another file.
/// `run` names the run (see `session::fresh_name`).
///
/// # Errors
/// It cannot be written; nothing is left then.
pub fn write(folder: &Path, set: &ServerSet, run: &str) -> Result<PathBuf> {
    let time = set.started_at.time().with_timezone(&Local);
    let line = set.line()?;
    let mut partial = Partial::create(folder, &Kind::Set.file_name(&time, 1), run)?;
    partial.write(&line)?;
    partial.publish((1..1000).map(|copy| folder.join(Kind::Set.file_name(&time, copy))))
}

/// Reads a set, whatever its file is called. Of the files that it names nothing is read.
///
/// # Errors
/// Exit 3: the file is cut, was changed or is no set; exit 1: it cannot be read.
pub fn read(path: &Path) -> Result<SetFile> {
    let refused = |why: &str| {
        Fault::new(Exit::Refused, format!("{} is not a set that is whole: {why}", path.display()))
            .hint("list the sets and backups there are: cargo xtask db-list")
    };
    if path.to_string_lossy().ends_with(UNFINISHED) {
        return Err(refused("it is the unfinished file of a run").into());
    }
    let mut line = Vec::new();
    let file = open(path)?;
    let reading = || format!("reading {}", path.display());
    file.take((LONGEST as u64).saturating_add(1)).read_to_end(&mut line).with_context(reading)?;
    if line.is_empty() {
        return Err(refused("it is empty").into());
    }
    if line.len() > LONGEST {
        return Err(refused(&format!("it is longer than {LONGEST} bytes")).into());
    }
    match ServerSet::parse(&line) {
        Some(Ok(set)) => Ok(SetFile { path: path.to_owned(), set }),
        Some(Err(why)) => Err(refused(&why).into()),
        None => Err(refused("it does not begin as one").into()),
    }
}

/// The files of a folder that are named like sets, newest first by their names. A folder that does not exist holds none.
///
/// # Errors
/// The folder cannot be read.
pub fn list(folder: &Path) -> Result<Vec<Listed>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(|| format!("reading the folder {}", folder.display())),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| format!("reading the folder {}", folder.display()))?.path();
        let named = path.file_name().and_then(|name| name.to_str()).and_then(|name| Kind::Set.parse(name));
        if let Some((time, copy)) = named {
            let set = read(&path).map_err(|error| reason(&error));
            found.push(Listed { path, time, copy, set });
        }
    }
    found.sort_by_key(|listed| std::cmp::Reverse((listed.time, listed.copy)));
    Ok(found)
}

/// Why a file is no set, in one line.
fn reason(error: &anyhow::Error) -> String {
    match error.downcast_ref::<Fault>() {
        Some(fault) => fault.to_string(),
        None => format!("{error:#}"),
    }
}
