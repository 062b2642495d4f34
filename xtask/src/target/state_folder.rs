//! What runs keep in the checkout: `.xtask/openfga` and its like, private, never part of the repository.

use crate::error::Fault;
use crate::platform;
use crate::words::shell_word;
use anyhow::{Context as _, Result};
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

/// No kept file is longer, in bytes.
const LONGEST: u64 = 64 << 20;

/// The folder of a checkout for all that runs keep there.
const ALL: &str = ".xtask";
const PRIVATE: u32 = 0o700;
/// Another user, such as a server's, may pass through the folder, and see no names.
const PASSABLE: u32 = 0o711;

/// To whom a folder of ours that is there already may belong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// To this user alone: in another's folder they could put a link into the way of each file that is written.
    Own,
    /// To any user: the code that writes there checks the owner itself.
    Any,
}

/// The folder; there only once something is kept.
#[derive(Debug, Clone)]
pub struct StateFolder {
    root: PathBuf,
    path: PathBuf,
}

impl StateFolder {
    /// The folder of this checkout for what is written to OpenFGA.
    pub fn of(root: &Path) -> Self {
        Self::named(root, "openfga")
    }

    /// The folder of this name of this checkout.
    pub fn named(root: &Path, name: &str) -> Self {
        Self { root: root.to_owned(), path: root.join(ALL).join(name) }
    }

    /// Makes it, for this user only.
    ///
    /// # Errors
    /// Exit 1 where it cannot be made, or a link leads to another folder: secrets would go there.
    pub fn make(&self) -> Result<()> {
        make_below(&self.root, self.path.strip_prefix(&self.root)?, PRIVATE, Whose::Own)?;
        platform::set_mode(&self.path, PRIVATE).with_context(|| self.refused())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Refuses a folder behind a link: what is kept there is another checkout's.
    fn check_real(&self) -> Result<(), Fault> {
        let parts = [self.root.join(ALL), self.path.clone()];
        let Some(link) = parts.iter().find(|part| part.is_symlink()) else { return Ok(()) };
        let fault = format!("{} is a symbolic link; nothing is read through it", link.display());
        Err(Fault::failed(fault).hint("remove the link"))
    }

    /// The names of the kept files that begin and end so; none where nothing is kept.
    ///
    /// # Errors
    /// Exit 1: the folder is behind a link.
    pub fn names(&self, start: &str, end: &str) -> Result<Vec<String>, Fault> {
        self.check_real()?;
        let entries = std::fs::read_dir(&self.path).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<String> = names.filter(|name| name.starts_with(start) && name.ends_with(end)).collect();
        names.sort();
        Ok(names)
    }

    /// Writes a kept file whole, and to the disk.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        self.make()?;
        write_private(&self.path(name), bytes).with_context(|| self.refused())
    }

    /// A kept file's text; `None` where it is gone.
    ///
    /// # Errors
    /// Exit 1: it cannot be read, or another user may have written it or may read it.
    pub fn read(&self, name: &str) -> Result<Option<String>> {
        self.check_real()?;
        let path = self.path(name);
        let cannot = || Fault::failed(format!("{} cannot be read", path.display()));
        let file = match platform::open_no_follow(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            opened => opened.with_context(cannot)?,
        };
        if !file.metadata().with_context(cannot)?.is_file() {
            return Err(anyhow::Error::msg("it is not a regular file").context(cannot()));
        }
        check_private(&file, &path)?;
        let bytes = platform::read_bounded(file, LONGEST).with_context(cannot)?;
        String::from_utf8(bytes).map(Some).with_context(cannot)
    }

    /// Removes a kept file for good.
    pub fn remove(&self, name: &str) -> Result<()> {
        self.check_real()?;
        let removed = match std::fs::remove_file(self.path(name)) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            removed => removed.and_then(|()| platform::sync_folder(&self.path)),
        };
        removed.with_context(|| self.refused())
    }

    fn refused(&self) -> Fault {
        unwritable(&self.path)
    }
}

/// Makes a folder of ours, part by part from the folder above it down: no part may be a link, behind which another folder
/// would be written to. The last part gets the mode, if it is new. What is made in `.xtask` stays out of git.
///
/// # Errors
/// Exit 1: something else stands there, another user's folder does, or it cannot be made.
pub fn make_below(top: &Path, below: &Path, mode: u32, whose: Whose) -> Result<PathBuf> {
    let mut folder = top.to_owned();
    for part in below {
        folder.push(part);
        let mode = if folder.ends_with(below) { mode } else { PASSABLE };
        make_part(&folder, mode, whose)?;
        if part == ALL {
            keep_out_of_git(&folder, "state of this checkout, with secrets");
        }
    }
    Ok(folder)
}

fn make_part(folder: &Path, mode: u32, whose: Whose) -> Result<()> {
    let refused = |why: &str, hint: String| {
        let fault = Fault::failed(format!("{} {why}; nothing is written through it", folder.display()));
        Err(fault.hint(hint).into())
    };
    let made = platform::create_folder(folder).and_then(|()| platform::set_mode(folder, mode));
    match made.and_then(|()| folder.symlink_metadata()) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => match folder.symlink_metadata() {
            Ok(facts) if facts.is_symlink() => refused("is a symbolic link", "remove the link".to_owned()),
            Ok(facts) if !facts.is_dir() => refused("is not a folder", "remove what stands there".to_owned()),
            _ if whose == Whose::Own && platform::owner_of(folder).ok() != Some(platform::user_id()) => {
                let hint =
                    format!("remove it, or have it belong to the user who runs this: chown -R USER {}", word(folder));
                refused("belongs to another user", hint)
            }
            _ => Ok(()),
        },
        Err(error) => Err(anyhow::Error::new(error).context(unwritable(folder))),
    }
}

/// A path as one word of a command.
fn word(path: &Path) -> String {
    shell_word(&path.to_string_lossy())
}

fn unwritable(folder: &Path) -> Fault {
    Fault::failed(format!("{} cannot be written", folder.display()))
        .hint("make it writable, and free some space on its disk")
}

/// Refuses an open file that another user may have written, or may read.
///
/// # Errors
/// Exit 1, naming the file.
pub fn check_private(file: &File, path: &Path) -> Result<(), Fault> {
    if platform::is_private(file).unwrap_or(false) {
        return Ok(());
    }
    let shown = path.display();
    let fault = Fault::failed(format!("{shown} is not private: it must belong to you, and only you may read it"));
    Err(fault.hint(format!("check what it says, then: chmod 600 {}", word(path))))
}

/// Has git ignore all that is in a folder of ours, in whatever repository it is. A `.gitignore` that is there stays; one
/// that cannot be written is no reason to stop.
pub fn keep_out_of_git(folder: &Path, what: &str) {
    // Git does not look behind a link.
    if folder.is_symlink() {
        return;
    }
    let path = folder.join(".gitignore");
    if let Ok(mut file) = OpenOptions::new().write(true).create_new(true).open(&path)
        && file.write_all(format!("# Written by xtask: {what}; it stays out of git.\n*\n").as_bytes()).is_err()
    {
        let _ = std::fs::remove_file(&path);
    }
}

/// Writes a file that only this user may read, in one step: readers see the old text or the new one, and it is on disk
/// when this returns.
pub fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    platform::replace_file(path, bytes, &|_| Ok(()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_files_are_private_and_listed_by_their_names() {
        let root = std::env::temp_dir().join(format!("xtask-state-{}", std::process::id()));
        std::fs::create_dir(&root).unwrap();
        let folder = StateFolder::of(&root);
        assert!(folder.names("a-", ".json").unwrap().is_empty());
        folder.make().unwrap();
        assert!(std::fs::read_to_string(root.join(".xtask/.gitignore")).unwrap().ends_with("\n*\n"));
        folder.write("a-2.json", b"{}").unwrap();
        folder.write("a-1.json", b"[]").unwrap();
        folder.write("a-1.json", b"{1}").unwrap();
        assert_eq!(folder.names("a-", ".json").unwrap(), ["a-1.json", "a-2.json"]);
        assert_eq!(folder.read("a-1.json").unwrap().as_deref(), Some("{1}"));
        assert!(platform::mode(&folder.path("a-1.json")).unwrap().is_none_or(|mode| mode == 0o600));
        folder.remove("a-1.json").unwrap();
        folder.remove("a-1.json").unwrap();
        assert_eq!(folder.read("a-1.json").unwrap(), None);
        if !platform::WINDOWS {
            for mode in [0o666, 0o640, 0o602] {
                platform::set_mode(&folder.path("a-2.json"), mode).unwrap();
                let refused = folder.read("a-2.json").unwrap_err().to_string();
                assert!(refused.contains("a-2.json is not private"), "{mode:o}: {refused}");
            }
            platform::set_mode(&folder.path("a-2.json"), 0o600).unwrap();
            assert_eq!(folder.read("a-2.json").unwrap().as_deref(), Some("{}"));
        }
        std::fs::create_dir(folder.path("a-3.json")).unwrap();
        folder.read("a-3.json").unwrap_err();
        std::fs::remove_dir_all(&root).unwrap();
    }

    #[test]
    fn no_part_of_a_folder_of_ours_is_a_link_a_file_or_another_users() {
        let root = std::env::temp_dir().join(format!("xtask-below-{}", std::process::id()));
        std::fs::create_dir(&root).unwrap();
        let below = Path::new(".xtask/a/b");
        let make = |whose| make_below(&root, below, 0o755, whose).map_err(|error| error.to_string());
        assert_eq!(make(Whose::Own).unwrap(), root.join(below));
        assert_eq!(make(Whose::Own).unwrap(), root.join(below), "it stays");
        assert!(root.join(".xtask/.gitignore").is_file());
        for (part, mode) in [(".xtask", 0o711), (".xtask/a", 0o711), (".xtask/a/b", 0o755)] {
            assert!(platform::mode(&root.join(part)).unwrap().is_none_or(|found| found == mode), "{part}");
        }
        if platform::is_root() {
            let nobody = platform::User { name: String::new(), uid: 65534, gid: 65534, home: PathBuf::new() };
            platform::give_folder(&root.join(".xtask/a"), &nobody).unwrap();
            assert!(make(Whose::Own).unwrap_err().contains(".xtask/a belongs to another user"));
            make(Whose::Any).unwrap();
        }
        std::fs::remove_dir_all(root.join(".xtask/a")).unwrap();
        std::fs::write(root.join(".xtask/a"), "").unwrap();
        assert!(make(Whose::Any).unwrap_err().contains(".xtask/a is not a folder"));
        std::fs::remove_dir_all(&root).unwrap();
    }
}
