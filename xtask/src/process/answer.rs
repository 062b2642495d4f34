//! What a program answers, kept within bounds: the memory that a run takes is never for another program to decide.

use super::watched::both_ends;
use crate::error::Fault;
use std::io::{self, PipeWriter, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, spawn};

/// The most bytes that an answer may have: many times the longest one that is read, the list of a server's 100,000 tables.
pub(super) const LONGEST: usize = 64 << 20;

/// The failure of a program whose answer is longer than [`LONGEST`].
pub(super) fn too_long(name: &str) -> Fault {
    Fault::failed(format!("{name} wrote more than {} MiB, and was stopped", LONGEST >> 20))
}

/// Both streams of a program, read beside it.
#[derive(Debug)]
pub(super) struct Answer {
    stdout: JoinHandle<Vec<u8>>,
    stderr: JoinHandle<Vec<u8>>,
    is_too_long: Arc<AtomicBool>,
}

impl Answer {
    /// Reads what a program writes into these two.
    pub(super) fn reading() -> io::Result<(Self, PipeWriter, PipeWriter)> {
        let (stdout, to_stdout) = io::pipe()?;
        let (stderr, to_stderr) = io::pipe()?;
        let is_too_long = Arc::new(AtomicBool::new(false));
        let found = Arc::clone(&is_too_long);
        let stdout = spawn(move || {
            let (bytes, more) = within(stdout, LONGEST);
            found.store(more, Ordering::Relaxed);
            bytes
        });
        let stderr = spawn(move || both_ends(stderr, &AtomicBool::new(false)));
        Ok((Self { stdout, stderr, is_too_long }, to_stdout, to_stderr))
    }

    /// Whether stdout has more than [`LONGEST`] bytes; the rest of it is not read.
    pub(super) fn is_too_long(&self) -> bool {
        self.is_too_long.load(Ordering::Relaxed)
    }

    /// Whether both streams were read to their end.
    pub(super) fn is_complete(&self) -> bool {
        self.stdout.is_finished() && self.stderr.is_finished() && !self.is_too_long()
    }

    /// stdout, and both ends of stderr.
    pub(super) fn finish(self) -> (Vec<u8>, Vec<u8>) {
        (self.stdout.join().unwrap_or_default(), self.stderr.join().unwrap_or_default())
    }
}

/// The first bytes of the source, and whether there are more than these.
fn within(source: impl Read, longest: usize) -> (Vec<u8>, bool) {
    let mut bytes = Vec::new();
    // A pipe that breaks ends as one that is closed: its program's end says why.
    let _ = source.take(longest as u64 + 1).read_to_end(&mut bytes);
    let more = bytes.len() > longest;
    bytes.truncate(longest);
    (bytes, more)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_at_its_bound() {
        assert_eq!(within(&b"12345"[..], 5), (b"12345".to_vec(), false));
        assert_eq!(within(&b"123456"[..], 5), (b"12345".to_vec(), true));
        assert_eq!(within(&b""[..], 5), (Vec::new(), false));
    }
}
