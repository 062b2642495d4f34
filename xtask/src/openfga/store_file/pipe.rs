//! A store file that may be a pipe, such as a shell's `<(…)`.

use crate::process::signals;
use anyhow::Result;
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// How often signals are looked for while no data comes from the pipe.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The bytes of a file, or all that comes through a pipe.
///
/// # Errors
/// It cannot be read; or a signal, such as Ctrl-C.
pub(super) fn read(path: &Path) -> Result<Vec<u8>> {
    if std::fs::metadata(path)?.is_file() {
        return Ok(std::fs::read(path)?);
    }
    let (send, bytes) = channel();
    let path = path.to_owned();
    // Read beside us, because a read goes on after a signal was noted.
    std::thread::spawn(move || send.send(std::fs::read(path)));
    loop {
        match bytes.recv_timeout(POLL_INTERVAL) {
            Ok(read) => return Ok(read?),
            Err(RecvTimeoutError::Timeout) => signals::check()?,
            Err(RecvTimeoutError::Disconnected) => anyhow::bail!("it cannot be read"),
        }
    }
}
