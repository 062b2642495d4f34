//! A whole file on stdin.

use super::Terminal;
use crate::error::Fault;
use crate::process::signals;
use anyhow::{Context as _, Result};
use std::io::{self, Read as _};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// How often signals are looked for while stdin has more to come.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

impl Terminal {
    /// All that comes on stdin. At a keyboard it says what is waited for.
    ///
    /// # Errors
    /// A signal, such as Ctrl-C; or stdin cannot be read.
    pub fn stdin_bytes(&self, what: &str) -> Result<Vec<u8>> {
        if self.stdin {
            self.note(&format!("Reading {what} from the keyboard, to the end of input (Ctrl-D)"));
        }
        let (send, bytes) = channel();
        // Read beside us, because a read goes on after a signal was noted.
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let read = io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes);
            // Nobody listens any more after a signal.
            let _ = send.send(read);
        });
        loop {
            match bytes.recv_timeout(POLL_INTERVAL) {
                Ok(read) => return read.with_context(|| Fault::usage("Standard input cannot be read")),
                Err(RecvTimeoutError::Timeout) => signals::check()?,
                Err(RecvTimeoutError::Disconnected) => return Ok(Vec::new()),
            }
        }
    }
}
