//! What psql takes for a statement, a quote, a comment, a variable or a command of its own, by psql's rules
//! (psqlscan.l).
//!
//! The reader of dumps (`postgres::dump`) refuses everything that pg_dump does not write; this one takes all of SQL.

mod quotes;
mod routine;
mod state;
mod token;
mod variables;

pub use token::{Lexeme, Listener, Next, Token};

use super::flaw::Flaw;
use crate::postgres::lexical::{BlockComment, dollar_end, is_word};
use memchr::{memchr, memchr2};
use routine::Routine;
use state::State;

/// Names and keywords are never longer; the rest of a longer token does not matter.
const TOKEN_KEPT: usize = 256;

/// Reads a file piece by piece.
#[derive(Debug)]
pub struct Lexer {
    state: State,
    line: u64,
    /// Bytes that were read.
    offset: u64,
    /// Where the statement's first token begins.
    begun: u64,
    token: Vec<u8>,
    dollar_tag: Vec<u8>,
    /// A colon stands directly before the word, name or string that is being read.
    after_colon: bool,
    parentheses: u32,
    routine: Routine,
    empty: bool,
}

impl Default for Lexer {
    fn default() -> Self {
        Self {
            state: State::Text,
            line: 1,
            offset: 0,
            begun: 0,
            token: Vec::new(),
            dollar_tag: Vec::new(),
            after_colon: false,
            parentheses: 0,
            routine: Routine::default(),
            empty: true,
        }
    }
}

impl Lexer {
    /// Takes the next piece, of any size.
    pub fn feed(&mut self, mut piece: &[u8], listener: &mut dyn Listener) -> Result<(), Flaw> {
        while !piece.is_empty() {
            let used = self.step(piece, listener)?;
            self.line += memchr::memchr_iter(b'\n', &piece[..used]).count() as u64;
            self.offset += used as u64;
            piece = &piece[used..];
        }
        Ok(())
    }

    /// Nothing more comes. A last statement may lack its semicolon.
    pub fn finish(mut self, listener: &mut dyn Listener) -> Result<(), Flaw> {
        // A newline ends every token that has no end of its own.
        let (line, size) = (self.line, self.offset);
        self.feed(b"\n", listener)?;
        if matches!(self.state, State::StringEnd { .. }) {
            self.string_end(false, true, 0, listener)?;
        }
        let what = match self.state {
            State::Text if self.parentheses > 0 => "a parenthesis that is never closed",
            State::Text if self.routine.is_open() => "BEGIN without END in the body of a routine",
            State::Text => {
                if !self.empty {
                    listener.ended(line, self.begun..size)?;
                }
                return Ok(());
            }
            State::CopyHeader | State::CopyRows => "rows of COPY … FROM stdin that no line \\. ends",
            State::BlockComment { .. } => "a comment that is never closed",
            _ => "a quote that is never closed",
        };
        Err(Flaw { line, what: format!("it ends within {what}") })
    }

    fn flaw(&self, what: impl Into<String>) -> Flaw {
        Flaw { line: self.line, what: what.into() }
    }

    /// Consumes bytes, or changes the state that the next step consumes them in.
    fn step(&mut self, piece: &[u8], listener: &mut dyn Listener) -> Result<usize, Flaw> {
        let byte = piece[0];
        match self.state {
            State::Text => return self.text(byte, listener),
            State::Word => {
                let end = piece.iter().position(|&byte| !is_word(byte) && byte != b'$').unwrap_or(piece.len());
                self.keep(&piece[..end]);
                return if end < piece.len() {
                    self.word_end(piece[end], listener).map(|used| end + used)
                } else {
                    Ok(end)
                };
            }
            State::LineComment => {
                let end = memchr2(b'\n', b'\r', piece).unwrap_or(piece.len());
                if end < piece.len() {
                    self.state = State::Text;
                }
                return Ok(end);
            }
            State::String { escapes } => {
                let end = if escapes { memchr2(b'\'', b'\\', piece) } else { memchr(b'\'', piece) };
                self.keep(&piece[..end.unwrap_or(piece.len())]);
                let Some(end) = end else { return Ok(piece.len()) };
                let escape = piece[end] == b'\\';
                self.state = if escape { State::StringEscape } else { State::StringEnd { escapes, newline: false } };
                return Ok(end + 1);
            }
            State::StringEscape => self.state = State::String { escapes: true },
            State::StringEnd { escapes, newline } => return self.string_end(escapes, newline, byte, listener),
            State::Name => {
                let end = memchr(b'"', piece).unwrap_or(piece.len());
                self.keep(&piece[..end]);
                if end < piece.len() {
                    self.state = State::NameEnd;
                    return Ok(end + 1);
                }
                return Ok(end);
            }
            State::NameEnd if byte == b'"' => {
                self.keep(b"\"");
                self.state = State::Name;
            }
            State::NameEnd => {
                self.state = State::Text;
                self.check_variable()?;
                self.tell(Token::Name(&self.token.clone()), listener)?;
                return Ok(0);
            }
            State::Dash | State::Slash => return self.maybe_comment(byte, listener),
            State::Colon => return self.colon(byte, listener),
            State::BlockComment(comment) => {
                self.state = comment.after(byte).map_or(State::Text, State::BlockComment);
            }
            State::DollarTag => return self.dollar_tag(byte, listener),
            State::Dollar { matched: 0 } => {
                let Some(at) = memchr(b'$', piece) else { return Ok(piece.len()) };
                self.state = State::Dollar { matched: 1 };
                return Ok(at + 1);
            }
            State::Dollar { matched } => {
                let seen = dollar_end(&self.dollar_tag, matched, byte);
                self.state = seen.map_or(State::Text, |matched| State::Dollar { matched });
                if self.state == State::Text {
                    self.tell(Token::Text(b""), listener)?;
                }
            }
            State::CopyHeader => {
                if byte == b'\n' {
                    self.token.clear();
                    self.state = State::CopyRows;
                } else if !byte.is_ascii_whitespace() {
                    return Err(self.flaw("text on the line of COPY … FROM stdin"));
                }
            }
            State::CopyRows => {
                let end = memchr(b'\n', piece).unwrap_or(piece.len());
                self.keep(&piece[..end]);
                if end == piece.len() {
                    return Ok(end);
                }
                if matches!(self.token.as_slice(), b"\\." | b"\\.\r") {
                    self.state = State::Text;
                    listener.rows_ended(self.line);
                }
                self.token.clear();
                return Ok(end + 1);
            }
        }
        Ok(1)
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = TOKEN_KEPT.saturating_sub(self.token.len());
        self.token.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn tell(&mut self, token: Token<'_>, listener: &mut dyn Listener) -> Result<(), Flaw> {
        self.empty = false;
        self.after_colon = false;
        listener.token(token, self.line)
    }

    fn text(&mut self, byte: u8, listener: &mut dyn Listener) -> Result<usize, Flaw> {
        self.token.clear();
        if self.empty {
            // A comment may follow: then the next token's place counts.
            self.begun = self.offset;
        }
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c => self.after_colon = false,
            b'-' => self.state = State::Dash,
            b'/' => self.state = State::Slash,
            b':' => self.state = State::Colon,
            b'\'' => self.state = State::String { escapes: false },
            b'"' => self.state = State::Name,
            b'$' => self.state = State::DollarTag,
            b'\\' => {
                return Err(self.flaw("a backslash outside of quotes: psql would take it for a command of its own"));
            }
            byte if is_word(byte) => {
                self.state = State::Word;
                return Ok(0);
            }
            b';' if self.parentheses == 0 && !self.routine.is_open() => return self.statement_end(listener),
            symbol => {
                match symbol {
                    b'(' => self.parentheses += 1,
                    b')' => self.parentheses = self.parentheses.saturating_sub(1),
                    _ => {}
                }
                self.tell(Token::Symbol(symbol), listener)?;
            }
        }
        Ok(1)
    }

    fn statement_end(&mut self, listener: &mut dyn Listener) -> Result<usize, Flaw> {
        (self.routine, self.after_colon) = (Routine::default(), false);
        let bytes = self.begun..self.offset + 1;
        if !std::mem::replace(&mut self.empty, true) && listener.ended(self.line, bytes)? == Next::CopyRows {
            self.state = State::CopyHeader;
        }
        Ok(1)
    }

    fn maybe_comment(&mut self, byte: u8, listener: &mut dyn Listener) -> Result<usize, Flaw> {
        let (symbol, second) = if self.state == State::Dash { (b'-', b'-') } else { (b'/', b'*') };
        let comment = if symbol == b'-' { State::LineComment } else { State::BlockComment(BlockComment::BEGUN) };
        self.state = if byte == second { comment } else { State::Text };
        if byte == second {
            return Ok(1);
        }
        self.tell(Token::Symbol(symbol), listener)?;
        Ok(0)
    }

    fn colon(&mut self, byte: u8, listener: &mut dyn Listener) -> Result<usize, Flaw> {
        self.state = State::Text;
        self.tell(Token::Symbol(b':'), listener)?;
        match byte {
            b':' | b'=' => return Ok(1),
            b'{' => return Err(self.flaw("`:{`, which psql replaces")),
            _ => self.after_colon = is_word(byte) || matches!(byte, b'\'' | b'"'),
        }
        Ok(0)
    }

    /// `:NAME`, `:'NAME'` and `:"NAME"` of a variable that psql has.
    fn check_variable(&self) -> Result<(), Flaw> {
        if self.after_colon
            && let Some(name) = variables::named(&self.token)
        {
            return Err(self.flaw(format!("`:{name}`, which psql replaces by a value of its own")));
        }
        Ok(())
    }

    fn word_end(&mut self, next: u8, listener: &mut dyn Listener) -> Result<usize, Flaw> {
        self.state = State::Text;
        self.check_variable()?;
        let escapes = matches!(self.token.as_slice(), b"e" | b"E");
        if next == b'\'' && (escapes || matches!(self.token.as_slice(), b"b" | b"B" | b"x" | b"X" | b"n" | b"N")) {
            self.state = State::String { escapes };
            self.token.clear();
            return Ok(1);
        }
        let word = std::mem::take(&mut self.token);
        self.routine.follow(&word, self.parentheses > 0);
        self.tell(Token::Word(&word), listener)?;
        Ok(0)
    }
}
