//! The verbs: each starts the program in its own way.

use super::Program;
use crate::error::{Cause, Fault};
use crate::platform;
use crate::process::answer::{self, Answer};
use crate::process::watched::OnSignal;
use crate::process::{
    Captured, Detached, Dialog, Filter, Source, TRACE, Writer, captured, remark, running, signals, text_mode,
};
use anyhow::{Context as _, Result};
use std::fs::File;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

impl Program {
    /// Runs a program that answers from what it knows (`--version`), without a deadline.
    pub fn ask(&self) -> Result<Captured> {
        self.trace();
        #[expect(clippy::disallowed_methods, reason = "programs are started here alone")]
        let shell = xshell::Shell::new()?;
        let mut command = shell.cmd(&self.path).args(&self.args).quiet().ignore_status();
        for (name, value, _) in &self.env {
            command = command.env(name, value);
        }
        let output = command.output().with_context(|| self.cannot_start())?;
        Ok(captured(output.status, output.stdout, &output.stderr, self.text_mode))
    }

    /// Runs the program with nothing on stdin. It is ended when the deadline passes, when a signal comes, and when its
    /// answer is longer than 64 MiB.
    pub fn capture(&self, deadline: Duration) -> Result<Captured> {
        self.capture_with(Vec::new(), deadline)
    }

    /// The same, with these bytes on stdin.
    pub fn capture_with(&self, input: Vec<u8>, deadline: Duration) -> Result<Captured> {
        self.trace();
        #[expect(clippy::disallowed_methods, reason = "programs are started here alone")]
        let mut expression = duct::cmd(&self.path, &self.args);
        let input = if self.text_mode { text_mode::encoded(&input) } else { input };
        expression = if input.is_empty() { expression.stdin_null() } else { expression.stdin_bytes(input) };
        if self.alone {
            expression = expression.full_env(self.env.iter().map(|(name, value, _)| (name, value)));
        }
        for (name, value, _) in &self.env {
            expression = expression.env(name, value);
        }
        for name in &self.unset {
            expression = expression.env_remove(name);
        }
        if let Some(folder) = &self.folder {
            expression = expression.dir(folder);
        }
        let user = self.user.clone();
        let (answer, stdout, stderr) = Answer::reading().with_context(|| self.cannot_start())?;
        let expression = expression
            .before_spawn(move |command| {
                platform::own_group(command);
                if let Some(user) = &user {
                    platform::run_as(command, user);
                }
                Ok(())
            })
            .stdout_file(stdout)
            .stderr_file(stderr)
            .unchecked();
        // It holds the writing end of the answer, which must be the program's alone.
        let awaited = running::start(move || expression.start()).with_context(|| self.cannot_start())?;
        self.answered(&awaited.0, answer, deadline)
    }

    fn answered(&self, handle: &duct::Handle, answer: Answer, deadline: Duration) -> Result<Captured> {
        let end = Instant::now() + deadline;
        let stop = || running::end(handle);
        loop {
            let slice = end.saturating_duration_since(Instant::now()).min(Duration::from_millis(50));
            if let Some(output) = handle.wait_timeout(slice).with_context(|| self.cannot_start())? {
                if answer.is_complete() {
                    let (stdout, stderr) = answer.finish();
                    return Ok(captured(output.status, stdout, &stderr, self.text_mode));
                }
                // What it wrote last is still being read.
                std::thread::sleep(Duration::from_millis(1));
            }
            if answer.is_too_long() {
                stop();
                return Err(answer::too_long(&self.name()).into());
            }
            if let Some(signal) = signals::pending() {
                self.ask_to_end(handle);
                stop();
                return Err(signals::interrupted(signal).into());
            }
            if Instant::now() >= end {
                stop();
                let name = self.inner.clone().unwrap_or_else(|| self.name());
                let fault = Fault::unreachable(format!("{name} did not answer within {} s", deadline.as_secs()));
                let fault = fault.because(Cause::NoAnswer);
                return Err(fault.hint(format!("it was started as: {}", self.shown())).into());
            }
        }
    }

    /// Asks it to end, where it may take its time for that, and waits.
    fn ask_to_end(&self, handle: &duct::Handle) {
        if self.grace.is_zero() {
            return;
        }
        for pid in handle.pids() {
            let _ = platform::end_group(pid, false);
        }
        let _ = handle.wait_timeout(self.grace);
    }

    /// Starts the program with this file as its stdout.
    pub fn write_to(&self, file: File) -> Result<Writer> {
        self.trace();
        let mut command = self.command();
        platform::own_group(&mut command);
        command.stdin(Stdio::null()).stderr(Stdio::piped());
        let started = if self.text_mode {
            Writer::start_decoded(command.stdout(Stdio::piped()), self.name(), file)
        } else {
            Writer::start(command.stdout(file), self.name())
        };
        started.with_context(|| self.cannot_start())
    }

    /// Starts the program with its stdout open to us.
    pub fn source(&self) -> Result<Source> {
        self.trace();
        let mut command = self.command();
        platform::own_group(&mut command);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Source::start(&mut command, self.name(), self.text_mode).with_context(|| self.cannot_start())
    }

    /// Starts the program with its stdin open to us, and this file as its stdout.
    pub fn filter_to(&self, file: File) -> Result<Filter> {
        self.trace();
        let mut command = self.command();
        platform::own_group(&mut command);
        command.stdin(Stdio::piped()).stdout(file).stderr(Stdio::piped());
        Filter::start(&mut command, self.name()).with_context(|| self.cannot_start())
    }

    /// Starts the program with its stdin and stdout open to us. Lines that are not `wanted` are not kept. A signal to
    /// us ends it.
    pub fn dialog(&self, wanted: fn(&[u8]) -> bool) -> Result<Dialog> {
        self.start_dialog(wanted, OnSignal::End)
    }

    /// The same for a program that is needed to clear up after a signal: only its end, or ours, ends it.
    pub fn lasting_dialog(&self) -> Result<Dialog> {
        self.start_dialog(|_| true, OnSignal::Stay)
    }

    fn start_dialog(&self, wanted: fn(&[u8]) -> bool, on_signal: OnSignal) -> Result<Dialog> {
        self.trace();
        let mut command = self.command();
        platform::own_group(&mut command);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Dialog::start(&mut command, self.name(), wanted, on_signal, self.text_mode).with_context(|| self.cannot_start())
    }

    /// Starts a program that goes on after us, its words in a log file.
    pub fn detach(&self, log: File) -> Result<Detached> {
        self.trace();
        let mut command = self.command();
        platform::own_group(&mut command);
        let copy = log.try_clone().context("opening the log a second time")?;
        command.stdin(Stdio::null()).stdout(log).stderr(copy);
        let child = command.spawn().with_context(|| self.cannot_start())?;
        Ok(Detached { child })
    }

    /// Becomes the program: terminal, signals and exit code are then its own. Returns only if that fails.
    pub fn exec(&self, stdin: Option<File>) -> anyhow::Error {
        self.trace();
        let mut command = self.command();
        if let Some(file) = stdin {
            command.stdin(file);
        }
        anyhow::Error::new(platform::hand_over(&mut command)).context(self.cannot_start())
    }

    fn command(&self) -> Command {
        #[expect(clippy::disallowed_methods, reason = "programs are started here alone")]
        let mut command = Command::new(&self.path);
        command.args(&self.args);
        if self.alone {
            command.env_clear();
        }
        for (name, value, _) in &self.env {
            command.env(name, value);
        }
        for name in &self.unset {
            command.env_remove(name);
        }
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        if let Some(user) = &self.user {
            platform::run_as(&mut command, user);
        }
        command
    }

    fn cannot_start(&self) -> String {
        format!("{} could not be run", self.name())
    }

    fn trace(&self) {
        if TRACE.get().is_some() {
            remark(&format!("+ {}", self.shown()));
        }
    }
}
