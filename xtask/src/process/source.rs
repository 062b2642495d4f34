//! A running program whose stdout is read.

use super::watched::{OnSignal, Watched};
use super::{Ending, text_mode};
use crate::platform;
use anyhow::Result;
use std::fmt;
use std::io::{self, Read};
use std::process::Command;

/// A program that is read. Dropping it ends the program; a signal to us ends it too.
pub struct Source {
    program: Watched,
    stdout: Box<dyn Read + Send>,
}

impl Source {
    pub(super) fn start(command: &mut Command, name: String, text_mode: bool) -> io::Result<Self> {
        let program = Watched::start(command, name, OnSignal::End)?;
        let stdout = program.stdout()?;
        platform::widen_pipe(&stdout);
        if !text_mode {
            return Ok(Self { program, stdout: Box::new(stdout) });
        }
        let (decoded, end) = io::pipe()?;
        std::thread::spawn(move || text_mode::copy_decoded(stdout, end));
        Ok(Self { program, stdout: Box::new(decoded) })
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

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.stdout.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => return read,
            }
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Source").field("program", &self.program).finish_non_exhaustive()
    }
}
