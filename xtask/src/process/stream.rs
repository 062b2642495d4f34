//! A running program whose stdout is read as it comes.

use super::Ending;
use super::watched::Watched;
use crate::platform;
use anyhow::Result;
use std::io::{self, Read};
use std::process::{ChildStdout, Command};

/// A program that writes to us. Dropping it ends the program; a signal to us ends it too.
#[derive(Debug)]
pub struct Stream {
    program: Watched,
    stdout: ChildStdout,
}

impl Stream {
    pub(super) fn start(command: &mut Command, name: String) -> io::Result<Self> {
        let program = Watched::start(command, name)?;
        let stdout = program.stdout()?;
        platform::widen_pipe(&stdout);
        Ok(Self { program, stdout })
    }

    /// Ends the program and everything that it started.
    pub fn end(&self) {
        self.program.end();
    }

    /// Waits until the program has ended; gives its end and the beginning of its stderr.
    pub fn finish(mut self) -> Result<(Ending, String)> {
        self.program.finish()
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stdout.read(buffer)
    }
}
