//! A running program that we write to, and whose stdout is a file.

use super::Ending;
use super::watched::{OnSignal, Watched};
use crate::platform;
use anyhow::Result;
use std::io::{self, Write};
use std::process::{ChildStdin, Command};

/// A program between us and a file. Dropping it ends the program; a signal to us ends it too.
#[derive(Debug)]
pub struct Filter {
    stdin: ChildStdin,
    program: Watched,
}

impl Filter {
    pub(super) fn start(command: &mut Command, name: String) -> io::Result<Self> {
        let program = Watched::start(command, name, OnSignal::End)?;
        let stdin = program.stdin()?;
        platform::widen_pipe(&stdin);
        Ok(Self { stdin, program })
    }

    /// Closes its stdin and waits for its end; gives that and both ends of its stderr.
    pub fn finish(self) -> Result<(Ending, String)> {
        let Self { stdin, mut program } = self;
        drop(stdin);
        program.finish()
    }
}

impl Write for Filter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stdin.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stdin.flush()
    }
}
