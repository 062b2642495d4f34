//! Where the reader is: outside of everything, or within what.

use crate::postgres::lexical::BlockComment;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Text,
    Dash,
    Slash,
    Colon,
    Word,
    Name,
    NameEnd,
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
    /// The rest of the line after `COPY … FROM stdin;`.
    CopyHeader,
    CopyRows,
}
