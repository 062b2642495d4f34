//! Where the reader is: outside of everything, or within what.

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
    BlockComment {
        depth: u32,
        before: u8,
    },
    DollarTag,
    Dollar {
        matched: usize,
    },
    /// The rest of the line after `COPY … FROM stdin;`.
    CopyHeader,
    CopyRows,
}
