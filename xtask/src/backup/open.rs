//! Opening a file that may be a backup.

use crate::error::{Cause, Exit, Fault};
use crate::platform;
use crate::postgres::dump::Kind;
use crate::words::shell_word;
use anyhow::{Context as _, Result};
use std::fs::File;
use std::path::Path;

/// Opens a regular file; a link could point to another file, and a pipe would block the reader.
pub(super) fn open(path: &Path) -> Result<File> {
    let open = || {
        let kind = std::fs::symlink_metadata(path)?.file_type();
        let other = |what: &str| Err(std::io::Error::other(what));
        if kind.is_symlink() {
            return other("it is a symbolic link");
        }
        if kind.is_dir() {
            return other("it is a folder");
        }
        let file = platform::open_no_follow(path)?;
        if file.metadata()?.is_file() { Ok(file) } else { other("it is not a regular file") }
    };
    if path.join("toc.dat").is_file() {
        return Err(directory_format(path).into());
    }
    open().with_context(|| format!("{} cannot be read", path.display()))
}

/// A folder that pg_dump wrote (`--format=directory`).
fn directory_format(path: &Path) -> Fault {
    let message = format!("{} is no backup that can be loaded: pg_dump's directory format", path.display());
    let way = Kind::DirectoryFormat.way(&shell_word(&path.to_string_lossy()));
    Fault::new(Exit::Refused, message).hint(way).because(Cause::OtherKind)
}
