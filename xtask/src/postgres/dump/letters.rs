//! Which letters beyond ASCII the statements and rows of a dump hold. psql sends no comment to the server.

use memchr::memchr_iter;
use std::borrow::Cow;

/// What is known of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Letters {
    pub beyond_ascii: bool,
    /// The first line with a letter that no LATIN1 has, where the text is UTF-8.
    pub beyond_latin1: Option<u64>,
    /// The first line whose bytes are no UTF-8.
    pub not_utf8: Option<u64>,
}

/// Checks a text for UTF-8. It comes in pieces, which may end within a letter.
#[derive(Debug, Default)]
pub(super) struct Utf8Check {
    pub(super) found: Letters,
    /// The beginning of a letter.
    rest: Vec<u8>,
}

impl Utf8Check {
    /// `line`: where the bytes begin.
    pub(super) fn take(&mut self, bytes: &[u8], line: u64) {
        if self.found.not_utf8.is_some() || (self.rest.is_empty() && bytes.is_ascii()) {
            return;
        }
        self.found.beyond_ascii = true;
        if self.found.beyond_latin1.is_none() {
            // U+0100 begins with the first of these bytes; no later byte of a letter is as large.
            let at = bytes.iter().position(|byte| *byte >= 0xc4);
            let line_of = |at: usize| line.saturating_add(memchr_iter(b'\n', &bytes[..at]).count() as u64);
            self.found.beyond_latin1 = at.map(line_of);
        }
        let text: Cow<'_, [u8]> = match self.rest.as_slice() {
            [] => bytes.into(),
            rest => [rest, bytes].concat().into(),
        };
        self.rest.clear();
        let Err(error) = std::str::from_utf8(&text) else { return };
        let (valid, rest) = text.split_at(error.valid_up_to());
        if error.error_len().is_some() {
            // What was kept of the piece before holds no end of a line.
            self.found.not_utf8 = Some(line.saturating_add(memchr_iter(b'\n', valid).count() as u64));
        } else {
            self.rest.extend_from_slice(rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &[u8], size: usize) -> Letters {
        let mut check = Utf8Check::default();
        let mut line = 1;
        for piece in text.chunks(size) {
            check.take(piece, line);
            line += memchr_iter(b'\n', piece).count() as u64;
        }
        check.found
    }

    #[test]
    fn letters_are_known_however_the_text_comes_in_pieces() {
        for size in 1..9 {
            let found = |beyond_ascii, not_utf8| (beyond_ascii, not_utf8);
            let of = |text| (of(text, size).beyond_ascii, of(text, size).not_utf8);
            assert_eq!(of(b"a\nb"), found(false, None));
            assert_eq!(of("é\n雪𝄞\n".as_bytes()), found(true, None));
            assert_eq!(of(b"a\n\xc3\xa9\ncaf\xe9\nx"), found(true, Some(3)), "{size}");
            assert_eq!(of(b"\xe9t\n"), found(true, Some(1)));
            assert_eq!(of(b"a\n\xf0\x9d\x84\n"), found(true, Some(2)));
        }
    }

    #[test]
    fn a_letter_that_latin1_lacks_is_found_with_its_line() {
        for size in 1..9 {
            assert_eq!(of("é\nÿ\u{80}\n".as_bytes(), size).beyond_latin1, None);
            for letter in ["€", "Ā", "雪", "𝄞"] {
                assert_eq!(of(format!("é\nÿ{letter}\n€").as_bytes(), size).beyond_latin1, Some(2), "{letter}");
            }
        }
    }
}
