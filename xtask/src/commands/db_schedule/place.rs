//! Where this checkout and this program are.

use crate::context::Context;
use crate::process;
use crate::schedule::plan::Plan;
use crate::schedule::timer::Timer;
use crate::schedule::{name, systemd};
use anyhow::{Context as _, Result};
use std::path::{Path, PathBuf};

/// The checkout's own path.
pub(super) fn checkout(context: &Context) -> PathBuf {
    name::checkout(&context.root)
}

/// Asks before units of systemd go that a person changed since they were written for this plan. `go`: what happens to
/// their lines.
pub(super) fn confirm_edited_units(plan: &Plan, go: &str, yes: bool, context: &Context) -> Result<()> {
    let units = match plan.timer {
        Timer::Systemd => systemd::edited(plan, &name::of(Path::new(&plan.root))),
        Timer::Cron | Timer::Paste => Vec::new(),
    };
    for (path, text) in units {
        context.terminal.warn(&format!("{} was edited by hand. It says now:\n{}", path.display(), text.trim_end()));
        context.terminal.confirm(go, yes)?;
    }
    Ok(())
}

pub(super) fn own_program() -> Result<PathBuf> {
    process::own_path().context("the path of this program is not known")
}
