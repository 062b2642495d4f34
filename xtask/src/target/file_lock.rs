//! One run at a time starts or stops a local server, or installs programs: an operating system's lock on a
//! file, which ends with its holder however that ends.

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
    /// Exit 5, naming the holder, when the turn does not come.
    pub fn take(path: &Path, waiting: &dyn Fn(&str)) -> Result<Self> {
        let mut file =
            platform::open_own(path).with_context(|| Fault::failed(format!("{} cannot be opened", path.display())))?;
        let end = Instant::now() + TIMEOUT;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(error)) => {
                    let fault = Fault::failed(format!("{} cannot be locked", path.display()));
                    return Err(anyhow::Error::new(error).context(fault));
                }
                Err(TryLockError::WouldBlock) => {}
            }
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
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.rewind().and_then(|()| file.read_to_string(&mut text));
    match (read, text.trim().parse::<u32>()) {
        (Ok(_), Ok(pid)) => format!("another run (process {pid})"),
        _ => "another run".to_owned(),
    }
}
