//! Who hears what a file holds, and what is kept of it.

use crate::migration::flaw::Flaw;
use crate::sql::Token;
use std::ops::Range;

/// What psql reads after a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    Statement,
    /// Rows, up to a line `\.`.
    CopyRows,
}

/// A place in a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Place {
    pub offset: u64,
    pub line: u64,
}

/// Who hears what is read. Lines are counted from 1.
pub trait Listener {
    fn token(&mut self, token: Token<'_>, line: u64) -> Result<(), Flaw>;
    /// Bytes within dollar quotes, piece by piece; the last ones may belong to the closing quote. `place`: where they begin.
    fn dollar_quoted(&mut self, _bytes: &[u8], _place: Place) {}
    /// A statement with at least one token has ended; `bytes` are its place in the file, semicolon included.
    fn ended(&mut self, line: u64, bytes: Range<u64>) -> Result<Next, Flaw>;
    /// The rows of a COPY have ended.
    fn rows_ended(&mut self, line: u64);
}

/// A token that is kept beyond its statement's bytes, of ordinary length: words in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lexeme {
    Word(String),
    Name(String),
    /// A quoted string; of a dollar-quoted one nothing is kept.
    Text(String),
    Symbol(u8),
}

impl From<Token<'_>> for Lexeme {
    fn from(token: Token<'_>) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match token {
            Token::Word(word) => Self::Word(text(word).to_ascii_lowercase()),
            Token::Name(name) => Self::Name(text(name)),
            Token::Text(words) => Self::Text(text(words)),
            Token::Dollars => Self::Text(String::new()),
            Token::Symbol(symbol) => Self::Symbol(symbol),
        }
    }
}

impl Lexeme {
    /// A word that is not quoted.
    pub fn word(&self) -> Option<&str> {
        match self {
            Self::Word(word) => Some(word),
            _ => None,
        }
    }

    /// A name of something, quoted or not.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Word(name) | Self::Name(name) => Some(name),
            _ => None,
        }
    }
}
