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
        let text: Cow<'_, [u8]> = match self.rest.as_slice() {
            [] => bytes.into(),
            rest => [rest, bytes].concat().into(),
        };
        self.rest.clear();
        // What was kept of the piece before holds no end of a line.
        let line_of = |before: &str| line.saturating_add(memchr_iter(b'\n', before.as_bytes()).count() as u64);
        let (valid, after, is_wrong) = match std::str::from_utf8(&text) {
            Ok(whole) => (whole, &[][..], false),
            Err(error) => {
                let (valid, after) = text.split_at(error.valid_up_to());
                (std::str::from_utf8(valid).unwrap_or_default(), after, error.error_len().is_some())
            }
        };
        if self.found.beyond_latin1.is_none() && has_beyond_latin1(valid) {
            let before = valid.split(|letter| letter > LAST_OF_LATIN1).next();
            self.found.beyond_latin1 = before.map(line_of);
        }
        if is_wrong {
            self.found.not_utf8 = Some(line_of(valid));
        } else {
            self.rest.extend_from_slice(after);
        }
    }
}

const LAST_OF_LATIN1: char = '\u{ff}';

/// Counted by what is compiled with optimisation: the letters of LATIN1 beyond ASCII have two bytes each, the first of
/// which is one of two.
fn has_beyond_latin1(text: &str) -> bool {
    let of_latin1 = [0xc2, 0xc3].map(|first| memchr_iter(first, text.as_bytes()).count());
    text.len().saturating_sub(text.chars().count()) > of_latin1.into_iter().sum()
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
            // It counts only before what is no UTF-8.
            let letters = of(b"\xc3\xa9\n\xa0\xc7\xc7\n\xc4\x80", size);
            assert_eq!((letters.beyond_latin1, letters.not_utf8), (None, Some(2)), "{size}");
            let letters = of(b"\xc4\x80\n\xc4\n", size);
            assert_eq!((letters.beyond_latin1, letters.not_utf8), (Some(1), Some(2)), "{size}");
        }
    }
}
