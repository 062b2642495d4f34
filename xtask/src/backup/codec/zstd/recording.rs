//! pg_dump's output on its way through the compressor into the file; what the file holds is unpacked again close behind.

use super::compressor::{Compressor, Tool, failed};
use super::unpack::Unpacked;
use crate::backup::codec::{Compressed, Recorded, Recording};
use crate::backup::partial::Partial;
use crate::platform;
use crate::process::{Ending, Program, Source, signals};
use anyhow::{Context as _, Error, Result};
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long the second reader waits for the compressor to write more.
const POLL_INTERVAL: Duration = Duration::from_millis(10);
const PIECE: usize = 1 << 18;

/// A pg_dump whose output is compressed.
pub(super) struct Compressing<'p> {
    /// Until it is waited for.
    pg_dump: Option<Source>,
    /// Until it has failed.
    compressor: Option<Compressor>,
    second: Second,
    partial: &'p Partial,
}

impl<'p> Compressing<'p> {
    pub(super) fn start(pg_dump: &Program, tool: &Tool, partial: &'p Partial) -> Result<Self> {
        let compressor = Compressor::start(tool, partial)?;
        let second = Second::start(partial.for_reading()?);
        Ok(Self { pg_dump: Some(pg_dump.source()?), compressor: Some(compressor), second, partial })
    }

    /// Why the compressor takes no more.
    fn stopped(&mut self, error: io::Error) -> Error {
        // The signal that ends this program has ended that one, too.
        if let Err(interrupted) = signals::check() {
            return interrupted.into();
        }
        let said = self.compressor.take().map(Compressor::finish);
        match said {
            Some(Err(why)) => why,
            _ => Error::new(error).context(failed()),
        }
    }
}

impl Recording for Compressing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let Some(pg_dump) = &mut self.pg_dump else { return Ok(0) };
        let read = pg_dump.read(buffer).context("reading what pg_dump writes")?;
        let written = self.compressor.as_mut().map_or(Ok(()), |compressor| compressor.write(&buffer[..read]));
        written.map_err(|error| self.stopped(error)).map_err(|error| self.partial.explain(error))?;
        Ok(read)
    }

    fn end(&self) {
        if let Some(pg_dump) = &self.pg_dump {
            pg_dump.end();
        }
    }

    fn ended(&mut self) -> Result<(Ending, String)> {
        self.pg_dump.take().context("pg_dump was waited for already")?.finish()
    }

    fn finish(mut self: Box<Self>) -> Result<Recorded> {
        if let Some(compressor) = self.compressor.take() {
            let finished = compressor.finish();
            signals::check()?;
            finished.map_err(|error| self.partial.explain(error))?;
        }
        self.second.finish().map(Recorded::Compressed)
    }
}

/// A second reader, which unpacks what is in the file.
struct Second {
    is_written: Arc<AtomicBool>,
    reading: Option<JoinHandle<io::Result<Compressed>>>,
}

impl Second {
    fn start(file: File) -> Self {
        let is_written = Arc::new(AtomicBool::new(false));
        let behind = Behind { file, bytes: 0, hash: Sha256::new(), is_written: Arc::clone(&is_written) };
        Self { is_written, reading: Some(std::thread::spawn(move || read_back(behind))) }
    }

    /// Everything is written.
    fn finish(&mut self) -> Result<Compressed> {
        self.is_written.store(true, Ordering::Relaxed);
        let read = self.reading.take().and_then(|reading| reading.join().ok());
        read.context("reading back what was compressed")?.map_err(|error| Error::new(error).context(failed()))
    }
}

impl Drop for Second {
    fn drop(&mut self) {
        self.is_written.store(true, Ordering::Relaxed);
    }
}

fn read_back(mut behind: Behind) -> io::Result<Compressed> {
    let mut text = Sha256::new();
    let mut buffer = vec![0; PIECE];
    {
        let mut unpacked = Unpacked::of(&mut behind);
        while let read @ 1.. = unpacked.read(&mut buffer)? {
            text.update(&buffer[..read]);
        }
    }
    Ok(Compressed { bytes: behind.bytes, hash: behind.hash, text: text.finalize().into() })
}

/// Reads a file that is still written, to its end.
struct Behind {
    file: File,
    bytes: u64,
    hash: Sha256,
    is_written: Arc<AtomicBool>,
}

impl Read for Behind {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            // What was written last is read once more after the end.
            let was_written = self.is_written.load(Ordering::Relaxed);
            let read = platform::read_at(&self.file, buffer, self.bytes)?;
            if read > 0 {
                self.hash.update(&buffer[..read]);
                self.bytes = self.bytes.saturating_add(read as u64);
            }
            if read > 0 || was_written {
                return Ok(read);
            }
            std::thread::sleep(POLL_INTERVAL);
        }
    }
}
