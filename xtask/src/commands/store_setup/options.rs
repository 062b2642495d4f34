//! The options of a run that sets up a store.

use crate::commands::store_file::FileArgs;

/// What is wanted, and what is agreed to.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    pub file: &'a FileArgs,
    /// The ids of `.env` are neither read nor written.
    pub no_env: bool,
    /// Tuples that the file does not name are deleted.
    pub prune: bool,
    /// With `prune`: also where the file names no tuple at all.
    pub allow_empty: bool,
    /// Nothing is changed.
    pub dry_run: bool,
    /// Every question is answered with yes.
    pub yes: bool,
}
