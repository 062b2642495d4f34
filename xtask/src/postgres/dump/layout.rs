//! Where a dump's statements lie, as far as it matters to a load through several sessions.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::ops::Range;

/// Memory stays bounded whatever a dump holds: one with more parts is loaded by one session.
const MOST_PARTS: usize = 200_000;

/// A stretch of whole statements. The parts of a dump lie one behind the other and cover all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub kind: PartKind,
    /// In bytes from the dump's beginning.
    pub bytes: Range<u64>,
    /// The line that it begins in, from 1.
    pub line: u64,
    /// Its `COPY` blocks, as places in `Contents::copied`.
    pub blocks: Range<usize>,
}

/// What a part does. Tables are numbered in the order in which the dump names them here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartKind {
    /// One `COPY` block into this table.
    Rows(usize),
    /// One index on this table.
    Index(usize),
    /// One primary key or unique constraint of this table: it locks the table.
    Key(usize),
    /// What pg_dump writes of an index or a constraint behind it.
    Behind,
    /// Values of sequences.
    SequenceValues,
    /// Settings of the session.
    Setting,
    /// Everything else.
    Other,
}

/// Takes the parts down, one after the other.
#[derive(Debug)]
pub(super) struct Layout {
    parts: Vec<Part>,
    /// By a hash of its name: a table's number.
    tables: HashMap<u64, usize>,
    hasher: RandomState,
    /// Where the next part begins.
    offset: u64,
    line: u64,
    blocks: usize,
    is_full: bool,
}

impl Default for Layout {
    fn default() -> Self {
        Self {
            parts: Vec::new(),
            tables: HashMap::new(),
            hasher: RandomState::new(),
            offset: 0,
            line: 1,
            blocks: 0,
            is_full: false,
        }
    }
}

impl Layout {
    /// The number of a table.
    pub(super) fn table(&mut self, schema: &[u8], name: &[u8]) -> usize {
        if self.is_full {
            return 0;
        }
        let next = self.tables.len();
        *self.tables.entry(self.hasher.hash_one((schema, name))).or_insert(next)
    }

    /// A statement ended before the byte at `offset`, in this line. `blocks`: how many blocks have ended.
    pub(super) fn ends(&mut self, kind: PartKind, offset: u64, line: u64, blocks: usize) {
        let merges = matches!(kind, PartKind::Other | PartKind::Setting | PartKind::SequenceValues);
        let is_last = self.parts.len() >= MOST_PARTS;
        match self.parts.last_mut() {
            _ if self.is_full => {}
            Some(last) if merges && last.kind == kind => {
                last.bytes.end = offset;
                last.blocks.end = blocks;
            }
            _ if is_last => {
                self.parts = Vec::new();
                self.tables = HashMap::new();
                self.is_full = true;
            }
            _ => {
                let (bytes, line, blocks) = (self.offset..offset, self.line, self.blocks..blocks);
                self.parts.push(Part { kind, bytes, line, blocks });
            }
        }
        (self.offset, self.line, self.blocks) = (offset, line, blocks);
    }

    /// The parts of a dump that ends before this byte; none where there are too many.
    pub(super) fn finish(mut self, end: u64) -> Vec<Part> {
        if end > self.offset && !self.is_full {
            self.ends(PartKind::Other, end, self.line, self.blocks);
        }
        self.parts
    }
}
