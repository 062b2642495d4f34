//! The lexer: follows psql's own rules for what is a quote, a comment, a statement's end and a row.

mod frame;
mod state;
mod tokens;

use super::copy::CopyBlock;
use super::foreign;
use super::statement::{Statement, Token};
use super::watching::Watching;
use super::{Contents, Flaw};
use crate::postgres::lexical::{BlockComment, is_word};
use memchr::{memchr, memchr_iter, memchr2};
use state::State;

/// pg_dump's first lines, of every version.
const HEAD: &[u8] = b"--\n-- PostgreSQL database dump\n--\n\n";
/// The meta-command that ends what `\restrict` began; its key follows.
const UNRESTRICT: &[u8] = b"\\unrestrict ";
/// Names, comments and settings are never longer; the rest of a longer token does not matter.
const TOKEN_KEPT: usize = 512;

/// Reads a dump piece by piece.
#[derive(Debug)]
pub struct Scanner {
    state: State,
    line: u64,
    /// Whether the rest of the piece was looked through.
    free_of_zeros: bool,
    /// Bytes before the piece that is being read.
    offset: u64,
    token: Vec<u8>,
    dollar_tag: Vec<u8>,
    statement: Statement,
    standard_strings: bool,
    open_transaction: bool,
    /// How many colons stand directly before.
    colons: usize,
    restrict_key: Option<Vec<u8>>,
    copy: Option<CopyBlock>,
    watching: Watching,
    tail: Vec<u8>,
    contents: Contents,
}

impl Default for Scanner {
    fn default() -> Self {
        Self {
            state: State::Head(0),
            line: 1,
            free_of_zeros: false,
            offset: 0,
            token: Vec::new(),
            dollar_tag: Vec::new(),
            statement: Statement::default(),
            standard_strings: true,
            open_transaction: false,
            colons: 0,
            restrict_key: None,
            copy: None,
            watching: Watching::default(),
            tail: Vec::new(),
            contents: Contents::default(),
        }
    }
}

impl Scanner {
    /// Takes the next piece, of any size.
    pub fn feed(&mut self, mut piece: &[u8]) -> Result<(), Flaw> {
        self.free_of_zeros = false;
        while !piece.is_empty() {
            if !matches!(self.state, State::Head(_)) && !self.free_of_zeros {
                // psql loses the rest of such a line, with the quotes that are in it.
                self.free_of_zeros = memchr(0, piece).is_none();
                if !self.free_of_zeros {
                    return Err(self.flaw("a zero byte, which no dump holds"));
                }
            }
            let used = self.step(piece)?;
            self.line += memchr_iter(b'\n', &piece[..used]).count() as u64;
            self.offset += used as u64;
            piece = &piece[used..];
        }
        Ok(())
    }

    /// Nothing more comes: the dump is whole, or this is where it was cut.
    pub fn finish(mut self) -> Result<Contents, Flaw> {
        let what = match self.state {
            // What was loaded would go with psql's session.
            State::Tail(_) if self.open_transaction => return Err(self.flaw("a transaction that never ends")),
            State::Tail(seen) if seen == self.tail.len() => {
                self.watching.finish(&mut self.contents);
                if let Some(key) = &self.restrict_key {
                    // The tail ends with that line and an empty one.
                    let end = self.offset - 1;
                    self.contents.restrict_lines.push(end - (UNRESTRICT.len() + key.len() + 1) as u64..end);
                }
                return Ok(self.contents);
            }
            State::Head(0) => "the file is empty".to_owned(),
            State::Head(_) => "it ends within pg_dump's first lines".to_owned(),
            State::Tail(_) => "it ends within pg_dump's last lines".to_owned(),
            State::Copy | State::CopyHeaderEnd => {
                let name = self.copy.as_ref().map(|copy| copy.copied.name.clone()).unwrap_or_default();
                format!("it ends within the rows of table {name}")
            }
            State::String { .. } | State::StringEscape | State::Dollar { .. } | State::QuotedName => {
                "it ends within a quoted text".to_owned()
            }
            _ if !self.statement.is_empty() => "it ends within a statement".to_owned(),
            _ => "pg_dump's last lines are missing".to_owned(),
        };
        Err(Flaw { cut: true, ..self.flaw(what) })
    }

    fn flaw(&self, what: impl Into<String>) -> Flaw {
        Flaw { line: self.line, what: what.into(), cut: false }
    }

    /// Consumes bytes, or changes the state that the next step consumes them in.
    fn step(&mut self, piece: &[u8]) -> Result<usize, Flaw> {
        let byte = piece[0];
        match self.state {
            State::Text => return self.text(piece),
            State::Copy => return self.rows(piece),
            State::Word => {
                let short = self.is_short_word(byte);
                let goes_on = |byte: u8| is_word(byte) || (byte == b'$' && !short);
                let end = piece.iter().position(|&byte| !goes_on(byte)).unwrap_or(piece.len());
                self.keep(&piece[..end]);
                if end == piece.len() {
                    return Ok(end);
                }
                if short && matches!(piece[end], b'$' | b'\'') {
                    return Err(self.flaw("a quote that touches a number or a psql variable"));
                }
                return self.word_end(byte_at(piece, end)).map(|used| end + used);
            }
            State::LineComment => {
                let end = memchr2(b'\n', b'\r', piece).unwrap_or(piece.len());
                self.keep(&piece[..end]);
                if end < piece.len() {
                    self.comment_end();
                }
                return Ok(end);
            }
            State::String { escapes } => {
                let end = if escapes { memchr2(b'\'', b'\\', piece) } else { memchr(b'\'', piece) };
                self.keep(&piece[..end.unwrap_or(piece.len())]);
                let Some(end) = end else { return Ok(piece.len()) };
                self.state = if piece[end] == b'\\' {
                    State::StringEscape
                } else {
                    State::StringEnd { escapes, newline: false }
                };
                return Ok(end + 1);
            }
            State::Dollar { matched: 0 } => {
                let Some(at) = memchr(b'$', piece) else { return Ok(piece.len()) };
                self.state = State::Dollar { matched: 1 };
                return Ok(at + 1);
            }
            State::Head(seen) => {
                if byte != HEAD[seen] {
                    return Err(self.flaw(foreign::kind_of(&HEAD[..seen], piece)));
                }
                self.state = if seen + 1 == HEAD.len() { State::Text } else { State::Head(seen + 1) };
            }
            State::Dash => {
                self.state = if byte == b'-' { State::LineComment } else { State::Text };
                if byte != b'-' {
                    return self.after_symbol(b'-', piece);
                }
                self.token.clear();
                self.token.extend_from_slice(b"--");
            }
            State::Slash => {
                self.state = if byte == b'*' { State::BlockComment(BlockComment::BEGUN) } else { State::Text };
                if byte != b'*' {
                    return self.after_symbol(b'/', piece);
                }
            }
            State::QuotedName => {
                let end = memchr(b'"', piece).unwrap_or(piece.len());
                self.keep(&piece[..end]);
                if end < piece.len() {
                    self.state = State::QuotedNameEnd;
                    return Ok(end + 1);
                }
                return Ok(end);
            }
            State::QuotedNameEnd if byte == b'"' => {
                self.keep(b"\"");
                self.state = State::QuotedName;
            }
            State::QuotedNameEnd => {
                self.state = State::Text;
                self.statement.take(Token::Name(&self.token), &mut self.contents);
                return self.text(piece);
            }
            State::StringEscape => self.state = State::String { escapes: true },
            State::StringEnd { escapes, newline } => return self.string_end(escapes, newline, piece),
            State::BlockComment(comment) => self.state = comment.after(byte).map_or(State::Text, State::BlockComment),
            State::DollarTag => return self.dollar_tag(piece),
            State::Dollar { matched } => self.dollar_text(matched, byte),
            State::Meta => {
                if byte == b'\n' {
                    self.meta_command()?;
                } else {
                    self.keep(&[byte]);
                }
            }
            State::CopyHeaderEnd => {
                if byte != b'\n' {
                    return Err(self.flaw("text after the header of a COPY block"));
                }
                self.state = State::Copy;
            }
            State::Tail(seen) => match self.tail.get(seen) {
                Some(&expected) if expected == byte => self.state = State::Tail(seen + 1),
                _ => return Err(self.flaw("text after the end of the dump")),
            },
        }
        Ok(1)
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = TOKEN_KEPT.saturating_sub(self.token.len());
        self.token.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }
}

fn byte_at(piece: &[u8], at: usize) -> u8 {
    piece.get(at).copied().unwrap_or_default()
}
