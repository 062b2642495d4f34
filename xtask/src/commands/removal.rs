//! What people see of backups that retention rules remove.

use crate::backup::retention::prune::{self, Removal};
use crate::backup::retention::{Policy, Scope};
use crate::context::Context;
use crate::error::{Exit, Fault};
use anyhow::{Context as _, Result};
use std::path::Path;

/// After a backup: removes what its rules let go, where there are any. `unpruned` is said where that fails.
///
/// # Errors
/// A file could not be removed (6).
pub fn prune(made: &[&Path], scope: Scope<'_>, policy: &Policy, unpruned: &str, context: &Context) -> Result<()> {
    if !policy.is_given() {
        return Ok(());
    }
    prune::after_backup(made, scope, policy, &|file| say(file, context)).context(Fault::new(Exit::Partial, unpruned))
}

/// Says what became of one.
pub fn say(removal: Removal<'_>, context: &Context) {
    match removal {
        Removal::Removed(path) => context.terminal.done(&format!("Removed {}", context.shown(path))),
        Removal::InUse(path) => {
            context.terminal.warn(&format!("{} is in use by another run and stays", context.shown(path)));
        }
    }
}
