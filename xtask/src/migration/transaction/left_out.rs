//! Words that are left out of what is sent of a file.

use std::ops::Range;

/// Words that are left out of what is sent of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Their places in the file.
    pub ranges: Vec<Range<u64>>,
    /// Modes that our own transaction gets in their place.
    pub modes: String,
    /// `READ ONLY`, which is none of them: it holds for the file's statements, and its row in the ledger is written in the
    /// same transaction.
    pub read_only: bool,
}

impl LeftOut {
    /// Puts blanks in the place of what is left out; lines stay. `at` is the piece's place in the file.
    pub fn blank(&self, piece: &mut [u8], at: u64) {
        let end = at + piece.len() as u64;
        for range in &self.ranges {
            let (from, to) = (range.start.clamp(at, end) - at, range.end.clamp(at, end) - at);
            let within = usize::try_from(from).unwrap_or_default()..usize::try_from(to).unwrap_or_default();
            piece[within].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_becomes_blanks_wherever_pieces_are_cut() {
        let text = b"BEGIN\n;SELECT 1;COMMIT;";
        let left_out = LeftOut { ranges: vec![0..7, 16..23], ..LeftOut::default() };
        for size in 1..=text.len() {
            let mut sent = Vec::new();
            for (index, piece) in text.chunks(size).enumerate() {
                let mut piece = piece.to_vec();
                left_out.blank(&mut piece, (index * size) as u64);
                sent.extend(piece);
            }
            assert_eq!(sent, b"     \n SELECT 1;       ", "pieces of {size} bytes");
        }
    }
}
