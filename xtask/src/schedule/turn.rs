//! One run at a time: an operating system's lock on a file, which ends with its holder, however that ends.

use super::plan;
use crate::platform;
use crate::target::file_lock::FileLock;
use anyhow::Result;
use std::fs::TryLockError;
use std::path::Path;
use std::time::Duration;

const LOCK: &str = "lock";
/// How often a run looks whether it may begin, and the time between.
const LOOKS: u32 = 5;
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Held while a run goes on; it ends with its holder, however that ends.
#[derive(Debug)]
pub struct Turn {
    _lock: FileLock,
}

impl Turn {
    /// Takes it; `None` where another run has it.
    pub fn take(root: &Path) -> Result<Option<Self>> {
        let folder = plan::folder(root);
        folder.make()?;
        // A run that only checks whether the turn is taken holds it for a moment.
        let lock = FileLock::try_take(&folder.path(LOCK), LOOKS, POLL_INTERVAL)?;
        Ok(lock.map(|lock| Self { _lock: lock }))
    }

    /// Whether another run has it now.
    pub fn is_taken(root: &Path) -> bool {
        let path = plan::folder(root).path(LOCK);
        platform::open_no_follow(&path)
            .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }
}
