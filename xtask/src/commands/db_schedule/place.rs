//! Where this checkout and this program are.

use crate::context::Context;
use crate::process;
use crate::schedule::lines::Lines;
use crate::schedule::name;
use anyhow::{Context as _, Result};
use std::path::PathBuf;

/// The checkout's own path.
pub(super) fn checkout(context: &Context) -> PathBuf {
    name::checkout(&context.root)
}

/// Asks before lines of a timer go that were not written for its plan. `question`: whether they may.
pub(super) fn confirm_edited(lines: &Lines<'_>, question: &str, yes: bool, context: &Context) -> Result<()> {
    let why = if lines.written.is_some() {
        "was edited by hand"
    } else {
        "is there, and this checkout has no plan for which it was written"
    };
    let edited = lines.edited()?;
    for (place, text) in &edited {
        context.terminal.warn(&format!("{place} {why}. It says now:\n{}", text.trim_end()));
    }
    if edited.is_empty() { Ok(()) } else { Ok(context.terminal.confirm(question, yes)?) }
}

pub(super) fn own_program() -> Result<PathBuf> {
    process::own_path().context("the path of this program is not known")
}
