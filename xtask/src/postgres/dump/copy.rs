//! One `COPY` block: found to its end and counted at the speed of memory, never row by row.

use super::statement::{CopyHeader, printable};
use super::watching::Watching;
use super::{Copied, Flaw};
use memchr::{memchr, memchr_iter, memmem};

/// What ends a block. The newline before it belongs to the last row, or to the header of an empty block.
const END: &[u8] = b"\n\\.\n";

#[derive(Debug)]
pub(super) struct CopyBlock {
    pub(super) copied: Copied,
    /// The line of its first row.
    line: u64,
    columns: u64,
    tabs: u64,
    /// How many bytes of `END` the piece before ended with.
    matched: usize,
    /// Whether the caller reads the rows.
    watched: bool,
}

impl CopyBlock {
    /// `line`: where the header ends.
    pub(super) fn new(header: &CopyHeader, line: u64, watching: &mut Watching) -> Self {
        let copied = Copied { schema: header.schema.clone(), name: header.name.clone(), rows: 0 };
        let watched = watching.block_begins(&copied, &header.columns);
        let columns = header.columns.len().max(1) as u64;
        Self { copied, line: line.saturating_add(1), columns, tabs: 0, matched: 1, watched }
    }

    /// Takes rows from the piece, which begins in this line; says how many bytes, and whether the block ended there.
    pub(super) fn take(&mut self, piece: &[u8], line: u64, watching: &mut Watching) -> Result<(usize, bool), Flaw> {
        let (used, ended) = self.find_end(piece);
        let rows = &piece[..used];
        if let Some(at) = memchr(b'\r', rows) {
            let line = line.saturating_add(count(b'\n', &rows[..at]));
            let what = format!("a carriage return in the rows of table {}", printable(&self.copied.name));
            return Err(Flaw::wrong(line, what));
        }
        if self.watched {
            watching.rows(rows);
        }
        self.copied.rows = self.copied.rows.saturating_add(count(b'\n', rows));
        self.tabs = self.tabs.saturating_add(count(b'\t', rows));
        if ended {
            // The line of the end mark itself was counted.
            self.copied.rows = self.copied.rows.saturating_sub(1);
            if self.copied.rows.checked_mul(self.columns.saturating_sub(1)) != Some(self.tabs) {
                let name = printable(&self.copied.name);
                // Only all rows together were counted: the same line is named however the block came in pieces.
                let what = format!("a row of table {name} does not have {} columns", self.columns);
                return Err(Flaw::wrong(self.line, what));
            }
        }
        Ok((used, ended))
    }

    /// How many bytes of the piece belong to the block, and whether it ends there.
    fn find_end(&mut self, piece: &[u8]) -> (usize, bool) {
        let mut rest = piece;
        while let (1.., [byte, after @ ..]) = (self.matched, rest) {
            self.matched = match byte {
                byte if END.get(self.matched) == Some(byte) => self.matched.saturating_add(1),
                b'\n' => 1,
                _ => 0,
            };
            rest = after;
            if self.matched == END.len() {
                return (piece.len().saturating_sub(rest.len()), true);
            }
        }
        if rest.is_empty() {
            return (piece.len(), false);
        }
        if let Some(found) = memmem::find(rest, END) {
            let after = rest.len().saturating_sub(found).saturating_sub(END.len());
            return (piece.len().saturating_sub(after), true);
        }
        self.matched = (1..END.len()).rev().find(|&length| rest.ends_with(&END[..length])).unwrap_or(0);
        (piece.len(), false)
    }
}

fn count(byte: u8, rows: &[u8]) -> u64 {
    memchr_iter(byte, rows).count() as u64
}
