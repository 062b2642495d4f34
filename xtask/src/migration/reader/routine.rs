//! The SQL body of a routine, in which a semicolon ends nothing.

use crate::sql::{BodyWord, RoutineBody, Token};

/// Finds it in a statement that begins like one that makes a routine.
#[derive(Debug, Default)]
pub struct Routine {
    /// Unquoted words of the statement so far, and the first letters of its first four where psql looks at them.
    words: usize,
    first: [u8; 4],
    body: RoutineBody,
}

impl Routine {
    pub fn is_open(&self) -> bool {
        self.body.is_open()
    }

    /// The statement's next token, unless it ends the statement; why psql and the server could read it differently.
    pub fn take(&mut self, token: Token<'_>, in_parentheses: bool) -> Option<&'static str> {
        let word = match token {
            Token::Word(word) if !word.first().is_some_and(u8::is_ascii_digit) => word,
            _ => return self.body.take(token, BodyWord::Other, false, in_parentheses),
        };
        let is = |wanted: &str| word.eq_ignore_ascii_case(wanted.as_bytes());
        if let Some(slot) = self.first.get_mut(self.words)
            && ["create", "function", "procedure", "or", "replace"].iter().any(|wanted| is(wanted))
        {
            *slot = word[0].to_ascii_lowercase();
        }
        self.words += 1;
        let makes_routine = matches!(&self.first, [b'c', b'f' | b'p', ..] | [b'c', b'o', b'r', b'f' | b'p']);
        self.body.take(token, BodyWord::of(word), makes_routine && !in_parentheses, in_parentheses)
    }
}
