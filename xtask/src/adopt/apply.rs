//! The plan carried out. Each file is replaced in one step, and the copy appears whole: a run that is interrupted can be
//! run again to its end.

use super::change::{Change, Content};
use super::journal::{Journal, unfinished};
use super::plan::Plan;
use super::repository::Repository;
use crate::error::{Exit, Fault};
use crate::platform;
use crate::settings::fault_point;
use anyhow::{Context as _, Result};
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Makes all changes; `tell` hears of each that is made.
///
/// # Errors
/// Exit 1 where nothing was changed, exit 6 half-way: then the same command goes on.
pub fn apply(repository: &Repository, plan: &Plan, tell: &dyn Fn(&Change)) -> Result<()> {
    check_writable(repository, plan)?;
    let journal = Journal::read(repository)?;
    journal.begin(&plan.changes)?;
    for (done, change) in plan.changes.iter().enumerate() {
        fault_point(&format!("adopting-{done}"));
        one(repository, change).with_context(|| {
            let message =
                format!("{} cannot be written; {done} of {} changes are made", change.path, plan.changes.len());
            let exit = if done == 0 { Exit::Failed } else { Exit::Partial };
            Fault::new(exit, message)
                .hint("make it writable, or free some space; then run the same command again: it goes on")
        })?;
        tell(change);
    }
    journal.end();
    Ok(())
}

/// Refuses a folder in which no file can be made, before anything is changed.
fn check_writable(repository: &Repository, plan: &Plan) -> Result<(), anyhow::Error> {
    let mut folders: Vec<PathBuf> =
        plan.changes.iter().map(|change| parent(&repository.folder.join(&change.path))).collect();
    folders.sort();
    folders.dedup();
    for folder in folders.iter().filter(|folder| folder.is_dir()) {
        let probe = folder.join(".xtask-adopting");
        // One of a run that was killed; a link in its place is removed, and never followed.
        let _ = fs::remove_file(&probe);
        let made = OpenOptions::new().write(true).create_new(true).open(&probe);
        made.and_then(|_| fs::remove_file(&probe)).with_context(|| {
            let message = format!("No file can be made in {}; nothing was changed", folder.display());
            Fault::failed(message).hint("make the folder writable")
        })?;
    }
    Ok(())
}

fn one(repository: &Repository, change: &Change) -> Result<()> {
    let path = repository.folder.join(&change.path);
    match &change.content {
        Content::Text(text) => Ok(write(&path, text)?),
        Content::Removed => {
            // It refuses a path that a link leads along.
            repository.text(&change.path)?;
            fs::remove_file(&path)?;
            // The folder may be empty now; git knows no empty ones.
            let _ = fs::remove_dir(parent(&path));
            Ok(())
        }
        Content::Folder(files) => Ok(copy(&path, &repository.folder.join(unfinished(&change.path)), files)?),
    }
}

/// The folder under its final name only when it is whole.
fn copy(path: &Path, unfinished: &Path, files: &BTreeMap<String, String>) -> io::Result<()> {
    match unfinished.symlink_metadata() {
        Ok(found) if found.is_dir() => fs::remove_dir_all(unfinished)?,
        Ok(_) => fs::remove_file(unfinished)?,
        Err(_) => {}
    }
    for (inside, text) in files {
        let file = unfinished.join(inside);
        fs::create_dir_all(parent(&file))?;
        fs::write(&file, text)?;
    }
    fault_point("adopting-copied");
    match platform::rename_no_replace(unfinished, path) {
        // Where the system cannot promise that, it was looked at just now.
        Err(error) if error.kind() == io::ErrorKind::Unsupported => fs::rename(unfinished, path)?,
        renamed => renamed?,
    }
    platform::sync_folder(&parent(path))
}

/// The file's new text in one step; its permissions stay.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let folder = parent(path);
    fs::create_dir_all(&folder)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let fresh = folder.join(unfinished(&name));
    if fresh.symlink_metadata().is_ok() {
        fs::remove_file(&fresh)?;
    }
    let written = OpenOptions::new().write(true).create_new(true).open(&fresh).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        if let Ok(Some(mode)) = platform::mode(path) {
            platform::set_mode(&fresh, mode)?;
        }
        file.sync_all()?;
        fs::rename(&fresh, path)?;
        platform::sync_folder(&folder)
    });
    written.inspect_err(|_| {
        let _ = fs::remove_file(&fresh);
    })
}

fn parent(path: &Path) -> PathBuf {
    path.parent().unwrap_or(path).to_owned()
}
