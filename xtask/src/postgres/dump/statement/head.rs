//! A statement's first words, for a person.

use super::{Token, refusal};

/// How many tokens and letters of it are shown.
const TOKENS: usize = 9;
const LETTERS: usize = 70;

/// The beginning of a statement.
#[derive(Debug, Default)]
pub(super) struct Head {
    /// As they are shown.
    text: String,
    /// The first words in lower case; empty: something else.
    words: Vec<String>,
    /// Not all of it is shown.
    more: bool,
}

impl Head {
    pub(super) fn take(&mut self, token: Token<'_>) {
        if self.words.len() >= TOKENS {
            self.more = true;
            return;
        }
        let tight = matches!(token, Token::Symbol(b'.' | b',' | b')')) || self.text.ends_with(['.', '(']);
        if !self.text.is_empty() && !tight {
            self.text.push(' ');
        }
        self.text.push_str(&refusal::display(token));
        self.words.push(match token {
            Token::Word(word) => String::from_utf8_lossy(word).to_ascii_lowercase(),
            _ => String::new(),
        });
    }

    pub(super) fn text(&self) -> String {
        let mut text: String = self.text.chars().take(LETTERS).collect();
        if text.len() < self.text.len() || self.more {
            text.push('…');
        }
        text
    }

    pub(super) fn words(&self) -> Vec<&str> {
        self.words.iter().map(String::as_str).collect()
    }
}
