//! The lexer: follows psql's own rules for what is a quote, a comment, a statement's end and a row.

mod frame;
mod readings;
mod state;
mod tokens;

use super::copy::CopyBlock;
use super::foreign;
use super::statement::{Ended, Statements, Token, printable};
use super::watching::Watching;
use super::{Contents, Flaw};
use crate::postgres::lexical::{BlockComment, is_word};
use memchr::{memchr, memchr_iter, memchr2};
use readings::Readings;
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
    /// Bytes before the piece that is being read.
    offset: u64,
    token: Vec<u8>,
    dollar_tag: Vec<u8>,
    statements: Statements,
    standard_strings: bool,
    open_transaction: bool,
    /// How many colons stand directly before.
    colons: usize,
    restrict_key: Option<Vec<u8>>,
    copy: Option<CopyBlock>,
    watching: Watching,
    tail: Vec<u8>,
    /// Where the tail ended, in bytes from the beginning.
    tail_end: u64,
    readings: Readings,
    contents: Contents,
}

impl Default for Scanner {
    fn default() -> Self {
        Self {
            state: State::Head(0),
            line: 1,
            offset: 0,
            token: Vec::new(),
            dollar_tag: Vec::new(),
            statements: Statements::default(),
            standard_strings: true,
            open_transaction: false,
            colons: 0,
            restrict_key: None,
            copy: None,
            watching: Watching::default(),
            tail: Vec::new(),
            tail_end: 0,
            readings: Readings::default(),
            contents: Contents::default(),
        }
    }
}

impl Scanner {
    /// Takes the next piece, of any size.
    pub fn feed(&mut self, piece: &[u8]) -> Result<(), Flaw> {
        let mut rest = piece;
        // What else than a dump it is its first bytes say, zeros among them.
        while matches!(self.state, State::Head(_)) && !rest.is_empty() {
            rest = self.advance(rest)?;
        }
        let zero = memchr(0, rest);
        let mut text = &rest[..zero.unwrap_or(rest.len())];
        while !text.is_empty() {
            text = self.advance(text)?;
        }
        // psql loses the rest of such a line, with the quotes that are in it.
        if zero.is_some() { Err(self.flaw("a zero byte, which no dump holds")) } else { Ok(()) }
    }

    /// Takes some of the text; what is left of it.
    fn advance<'a>(&mut self, text: &'a [u8]) -> Result<&'a [u8], Flaw> {
        let state = self.state;
        let used = self.step(text)?;
        self.readings.take(&text[..used], state, self.line);
        self.line = self.line.saturating_add(memchr_iter(b'\n', &text[..used]).count() as u64);
        self.offset = self.offset.saturating_add(used as u64);
        Ok(&text[used..])
    }

    /// The line that the statement begins in which was read last; a block of rows belongs to its `COPY`.
    pub fn latest_statement(&self) -> u64 {
        self.statements.latest_line()
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
                    let end = self.tail_end.saturating_sub(1);
                    let line = UNRESTRICT.len().saturating_add(key.len()).saturating_add(1) as u64;
                    self.contents.restrict_lines.push(end.saturating_sub(line)..end);
                }
                self.contents.hidden = self.readings.hidden;
                return Ok(self.contents);
            }
            State::Head(0) => "the file is empty".to_owned(),
            State::Head(_) => "it ends within pg_dump's first lines".to_owned(),
            State::Tail(_) => "it ends within pg_dump's last lines".to_owned(),
            State::Copy | State::CopyHeaderEnd => {
                let name = self.copy.as_ref().map(|copy| printable(&copy.copied.name)).unwrap_or_default();
                format!("it ends within the rows of table {name}")
            }
            State::String(_) | State::StringEscape(_) | State::Dollar { .. } | State::QuotedName => {
                "it ends within a quoted text".to_owned()
            }
            _ if !self.statements.is_empty() => "it ends within a statement".to_owned(),
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
                return self.word_end(byte_at(piece, end)).map(|used| end.saturating_add(used));
            }
            State::LineComment => {
                let end = memchr2(b'\n', b'\r', piece).unwrap_or(piece.len());
                self.keep(&piece[..end]);
                if end < piece.len() {
                    self.comment_end();
                }
                return Ok(end);
            }
            State::String(quote) => {
                let end = if quote.escapes { memchr2(b'\'', b'\\', piece) } else { memchr(b'\'', piece) };
                self.keep(&piece[..end.unwrap_or(piece.len())]);
                let Some(end) = end else { return Ok(piece.len()) };
                self.state = if piece[end] == b'\\' {
                    State::StringEscape(quote)
                } else {
                    State::StringEnd { quote, newline: false }
                };
                return Ok(end.saturating_add(1));
            }
            State::Dollar { matched: 0 } => {
                let Some(at) = memchr(b'$', piece) else { return Ok(piece.len()) };
                self.state = State::Dollar { matched: 1 };
                return Ok(at.saturating_add(1));
            }
            State::Head(seen) => {
                if byte != HEAD[seen] {
                    return Err(self.flaw(foreign::kind_of(&HEAD[..seen], piece)));
                }
                let seen = seen.saturating_add(1);
                self.state = if seen == HEAD.len() { State::Text } else { State::Head(seen) };
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
                    return Ok(end.saturating_add(1));
                }
                return Ok(end);
            }
            State::QuotedNameEnd if byte == b'"' => {
                self.keep(b"\"");
                self.state = State::QuotedName;
            }
            State::QuotedNameEnd => {
                self.state = State::Text;
                let name = std::mem::take(&mut self.token);
                self.take(Token::Name(&name));
                self.token = name;
                return self.text(piece);
            }
            State::StringEscape(quote) => self.state = State::String(quote),
            State::StringEnd { quote, newline } => return self.string_end(quote, newline, piece),
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
                Some(&expected) if expected == byte => {
                    self.state = State::Tail(seen.saturating_add(1));
                    self.tail_end = self.offset.saturating_add(1);
                }
                // Where the lines of `\restrict` were taken out, their empty ones stay; editors add blanks.
                None if byte.is_ascii_whitespace() => {}
                _ => return Err(self.flaw("text after the end of the dump")),
            },
        }
        Ok(1)
    }

    fn take(&mut self, token: Token<'_>) -> Option<Ended> {
        self.statements.take(token, self.line, &mut self.contents)
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = TOKEN_KEPT.saturating_sub(self.token.len());
        self.token.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }
}

fn byte_at(piece: &[u8], at: usize) -> u8 {
    piece.get(at).copied().unwrap_or_default()
}
