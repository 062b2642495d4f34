//! What the lexer tells of, and whom.

use crate::migration::checks::Flaw;

/// A token of a statement. Words are unquoted (keywords, names, numbers).
#[derive(Debug, Clone, Copy)]
pub enum Token<'a> {
    Word(&'a [u8]),
    Name(&'a [u8]),
    /// A quoted string; of a dollar-quoted one nothing is kept.
    Text(&'a [u8]),
    Symbol(u8),
}

/// What psql reads after a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    Statement,
    /// Rows, up to a line `\.`.
    CopyRows,
}

/// Who is told what is read. Lines are counted from 1.
pub trait Listener {
    fn token(&mut self, token: Token<'_>, line: u64) -> Result<(), Flaw>;
    /// A statement with at least one token has ended.
    fn ended(&mut self, line: u64) -> Result<Next, Flaw>;
    /// The rows of a COPY have ended.
    fn rows_ended(&mut self, line: u64);
}
