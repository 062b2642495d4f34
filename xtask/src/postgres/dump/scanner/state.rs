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
    String {
        escapes: bool,
    },
    StringEscape,
    StringEnd {
        escapes: bool,
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
