//! The removal of what the rules let go.

use super::{Policy, Ruled, Scope};
use crate::error::{Exit, Fault};
use crate::platform;
use anyhow::{Context as _, Result};
use std::fs::TryLockError;
use std::path::Path;

/// What became of a file that goes.
#[derive(Debug, Clone, Copy)]
pub enum Removal<'a> {
    Removed(&'a Path),
    /// It stays: another run reads it.
    InUse(&'a Path),
}

/// Removes files, and tells of each.
///
/// # Errors
/// One could not be removed. Exit 6 where others are removed.
pub fn remove(going: &[&Ruled], tell: &dyn Fn(Removal<'_>)) -> Result<()> {
    let mut removed = false;
    for file in going {
        match remove_file(&file.path) {
            Ok(true) => {
                removed = true;
                tell(Removal::Removed(&file.path));
            }
            Ok(false) => tell(Removal::InUse(&file.path)),
            Err(error) if removed => {
                let fault = Fault::new(Exit::Partial, "Only some of the old backups were removed");
                return Err(error.context(fault.hint("list the backups: cargo xtask db-list")));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// After a backup: the same rules for its folder and what was backed up. The new files themselves stay, even where a
/// clock was wrong and others seem newer.
///
/// # Errors
/// As [`remove`].
pub fn after_backup(made: &[&Path], scope: Scope<'_>, policy: &Policy, tell: &dyn Fn(Removal<'_>)) -> Result<()> {
    let Some(folder) = made.first().and_then(|path| path.parent()) else { return Ok(()) };
    let files = scope.decide(folder, policy)?;
    let goes = |file: &&Ruled| !file.decision.keep && !made.contains(&file.path.as_path());
    remove(&files.iter().filter(goes).collect::<Vec<_>>(), tell)
}

/// Removes a backup or a set, unless another run reads it; false then.
fn remove_file(path: &Path) -> Result<bool> {
    let removing = || format!("removing {}", path.display());
    let file = platform::open_no_follow(path).with_context(removing)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(false),
        Err(TryLockError::Error(error)) => return Err(error).with_context(removing),
    }
    std::fs::remove_file(path).with_context(removing)?;
    Ok(true)
}
