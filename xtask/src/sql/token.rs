//! What the lexer finds.

/// Names, comments and settings are never longer; the rest of a longer token does not matter.
pub const LONGEST_TOKEN: usize = 512;

/// A token. At most [`LONGEST_TOKEN`] bytes of it are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token<'a> {
    /// A keyword, a name without quotes, or a number.
    Word(&'a [u8]),
    /// A name in double quotes, without them.
    Name(&'a [u8]),
    /// A string in single quotes, without them. An escape is the letter that it stands for, a blank (`\n` and the like), or,
    /// of a letter by its number, a NUL.
    Text(&'a [u8]),
    /// A string in dollar quotes.
    Dollars,
    /// One byte of an operator, or a bracket, a comma, a semicolon.
    Symbol(u8),
}

/// What ended in a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found<'a> {
    Token(Token<'a>),
    /// A comment to the end of its line, which begins with `--`.
    Comment(&'a [u8]),
    /// A backslash outside of quotes: psql reads a command of its own from here to the end of the line.
    Backslash,
}

/// The kind of a token, without its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Word,
    Name,
    Text,
    Dollars,
    Symbol(u8),
    Comment,
    Backslash,
}

impl Kind {
    pub(super) fn with(self, text: &[u8]) -> Found<'_> {
        Found::Token(match self {
            Self::Word => Token::Word(text),
            Self::Name => Token::Name(text),
            Self::Text => Token::Text(text),
            Self::Dollars => Token::Dollars,
            Self::Symbol(symbol) => Token::Symbol(symbol),
            Self::Comment => return Found::Comment(text),
            Self::Backslash => return Found::Backslash,
        })
    }
}
