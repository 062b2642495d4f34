//! The SQL body of a routine, in which a semicolon ends nothing.

/// psql counts `BEGIN`, `CASE` and `END` in a statement that begins like one that makes a routine.
#[derive(Debug, Default)]
pub struct Routine {
    /// Unquoted words of the statement so far, and the first letters of its first four where psql looks at them.
    words: usize,
    first: [u8; 4],
    /// Nested `BEGIN`/`CASE`.
    begins: u32,
}

impl Routine {
    /// Whether `BEGIN` waits for its `END`.
    pub fn is_open(&self) -> bool {
        self.begins > 0
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
        if is("begin") || (is("case") && self.begins > 0) {
            self.begins += 1;
        } else if is("end") {
            self.begins = self.begins.saturating_sub(1);
        }
    }
}
