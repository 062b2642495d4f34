//! The log of the runs: one file, and the one before it.

use super::plan;
use crate::platform;
use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

const FILE: &str = "schedule.log";
const BEFORE: &str = "schedule.log.1";
/// Bytes after which a new file is begun.
const LONGEST: u64 = 1 << 20;

/// Where it is.
pub fn path(root: &Path) -> PathBuf {
    plan::folder(root).path(FILE)
}

/// Adds lines, each with the time before it. A log that cannot be written is no reason to go without a backup.
pub fn write(root: &Path, time: &str, text: &str) -> std::io::Result<()> {
    let path = path(root);
    if fs::symlink_metadata(&path).is_ok_and(|facts| facts.len() >= LONGEST) {
        fs::rename(&path, plan::folder(root).path(BEFORE))?;
    }
    let mut file = match platform::open_to_append(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => platform::create_private(&path)?,
        opened => opened?,
    };
    let lines: String = text.lines().map(|line| format!("{time} {line}\n")).collect();
    file.write_all(lines.as_bytes())
}
