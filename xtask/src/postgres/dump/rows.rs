//! The rows of a `COPY` block, of which some fields are looked at.

use memchr::memchr2;

/// The longest field that is looked at has 30 bytes: a time stamp.
const FIELD_KEPT: usize = 64;

/// Three fields of each row, by the names of their columns.
#[derive(Debug)]
pub(super) struct Rows {
    columns: usize,
    wanted: [usize; 3],
    column: usize,
    field: Vec<u8>,
    kept: [Vec<u8>; 3],
}

impl Rows {
    /// A name that is no column's gives an empty field.
    pub(super) fn new(columns: &[String], wanted: [&str; 3]) -> Self {
        let position = |name: &str| columns.iter().position(|column| column == name).unwrap_or(usize::MAX);
        Self {
            columns: columns.len(),
            wanted: wanted.map(position),
            column: 0,
            field: Vec::new(),
            kept: Default::default(),
        }
    }

    /// Takes the next piece of the block; `row` gets the fields of each row that ends in it.
    pub(super) fn take(&mut self, mut piece: &[u8], row: &mut dyn FnMut(&[Vec<u8>; 3])) {
        loop {
            let end = memchr2(b'\t', b'\n', piece);
            let field = &piece[..end.unwrap_or(piece.len())];
            let room = FIELD_KEPT.saturating_sub(self.field.len());
            self.field.extend_from_slice(&field[..field.len().min(room)]);
            let Some(end) = end else { return };
            let field = std::mem::take(&mut self.field);
            if let Some(slot) = self.wanted.iter().position(|&column| column == self.column) {
                self.kept[slot] = field;
            }
            self.column = self.column.saturating_add(1);
            if piece[end] == b'\n' {
                // The end mark's line has one column only.
                if self.column == self.columns {
                    row(&self.kept);
                }
                self.column = 0;
            }
            piece = &piece[end.saturating_add(1)..];
        }
    }
}
