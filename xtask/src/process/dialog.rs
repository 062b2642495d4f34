//! A running program that is spoken with: we write to its stdin while its stdout is read beside it.

use super::watched::{OnSignal, POLL_INTERVAL, Watched};
use super::{Captured, answer, signals, text_mode};
use crate::platform;
use anyhow::Result;
use std::io::{self, BufRead, BufReader, Read as _, Write};
use std::process::{ChildStdin, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// At most this many bytes of a line are kept: a program may pass on text of another author.
const LONGEST_LINE: u64 = 16 << 20;

/// A program with open pipes. Dropping it ends the program.
#[derive(Debug)]
pub struct Dialog {
    stdin: Option<ChildStdin>,
    lines: Receiver<Vec<u8>>,
    program: Watched,
    /// How many bytes of the present answer were read.
    length: Arc<AtomicUsize>,
    /// It wrote more than an answer may have.
    is_too_long: Arc<AtomicBool>,
    text_mode: bool,
}

impl Dialog {
    pub(super) fn start(
        command: &mut Command,
        name: String,
        wanted: fn(&[u8]) -> bool,
        on_signal: OnSignal,
        text_mode: bool,
    ) -> io::Result<Self> {
        let program = Watched::start(command, name, on_signal)?;
        let (stdin, stdout) = (program.stdin()?, program.stdout()?);
        platform::widen_pipe(&stdin);
        let (send, lines) = channel();
        let is_too_long = Arc::new(AtomicBool::new(false));
        let length = Arc::new(AtomicUsize::new(0));
        let (found, read) = (Arc::clone(&is_too_long), Arc::clone(&length));
        std::thread::spawn(move || {
            let mut stdout = BufReader::new(stdout);
            let lines = std::iter::from_fn(|| next_line(&mut stdout, LONGEST_LINE).ok().flatten());
            let lines = lines.map(|mut line| {
                line.truncate(line.len() - usize::from(text_mode && line.ends_with(b"\r")));
                line
            });
            for line in lines.filter(|line| wanted(line)) {
                let bytes = line.len() + size_of::<Vec<u8>>();
                if read.fetch_add(bytes, Ordering::Relaxed) + bytes > answer::LONGEST {
                    found.store(true, Ordering::Relaxed);
                    break;
                }
                // The receiver is gone.
                if send.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Self { stdin: Some(stdin), lines, program, length, is_too_long, text_mode })
    }

    /// Another question follows, whose answer may be as long as the last one: nothing of that is still to come.
    pub fn asks_again(&self) {
        self.length.store(0, Ordering::Relaxed);
    }

    /// The next line of its stdout; `None` where there is none: it ended, a signal came, or the deadline passed.
    pub fn line(&self, deadline: Duration) -> Option<String> {
        let end = Instant::now() + deadline;
        loop {
            let slice = end.saturating_duration_since(Instant::now()).min(POLL_INTERVAL);
            match self.lines.recv_timeout(slice) {
                Ok(line) => return Some(String::from_utf8_lossy(&line).into_owned()),
                Err(RecvTimeoutError::Timeout) if Instant::now() < end && signals::pending().is_none() => {}
                Err(_) => return None,
            }
        }
    }

    /// Whether something between both ends of its stderr was left out; known for certain once it has ended.
    pub fn stderr_is_cut(&self) -> Arc<AtomicBool> {
        self.program.stderr_is_cut()
    }

    /// Closes its stdin: it has everything that it gets.
    pub fn end_input(&mut self) {
        drop(self.stdin.take());
    }

    /// Closes its stdin and waits for its end; `stdout` holds the lines that were not taken.
    ///
    /// # Errors
    /// The lines of an answer have more than 64 MiB: it is ended.
    pub fn finish(mut self) -> Result<Captured> {
        drop(self.stdin.take());
        self.check_length()?;
        let (ending, stderr) = self.program.finish()?;
        let stdout = self.lines.iter().flat_map(|line| line.into_iter().chain([b'\n'])).collect();
        self.check_length()?;
        Ok(Captured { ending, stdout, stderr })
    }

    fn check_length(&self) -> Result<()> {
        if self.is_too_long.load(Ordering::Relaxed) {
            return Err(answer::too_long(self.program.name()).into());
        }
        Ok(())
    }
}

impl Write for Dialog {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(stdin) = &mut self.stdin else { return Err(io::ErrorKind::BrokenPipe.into()) };
        if self.text_mode {
            return stdin.write_all(&text_mode::encoded(bytes)).map(|()| bytes.len());
        }
        stdin.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stdin.as_mut().map_or(Ok(()), Write::flush)
    }
}

/// The next line without its end, cut where it is longer than this; `None` at the end.
fn next_line(source: &mut impl BufRead, longest: u64) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    if source.by_ref().take(longest).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
        return Ok(Some(line));
    }
    loop {
        let buffer = source.fill_buf()?;
        let end = memchr::memchr(b'\n', buffer);
        let used = end.map_or(buffer.len(), |end| end + 1);
        source.consume(used);
        if used == 0 || end.is_some() {
            return Ok(Some(line));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_never_kept_longer_than_allowed() {
        let mut source = BufReader::with_capacity(3, &b"short\n\nlonger than ten\nexactly 10\nx"[..]);
        let mut lines = Vec::new();
        while let Some(line) = next_line(&mut source, 10).unwrap() {
            lines.push(String::from_utf8(line).unwrap());
        }
        assert_eq!(lines, ["short", "", "longer tha", "exactly 10", "x"]);
    }
}
