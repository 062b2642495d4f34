//! Where the statements of a routine's own body are.

use super::cutter::Piece;
use super::words::{begins, outside, words};

/// Whether a piece between semicolons belongs to a routine: for the server, which reads statement by statement up to the
/// one that begins with END, and for psql, which counts words.
#[derive(Default)]
pub struct Bodies {
    server: bool,
    psql: usize,
    routine: bool,
}

impl Bodies {
    /// Whether this piece, to both, is within the body that a piece before it began.
    pub fn is_within(&mut self, statement: &[Piece]) -> bool {
        let inside = self.server && self.psql > 0;
        let creates = begins(statement, &["create"])
            && words(statement).iter().take(4).any(|word| ["function", "procedure"].contains(word));
        if self.psql == 0 {
            self.routine = creates;
        }
        if !self.server {
            self.server = creates && outside(statement).windows(2).any(|pair| pair == ["begin", "atomic"]);
        } else {
            self.server = !begins(statement, &["end"]);
        }
        for word in outside(statement).iter().filter(|_| self.routine) {
            match *word {
                "begin" => self.psql += 1,
                "case" if self.psql > 0 => self.psql += 1,
                "end" => self.psql = self.psql.saturating_sub(1),
                _ => {}
            }
        }
        inside
    }
}
