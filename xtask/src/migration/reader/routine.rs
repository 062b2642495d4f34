//! The SQL body of a routine, in which a semicolon ends nothing.

use crate::sql::{Nesting, NestingWord};

/// Finds it in a statement that begins like one that makes a routine.
#[derive(Debug, Default)]
pub struct Routine {
    /// Unquoted words of the statement so far, and the first letters of its first four where psql looks at them.
    words: usize,
    first: [u8; 4],
    nesting: Nesting,
}

impl Routine {
    pub fn is_open(&self) -> bool {
        self.nesting.is_open()
    }

    /// The statement's next word.
    pub fn follow(&mut self, word: &[u8], within_parentheses: bool) {
        if word.first().is_some_and(u8::is_ascii_digit) {
            return;
        }
        let is = |wanted: &str| word.eq_ignore_ascii_case(wanted.as_bytes());
        if let Some(slot) = self.first.get_mut(self.words)
            && ["create", "function", "procedure", "or", "replace"].iter().any(|wanted| is(wanted))
        {
            *slot = word[0].to_ascii_lowercase();
        }
        self.words += 1;
        let makes_routine = matches!(&self.first, [b'c', b'f' | b'p', ..] | [b'c', b'o', b'r', b'f' | b'p']);
        if !makes_routine || within_parentheses {
            return;
        }
        let words = [("begin", NestingWord::Begin), ("case", NestingWord::Case), ("end", NestingWord::End)];
        if let Some((_, counted)) = words.into_iter().find(|(name, _)| is(name)) {
            self.nesting.follow(counted);
        }
    }
}
