//! What is proven: a backup file, or the file of one database as a set names it.

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

/// As which part of a set it is proven.
#[derive(Debug)]
enum OfSet {
    /// This one of its databases.
    Database(Rc<SetFile>, usize),
    /// The set itself, which cannot be read.
    Unreadable,
}

impl Subject {
    /// A backup.
    pub(super) fn file(path: PathBuf) -> Self {
        Self { path, of: None }
    }

    /// What was typed: a backup, or every database's file of a set.
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
        files.map(subject).collect()
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
            None => proof::prove(&self.path, progress),
        }
    }
}

/// Why a set cannot be read.
fn unreadable(path: &Path) -> anyhow::Error {
    set::read(path).err().unwrap_or_else(|| anyhow::anyhow!("{} was changed while it was read", path.display()))
}
