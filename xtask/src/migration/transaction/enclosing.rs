//! Whether `BEGIN` and `COMMIT` stand around all of a file.

use super::control::Control;
use super::left_out::LeftOut;
use crate::migration::flaw::Flaw;
use std::ops::Range;

/// The mode that a file has for its own statements alone.
const READ_ONLY: &str = "read only";

/// Follows a file's statements: whether all of them would run in one transaction anyway. What stands before the first
/// `BEGIN` does: sqlx has begun one by then, and the file's own only warns.
#[derive(Debug, Default)]
pub struct Enclosing {
    left_out: LeftOut,
    /// The modes of the first BEGIN, as the file has them.
    modes: String,
    /// Between BEGIN and COMMIT.
    inside: bool,
    /// A statement stands before the first BEGIN.
    begun: bool,
    /// After a COMMIT.
    ended: bool,
    /// After a COMMIT without BEGIN, which ends what stands before it: nothing may follow.
    closed: bool,
    /// The words are no pairs, and yet mean what one transaction does.
    uneven: bool,
    /// A statement stands outside, or the words are not such a pair.
    broken: bool,
    /// The first of the words.
    first: Option<Flaw>,
}

impl Enclosing {
    /// A statement that is none of these words.
    pub fn statement(&mut self) {
        self.begun |= !self.inside;
        self.broken |= !self.inside && self.ended;
    }

    pub fn control(&mut self, control: Control, line: u64, bytes: Range<u64>) {
        let word = match &control {
            Control::Begin(_) => "BEGIN".to_owned(),
            Control::Commit | Control::Chain => "COMMIT".to_owned(),
            Control::Other(word) => word.to_ascii_uppercase(),
        };
        let what = format!("{word} in a file that runs in one transaction with its row in the ledger");
        self.first.get_or_insert(Flaw { line, what });
        match control {
            // The server only warns of it.
            Control::Begin(modes) if self.inside && modes.is_empty() => self.uneven = true,
            Control::Begin(modes)
                if !(self.inside || self.closed)
                    && (self.left_out.ranges.is_empty() || modes == self.modes)
                    // After a statement the server takes no modes.
                    && (modes.is_empty() || !self.begun) =>
            {
                self.left_out.read_only = modes.contains(READ_ONLY);
                self.left_out.modes = modes.replace(READ_ONLY, "").split_whitespace().collect::<Vec<_>>().join(" ");
                self.modes = modes;
                self.inside = true;
            }
            Control::Commit if self.inside => (self.inside, self.ended) = (false, true),
            Control::Chain if self.inside => self.uneven = true,
            // The server only warns of it.
            Control::Commit if self.ended => self.uneven = true,
            Control::Commit | Control::Chain if !self.ended => {
                (self.ended, self.closed, self.uneven) = (true, true, true);
            }
            _ => self.broken = true,
        }
        self.left_out.ranges.push(bytes);
    }

    /// What is left out of the file, and what a person should know of that.
    ///
    /// # Errors
    /// A statement stands after a COMMIT, or leaving the words out would change what the file does. sqlx cannot write its
    /// row in a transaction that is left READ ONLY.
    pub fn finish(self) -> Result<Option<(Flaw, LeftOut)>, Flaw> {
        let Some(flaw) = self.first else { return Ok(None) };
        let uneven = self.uneven || self.inside;
        if self.broken || (self.inside && self.left_out.read_only) {
            return Err(flaw);
        }
        let what = if uneven { UNEVEN } else { AROUND };
        Ok(Some((Flaw { line: flaw.line, what: what.to_owned() }, self.left_out)))
    }
}

const AROUND: &str =
    "BEGIN and COMMIT around the file are not sent: it runs in one transaction with its row in the ledger";
const UNEVEN: &str = "BEGIN and COMMIT, which are no pairs here, are not sent: the file runs in one transaction with its row \
                      in the ledger";
