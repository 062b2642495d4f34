//! A running program whose stdout is a file.

use super::Ending;
use super::watched::Watched;
use anyhow::Result;
use std::io;
use std::process::Command;
use std::time::Duration;

/// A program that writes a file which others read behind it. Dropping it ends the program; a signal to us ends it too.
#[derive(Debug)]
pub struct Writer {
    program: Watched,
}

impl Writer {
    pub(super) fn start(command: &mut Command, name: String) -> io::Result<Self> {
        Ok(Self { program: Watched::start(command, name)? })
    }

    /// Waits a little; whether the program has ended.
    pub fn ends_within(&self, pause: Duration) -> Result<bool> {
        self.program.ends_within(pause)
    }

    /// Ends the program and everything that it started.
    pub fn end(&self) {
        self.program.end();
    }

    /// Waits until the program has ended; gives its end and both ends of its stderr.
    pub fn finish(mut self) -> Result<(Ending, String)> {
        self.program.finish()
    }
}
