//! What a run is about to write, kept where git keeps its own files. By it the next run tells the changes of an interrupted
//! run from a person's work, and goes on.

use super::adopted::hash;
use super::change::{Change, Content};
use super::collision::Collision;
use super::repository::Repository;
use crate::error::Fault;
use crate::platform;
use anyhow::{Context as _, Result};
use std::fs;
use std::path::{Path, PathBuf};

const NAME: &str = "xtask-adopt";
/// No list of ours is longer, in bytes.
const LONGEST: u64 = 1 << 20;
/// Stands for the hash of a folder.
const FOLDER: &str = "folder";
/// Stands for the hash of a file that is to be removed.
const REMOVED: &str = "removed";

/// The list of an interrupted run; empty where there was none.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    entries: Vec<(String, String)>,
}

impl Journal {
    pub fn read(repository: &Repository) -> Result<Self> {
        let path = repository.git_path(NAME)?;
        let text = match path.symlink_metadata() {
            Err(_) => String::new(),
            Ok(found) if found.is_file() => {
                let bytes = platform::read_regular(&path, LONGEST).with_context(|| foreign(&path))?;
                String::from_utf8_lossy(&bytes).into_owned()
            }
            Ok(_) => return Err(foreign(&path).into()),
        };
        let entries = text.lines().filter_map(|line| line.split_once("  "));
        Ok(Self { entries: entries.map(|(hash, path)| (hash.to_owned(), path.to_owned())).collect(), path })
    }

    /// Whether a path that differs from the last commit was written by the interrupted run, as it is.
    pub fn wrote(&self, repository: &Repository, path: &str) -> bool {
        self.entries.iter().any(|(expected, entry)| match expected.as_str() {
            FOLDER => path.strip_prefix(entry.as_str()).is_some_and(|rest| rest.starts_with('/')),
            REMOVED => path == entry && !repository.has(path),
            expected => {
                path == unfinished(entry)
                    || (path == entry
                        && repository.text(path).ok().flatten().is_some_and(|text| hash(&text) == expected))
            }
        })
    }

    /// Notes what is about to be written.
    pub fn begin(&self, changes: &[Change]) -> Result<()> {
        let mut text = String::new();
        for change in changes {
            match &change.content {
                Content::Folder(_) => {
                    text.push_str(&format!("{FOLDER}  {}\n{FOLDER}  {}\n", change.path, unfinished(&change.path)));
                }
                Content::Text(content) => text.push_str(&format!("{}  {}\n", hash(content), change.path)),
                Content::Removed => text.push_str(&format!("{REMOVED}  {}\n", change.path)),
            }
        }
        let earlier = self.entries.iter().map(|(hash, path)| format!("{hash}  {path}\n"));
        text.extend(earlier);
        // A link that stands there by then is replaced, and not followed.
        platform::replace_file(&self.path, text.as_bytes(), &|_| Ok(())).with_context(|| {
            Fault::failed(format!("{} cannot be written", self.path.display())).hint("make the repository writable")
        })
    }

    /// All is written.
    pub fn end(&self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// What no run of this program has written.
fn foreign(path: &Path) -> Fault {
    let what = format!("{} is no list that adopt wrote", path.display());
    Fault::from(Collision::new(what, "remove it"))
}

const UNFINISHED: &str = ".xtask-adopting";

/// Whether a path belongs to a folder that is not whole yet.
pub fn is_unfinished(path: &str) -> bool {
    path.split('/').any(|part| part.starts_with('.') && part.ends_with(UNFINISHED))
}

/// The name that a file or folder has until it is whole.
pub fn unfinished(path: &str) -> String {
    let (folder, name) = path.rsplit_once('/').map_or(("", path), |(folder, name)| (folder, name));
    let slash = if folder.is_empty() { "" } else { "/" };
    format!("{folder}{slash}.{name}{UNFINISHED}")
}
