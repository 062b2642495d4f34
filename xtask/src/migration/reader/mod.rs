//! Which statements a migration file has: where each ends by psql's rules, which rows follow a `COPY`, and that nothing in
//! the file is a command or a variable of psql.

mod listener;
mod routine;
mod variables;

pub use listener::{Lexeme, Listener, Next, Place};

use super::flaw::Flaw;
use crate::postgres::dump::{Reading, Readings};
use crate::sql::{Dialect, Found, LONGEST_TOKEN, Lexer, Spelling, State, Token};
use memchr::{memchr, memchr_iter};
use routine::Routine;

/// A file that changes `standard_conforming_strings` is refused, so that its value is known.
const DIALECT: Dialect = Dialect { standard_strings: true, spelling: Spelling::Any };

/// What the next byte belongs to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Part {
    #[default]
    Statements,
    /// The rest of the line after `COPY … FROM stdin;`.
    CopyHeader,
    CopyRows,
}

/// Reads a file piece by piece.
#[derive(Debug)]
pub struct Reader {
    part: Part,
    lexer: Lexer,
    line: u64,
    /// Bytes that were read.
    offset: u64,
    /// Where the statement's first token begins.
    begun: u64,
    /// The row of a `COPY` that is being read.
    row: Vec<u8>,
    parentheses: u32,
    routine: Routine,
    readings: Readings,
    /// The statement has no token yet.
    empty: bool,
}

impl Default for Reader {
    fn default() -> Self {
        Self {
            part: Part::default(),
            lexer: Lexer::default(),
            line: 1,
            offset: 0,
            begun: 0,
            row: Vec::new(),
            parentheses: 0,
            routine: Routine::default(),
            readings: Readings::default(),
            empty: true,
        }
    }
}

impl Reader {
    /// Takes the next piece, of any size.
    pub fn feed(&mut self, mut piece: &[u8], listener: &mut dyn Listener) -> Result<(), Flaw> {
        while !piece.is_empty() {
            let reading = match self.part {
                Part::Statements => Reading::in_statements(self.lexer.state()),
                Part::CopyHeader => Reading::Statement,
                Part::CopyRows => Reading::Rows,
            };
            let used = match self.part {
                Part::Statements => self.statement(piece, listener)?,
                Part::CopyHeader => self.copy_header(piece[0])?,
                Part::CopyRows => self.rows(piece, listener),
            };
            if used > 0 {
                self.readings.take(&piece[..used], reading, self.line);
            }
            self.line += memchr_iter(b'\n', &piece[..used]).count() as u64;
            self.offset += used as u64;
            piece = &piece[used..];
        }
        Ok(())
    }

    /// Nothing more comes. A last statement may lack its semicolon. Gives what psql could read otherwise.
    pub fn finish(mut self, listener: &mut dyn Listener) -> Result<Readings, Flaw> {
        // A newline ends every token that has no end of its own.
        let (line, size) = (self.line, self.offset);
        self.feed(b"\n", listener)?;
        if let Some(token) = self.lexer.finish() {
            self.empty = false;
            listener.token(token, line)?;
        }
        let what = match self.part {
            Part::CopyHeader | Part::CopyRows => "rows of COPY … FROM stdin that no line \\. ends",
            Part::Statements if self.lexer.state().is_quoted() => "a quote that is never closed",
            Part::Statements if self.lexer.state().is_block_comment() => "a comment that is never closed",
            Part::Statements if self.parentheses > 0 => "a parenthesis that is never closed",
            Part::Statements if self.routine.is_open() => "BEGIN without END in the body of a routine",
            Part::Statements if self.empty => return Ok(self.readings),
            Part::Statements => return listener.ended(line, self.begun..size).map(|_| self.readings),
        };
        Err(Flaw { line, what: format!("it ends within {what}") })
    }

    fn flaw(&self, what: impl Into<String>) -> Flaw {
        Flaw { line: self.line, what: what.into() }
    }

    /// A part of a statement, or what stands between statements.
    fn statement(&mut self, piece: &[u8], listener: &mut dyn Listener) -> Result<usize, Flaw> {
        let line = self.line;
        let flaw = |what: String| Flaw { line, what };
        if self.empty && self.lexer.state().is_between_tokens() {
            // A comment may follow: then the next token's place counts.
            self.begun = self.offset;
        }
        let is_body = matches!(self.lexer.state(), State::Dollar { .. });
        let step = self.lexer.step(piece, DIALECT).map_err(|what| flaw(what.to_owned()))?;
        let used = step.used;
        if is_body {
            listener.dollar_quoted(&piece[..used], Place { offset: self.offset, line });
        }
        let token = match step.found {
            None | Some(Found::Comment(_)) => return Ok(used),
            Some(Found::Backslash) => {
                return Err(flaw("a backslash outside of quotes: psql would take it for a command of its own".into()));
            }
            Some(Found::Token(token)) => token,
        };
        if let Some(name) = step.variable_name().and_then(variables::named) {
            return Err(flaw(format!("`:{name}`, which psql replaces by a value of its own")));
        }
        match token {
            Token::Symbol(b';') if self.parentheses == 0 && !self.routine.is_open() => {
                return self.statement_end(used, listener);
            }
            Token::Symbol(b'(') => self.parentheses += 1,
            Token::Symbol(b')') => self.parentheses = self.parentheses.saturating_sub(1),
            _ => {}
        }
        if let Some(what) = self.routine.take(token, self.parentheses > 0) {
            return Err(flaw(what.to_owned()));
        }
        self.empty = false;
        listener.token(token, line)?;
        Ok(used)
    }

    /// The semicolon has been read.
    fn statement_end(&mut self, used: usize, listener: &mut dyn Listener) -> Result<usize, Flaw> {
        self.routine = Routine::default();
        let bytes = self.begun..self.offset + used as u64;
        if !std::mem::replace(&mut self.empty, true) && listener.ended(self.line, bytes)? == Next::CopyRows {
            self.part = Part::CopyHeader;
        }
        Ok(used)
    }

    fn copy_header(&mut self, byte: u8) -> Result<usize, Flaw> {
        if byte == b'\n' {
            self.row.clear();
            self.part = Part::CopyRows;
        } else if !byte.is_ascii_whitespace() {
            return Err(self.flaw("text on the line of COPY … FROM stdin"));
        }
        Ok(1)
    }

    fn rows(&mut self, piece: &[u8], listener: &mut dyn Listener) -> usize {
        let end = memchr(b'\n', piece).unwrap_or(piece.len());
        let room = LONGEST_TOKEN.saturating_sub(self.row.len());
        self.row.extend_from_slice(&piece[..end.min(room)]);
        if end == piece.len() {
            return end;
        }
        if matches!(self.row.as_slice(), b"\\." | b"\\.\r") {
            self.part = Part::Statements;
            listener.rows_ended(self.line);
        }
        self.row.clear();
        end + 1
    }
}
