//! `BEGIN` and `COMMIT` in a file that runs in a transaction of ours.
//!
//! A file whose statements all stand between the two means what we do anyway. There the words are left out of what is
//! sent, so that the row in the ledger is written in the same transaction; the file and its checksum stay as they are.

use super::flaw::Flaw;
use super::reader::Lexeme;
use std::ops::Range;

/// A statement that begins or ends a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Control {
    /// With the modes that it names, as words: `isolation level serializable`.
    Begin(String),
    Commit,
    /// COMMIT AND CHAIN: the next transaction begins at once, with the same modes.
    Chain,
    /// ROLLBACK, PREPARE TRANSACTION and their like, by their first word.
    Other(String),
}

/// Modes that `SET TRANSACTION` takes, too.
const MODES: &[&str] = &[
    "isolation level serializable",
    "isolation level repeatable read",
    "isolation level read committed",
    "isolation level read uncommitted",
    "read write",
    "read only",
    "not deferrable",
    "deferrable",
];

/// The mode that a file has for its own statements alone.
const READ_ONLY: &str = "read only";

impl Control {
    /// What the tokens of a statement are, if it is one of these.
    pub fn of(statement: &[Lexeme]) -> Option<Self> {
        let words: Option<Vec<&str>> =
            statement.iter().filter(|token| **token != Lexeme::Symbol(b',')).map(Lexeme::word).collect();
        let first = statement.first()?.word()?;
        let second = statement.get(1).and_then(Lexeme::word);
        let other = || Some(Self::Other(first.to_owned()));
        let Some(words) = words else {
            // `PREPARE TRANSACTION 'x'`, or something else with a name in it.
            let controls =
                matches!((first, second), ("prepare", Some("transaction")) | ("begin" | "commit" | "end" | "abort", _))
                    || matches!(first, "rollback") && !statement.iter().any(|token| token.word() == Some("to"));
            return if controls { other() } else { None };
        };
        let rest = |skipped: usize| {
            let rest = &words[skipped..];
            if matches!(rest.first(), Some(&("work" | "transaction"))) { rest[1..].join(" ") } else { rest.join(" ") }
        };
        match (first, second) {
            ("begin", _) => modes(&rest(1)).map(Self::Begin).or_else(other),
            ("start", Some("transaction")) => modes(&words[2..].join(" ")).map(Self::Begin).or_else(other),
            ("commit" | "end", _) if matches!(rest(1).as_str(), "" | "and no chain") => Some(Self::Commit),
            ("commit" | "end", _) if rest(1) == "and chain" => Some(Self::Chain),
            ("commit" | "end" | "abort", _) | ("prepare", Some("transaction")) => other(),
            ("rollback", _) if !words.contains(&"to") => other(),
            _ => None,
        }
    }
}

/// The words, if they are modes and nothing else.
fn modes(words: &str) -> Option<String> {
    let mut rest = words;
    while !rest.is_empty() {
        let mode = MODES
            .iter()
            .find(|mode| rest.strip_prefix(**mode).is_some_and(|after| after.is_empty() || after.starts_with(' ')))?;
        rest = rest[mode.len()..].trim_start();
    }
    Some(words.to_owned())
}

/// Words that are left out of what is sent of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Their places in the file, in order.
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

/// Words that end a transaction.
const ENDS: [&[u8]; 5] = [b"abort", b"commit", b"end", b"prepare", b"rollback"];
/// The letters of the longest of them.
const LONGEST_END: usize = 8;

/// Looks for a word that ends a transaction anywhere in a file, in strings and comments, too.
#[derive(Debug, Default)]
pub struct EndsAnywhere {
    /// The first letters of the word that is being read: one more than the longest of them has.
    word: Vec<u8>,
    found: bool,
}

impl EndsAnywhere {
    pub fn feed(&mut self, piece: &[u8]) {
        for byte in piece {
            if !(byte.is_ascii_alphanumeric() || b"_$".contains(byte)) {
                self.end();
            } else if self.word.len() <= LONGEST_END {
                self.word.push(byte.to_ascii_lowercase());
            }
        }
    }

    fn end(&mut self) {
        self.found |= ENDS.contains(&self.word.as_slice());
        self.word.clear();
    }

    /// Whether such a word was there.
    pub fn finish(mut self) -> bool {
        self.end();
        self.found
    }
}

/// Follows a file's statements: whether all of them would run in one transaction anyway. What stands before the first
/// `BEGIN` does: sqlx has begun one by then, and the file's own only warns.
#[derive(Debug, Default)]
pub struct Enclosing {
    left_out: LeftOut,
    /// The modes of the first BEGIN, as the file has them.
    modes: String,
    /// Between BEGIN and COMMIT.
    inside: bool,
    /// A statement stands somewhere.
    filled: bool,
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
        self.filled = true;
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
            Control::Commit | Control::Chain if self.begun && !self.ended => {
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
        if self.broken || (uneven && !self.filled) || (self.inside && self.left_out.read_only) {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn control(text: &str) -> Option<Control> {
        let word = |word: &str| match word {
            "," => Lexeme::Symbol(b','),
            word if word.starts_with('\'') => Lexeme::Text(word.to_owned()),
            word => Lexeme::Word(word.to_owned()),
        };
        Control::of(&text.split(' ').map(word).collect::<Vec<_>>())
    }

    #[test]
    fn only_plain_words_are_a_pair() {
        let begin = |modes: &str| Some(Control::Begin(modes.to_owned()));
        let other = |word: &str| Some(Control::Other(word.to_owned()));
        for (text, expected) in [
            ("begin", begin("")),
            ("begin work", begin("")),
            (
                "begin transaction isolation level repeatable read , read write",
                begin("isolation level repeatable read read write"),
            ),
            ("start transaction read only", begin("read only")),
            ("begin immediate", other("begin")),
            ("commit", Some(Control::Commit)),
            ("end transaction", Some(Control::Commit)),
            ("commit and no chain", Some(Control::Commit)),
            ("commit and chain", Some(Control::Chain)),
            ("end work and chain", Some(Control::Chain)),
            ("commit prepared 'x'", other("commit")),
            ("prepare transaction 'x'", other("prepare")),
            ("prepare p as select 1", None),
            ("rollback", other("rollback")),
            ("rollback work to a", None),
            ("rollback prepared 'x'", other("rollback")),
            ("abort", other("abort")),
            ("savepoint a", None),
            ("start x", None),
        ] {
            assert_eq!(control(text), expected, "{text}");
        }
    }

    #[test]
    fn a_word_that_ends_a_transaction_is_found_wherever_it_stands() {
        let found = |text: &str, size: usize| {
            let mut ends = EndsAnywhere::default();
            text.as_bytes().chunks(size).for_each(|piece| ends.feed(piece));
            ends.finish()
        };
        for size in 1..12 {
            for text in ["end", "'a\\''; COMMIT; --'", "ü;Abort", "x rollback\n", "PREPARE TRANSACTION 'x'"] {
                assert!(found(text, size), "{text} in pieces of {size}");
            }
            for text in ["", "INSERT INTO t VALUES ('C:\\dir\\')", "weekend end_date committed $end prepares"] {
                assert!(!found(text, size), "{text} in pieces of {size}");
            }
        }
    }

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
