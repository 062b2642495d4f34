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

/// What stands before the name of an object that others find by its name.
const MAKING: [&str; 20] = [
    "create",
    "or",
    "replace",
    "unlogged",
    "table",
    "foreign",
    "materialized",
    "view",
    "function",
    "procedure",
    "aggregate",
    "type",
    "domain",
    "operator",
    "collation",
    "sequence",
    "text",
    "search",
    "configuration",
    "dictionary",
];

/// What a statement makes that others find by its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Made {
    Object {
        schema: String,
        name: String,
    },
    /// An extension's objects, in this schema.
    Extension {
        schema: String,
    },
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

    /// What the statement makes; `None` also where that is nothing which others find by its name.
    pub(super) fn made(&self) -> Option<Made> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let words = self.words();
        if let ["create", "extension", "if", "not", "exists", _, "with", "schema", _] =
            words.iter().map(String::as_str).collect::<Vec<_>>()[..]
        {
            return self.parts().last().map(|(_, schema)| Made::Extension { schema: text(schema) });
        }
        let parts: Vec<(Kind, &[u8])> = self.parts().collect();
        let dot = parts.iter().position(|part| *part == (Kind::Symbol, b"."))?;
        let (before, after) = parts.split_at(dot);
        let ((_, schema), _) = before.split_last()?;
        let making = words.get(..dot.saturating_sub(1))?;
        if making.first().is_none_or(|word| word != "create")
            || !making.iter().all(|word| MAKING.contains(&word.as_str()))
        {
            return None;
        }
        let named = after.get(1..)?;
        let is_operator = |(kind, bytes): &&(Kind, &[u8])| *kind == Kind::Symbol && *bytes != b"(";
        let operator: Vec<u8> = named.iter().take_while(is_operator).flat_map(|(_, bytes)| bytes.to_vec()).collect();
        let name = if operator.is_empty() { named.first()?.1 } else { &operator };
        Some(Made::Object { schema: text(schema), name: text(name) })
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
