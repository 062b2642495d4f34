//! The arguments of the routine that a statement is about, as pg_dump writes them where it makes one and where it gives
//! rights on it: the same words, but for defaults (`pg_get_function_arguments`, `pg_get_function_identity_arguments`).

use super::grammar::Depth;
use crate::sql::Token;

/// Longer lists of arguments are not compared.
const LONGEST: usize = 4096;

/// Follows one statement: what stands in its first parentheses, without defaults.
#[derive(Debug, Default)]
pub(super) struct Arguments {
    at: At,
    /// The tokens, each behind a byte that tells its kind.
    text: Vec<u8>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum At {
    #[default]
    Before,
    Within,
    /// Behind `DEFAULT` or `=`, up to the next comma.
    InDefault,
    Behind,
}

impl Arguments {
    /// The arguments; `None`: the statement has none, or they are not compared.
    pub(super) fn text(&self) -> Option<&[u8]> {
        (self.at == At::Behind && self.text.len() < LONGEST).then_some(&self.text)
    }

    /// Takes the next token, which stands so deep in parentheses.
    pub(super) fn follow(&mut self, token: Token<'_>, depth: Depth) {
        match (self.at, token) {
            (At::Before, Token::Symbol(b'(')) => self.at = At::Within,
            (At::Within | At::InDefault, Token::Symbol(b')')) if depth.after == 0 => self.at = At::Behind,
            (At::InDefault, Token::Symbol(b',')) if depth.after == 1 => {
                self.at = At::Within;
                self.note(token);
            }
            (At::Within, Token::Symbol(b'=')) if depth.after == 1 => self.at = At::InDefault,
            (At::Within, Token::Word(word)) if depth.after == 1 && word.eq_ignore_ascii_case(b"default") => {
                self.at = At::InDefault;
            }
            (At::Within, _) => self.note(token),
            _ => {}
        }
    }

    fn note(&mut self, token: Token<'_>) {
        let symbol;
        let (kind, bytes) = match token {
            Token::Word(word) => (b'w', word),
            Token::Name(name) => (b'n', name),
            Token::Text(text) => (b't', text),
            Token::Dollars => (b'd', &[][..]),
            Token::Symbol(byte) => {
                symbol = [byte];
                (b's', &symbol[..])
            }
        };
        if self.text.len().saturating_add(bytes.len()).saturating_add(2) >= LONGEST {
            self.text.resize(LONGEST, b' ');
            return;
        }
        self.text.push(kind);
        let lower = |byte: &u8| if kind == b'w' { byte.to_ascii_lowercase() } else { *byte };
        self.text.extend(bytes.iter().map(lower));
        self.text.push(0);
    }
}
