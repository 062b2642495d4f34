//! One of the sessions that load a file side by side.

use super::job::{DEADLINE, Load, is_committed};
use super::lines::Lines;
use crate::backup::parts::Parts;
use crate::postgres::dump::Part;
use crate::postgres::server::Server;
use crate::postgres::session;
use crate::process::{Captured, Dialog};
use anyhow::{Error, Result};
use memchr::memchr_iter;
use std::io::{self, Write};

/// A psql that gets parts of the file, and is asked after each whether the server has done it.
pub(super) struct Session {
    psql: Dialog,
    /// How many lines it has got.
    got: u64,
    lines: Lines,
    /// What it got last.
    last: u8,
    nonce: String,
    asked: u64,
    /// It has got something since it was asked.
    busy: bool,
    /// The blocks that it got, as places in `Contents::copied`, and the rows that the server counted in them.
    blocks: Vec<usize>,
    counted: Vec<u64>,
}

impl Session {
    /// Starts one of so many.
    pub(super) fn begin(load: &Load<'_>, server: &Server<'_>, sessions: usize) -> Result<Self> {
        let nonce = session::fresh_name()?;
        let (psql, begun) = load.begin(server, sessions)?;
        let (lines, blocks, counted) = (Lines::default(), Vec::new(), Vec::new());
        Ok(Self { psql, got: begun.lines, lines, last: b'\n', nonce, asked: 0, busy: false, blocks, counted })
    }

    /// Sends a part of the file.
    pub(super) fn send(&mut self, load: &Load<'_>, text: &Parts<'_>, part: &Part, told: &dyn Fn(u64)) -> Result<()> {
        if self.last != b'\n' {
            self.write_all(b"\n")?;
        }
        self.lines.follow(self.got, load.backup.lines_before(part));
        self.blocks.extend(part.blocks.clone());
        self.busy = true;
        text.feed(part, self, told)
    }

    /// Waits until the server has done all that was sent.
    pub(super) fn wait(&mut self) -> Result<()> {
        if !self.busy {
            return Ok(());
        }
        self.busy = false;
        self.asked = self.asked.saturating_add(1);
        let word = format!("{}-{}", self.nonce, self.asked);
        self.ask(&format!("\nSELECT '{word}';\n"), &word)
    }

    /// The same, and everything is committed.
    pub(super) fn check_committed(&mut self) -> Result<()> {
        let word = self.nonce.clone();
        self.ask(&format!("\n{}", is_committed(&word)), &word)
    }

    /// Puts the rows that the server counted to their blocks; false: it counted another number of blocks.
    pub(super) fn tell_rows(&self, all: &mut [u64]) -> bool {
        for (block, rows) in self.blocks.iter().zip(&self.counted) {
            if let Some(place) = all.get_mut(*block) {
                *place = *rows;
            }
        }
        self.blocks.len() == self.counted.len()
    }

    /// Waits for its end; gives what it said, and which lines it had got.
    pub(super) fn finish(self) -> Result<(Captured, Lines)> {
        Ok((self.psql.finish()?, self.lines))
    }

    fn ask(&mut self, question: &str, word: &str) -> Result<()> {
        self.write_all(question.as_bytes())?;
        loop {
            match self.psql.line(DEADLINE) {
                None => return Err(Error::msg("psql did not answer after a statement of the file")),
                Some(line) if line == word => return Ok(()),
                Some(line) => {
                    let rows = line.strip_prefix("COPY ").and_then(|rows| rows.parse::<u64>().ok());
                    self.counted.extend(rows);
                }
            }
        }
    }
}

impl Write for Session {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.psql.write(bytes)?;
        let bytes = bytes.get(..written).unwrap_or(bytes);
        self.got = self.got.saturating_add(memchr_iter(b'\n', bytes).count() as u64);
        self.last = bytes.last().copied().unwrap_or(self.last);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.psql.flush()
    }
}
