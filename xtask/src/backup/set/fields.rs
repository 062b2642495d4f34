//! The kinds of values that only a set holds, each with its bounds.

use crate::backup::codec;
use crate::postgres::text::{Checked, Rule};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The rule of [`FileName`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileNameRule;

/// The plain name of a file in the set's own folder, of letters that a path on any system takes for no more than a name.
pub type FileName = Checked<FileNameRule>;

impl Rule for FileNameRule {
    const KIND: &'static str = "file name";
    /// The systems' own limit.
    const LONGEST: usize = 255;

    fn allows(letter: char) -> bool {
        letter.is_alphanumeric() || matches!(letter, '_' | '-' | '%' | '.')
    }

    fn fits(text: &str) -> bool {
        !text.starts_with(['.', '-']) && codec::ending_of(text).is_some()
    }
}

impl FileName {
    /// Whether the file is the text of a backup, by its name.
    pub fn is_plain(&self) -> bool {
        self.as_str().ends_with(".sql")
    }

    /// Where the file is.
    pub fn in_folder(&self, folder: &Path) -> PathBuf {
        folder.join(self.as_str())
    }

    /// Equal for names that a file system without regard to case takes for one.
    pub fn folded(&self) -> String {
        folded(self.as_str())
    }
}

/// Equal for names that a file system without regard to case takes for one.
pub fn folded(name: &str) -> String {
    name.to_uppercase().to_lowercase()
}

/// Why a database is not in a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotTakenBecause {
    /// New databases are made of it.
    Template,
    /// This program made it: a previous database that it keeps, a staging database, its record.
    Own,
    /// A setting excludes it.
    Excluded,
    /// It was dropped or renamed while the set was taken.
    Dropped,
    /// It was made while the set was taken.
    New,
    /// A DROP DATABASE was cut short: nothing can be read in it.
    Invalid,
    /// It should be in the set, and could not be taken.
    Failed,
    /// A newer version of this program says why.
    #[serde(other)]
    Unknown,
}
