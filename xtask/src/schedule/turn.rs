//! One run at a time: an operating system's lock on a file, which ends with its holder, however that ends.

use super::plan;
use crate::error::Fault;
use crate::platform;
use anyhow::{Context as _, Error, Result};
use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::Duration;

const LOCK: &str = "lock";
/// How often a run looks whether it may begin, and the time between.
const LOOKS: u32 = 5;
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Held while a run goes on; it ends with its holder, however that ends.
#[derive(Debug)]
pub struct Turn {
    _file: File,
}

impl Turn {
    /// Takes it; `None` where another run has it.
    pub fn take(root: &Path) -> Result<Option<Self>> {
        let folder = plan::folder(root);
        folder.make()?;
        let path = folder.path(LOCK);
        let file = platform::open_own(&path).with_context(|| {
            Fault::failed(format!("{} cannot be opened", path.display())).hint("remove what stands there")
        })?;
        // A run that only checks whether the turn is taken holds it for a moment.
        for _ in 0..LOOKS {
            match file.try_lock() {
                Ok(()) => return Ok(Some(Self { _file: file })),
                Err(TryLockError::WouldBlock) => std::thread::sleep(POLL_INTERVAL),
                Err(TryLockError::Error(error)) => {
                    let fault = Fault::failed(format!("{} cannot be locked", path.display()))
                        .hint("put the checkout on a disk whose files can be locked");
                    return Err(Error::new(error).context(fault));
                }
            }
        }
        Ok(None)
    }

    /// Whether another run has it now.
    pub fn is_taken(root: &Path) -> bool {
        let path = plan::folder(root).path(LOCK);
        platform::open_no_follow(&path)
            .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }
}
