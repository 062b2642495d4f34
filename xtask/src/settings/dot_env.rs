//! `.env` made, and values set in it: in one step, everything else as people wrote it.

use super::LONGEST;
use super::env_file::{self, EnvFile};
use crate::error::Fault;
use crate::platform;
use crate::words::shell_word;
use anyhow::{Context as _, Result};
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Whether there is a file to make `.env` from.
pub fn has_env_example(root: &Path) -> bool {
    platform::read_regular(&root.join(".env.example"), LONGEST).is_ok()
}

/// Makes `.env` from `.env.example`, readable by this user only; false where it exists already. Only for a stack that
/// has no containers: they were made without these values.
pub fn copy_env_example(root: &Path) -> Result<bool> {
    let example = platform::read_regular(&root.join(".env.example"), LONGEST).unwrap_or_default();
    make_env_file(root, &example)
}

/// Makes an empty `.env`, readable by this user only, where there is none: it changes nothing for Compose.
pub fn make_empty_env_file(root: &Path) -> Result<()> {
    make_env_file(root, b"").map(drop)
}

fn make_env_file(root: &Path, content: &[u8]) -> Result<bool> {
    let path = root.join(".env");
    if path.symlink_metadata().is_ok() {
        return if path.exists() { Ok(false) } else { Err(leads_nowhere(&path).into()) };
    }
    let refused = || {
        let hint = format!("make {} writable, and free some space on its disk", shell_word(&root.to_string_lossy()));
        Fault::failed(format!("{} cannot be made", path.display())).hint(hint)
    };
    let mut file = platform::create_private(&path).with_context(refused)?;
    file.write_all(content).and_then(|()| file.sync_all()).with_context(refused)?;
    Ok(true)
}

fn leads_nowhere(path: &Path) -> Fault {
    let fault = Fault::failed(format!("{} cannot be found", path.display()));
    fault.hint("where it is a link, make the file that it points to")
}

/// Sets values in `.env`, which must exist: every other byte and the file's mode stay, and the file is
/// replaced in one step, with all values or none.
pub fn write_env_file(root: &Path, values: &[(&str, &str)]) -> Result<()> {
    EnvEdit::prepare(root, values)?.write()
}

/// An edit of `.env` that is known to work, as far as that can be known before it is done.
#[derive(Debug)]
pub struct EnvEdit {
    path: PathBuf,
    by_hand: String,
    before: Vec<u8>,
    after: Vec<u8>,
}

impl EnvEdit {
    /// Works out the new text.
    ///
    /// # Errors
    /// The file is missing or read-only, or no line could set the value because of an open quote.
    pub fn prepare(root: &Path, values: &[(&str, &str)]) -> Result<Self> {
        // Through a link, so that the file that people linked to is the one that changes.
        let link = root.join(".env");
        let path = link.canonicalize().with_context(|| leads_nowhere(&link))?;
        let lines: Vec<String> = values.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let names: Vec<&str> = values.iter().map(|(name, _)| *name).collect();
        let mut edit = Self { path, by_hand: lines.join(" "), before: Vec::new(), after: Vec::new() };
        edit.before = platform::read_regular(&edit.path, LONGEST).with_context(|| edit.refused())?;
        edit.after = values.iter().fold(edit.before.clone(), |text, (name, value)| env_file::set(&text, name, value));
        let read = EnvFile::parse(&edit.after, &|_| None);
        if values.iter().any(|(name, value)| read.get(name) != Some(value)) {
            return Err(Fault::failed(format!("{} cannot be written to {}", names.join(", "), edit.path.display()))
                .hint(format!("fix the line with the open quote there, or add by hand: {}", edit.by_hand))
                .into());
        }
        if edit.changes() && edit.path.metadata().is_ok_and(|found| found.permissions().readonly()) {
            return Err(anyhow::Error::msg("the file is read-only").context(edit.refused()));
        }
        Ok(edit)
    }

    /// Whether the file says something else now.
    pub fn changes(&self) -> bool {
        self.before != self.after
    }

    /// Replaces the file in one step.
    pub fn write(&self) -> Result<()> {
        if !self.changes() {
            return Ok(());
        }
        let mode = |fresh: &File| match platform::mode(&self.path)? {
            Some(mode) => platform::set_mode_of(fresh, mode),
            None => Ok(()),
        };
        platform::replace_file(&self.path, &self.after, &mode).with_context(|| self.refused())
    }

    fn refused(&self) -> Fault {
        let fault = Fault::failed(format!("{} cannot be changed", self.path.display()));
        fault.hint(format!("make the file and its folder writable, or add by hand: {}", self.by_hand))
    }
}
