//! Where in the text the lexer is.

use super::rules::BlockComment;

/// What the next byte belongs to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum State {
    /// Between tokens.
    #[default]
    Text,
    /// After a `-` that may begin a comment.
    Dash,
    /// After a `/` that may begin a comment.
    Slash,
    Word,
    /// Within double quotes.
    Name,
    /// After a double quote, which may be the first of two.
    NameEnd,
    String(Quote),
    /// After a backslash in a string.
    StringEscape(Quote),
    /// After a quote, which may be the first of two, and perhaps a line's end.
    StringEnd {
        quote: Quote,
        newline: bool,
    },
    LineComment,
    BlockComment(BlockComment),
    /// After a dollar that may begin a quote.
    DollarTag,
    /// Within dollar quotes; `matched` bytes of their end have come.
    Dollar {
        matched: usize,
    },
}

/// How a string was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quote {
    /// A backslash takes the meaning from the byte after it.
    pub escapes: bool,
    /// No letter stands before it: `standard_conforming_strings` decides.
    pub plain: bool,
}

impl State {
    /// Whether a quote is open.
    pub fn is_quoted(self) -> bool {
        matches!(self, Self::String(_) | Self::StringEscape(_) | Self::Dollar { .. } | Self::Name)
    }

    pub fn is_block_comment(self) -> bool {
        matches!(self, Self::BlockComment(_))
    }

    pub fn is_between_tokens(self) -> bool {
        self == Self::Text
    }
}
