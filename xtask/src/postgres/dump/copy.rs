//! One `COPY` block: found to its end and counted at the speed of memory, never row by row.

use super::Copied;
use super::copy_header::CopyHeader;
use super::watching::Watching;
use memchr::{memchr, memchr_iter, memmem};

/// What ends a block. The newline before it belongs to the last row, or to the header of an empty block.
const END: &[u8] = b"\n\\.\n";

#[derive(Debug)]
pub(super) struct CopyBlock {
    pub(super) copied: Copied,
    columns: u64,
    tabs: u64,
    /// How many bytes of `END` the piece before ended with.
    matched: usize,
    /// Whether somebody looks at the rows.
    watched: bool,
}

impl CopyBlock {
    pub(super) fn new(header: &CopyHeader, watching: &mut Watching) -> Self {
        let copied = Copied { schema: header.schema.clone(), name: header.name.clone(), rows: 0 };
        let watched = watching.block_begins(&copied, &header.columns);
        let columns = header.columns.len().max(1) as u64;
        Self { copied, columns, tabs: 0, matched: 1, watched }
    }

    /// Takes rows from the piece; says how many bytes, and whether the block ended there.
    pub(super) fn take(&mut self, piece: &[u8], watching: &mut Watching) -> Result<(usize, bool), String> {
        let (used, ended) = self.find_end(piece);
        let rows = &piece[..used];
        if memchr(b'\r', rows).is_some() {
            return Err(format!("a carriage return in the rows of table {}", self.copied.name));
        }
        if self.watched {
            watching.rows(rows);
        }
        self.copied.rows += memchr_iter(b'\n', rows).count() as u64;
        self.tabs += memchr_iter(b'\t', rows).count() as u64;
        if ended {
            // The line of the end mark itself was counted.
            self.copied.rows -= 1;
            if self.tabs != self.copied.rows * (self.columns - 1) {
                return Err(format!("a row of table {} has not {} columns", self.copied.name, self.columns));
            }
        }
        Ok((used, ended))
    }

    fn find_end(&mut self, piece: &[u8]) -> (usize, bool) {
        let mut at = 0;
        while self.matched > 0 && at < piece.len() {
            self.matched = match piece[at] {
                byte if byte == END[self.matched] => self.matched + 1,
                b'\n' => 1,
                _ => 0,
            };
            at += 1;
            if self.matched == END.len() {
                return (at, true);
            }
        }
        if at == piece.len() {
            return (at, false);
        }
        if let Some(found) = memmem::find(&piece[at..], END) {
            return (at + found + END.len(), true);
        }
        let rest = &piece[at..];
        self.matched = (1..END.len()).rev().find(|&length| rest.ends_with(&END[..length])).unwrap_or(0);
        (piece.len(), false)
    }
}
