//! Parts of a proven backup, each fed to a psql of its own.

use super::pieces::{PIECE, Running, read_up_to};
use super::proof::Proven;
use super::psql_input::PsqlInput;
use crate::postgres::dump::Part;
use crate::postgres::search_path::SearchPath;
use crate::process::signals;
use anyhow::Result;
use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write};
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// The text of a backup, of which several readers read parts at the same time.
#[derive(Debug)]
pub struct Parts<'a> {
    proven: &'a Proven,
    feed: PsqlInput,
    /// The file has one place: one reads at a time.
    reading: Mutex<()>,
}

impl Proven {
    /// Its parts; `None` where the text can be read only from its beginning, or is not known by its parts. `path`: as
    /// for [`Proven::feed`].
    ///
    /// # Errors
    /// The path cannot be written as SQL.
    pub fn parts(&self, path: Option<&SearchPath>) -> Result<Option<Parts<'_>>> {
        if !self.is_text() || self.contents.parts.is_empty() {
            return Ok(None);
        }
        Ok(Some(Parts { proven: self, feed: PsqlInput::of(self, path)?, reading: Mutex::new(()) }))
    }

    /// How many lines of the file precede the one that psql gets first of this part.
    pub fn lines_before(&self, part: &Part) -> u64 {
        let is_within = |line: &&Range<u64>| part.bytes.contains(&line.start);
        let left_out = self.contents.restrict_lines.iter().take(1).filter(is_within).count() as u64;
        let own = u64::from(self.manifest.is_some());
        part.line.saturating_sub(1).saturating_add(left_out).saturating_add(own)
    }
}

impl Parts<'_> {
    /// Writes one part to `psql`; `progress` hears how many bytes of it have gone by since the last time. Each piece is
    /// compared with what the proof read there before psql gets any of it.
    ///
    /// # Errors
    /// Exit 3 if the file is no longer the one that was proven.
    pub fn feed(&self, part: &Part, psql: &mut impl Write, progress: &dyn Fn(u64)) -> Result<()> {
        let head = self.proven.head().len() as u64;
        let wanted =
            part.bytes.start.saturating_add(head)..part.bytes.end.saturating_add(head).min(self.proven.dump_end);
        let mut buffer = vec![0; PIECE];
        let mut number = usize::try_from(wanted.start.checked_div(PIECE as u64).unwrap_or_default())?;
        let mut start = (number as u64).saturating_mul(PIECE as u64);
        while start < wanted.end {
            signals::check()?;
            let length = usize::try_from(self.proven.dump_end.saturating_sub(start))?.min(PIECE);
            let read = self.piece(number, start, &mut buffer[..length])?;
            self.feed.write(start, &buffer[..read], &wanted, psql)?;
            let end = start.saturating_add(read as u64).min(wanted.end);
            progress(end.saturating_sub(start.max(wanted.start)));
            number = number.saturating_add(1);
            start = start.saturating_add(PIECE as u64);
        }
        Ok(())
    }

    /// Compares what follows the dump with what the proof read there, to the file's end.
    ///
    /// # Errors
    /// As for [`Self::feed`].
    pub fn check_end(&self) -> Result<()> {
        let first = usize::try_from(self.proven.dump_end.div_ceil(PIECE as u64))?;
        let mut buffer = vec![0; PIECE];
        let mut at = self.proven.dump_end;
        for number in first..self.proven.marks.len() {
            at = at.saturating_add(self.piece(number, at, &mut buffer)? as u64);
        }
        if self.read(at, &mut buffer)? > 0 { Err(self.proven.changed()) } else { Ok(()) }
    }

    /// Reads a piece that begins there, as far as the buffer goes.
    fn piece(&self, number: usize, at: u64, buffer: &mut [u8]) -> Result<usize> {
        let read = self.read(at, buffer)?;
        let before = number.checked_sub(1).and_then(|before| self.proven.marks.get(before));
        let bytes = &buffer[..read];
        let after = before.map_or_else(|| Running::default().after(bytes), |before| before.after(bytes));
        if self.proven.marks.get(number) != Some(&after) {
            return Err(self.proven.changed());
        }
        Ok(read)
    }

    fn read(&self, at: u64, buffer: &mut [u8]) -> Result<usize> {
        let _reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let mut file: &File = &self.proven.file;
        file.seek(SeekFrom::Start(at))?;
        read_up_to(&mut file, buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::proof::prove;
    use crate::error::{self, Exit};

    const OPENING: &str = "--\n-- PostgreSQL database dump\n--\n\n\\restrict k3Y\n\n-- Dumped from database version 15.18\n\n\
        SET row_security = off;\nSELECT pg_catalog.set_config('search_path', '', false);\n\
        CREATE TABLE public.t (a text);\nCREATE TABLE public.u (a text);\nCOPY public.t (a) FROM stdin;\n";
    const CLOSING: &str = "\\.\n\nCREATE INDEX i ON public.t USING btree (a);\n--\n-- PostgreSQL database dump complete\n--\n\n\
        \\unrestrict k3Y\n\n";

    fn dump() -> String {
        let rows: String = (0..PIECE / 4).map(|row| format!("row {row}\n")).collect();
        [OPENING, &rows, "\\.\nCOPY public.u (a) FROM stdin;\n", &rows, CLOSING].concat()
    }

    fn fed(proven: &Proven, path: Option<&SearchPath>) -> Result<Vec<u8>> {
        let parts = proven.parts(path)?.unwrap();
        let mut psql = Vec::new();
        for part in &proven.contents.parts {
            parts.feed(part, &mut psql, &|_| {})?;
        }
        parts.check_end().map(|()| psql)
    }

    #[test]
    fn all_parts_one_after_the_other_are_the_whole() {
        let path = std::env::temp_dir().join(format!("xtask-parts-{}.sql", std::process::id()));
        let text = dump();
        std::fs::write(&path, &text).unwrap();
        let typed: SearchPath = "public".parse().unwrap();
        for search_path in [None, Some(&typed)] {
            let proven = prove(&path, &|_| {}).unwrap();
            let mut whole = Vec::new();
            proven.feed(&mut whole, search_path, &|_| {}).unwrap();
            assert!(fed(&proven, search_path).unwrap() == whole);
            let lines: Vec<u64> = proven.contents.parts.iter().map(|part| proven.lines_before(part)).collect();
            // The first part has lost the line of `\\restrict`.
            assert_eq!(lines[..3], [1, 9, 11]);
        }
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn no_part_of_a_file_that_changed_is_fed() {
        let path = std::env::temp_dir().join(format!("xtask-changed-{}.sql", std::process::id()));
        let original = dump().into_bytes();
        let last = original.len() - 1;
        for at in [0, 100, PIECE - 1, PIECE, 2 * PIECE + 1, last] {
            std::fs::write(&path, &original).unwrap();
            let proven = prove(&path, &|_| {}).unwrap();
            let mut changed = original.clone();
            changed[at] = b'!';
            std::fs::write(&path, &changed).unwrap();
            assert_eq!(error::exit(&fed(&proven, None).unwrap_err()), Exit::Refused, "{at}");
        }
        for length in [10, PIECE, last, original.len() + 1] {
            std::fs::write(&path, &original).unwrap();
            let proven = prove(&path, &|_| {}).unwrap();
            let mut changed = original.clone();
            changed.resize(length, b'\n');
            std::fs::write(&path, &changed).unwrap();
            assert_eq!(error::exit(&fed(&proven, None).unwrap_err()), Exit::Refused, "{length}");
        }
        std::fs::remove_file(path).unwrap();
    }
}
