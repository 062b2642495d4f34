//! Psql's versions part on a number that something touches: how much of one stands before a place.

use super::token::LONGEST_TOKEN;

/// How much of a number stands directly before a byte.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Number {
    #[default]
    None,
    /// Digits, and perhaps letters.
    Word,
    /// Digits and an `e`: a sign may follow.
    Exponent,
    /// A number's dot.
    Dot,
}

impl Number {
    /// Directly behind this word. `after_dot`: the word is behind a number's dot.
    pub(super) fn after_word(word: &[u8], after_dot: bool) -> Self {
        match word {
            [b'0'..=b'9', .., b'e' | b'E'] => Self::Exponent,
            // Its end was not kept.
            [b'0'..=b'9', ..] if word.len() == LONGEST_TOKEN => Self::Exponent,
            [b'0'..=b'9', ..] => Self::Word,
            b"e" | b"E" if after_dot => Self::Exponent,
            _ => Self::None,
        }
    }
}
