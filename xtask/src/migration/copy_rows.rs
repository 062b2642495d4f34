//! Whether rows follow a `COPY`, as the server has it: psql sends what comes next as rows where the server asks for them.

use crate::sql::Token;

/// What is known of where a `COPY` takes its rows from.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Source {
    #[default]
    Unknown,
    /// The next token says it.
    Next,
    Known,
}

/// The tokens of a `COPY`, from the one behind that word on. The source stands behind the first `FROM` outside of
/// parentheses: a query in them, and a condition behind it, may name a table or a column `stdin`. Behind a dot each word
/// is a name. To the server's grammar `stdin` and `stdout` are the same word.
#[derive(Debug, Default)]
pub struct CopyRows {
    source: Source,
    parentheses: usize,
    after_dot: bool,
}

impl CopyRows {
    /// Takes the next token; whether it says that rows follow.
    pub fn take(&mut self, token: Token<'_>) -> bool {
        let is_name = std::mem::replace(&mut self.after_dot, token == Token::Symbol(b'.'));
        match token {
            Token::Symbol(b'(') => self.parentheses = self.parentheses.saturating_add(1),
            Token::Symbol(b')') => self.parentheses = self.parentheses.saturating_sub(1),
            _ if self.parentheses > 0 || is_name => {}
            _ => return self.follow(token),
        }
        false
    }

    fn follow(&mut self, token: Token<'_>) -> bool {
        let Token::Word(word) = token else {
            self.source = if self.source == Source::Next { Source::Known } else { self.source };
            return false;
        };
        let is = |other: &str| word.eq_ignore_ascii_case(other.as_bytes());
        let follow = self.source == Source::Next && (is("stdin") || is("stdout"));
        self.source = match self.source {
            Source::Unknown if is("from") => Source::Next,
            Source::Unknown if !is("to") => Source::Unknown,
            _ => Source::Known,
        };
        follow
    }
}
