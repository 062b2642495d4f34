//! Opening a file that may be a backup.

use crate::platform;
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
        if kind.is_dir() && path.join("toc.dat").is_file() {
            return other("it is pg_dump's directory format: convert it to SQL first (pg_restore -f x.sql FOLDER)");
        }
        if kind.is_dir() {
            return other("it is a folder");
        }
        let file = platform::open_no_follow(path)?;
        if file.metadata()?.is_file() { Ok(file) } else { other("it is not a regular file") }
    };
    open().with_context(|| format!("{} cannot be read", path.display()))
}
