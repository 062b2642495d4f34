//! Where this checkout and this program are.

use crate::context::Context;
use crate::process;
use crate::schedule::name;
use anyhow::{Context as _, Result};
use std::path::PathBuf;

/// The checkout's own path.
pub(super) fn checkout(context: &Context) -> PathBuf {
    name::checkout(&context.root)
}

pub(super) fn own_program() -> Result<PathBuf> {
    process::own_path().context("the path of this program is not known")
}
