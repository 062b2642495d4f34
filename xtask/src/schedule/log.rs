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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_log_is_kept_once_and_a_new_one_is_begun() {
        let root = std::env::temp_dir().join(format!("xtask-log-{}", std::process::id()));
        fs::create_dir(&root).unwrap();
        plan::folder(&root).make().unwrap();
        write(&root, "03:00", "one\ntwo").unwrap();
        assert_eq!(fs::read_to_string(path(&root)).unwrap(), "03:00 one\n03:00 two\n");
        for text in ["first", "second"] {
            fs::write(path(&root), vec![b'x'; 1 << 20]).unwrap();
            write(&root, "04:00", text).unwrap();
            assert_eq!(fs::read_to_string(path(&root)).unwrap(), format!("04:00 {text}\n"));
            assert_eq!(fs::metadata(plan::folder(&root).path(BEFORE)).unwrap().len(), 1 << 20);
        }
        fs::remove_dir_all(&root).unwrap();
    }
}
