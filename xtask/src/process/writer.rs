//! A running program whose stdout is a file.

use super::watched::{OnSignal, Watched};
use super::{Ending, text_mode};
use anyhow::Result;
use std::fs::File;
use std::io;
use std::process::Command;
use std::thread::JoinHandle;
use std::time::Duration;

/// A program that writes a file which others read behind it. Dropping it ends the program; a signal to us ends it too.
#[derive(Debug)]
pub struct Writer {
    program: Watched,
    /// Where its runtime's text mode is undone on the way.
    decoding: Option<JoinHandle<io::Result<()>>>,
}

impl Writer {
    pub(super) fn start(command: &mut Command, name: String) -> io::Result<Self> {
        Ok(Self { program: Watched::start(command, name, OnSignal::End)?, decoding: None })
    }

    pub(super) fn start_decoded(command: &mut Command, name: String, file: File) -> io::Result<Self> {
        let program = Watched::start(command, name, OnSignal::End)?;
        let stdout = program.stdout()?;
        let decoding = std::thread::spawn(move || text_mode::copy_decoded(stdout, file));
        Ok(Self { program, decoding: Some(decoding) })
    }

    /// Waits a little; whether the program has ended, with all that it wrote in the file.
    pub fn ends_within(&self, pause: Duration) -> Result<bool> {
        let ended = self.program.ends_within(pause)?;
        Ok(ended && self.decoding.as_ref().is_none_or(JoinHandle::is_finished))
    }

    /// Ends the program and everything that it started.
    pub fn end(&self) {
        self.program.end();
    }

    /// Waits until the program has ended; gives its end and both ends of its stderr.
    pub fn finish(mut self) -> Result<(Ending, String)> {
        let (ending, mut stderr) = self.program.finish()?;
        if let Some(Ok(Err(error))) = self.decoding.take().map(JoinHandle::join) {
            stderr.push_str(&format!("{error}\n"));
        }
        Ok((ending, stderr))
    }
}
