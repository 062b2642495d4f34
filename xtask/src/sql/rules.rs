//! Rules that hold byte by byte: words, comments that nest, the end of a dollar quote.

/// A byte of a word, a name without quotes or a dollar quote's tag.
pub fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// A block comment that is open; it may hold others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockComment {
    depth: u32,
    before: u8,
}

impl BlockComment {
    /// psql takes a time that grows with the square of it.
    pub const DEEPEST: u32 = 1000;

    /// After its `/*`.
    pub const BEGUN: Self = Self { depth: 1, before: 0 };

    /// Whether too many stand in one another.
    pub fn is_too_deep(self) -> bool {
        self.depth > Self::DEEPEST
    }

    /// One byte further; `None`: it has ended.
    pub fn after(self, byte: u8) -> Option<Self> {
        match (self.before, byte) {
            (b'*', b'/') if self.depth == 1 => None,
            (b'*', b'/') => Some(Self { depth: self.depth.saturating_sub(1), before: 0 }),
            (b'/', b'*') => Some(Self { depth: self.depth.saturating_add(1), before: 0 }),
            _ => Some(Self { before: byte, ..self }),
        }
    }
}

/// How many bytes of a dollar quote's end (`$tag$`) have come after this byte, when `matched` had come before it. `None`:
/// the quote has ended.
pub fn dollar_end(tag: &[u8], matched: usize, byte: u8) -> Option<usize> {
    let expected = match matched {
        0 => b'$',
        matched => tag.get(matched.saturating_sub(1)).copied().unwrap_or(b'$'),
    };
    match byte {
        byte if byte == expected && matched == tag.len().saturating_add(1) => None,
        byte if byte == expected => Some(matched.saturating_add(1)),
        b'$' => Some(1),
        _ => Some(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many bytes of the text belong to what it begins with.
    fn length<S>(text: &str, start: S, step: impl Fn(S, u8) -> Option<S>) -> Option<usize> {
        let mut state = start;
        for (at, byte) in text.bytes().enumerate() {
            match step(state, byte) {
                Some(next) => state = next,
                None => return Some(at + 1),
            }
        }
        None
    }

    #[test]
    fn a_comment_ends_with_the_last_it_holds() {
        let end = |text| length(text, BlockComment::BEGUN, BlockComment::after);
        assert_eq!(end(" a */b"), Some(5));
        assert_eq!(end(" /* /* */ */ */b"), Some(15));
        assert_eq!(end("/ */b"), Some(4));
        assert_eq!((end(" a *"), end("/*/ */")), (None, None));
    }

    #[test]
    fn a_dollar_quote_ends_with_its_own_tag() {
        let end = |tag: &'static str, text| length(text, 0, |seen, byte| dollar_end(tag.as_bytes(), seen, byte));
        assert_eq!(end("", "a $ $$b"), Some(6));
        assert_eq!(end("a", "$b$ $a$a$"), Some(7));
        assert_eq!(end("ab", "$a$ab$"), Some(6));
        assert_eq!((end("a", "$$ $a"), end("", "$")), (None, None));
    }
}
