//! The SQL body of a routine.

use super::keyword::Keyword;
use crate::sql::{Nesting, NestingWord, Token};

/// How far a routine's body has come.
#[derive(Debug, Default)]
pub(super) struct Body {
    nesting: Nesting,
    /// `BEGIN` came last in a routine's head.
    begin_came: bool,
    /// A semicolon within the body came last.
    part_begins: bool,
    /// The `END` of the body came: nothing of the statement may follow.
    ended: bool,
    unreadable: bool,
}

impl Body {
    pub(super) fn is_open(&self) -> bool {
        self.nesting.is_open()
    }

    /// Whether psql has lost the statement's end.
    pub(super) fn is_unreadable(&self) -> bool {
        self.unreadable
    }

    /// Counts as psql does. `counts`: the words of a routine are read, outside of parentheses.
    pub(super) fn follow(&mut self, keyword: Keyword, counts: bool) {
        self.unreadable |= std::mem::take(&mut self.begin_came) && keyword != Keyword::Atomic;
        match keyword {
            Keyword::Begin if counts => {
                // The first one must begin a body: `BEGIN ATOMIC`. Else it is a name, which psql takes for a beginning.
                self.begin_came = !self.nesting.is_open();
                self.nesting.follow(NestingWord::Begin);
            }
            Keyword::Case if counts => self.nesting.follow(NestingWord::Case),
            Keyword::End if counts => {
                self.ended |= self.nesting.depth() == 1;
                self.nesting.follow(NestingWord::End);
            }
            _ => {}
        }
    }

    /// What follows a semicolon in a body must be able to stand there, or the server reads it by itself.
    pub(super) fn flaw(&mut self, token: Token<'_>, keyword: Keyword, in_parentheses: bool) -> Option<&'static str> {
        if self.ended {
            return Some("text after the END of a routine's body");
        }
        let begins = std::mem::replace(&mut self.part_begins, is_symbol(token, b";") && !in_parentheses);
        let fits = matches!(
            keyword,
            Keyword::Select
                | Keyword::Insert
                | Keyword::Update
                | Keyword::Delete
                | Keyword::Merge
                | Keyword::With
                | Keyword::Values
                | Keyword::Return
                | Keyword::Notify
                | Keyword::End
        ) || is_symbol(token, b"(;");
        if begins && !fits {
            return Some("a statement that cannot be in a routine's body");
        }
        // There END ends the body for the server; if psql waits for another one, it has counted a CASE that is a name,
        // and what follows goes to the server unseen.
        (begins && keyword == Keyword::End && self.nesting.depth() > 1)
            .then_some("a routine's body in which CASE is used as a name")
    }
}

fn is_symbol(token: Token<'_>, among: &[u8]) -> bool {
    matches!(token, Token::Symbol(symbol) if among.contains(&symbol))
}
