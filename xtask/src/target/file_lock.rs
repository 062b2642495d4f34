//! One run at a time does what must not be done twice: an operating system's lock on a file, which ends with its holder
//! however that ends.

use crate::error::{Exit, Fault};
use crate::platform;
use crate::process::signals;
use anyhow::{Context as _, Result};
use std::fs::{File, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

const TIMEOUT: Duration = Duration::from_secs(120);
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Held until it is dropped.
#[derive(Debug)]
pub struct FileLock {
    _file: File,
}

impl FileLock {
    /// Waits for the lock; calls `waiting` once if another run holds it.
    ///
    /// # Errors
    /// Exit 5, naming the holder, when the turn does not come. Exit 1: the file cannot be opened or locked.
    pub fn take(path: &Path, waiting: &dyn Fn(&str)) -> Result<Self> {
        let mut file = opened(path)?;
        let end = Instant::now() + TIMEOUT;
        while !is_locked(&file, path)? {
            let holder = holder(&mut file);
            if Instant::now() >= end {
                let fault = Fault::new(Exit::Locked, format!("{holder} holds the lock {}", path.display()));
                return Err(fault.hint("wait until it has ended, then try again").into());
            }
            waiting(&format!("waiting for {holder}"));
            signals::check()?;
            std::thread::sleep(POLL_INTERVAL);
        }
        // Who holds it is a courtesy to others; the lock itself does not depend on it.
        let _ = file.set_len(0).and_then(|()| file.rewind());
        let _ = write!(file, "{}", std::process::id());
        Ok(Self { _file: file })
    }

    /// Tries this often, with a pause after each; `None` where another run holds the lock all the time.
    ///
    /// # Errors
    /// Exit 1: the file cannot be opened or locked.
    pub fn try_take(path: &Path, tries: u32, pause: Duration) -> Result<Option<Self>> {
        let file = opened(path)?;
        for _ in 0..tries {
            if is_locked(&file, path)? {
                return Ok(Some(Self { _file: file }));
            }
            std::thread::sleep(pause);
        }
        Ok(None)
    }
}

fn opened(path: &Path) -> Result<File> {
    platform::open_own(path)
        .with_context(|| Fault::failed(format!("{} cannot be opened", path.display())).hint("remove what stands there"))
}

/// Whether this run has the lock now.
fn is_locked(file: &File, path: &Path) -> Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => {
            let fault = Fault::failed(format!("{} cannot be locked", path.display()));
            Err(error).context(fault.hint("put its folder on a disk whose files can be locked"))
        }
    }
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.rewind().and_then(|()| file.read_to_string(&mut text));
    match (read, text.trim().parse::<u32>()) {
        (Ok(_), Ok(pid)) => format!("another run (process {pid})"),
        _ => "another run".to_owned(),
    }
}
