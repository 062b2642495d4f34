//! The SQL body of a routine, `BEGIN ATOMIC … END`, in which a semicolon ends nothing.
//!
//! psql counts `BEGIN`, `CASE` and `END` in a statement that makes a routine, wherever they stand outside of parentheses,
//! and sends everything between the first and the last of them as one text. The server reads that text by its grammar.
//! A name that is one of these words makes the two differ, and then the server runs statements that no reader has seen as
//! such: a text in which they could differ has a flaw.

use super::Token;
use super::nesting::{Nesting, NestingWord};

/// What a token means to psql, or to the server, in a routine's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyWord {
    Begin,
    Atomic,
    Case,
    End,
    /// A statement that a body can hold begins with it.
    Statement,
    Other,
}

const WORDS: [(&str, BodyWord); 14] = [
    ("atomic", BodyWord::Atomic),
    ("begin", BodyWord::Begin),
    ("case", BodyWord::Case),
    ("delete", BodyWord::Statement),
    ("end", BodyWord::End),
    ("insert", BodyWord::Statement),
    ("merge", BodyWord::Statement),
    ("notify", BodyWord::Statement),
    ("return", BodyWord::Statement),
    ("select", BodyWord::Statement),
    ("table", BodyWord::Statement),
    ("update", BodyWord::Statement),
    ("values", BodyWord::Statement),
    ("with", BodyWord::Statement),
];

impl BodyWord {
    /// A word without quotes, in letters of any case.
    pub fn of(word: &[u8]) -> Self {
        WORDS.iter().find(|(name, _)| word.eq_ignore_ascii_case(name.as_bytes())).map_or(Self::Other, |(_, word)| *word)
    }
}

/// How far a statement, and the body in it, has come.
#[derive(Debug, Default)]
pub struct RoutineBody {
    nesting: Nesting,
    /// `BEGIN` came last in a routine's head.
    begin_came: bool,
    /// A semicolon within the body came last.
    part_begins: bool,
    /// The `END` of the body came: nothing of the statement may follow.
    ended: bool,
}

impl RoutineBody {
    /// Whether a semicolon ends nothing.
    pub fn is_open(&self) -> bool {
        self.nesting.is_open()
    }

    /// Takes the statement's next token. `counts`: psql counts words of it, because the statement makes a routine and the
    /// token stands outside of parentheses. Gives why psql and the server could read the text differently.
    pub fn take(
        &mut self,
        token: Token<'_>,
        word: BodyWord,
        counts: bool,
        in_parentheses: bool,
    ) -> Option<&'static str> {
        let flaw = self.flaw(token, word, in_parentheses);
        // The first BEGIN must begin a body: `BEGIN ATOMIC`. Else it is a name, which psql takes for a beginning.
        let is_name = std::mem::take(&mut self.begin_came) && word != BodyWord::Atomic;
        if counts {
            self.count(word);
        }
        let name = "a routine's head with the bare word BEGIN: psql cannot tell where that statement ends; rename it";
        flaw.or(is_name.then_some(name))
    }

    fn count(&mut self, word: BodyWord) {
        match word {
            BodyWord::Begin => {
                self.begin_came = !self.nesting.is_open();
                self.nesting.follow(NestingWord::Begin);
            }
            BodyWord::Case => self.nesting.follow(NestingWord::Case),
            BodyWord::End => {
                self.ended |= self.nesting.depth() == 1;
                self.nesting.follow(NestingWord::End);
            }
            _ => {}
        }
    }

    /// What follows a semicolon in a body must be able to stand there, or the server reads it by itself.
    fn flaw(&mut self, token: Token<'_>, word: BodyWord, in_parentheses: bool) -> Option<&'static str> {
        if self.ended {
            return Some("text after the END of a routine's body");
        }
        let begins = std::mem::replace(&mut self.part_begins, is_symbol(token, b";") && !in_parentheses);
        let fits = matches!(word, BodyWord::Statement | BodyWord::End) || is_symbol(token, b"(;");
        if begins && !fits {
            return Some("a statement that cannot be in a routine's body");
        }
        // There END ends the body for the server; if psql waits for another one, it has counted a CASE that is a name,
        // and what follows goes to the server unseen.
        (begins && word == BodyWord::End && self.nesting.depth() > 1)
            .then_some("a routine's body in which CASE is used as a name")
    }
}

fn is_symbol(token: Token<'_>, among: &[u8]) -> bool {
    matches!(token, Token::Symbol(symbol) if among.contains(&symbol))
}
