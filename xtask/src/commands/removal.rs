//! What people see of backups that retention rules remove.

use crate::backup::retention::prune::Removal;
use crate::context::Context;

/// Says what became of one.
pub fn say(removal: Removal<'_>, context: &Context) {
    match removal {
        Removal::Removed(path) => context.terminal.done(&format!("Removed {}", context.shown(path))),
        Removal::InUse(path) => {
            context.terminal.warn(&format!("{} is in use by another run and stays", context.shown(path)));
        }
    }
}
