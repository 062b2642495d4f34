//! What a run has done so far.

use std::time::Duration;

/// A step that was run.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) version: i64,
    pub(super) description: String,
    pub(super) took: Duration,
}
