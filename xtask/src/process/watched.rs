//! A running program that a signal to us ends, with its stderr read beside it.

use super::{Ending, signals, words};
use crate::platform;
use anyhow::{Context as _, Result};
use shared_child::SharedChild;
use std::io;
use std::process::{ChildStdin, ChildStdout, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often a running program is looked after, and signals are looked for.
pub(super) const POLL_INTERVAL: Duration = Duration::from_millis(25);
/// How many bytes of a program's stderr are kept, of its beginning and of its end: one of them holds the cause.
const STDERR_KEPT: usize = 64 * 1024;

/// What a signal to us means for a program that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OnSignal {
    /// It ends, so that a blocked read or write returns.
    End,
    /// It stays: it is needed to clear up.
    Stay,
}

/// Dropping it ends the program.
#[derive(Debug)]
pub(super) struct Watched {
    child: Arc<SharedChild>,
    stderr: Option<JoinHandle<Vec<u8>>>,
    /// Something between both ends of its stderr was left out.
    stderr_is_cut: Arc<AtomicBool>,
    done: Arc<AtomicBool>,
    name: String,
}

impl Watched {
    pub(super) fn start(command: &mut Command, name: String, on_signal: OnSignal) -> io::Result<Self> {
        let child = Arc::new(SharedChild::spawn(command)?);
        let stderr_is_cut = Arc::new(AtomicBool::new(false));
        let cut = Arc::clone(&stderr_is_cut);
        let stderr = child.take_stderr().map(|errors| std::thread::spawn(move || both_ends(errors, &cut)));
        let done = Arc::new(AtomicBool::new(false));
        if on_signal == OnSignal::End {
            let (watched, over) = (Arc::clone(&child), Arc::clone(&done));
            std::thread::spawn(move || end_on_signal(&watched, &over));
        }
        Ok(Self { child, stderr, stderr_is_cut, done, name })
    }

    /// Whether something between both ends of its stderr was left out; known for certain once it has ended.
    pub(super) fn stderr_is_cut(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stderr_is_cut)
    }

    /// The program's name, for messages.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn stdin(&self) -> io::Result<ChildStdin> {
        self.child.take_stdin().ok_or_else(|| io::Error::other("the program has no stdin"))
    }

    pub(super) fn stdout(&self) -> io::Result<ChildStdout> {
        self.child.take_stdout().ok_or_else(|| io::Error::other("the program has no stdout"))
    }

    pub(super) fn ends_within(&self, pause: Duration) -> Result<bool> {
        let ended = self.child.wait_timeout(pause).with_context(|| format!("waiting for {}", self.name))?;
        Ok(ended.is_some())
    }

    /// Ends the program and everything that it started.
    pub(super) fn end(&self) {
        end(&self.child);
    }

    /// Waits until the program has ended; gives its end and both ends of its stderr.
    pub(super) fn finish(&mut self) -> Result<(Ending, String)> {
        let status = self.child.wait().with_context(|| format!("waiting for {}", self.name))?;
        self.done.store(true, Ordering::Relaxed);
        let stderr = self.stderr.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        Ok((Ending::of(status), words(&stderr)))
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if !self.done.swap(true, Ordering::Relaxed) && !matches!(self.child.try_wait(), Ok(Some(_))) {
            self.end();
            let _ = self.child.wait();
        }
    }
}

fn end_on_signal(child: &SharedChild, over: &AtomicBool) {
    while !over.load(Ordering::Relaxed) {
        if signals::pending().is_some() {
            end(child);
            return;
        }
        std::thread::park_timeout(POLL_INTERVAL);
    }
}

pub(super) fn both_ends(mut errors: impl io::Read, is_cut: &AtomicBool) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut piece = vec![0; STDERR_KEPT / 4];
    while let Ok(count @ 1..) = errors.read(&mut piece) {
        kept.extend_from_slice(&piece[..count]);
        if kept.len() > 3 * STDERR_KEPT {
            kept.drain(STDERR_KEPT..kept.len() - STDERR_KEPT);
            is_cut.store(true, Ordering::Relaxed);
        }
    }
    kept
}

fn end(child: &SharedChild) {
    let _ = platform::end_group(child.id(), true);
    let _ = child.kill();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_words_the_first_and_the_last_are_kept() {
        let words: String = (0..200_000).map(|number| format!("{number}\n")).collect();
        let is_cut = AtomicBool::new(false);
        assert_eq!((both_ends(&b"few"[..], &is_cut).as_slice(), is_cut.load(Ordering::Relaxed)), (&b"few"[..], false));
        let kept = both_ends(words.as_bytes(), &is_cut);
        assert!(kept.starts_with(b"0\n1\n") && kept.ends_with(b"199998\n199999\n"));
        assert!(kept.len() <= 3 * STDERR_KEPT && is_cut.load(Ordering::Relaxed));
    }
}
