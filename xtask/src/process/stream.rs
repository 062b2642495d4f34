//! A running program whose stdout is read as it comes.

use super::{Ending, signals};
use crate::platform;
use anyhow::{Context as _, Result};
use shared_child::SharedChild;
use std::io::{self, Read};
use std::process::{ChildStdout, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Of a talkative program's stderr the beginning is kept: the first message is the cause.
const STDERR_KEPT: usize = 64 * 1024;
const SIGNAL_CHECK: Duration = Duration::from_millis(25);

/// A program that writes to us. Dropping it ends the program; a signal to us ends it too, so that a
/// blocked read returns.
#[derive(Debug)]
pub struct Stream {
    child: Arc<SharedChild>,
    stdout: ChildStdout,
    stderr: Option<JoinHandle<Vec<u8>>>,
    done: Arc<AtomicBool>,
    name: String,
}

impl Stream {
    pub(super) fn start(command: &mut Command, name: String) -> io::Result<Self> {
        let child = Arc::new(SharedChild::spawn(command)?);
        let (Some(stdout), Some(mut errors)) = (child.take_stdout(), child.take_stderr()) else {
            return Err(io::Error::other("the program has no pipes"));
        };
        platform::widen_pipe(&stdout);
        let stderr = std::thread::spawn(move || {
            let mut kept = Vec::new();
            let _ = errors.by_ref().take(STDERR_KEPT as u64).read_to_end(&mut kept);
            let _ = io::copy(&mut errors, &mut io::sink());
            kept
        });
        let done = Arc::new(AtomicBool::new(false));
        let (watched, over) = (Arc::clone(&child), Arc::clone(&done));
        std::thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                if signals::pending().is_some() {
                    end(&watched);
                    return;
                }
                std::thread::park_timeout(SIGNAL_CHECK);
            }
        });
        Ok(Self { child, stdout, stderr: Some(stderr), done, name })
    }

    /// Ends the program and everything that it started.
    pub fn end(&self) {
        end(&self.child);
    }

    /// Waits until the program has ended; gives its end and the beginning of its stderr.
    pub fn finish(mut self) -> Result<(Ending, String)> {
        let status = self.child.wait().with_context(|| format!("waiting for {}", self.name))?;
        self.done.store(true, Ordering::Relaxed);
        let stderr = self.stderr.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        Ok((Ending::of(status), String::from_utf8_lossy(&stderr).into_owned()))
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stdout.read(buffer)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if !self.done.swap(true, Ordering::Relaxed) && !matches!(self.child.try_wait(), Ok(Some(_))) {
            self.end();
            let _ = self.child.wait();
        }
    }
}

fn end(child: &SharedChild) {
    let _ = platform::end_group(child.id(), true);
    let _ = child.kill();
}
