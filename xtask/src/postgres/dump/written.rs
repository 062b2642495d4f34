//! What pg_dump (14–18) writes of those statements that could do anything: which ones at all, and of `SELECT`, `INSERT`
//! and `GRANT` in which form. A file that holds others was made by somebody else, whatever for.

use super::keyword::Keyword;
use super::statement::Token;

/// The first words of pg_dump's statements.
const FIRST_WORDS: &str =
    "alter begin comment commit copy create drop grant insert refresh reset revoke security select set";
/// The functions that pg_dump calls, each alone in its `SELECT`.
const FUNCTIONS: &str = "set_config setval lo_create lo_open lowrite lo_close lo_unlink pg_restore_relation_stats \
    pg_restore_attribute_stats pg_restore_extended_stats";
/// Those that it calls with a `FROM`: `SELECT lo_unlink(oid) FROM …` (--clean), `SELECT * FROM pg_restore_…(…)`.
const WITH_FROM: &str = "lo_unlink pg_restore_relation_stats pg_restore_attribute_stats pg_restore_extended_stats";

fn is_among(words: &str, word: &[u8]) -> bool {
    words.split_whitespace().any(|one| one.as_bytes().eq_ignore_ascii_case(word))
}

/// How far a statement has come of its form.
#[derive(Debug, Default)]
pub(super) struct Form {
    first: Keyword,
    /// How much of `pg_catalog.` has come: with other names, or none, a function may be the file's own.
    qualified: Qualified,
    /// The word before may be called, and with a `FROM`.
    callable: Option<bool>,
    called: Option<bool>,
    from: bool,
    on: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Qualified {
    #[default]
    No,
    Schema,
    Yes,
}

impl Form {
    /// What is wrong with the statement since this token, its first one having the number 0.
    pub(super) fn take(&mut self, number: usize, token: Token<'_>, keyword: Keyword) -> Option<String> {
        if number == 0 {
            self.first = keyword;
            let Token::Word(word) = token else { return None };
            return (!is_among(FIRST_WORDS, word)).then(|| String::from_utf8_lossy(word).to_uppercase());
        }
        let strange = match self.first {
            Keyword::Select => self.select(token, keyword).then_some("a SELECT"),
            // pg_dump inserts values, never the result of a query.
            Keyword::Insert => (keyword == Keyword::Select).then_some("an INSERT of a query"),
            Keyword::Grant | Keyword::Revoke => self.grant(keyword).then_some("a GRANT of a role"),
            Keyword::Drop if number == 1 => is_word(token, b"owned").then_some("DROP OWNED"),
            _ => None,
        };
        strange.map(str::to_owned)
    }

    fn select(&mut self, token: Token<'_>, keyword: Keyword) -> bool {
        self.from |= keyword == Keyword::From;
        let callable = self.callable.take();
        let qualified = std::mem::take(&mut self.qualified);
        match token {
            Token::Word(word) if qualified == Qualified::Yes => {
                self.callable = is_among(FUNCTIONS, word).then(|| is_among(WITH_FROM, word));
            }
            Token::Word(_) if is_word(token, b"pg_catalog") => self.qualified = Qualified::Schema,
            Token::Symbol(b'.') if qualified == Qualified::Schema => self.qualified = Qualified::Yes,
            Token::Symbol(b'(') if self.called.is_none() && callable.is_some() => self.called = callable,
            Token::Symbol(b'(') => return true,
            _ => {}
        }
        self.called == Some(false) && self.from
    }

    /// Privileges are granted *on* something, roles just to somebody.
    fn grant(&mut self, keyword: Keyword) -> bool {
        self.on |= keyword == Keyword::On;
        matches!(keyword, Keyword::To | Keyword::From) && !self.on
    }

    /// What is wrong with the statement now that it has ended.
    pub(super) fn ended(&self) -> Option<String> {
        (self.first == Keyword::Select && self.called.is_none()).then(|| "a SELECT".to_owned())
    }
}

fn is_word(token: Token<'_>, expected: &[u8]) -> bool {
    matches!(token, Token::Word(word) if word.eq_ignore_ascii_case(expected))
}
