//! A statement's first words, for a person.

use super::token;
use crate::sql::Token;

/// How many tokens of it are kept, and letters shown.
const TOKENS: usize = 9;
const LETTERS: usize = 70;
/// How much of a token is kept.
const KEPT: usize = 80;

/// The beginning of a statement. Nearly all of them are never shown: it is put into words when one is.
#[derive(Debug, Default)]
pub(super) struct Head {
    text: Vec<u8>,
    /// What kind of token each is, and where in `text` it ends.
    tokens: Vec<(Kind, usize)>,
    /// Not all of it was kept.
    more: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Word,
    Name,
    Text,
    Dollars,
    Symbol,
}

impl Head {
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.tokens.clear();
        self.more = false;
    }

    pub(super) fn take(&mut self, token: Token<'_>) {
        if self.tokens.len() >= TOKENS {
            self.more = true;
            return;
        }
        let symbol: [u8; 1];
        let (kind, bytes) = match token {
            Token::Word(word) => (Kind::Word, word),
            Token::Name(name) => (Kind::Name, name),
            Token::Text(text) => (Kind::Text, text),
            Token::Dollars => (Kind::Dollars, &[][..]),
            Token::Symbol(byte) => {
                symbol = [byte];
                (Kind::Symbol, &symbol[..])
            }
        };
        self.text.extend_from_slice(bytes.get(..KEPT).unwrap_or(bytes));
        self.tokens.push((kind, self.text.len()));
    }

    fn parts(&self) -> impl Iterator<Item = (Kind, &[u8])> {
        let starts = std::iter::once(0).chain(self.tokens.iter().map(|(_, end)| *end));
        let parts = starts.zip(&self.tokens);
        parts.map(|(start, (kind, end))| (*kind, self.text.get(start..*end).unwrap_or_default()))
    }

    /// The text that may be shown.
    pub(super) fn text(&self) -> String {
        let mut whole = String::new();
        for (kind, bytes) in self.parts() {
            let token = match kind {
                Kind::Word => Token::Word(bytes),
                Kind::Name => Token::Name(bytes),
                Kind::Text => Token::Text(bytes),
                Kind::Dollars => Token::Dollars,
                Kind::Symbol => Token::Symbol(bytes.first().copied().unwrap_or_default()),
            };
            let tight = matches!(token, Token::Symbol(b'.' | b',' | b')')) || whole.ends_with(['.', '(']);
            if !whole.is_empty() && !tight {
                whole.push(' ');
            }
            whole.push_str(&token::display(token));
        }
        let mut text: String = whole.chars().take(LETTERS).collect();
        if self.more || text.len() < whole.len() {
            text.push('…');
        }
        text
    }

    /// The first words in lower case; empty: something else.
    pub(super) fn words(&self) -> Vec<String> {
        let word = |(kind, bytes): (Kind, &[u8])| match kind {
            Kind::Word => String::from_utf8_lossy(bytes).to_ascii_lowercase(),
            _ => String::new(),
        };
        self.parts().map(word).collect()
    }
}
