//! A running program that a signal to us ends, with its stderr read beside it.

use super::{Ending, signals};
use crate::platform;
use anyhow::{Context as _, Result};
use shared_child::SharedChild;
use std::io::{self, Read as _};
use std::process::{ChildStderr, ChildStdin, ChildStdout, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often a running program is looked after, and signals are looked for.
pub(super) const LOOK: Duration = Duration::from_millis(25);
/// Of a talkative program's stderr the beginning is kept: the first message is the cause.
const STDERR_KEPT: u64 = 64 * 1024;

/// Dropping it ends the program. A signal to us ends it too, so that a blocked read or write returns.
#[derive(Debug)]
pub(super) struct Watched {
    child: Arc<SharedChild>,
    stderr: Option<JoinHandle<Vec<u8>>>,
    done: Arc<AtomicBool>,
    name: String,
}

impl Watched {
    pub(super) fn start(command: &mut Command, name: String) -> io::Result<Self> {
        let child = Arc::new(SharedChild::spawn(command)?);
        let stderr = child.take_stderr().map(|errors| std::thread::spawn(move || beginning(errors)));
        let done = Arc::new(AtomicBool::new(false));
        let (watched, over) = (Arc::clone(&child), Arc::clone(&done));
        std::thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                if signals::pending().is_some() {
                    end(&watched);
                    return;
                }
                std::thread::park_timeout(LOOK);
            }
        });
        Ok(Self { child, stderr, done, name })
    }

    pub(super) fn stdin(&self) -> io::Result<ChildStdin> {
        self.child.take_stdin().ok_or_else(|| io::Error::other("the program has no stdin"))
    }

    pub(super) fn stdout(&self) -> io::Result<ChildStdout> {
        self.child.take_stdout().ok_or_else(|| io::Error::other("the program has no stdout"))
    }

    /// Ends the program and everything that it started.
    pub(super) fn end(&self) {
        end(&self.child);
    }

    /// Waits until the program has ended; gives its end and the beginning of its stderr.
    pub(super) fn finish(&mut self) -> Result<(Ending, String)> {
        let status = self.child.wait().with_context(|| format!("waiting for {}", self.name))?;
        self.done.store(true, Ordering::Relaxed);
        let stderr = self.stderr.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        Ok((Ending::of(status), String::from_utf8_lossy(&stderr).into_owned()))
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

fn beginning(mut errors: ChildStderr) -> Vec<u8> {
    let mut kept = Vec::new();
    let _ = errors.by_ref().take(STDERR_KEPT).read_to_end(&mut kept);
    let _ = io::copy(&mut errors, &mut io::sink());
    kept
}

fn end(child: &SharedChild) {
    let _ = platform::end_group(child.id(), true);
    let _ = child.kill();
}
