//! What pg_dump writes is read close behind it, out of the file itself: every byte is hashed and scanned as it lies
//! there. (A pipe through this program would copy every byte twice more.)

use crate::backup::codec::{Recorded, Recording};
use crate::backup::partial::Partial;
use crate::process::{Ending, Program, Writer};
use anyhow::{Context as _, Result};
use std::time::Duration;

/// How long the reader waits for pg_dump to write more.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// A pg_dump that writes the file itself.
#[derive(Debug)]
pub(super) struct Behind<'p> {
    /// Until it is waited for.
    pg_dump: Option<Writer>,
    partial: &'p Partial,
    /// Where to read on.
    offset: u64,
    has_ended: bool,
}

impl<'p> Behind<'p> {
    pub(super) fn start(pg_dump: &Program, partial: &'p Partial) -> Result<Self> {
        let offset = partial.bytes()?;
        let pg_dump = pg_dump.write_to(partial.for_program()?)?;
        Ok(Self { pg_dump: Some(pg_dump), partial, offset, has_ended: false })
    }
}

impl Recording for Behind<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        loop {
            let read = self.partial.read_at(buffer, self.offset)?;
            if read > 0 || self.has_ended {
                self.offset = self.offset.saturating_add(read as u64);
                return Ok(read);
            }
            // What it wrote last is read once more after its end.
            self.has_ended = self.pg_dump.as_ref().map_or(Ok(true), |pg_dump| pg_dump.ends_within(POLL_INTERVAL))?;
        }
    }

    fn end(&self) {
        if let Some(pg_dump) = &self.pg_dump {
            pg_dump.end();
        }
    }

    fn ended(&mut self) -> Result<(Ending, String)> {
        self.pg_dump.take().context("pg_dump was waited for already")?.finish()
    }

    fn finish(self: Box<Self>) -> Result<Recorded> {
        Ok(Recorded::AsItIs)
    }
}
