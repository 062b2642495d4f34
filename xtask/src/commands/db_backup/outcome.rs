//! What became of several databases.

use crate::backup::globals::TakenGlobals;
use crate::backup::set::NotTaken;
use crate::backup::take::Taken;
use anyhow::Error;

/// What became of the databases.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) taken: Vec<Taken>,
    pub(super) not_taken: Vec<NotTaken>,
    /// Those of them that should have been taken.
    pub(super) failed: Vec<(String, Error)>,
    /// The server's roles; `None` where some databases were named.
    pub(super) globals: Option<Result<TakenGlobals, Error>>,
}
