//! Where in the text the scanner stands.

use crate::postgres::lexical::BlockComment;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// So many bytes of `HEAD` have come.
    Head(usize),
    Text,
    Dash,
    Slash,
    Word,
    QuotedName,
    QuotedNameEnd,
    String(Quote),
    StringEscape(Quote),
    StringEnd {
        quote: Quote,
        newline: bool,
    },
    LineComment,
    BlockComment(BlockComment),
    DollarTag,
    Dollar {
        matched: usize,
    },
    Meta,
    CopyHeaderEnd,
    Copy,
    /// So many bytes of what follows the trailer have come.
    Tail(usize),
}

/// How a string was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Quote {
    /// A backslash takes the meaning from what follows it.
    pub(super) escapes: bool,
    /// No letter said so, but the setting.
    pub(super) plain: bool,
}
