//! The strings of an `EXECUTE` or of a `DO`, as the server reads them.

use crate::sql::{Dialect, Found, Lexer, Spelling, State, Token};
use memchr::memrchr;

const DIALECT: Dialect = Dialect { standard_strings: true, spelling: Spelling::Body };

/// Each string, in order; and behind them the strings that are put together by `||` or stand in one list. `None`: the text
/// is not understood, or a letter stands in it by its number.
pub fn of(text: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut reader = Strings::default();
    for byte in text.iter().chain(b"\n") {
        reader.take(*byte)?;
    }
    if reader.lexer.finish().is_some() {
        reader.end(false)?;
    }
    let Strings { lexer, mut found, mut runs, .. } = reader;
    runs.retain(|(count, _)| *count > 1);
    found.extend(runs.into_iter().map(|(_, run)| run));
    (!lexer.state().is_quoted()).then_some(found)
}

#[derive(Debug, Default)]
struct Strings {
    lexer: Lexer,
    /// The string that is being read.
    open: Vec<u8>,
    found: Vec<Vec<u8>>,
    /// Strings between which nothing but `||`, commas and brackets stands: their number, and all of them in one.
    runs: Vec<(usize, Vec<u8>)>,
    /// Something else stands behind the last string.
    is_apart: bool,
    /// `&` stands directly before, as in `U&'…'`.
    is_unicode: bool,
}

impl Strings {
    fn take(&mut self, byte: u8) -> Option<()> {
        loop {
            let before = self.lexer.state();
            let step = self.lexer.step(&[byte], DIALECT).ok()?;
            let (used, found) = (step.used, step.found);
            let ended = match found {
                None | Some(Found::Comment(_)) => None,
                Some(Found::Token(token @ (Token::Text(_) | Token::Dollars))) => Some(token == Token::Dollars),
                Some(Found::Token(Token::Symbol(b'|' | b',' | b'(' | b')' | b'[' | b']'))) => None,
                Some(token) => {
                    self.is_apart = true;
                    self.is_unicode = matches!(token, Found::Token(Token::Symbol(b'&')));
                    None
                }
            };
            if used > 0 {
                self.keep(before, byte)?;
            }
            if let Some(is_dollars) = ended {
                self.end(is_dollars)?;
            }
            if used > 0 {
                return Some(());
            }
        }
    }

    /// Keeps a byte of a string. `before`: where the lexer was.
    fn keep(&mut self, before: State, byte: u8) -> Option<()> {
        match (before, self.lexer.state()) {
            (State::String(_), State::String(_)) | (State::Dollar { .. }, _) => self.open.push(byte),
            (State::StringEnd { newline: false, .. }, State::String(_)) => self.open.push(b'\''),
            (State::StringEscape(_), _) if byte.is_ascii_digit() || b"xuU".contains(&byte) => return None,
            (State::StringEscape(_), _) => self.open.push(if b"bfnrt".contains(&byte) { b' ' } else { byte }),
            _ => {}
        }
        Some(())
    }

    fn end(&mut self, is_dollars: bool) -> Option<()> {
        let mut text = std::mem::take(&mut self.open);
        if std::mem::take(&mut self.is_unicode) && text.contains(&b'\\') {
            return None;
        }
        if is_dollars {
            // The end of the quotes: `$tag$`.
            text.pop();
            text.truncate(memrchr(b'$', &text).unwrap_or(text.len()));
        }
        match self.runs.last_mut().filter(|_| !self.is_apart) {
            Some((count, run)) => {
                *count = count.saturating_add(1);
                run.extend_from_slice(&text);
            }
            None => self.runs.push((1, text.clone())),
        }
        self.is_apart = false;
        self.found.push(text);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_read_whole_and_put_together() {
        let read = |text: &str| {
            let found = of(text.as_bytes());
            found.map(|found| found.into_iter().map(|text| String::from_utf8(text).unwrap()).collect::<Vec<_>>())
        };
        let long = "x".repeat(2_000);
        for (text, expected) in [
            (" 'a''b'", &["a'b"][..]),
            (" E'a\\nb\\'c\\\\'", &["a b'c\\"]),
            ("$q$a $b$ c$q$", &["a $b$ c"]),
            ("$$$$", &[""]),
            (&format!("'{long}'"), &[&long]),
            ("'ALTER ROLE ' || 'app'", &["ALTER ROLE ", "app", "ALTER ROLE app"]),
            ("concat('a', $$b$$, 'c')", &["a", "b", "c", "abc"]),
            ("'a' || x || 'b'", &["a", "b"]),
            ("CASE WHEN 'a' = 'b' THEN 'c' END -- 'd'", &["a", "b", "c"]),
            ("E'ALTE\\R'", &["ALTER"]),
            ("format('%1$I %2$L', 'a'::jsonb)", &["%1$I %2$L", "a", "%1$I %2$La"]),
            ("U&'a' || '$2a$10$x'", &["a", "$2a$10$x", "a$2a$10$x"]),
            ("x", &[]),
        ] {
            assert_eq!(read(text).unwrap(), expected, "{text}");
        }
        for text in ["E'\\x41'", "E'\\u0041'", "E'\\101'", "U&'\\0041'", "'a", "$$a"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
