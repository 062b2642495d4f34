//! Where in the text the scanner stands.

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
    BlockComment {
        depth: u32,
        before: u8,
    },
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

/// One byte further in a block comment, which may hold others.
pub(super) fn after_in_block_comment(depth: u32, before: u8, byte: u8) -> State {
    match (before, byte) {
        (b'*', b'/') if depth == 1 => State::Text,
        (b'*', b'/') => State::BlockComment { depth: depth - 1, before: 0 },
        (b'/', b'*') => State::BlockComment { depth: depth + 1, before: 0 },
        _ => State::BlockComment { depth, before: byte },
    }
}
