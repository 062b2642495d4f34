//! A file on stdin.

use super::Terminal;
use crate::error::Fault;
use crate::process::signals;
use anyhow::{Context as _, Result};
use std::io::{self, Read as _};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

/// How often signals are looked for while stdin has more to come.
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// The size of a piece that is handed on, in bytes, and how many pieces are read ahead.
const PIECE: u64 = 1 << 18;
const PIECES_AHEAD: usize = 4;

impl Terminal {
    /// All that comes on stdin. At a keyboard it says what is waited for.
    ///
    /// # Errors
    /// A signal, such as Ctrl-C; or stdin cannot be read.
    pub fn stdin_bytes(&self, what: &str) -> Result<Vec<u8>> {
        if self.stdin {
            self.note(&format!("Reading {what} from the keyboard, to the end of input (Ctrl-D)"));
        }
        let mut bytes = Vec::new();
        self.stdin_pieces(&mut |piece| {
            bytes.extend_from_slice(piece);
            Ok(())
        })?;
        Ok(bytes)
    }

    /// The input piece by piece, as it comes.
    ///
    /// # Errors
    /// Also that of `take`, which ends the reading.
    pub fn stdin_pieces(&self, take: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let (send, pieces) = sync_channel(PIECES_AHEAD);
        // Read beside us, because a read goes on after a signal was noted.
        std::thread::spawn(move || {
            loop {
                let mut piece = Vec::new();
                let read = io::stdin().lock().take(PIECE).read_to_end(&mut piece).map(|_| piece);
                let goes_on = read.as_ref().is_ok_and(|piece| !piece.is_empty());
                // After a signal the receiver is gone.
                if send.send(read).is_err() || !goes_on {
                    return;
                }
            }
        });
        loop {
            match pieces.recv_timeout(POLL_INTERVAL) {
                Ok(Ok(piece)) if piece.is_empty() => return Ok(()),
                Ok(Ok(piece)) => take(&piece)?,
                Ok(Err(error)) => return Err(error).with_context(|| Fault::usage("Standard input cannot be read")),
                Err(RecvTimeoutError::Timeout) => signals::check()?,
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
        }
    }
}
