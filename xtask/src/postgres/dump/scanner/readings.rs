//! Whether a psql could read a dump or another file in another way than we do, and what it would find then.
//!
//! How psql reads a string depends on two settings of the session, `standard_conforming_strings` and
//! `client_encoding`, and a default or a check that runs while rows are loaded can change both. So from the first
//! place on where the readings part, a backslash anywhere may be a meta-command.

use super::part::Part;
use crate::postgres::dump::Hidden;
use crate::sql::State;
use memchr::{memchr_iter, memmem};

/// What would end the reach of `\restrict`.
const UNRESTRICT: &[u8] = b"\\unrestrict";
/// What `COPY` writes after a backslash.
const COPY_ESCAPES: &[u8] = b"bfnrtvN.\\";

/// Follows the bytes of a file.
#[derive(Debug, Default)]
pub struct Readings {
    parted: bool,
    /// How many bytes psql would still take for the rest of a letter, by encoding.
    rest: [u8; 4],
    /// The byte before, for GB18030.
    lead: bool,
    /// Whether an odd number of backslashes came last.
    backslash: bool,
    /// The last bytes that came.
    before: Vec<u8>,
    /// How many of them are a backslash, and what may be too little after it.
    undecided: usize,
    pub hidden: Hidden,
}

/// What psql reads a piece of text as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// A string without a letter before it, in which a backslash is a letter, or the other way round; whether the byte
    /// before was such a backslash.
    Plain {
        escapes: bool,
        escaped: bool,
    },
    /// Something that these bytes alone could end.
    Until(&'static [u8]),
    Rows,
    Statement,
}

impl Reading {
    /// `None`: where pg_dump writes the same bytes into every dump.
    pub(super) fn of(part: Part, state: State) -> Option<Self> {
        match part {
            Part::Head(_) | Part::Tail(_) => None,
            Part::Copy => Some(Self::Rows),
            Part::CopyHeaderEnd | Part::Meta => Some(Self::Statement),
            Part::Statements => Some(Self::in_statements(state)),
        }
    }

    /// Of statements, and of what stands between them.
    pub fn in_statements(state: State) -> Self {
        match state {
            State::String(quote) if quote.plain => Self::Plain { escapes: quote.escapes, escaped: false },
            State::StringEscape(quote) if quote.plain => Self::Plain { escapes: true, escaped: true },
            State::String(_) | State::StringEscape(_) => Self::Until(b"'\\"),
            State::Name => Self::Until(b"\""),
            State::Dollar { .. } => Self::Until(b"$"),
            State::LineComment => Self::Until(b""),
            State::BlockComment(_) => Self::Until(b"*/"),
            _ => Self::Statement,
        }
    }
}

impl Reading {
    /// Whether it is a comment that ends with its line.
    pub(super) fn is_comment(self) -> bool {
        self == Self::Until(b"")
    }
}

impl Readings {
    /// Whether another reading than ours is possible of what came so far.
    pub fn have_parted(&self) -> bool {
        self.parted
    }

    /// Takes bytes that were read in this way. `line`: where they begin.
    pub fn take(&mut self, bytes: &[u8], reading: Reading, line: u64) {
        if self.parted {
            return self.find_commands(bytes, reading, line);
        }
        if reading == Reading::Rows {
            self.rest = [0; 4];
            return;
        }
        if let Reading::Plain { escapes, escaped } = reading {
            self.follow_quotes(bytes, escapes, escaped);
        } else {
            self.backslash = false;
        }
        if !bytes.is_ascii() || self.rest != [0; 4] {
            self.follow_letters(bytes, reading);
        }
    }

    /// A quote after a backslash: it ends the string, or is a letter of it.
    fn follow_quotes(&mut self, bytes: &[u8], escapes: bool, escaped: bool) {
        if escapes {
            self.parted |= escaped && bytes.first() == Some(&b'\'');
            return;
        }
        // Of a string's bytes the quote comes last.
        let (text, quote) = match bytes {
            [text @ .., b'\''] => (text, true),
            text => (text, false),
        };
        let run = text.iter().rev().take_while(|byte| **byte == b'\\').count();
        let odd = run % 2 == 1;
        self.backslash = odd ^ (run == text.len() && self.backslash);
        self.parted |= quote && self.backslash;
        self.backslash &= !quote;
    }

    /// A byte that would be the rest of a letter to a psql that reads one of the encodings which servers cannot have:
    /// Shift JIS; Big5, GBK and UHC; GB18030; Johab.
    fn follow_letters(&mut self, bytes: &[u8], reading: Reading) {
        for &byte in bytes {
            if byte == b'\n' {
                self.rest = [0; 4];
                self.lead = false;
                continue;
            }
            let matters = match reading {
                Reading::Plain { escapes, .. } => byte == b'\'' || (escapes && byte == b'\\'),
                Reading::Until(ends) => ends.contains(&byte),
                Reading::Rows | Reading::Statement => byte.is_ascii(),
            };
            self.parted |= matters && self.rest.iter().any(|rest| *rest > 0);
            let high = byte >= 0x80;
            let lengths = [
                if high && !(0xa1..=0xdf).contains(&byte) { 1 } else { 0 },
                u8::from(high),
                u8::from(high),
                match byte {
                    0x8f => 2,
                    _ => u8::from(high),
                },
            ];
            // A digit as second byte of GB18030 makes a letter of four.
            if std::mem::take(&mut self.lead) && byte.is_ascii_digit() {
                self.rest[2] = 3;
            }
            self.lead = high && self.rest[2] == 0;
            for (rest, length) in self.rest.iter_mut().zip(lengths) {
                *rest = rest.checked_sub(1).unwrap_or(length);
            }
        }
    }

    /// Backslashes that could be commands, now that the readings have parted.
    fn find_commands(&mut self, bytes: &[u8], reading: Reading, line: u64) {
        let Hidden { unrestrict, command } = self.hidden;
        if unrestrict.is_some() && command.is_some() {
            return;
        }
        let text = [self.before.as_slice(), bytes].concat();
        // The bytes that were kept for a second reading hold no end of a line.
        let line_of = |at: usize| {
            let new = at.saturating_sub(self.before.len());
            line.saturating_add(memchr_iter(b'\n', bytes.get(..new).unwrap_or_default()).count() as u64)
        };
        let start = self.before.len().saturating_sub(std::mem::take(&mut self.undecided));
        let mut found = None;
        for at in memchr_iter(b'\\', &text).filter(|at| *at >= start) {
            let verdict = if reading == Reading::Rows { in_rows(&text, at) } else { Some(true) };
            match verdict {
                Some(false) => {}
                Some(true) => {
                    found = Some(at);
                    break;
                }
                None => self.undecided = text.len().saturating_sub(at),
            }
        }
        self.hidden = Hidden {
            unrestrict: unrestrict.or_else(|| memmem::find(&text, UNRESTRICT).map(line_of)),
            command: command.or_else(|| found.map(line_of)),
        };
        let kept = text.len().saturating_sub(UNRESTRICT.len());
        self.before = text.get(kept..).unwrap_or_default().to_vec();
    }
}

/// Whether a backslash in rows could be a command: not as `COPY` writes it, or as psql's `\t` and `\f`, or behind a
/// letter that may have a backslash as its second half. `None`: what follows has not come yet.
fn in_rows(text: &[u8], at: usize) -> Option<bool> {
    let next = |more: usize| at.checked_add(more).and_then(|place| text.get(place)).copied();
    let before = at.checked_sub(1).and_then(|place| text.get(place)).copied();
    if before == Some(b'\\') {
        return Some(false);
    }
    Some(match next(1)? {
        b't' | b'f' => matches!(next(2)?, b' ' | b'\t' | b'\n'),
        b'\\' => before.is_some_and(|byte| byte >= 0x80),
        escape => !COPY_ESCAPES.contains(&escape),
    })
}
