//! Where a routine's body ends: psql counts `BEGIN`, `CASE` and `END` in a statement that makes one, wherever they stand
//! outside of parentheses, and ends no statement between the first and the last of them.

/// How many `BEGIN` and `CASE` wait for their `END`.
#[derive(Debug, Default)]
pub struct Nesting {
    depth: u32,
}

/// The words that psql counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NestingWord {
    Begin,
    /// Counts within a `BEGIN` only.
    Case,
    End,
}

impl Nesting {
    /// How many BEGIN and CASE are open.
    pub fn depth(&self) -> u32 {
        self.depth
    }

    /// Whether a semicolon ends nothing.
    pub fn is_open(&self) -> bool {
        self.depth > 0
    }

    /// Counts one of the words, as psql does.
    pub fn follow(&mut self, word: NestingWord) {
        self.depth = match word {
            NestingWord::Begin => self.depth.saturating_add(1),
            NestingWord::Case if self.depth == 0 => 0,
            NestingWord::Case => self.depth.saturating_add(1),
            NestingWord::End => self.depth.saturating_sub(1),
        };
    }
}
