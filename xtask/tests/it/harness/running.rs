//! A program that runs: what it has said so far, signals and keys for it, and its end.

use super::outcome::Outcome;
use super::quiet::Quiet;
use rustix::process::{Pid, Signal};
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdin};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// After this a program hangs, also on a slow machine.
const DEADLINE: Duration = Duration::from_secs(400);

/// A program that has been started.
#[derive(Debug)]
pub struct Running {
    pub(super) child: Child,
    pub(super) stdout: Reader,
    pub(super) stderr: Reader,
    pub(super) shown: String,
    pub(super) started: Instant,
    /// Other tests leave the server alone.
    pub(super) _quiet: Option<Quiet>,
}

impl Running {
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends the process (not its group) a signal.
    pub fn signal(&self, signal: Signal) {
        let process = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        rustix::process::kill_process(process, signal).unwrap();
    }

    /// Whether it has not ended yet.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// What it has written to stdout until now.
    pub fn stdout(&self) -> String {
        self.stdout.so_far()
    }

    /// What it has written to stderr until now.
    pub fn stderr(&self) -> String {
        self.stderr.so_far()
    }

    /// Waits for its end.
    #[track_caller]
    pub fn wait(mut self) -> Outcome {
        let mut pause = Duration::from_millis(1);
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if self.started.elapsed() > DEADLINE {
                let (stdout, stderr) = (self.stdout.so_far(), self.stderr.so_far());
                panic!("{} did not end\n--- stdout\n{stdout}\n--- stderr\n{stderr}", self.shown);
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(10));
        };
        Outcome {
            code: status.code(),
            signal: status.signal(),
            stdout: self.stdout.all(),
            stderr: String::from_utf8_lossy(&self.stderr.all()).into_owned(),
            took: self.started.elapsed(),
            shown: std::mem::take(&mut self.shown),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
                let _ = rustix::process::kill_process_group(group, Signal::KILL);
            }
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// A program on a pseudo-terminal, with someone at the keyboard.
#[derive(Debug)]
pub struct Terminal {
    pub(super) running: Running,
    pub(super) keyboard: Option<ChildStdin>,
}

impl Terminal {
    /// Types this. Ctrl-C is `\x03`, Ctrl-D `\x04`, Enter `\n`.
    pub fn types(&mut self, keys: &str) -> &mut Self {
        let keyboard = self.keyboard.as_mut().unwrap();
        keyboard.write_all(keys.as_bytes()).and_then(|()| keyboard.flush()).unwrap();
        self
    }

    /// Waits until the screen has shown this.
    #[track_caller]
    pub fn shows(&mut self, text: &str) -> &mut Self {
        let end = Instant::now() + Duration::from_secs(120);
        while !self.running.stdout().contains(text) {
            let ended = !self.running.is_running() && !self.running.stdout().contains(text);
            let screen = self.running.stdout();
            assert!(!ended, "{} ended before it showed {text:?}\n--- screen\n{screen}", self.running.shown);
            assert!(Instant::now() < end, "{} never showed {text:?}\n--- screen\n{screen}", self.running.shown);
            std::thread::sleep(Duration::from_millis(10));
        }
        self
    }

    /// What it has shown until now.
    pub fn screen(&self) -> String {
        self.running.stdout()
    }

    /// Waits for its end.
    #[track_caller]
    pub fn wait(self) -> Outcome {
        let outcome = self.running.wait();
        drop(self.keyboard);
        outcome
    }
}

#[derive(Debug)]
pub(super) struct Reader {
    bytes: Arc<Mutex<Vec<u8>>>,
    thread: Option<JoinHandle<()>>,
}

impl Reader {
    pub(super) fn of(pipe: Option<impl Read + Send + 'static>) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&bytes);
        let thread = pipe.map(|mut pipe| {
            std::thread::spawn(move || {
                let mut buffer = vec![0; 64 * 1024];
                while let Ok(count @ 1..) = pipe.read(&mut buffer) {
                    kept.lock().unwrap().extend_from_slice(&buffer[..count]);
                }
            })
        });
        Self { bytes, thread }
    }

    fn so_far(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().unwrap()).into_owned()
    }

    /// Everything, once the pipe is closed. A program left behind may hold it open: no longer than 5 s.
    fn all(&mut self) -> Vec<u8> {
        let end = Instant::now() + Duration::from_secs(5);
        while self.thread.as_ref().is_some_and(|thread| !thread.is_finished()) && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(1));
        }
        self.bytes.lock().unwrap().clone()
    }
}
