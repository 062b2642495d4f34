//! What is proven: a backup file, or the file of one database as a set names it.

use crate::backup::globals::{self, ProvenGlobals};
use crate::backup::proof::{self, Proven};
use crate::backup::set::{self, SetFile};
use anyhow::Result;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// One thing to prove.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) path: PathBuf,
    of: Option<OfSet>,
}

/// The part of a set that the file is, or that it is no file.
#[derive(Debug)]
enum OfSet {
    /// This one of its databases.
    Database(Rc<SetFile>, usize),
    /// Its file of roles.
    Globals(Rc<SetFile>),
    /// The set itself, which cannot be read.
    Unreadable,
    /// None: it comes on standard input.
    Stdin,
}

impl Subject {
    /// A backup.
    pub(super) fn file(path: PathBuf) -> Self {
        Self { path, of: None }
    }

    /// A backup that comes on standard input.
    pub(super) fn stdin() -> Self {
        Self { path: PathBuf::from(proof::STANDARD_INPUT), of: Some(OfSet::Stdin) }
    }

    pub(super) fn is_stdin(&self) -> bool {
        matches!(self.of, Some(OfSet::Stdin))
    }

    /// What was typed: a backup, or every file of a set.
    pub(super) fn typed(path: PathBuf) -> Vec<Self> {
        if path.extension().is_none_or(|extension| extension != "json") {
            return vec![Self::file(path)];
        }
        let Ok(set) = set::read(&path).map(Rc::new) else {
            return vec![Self { path, of: Some(OfSet::Unreadable) }];
        };
        let files = set.set.databases.iter().enumerate();
        let subject = |(at, file): (usize, &set::DatabaseFile)| Self {
            path: set.path_of(&file.file),
            of: Some(OfSet::Database(Rc::clone(&set), at)),
        };
        let globals = set
            .set
            .globals
            .iter()
            .map(|globals| Self { path: set.path_of(&globals.file), of: Some(OfSet::Globals(Rc::clone(&set))) });
        files.map(subject).chain(globals).collect()
    }

    /// Whether it is a file of roles, by its set or by what it says.
    pub(super) fn is_globals(&self) -> bool {
        matches!(self.of, Some(OfSet::Globals(_))) || (self.of.is_none() && globals::is_at(&self.path))
    }

    /// Reads every byte of a file of roles.
    ///
    /// # Errors
    /// Exit 3: it is cut, damaged, or not the file that its set names.
    pub(super) fn prove_globals(&self) -> Result<ProvenGlobals> {
        match &self.of {
            Some(OfSet::Globals(set)) => match &set.set.globals {
                Some(file) => set::prove_globals(set, file),
                None => globals::prove(&self.path),
            },
            _ => globals::prove(&self.path),
        }
    }

    /// Reads every byte. `progress` hears how many have been read.
    ///
    /// # Errors
    /// Exit 3: it is cut, damaged, or not the file that its set names.
    pub(super) fn prove(&self, progress: &dyn Fn(u64)) -> Result<Proven> {
        match &self.of {
            Some(OfSet::Database(set, at)) => match set.set.databases.get(*at) {
                Some(file) => set::prove_database(set, file, progress),
                None => proof::prove(&self.path, progress),
            },
            Some(OfSet::Unreadable) => Err(unreadable(&self.path)),
            Some(OfSet::Globals(_) | OfSet::Stdin) | None => proof::prove(&self.path, progress),
        }
    }
}

/// Why a set cannot be read.
fn unreadable(path: &Path) -> anyhow::Error {
    set::read(path).err().unwrap_or_else(|| anyhow::anyhow!("{} was changed while it was read", path.display()))
}
