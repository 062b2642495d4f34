//! The words of pg_dumpall's text, by the one lexer of SQL. It writes little of SQL, and nothing else is read.

use super::Flaw;
use crate::sql::{self, Dialect, Found, Spelling};

/// What pg_dumpall's own first statements set; any other value is refused.
const DIALECT: Dialect = Dialect { standard_strings: true, spelling: Spelling::PgDump };

/// A word of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// The word as it is written: pg_dumpall's keywords are capitals, and names in small letters have no quotes.
    Word(String),
    /// A name in quotes, without them.
    Quoted(String),
    /// A string's value.
    Text(String),
    /// A whole number, or a piece of another one.
    Number(String),
    Symbol(char),
    /// `\restrict` and its key, or `\unrestrict` and its key: a line of its own.
    Restrict(String),
    Unrestrict(String),
}

/// A token and the line that it begins in.
pub(super) type Placed = (Token, u64);

/// Takes the text apart; its first line counts as 1.
pub(super) fn tokens(text: &str) -> Result<Vec<Placed>, Flaw> {
    let mut reading = Reading { text, lexer: sql::Lexer::default(), at: 0, begun: 0, line: 1 };
    let mut tokens = Vec::new();
    while let Some(rest) = text.as_bytes().get(reading.at..).filter(|rest| !rest.is_empty()) {
        tokens.extend(reading.step(rest)?);
    }
    if reading.lexer.state().is_between_tokens() { Ok(tokens) } else { Err(reading.cut()) }
}

struct Reading<'a> {
    text: &'a str,
    lexer: sql::Lexer,
    /// How many bytes are read.
    at: usize,
    /// Where the token that is being read begins, and in which line.
    begun: usize,
    line: u64,
}

impl Reading<'_> {
    fn step(&mut self, rest: &[u8]) -> Result<Option<Placed>, Flaw> {
        if self.lexer.state().is_between_tokens() {
            self.line = self.line.saturating_add(lines(self.text.get(self.begun..self.at).unwrap_or_default()));
            self.begun = self.at;
        }
        let line = self.line;
        let flaw = |what: &str| Flaw::wrong(line, what);
        if self.lexer.state().is_block_comment() {
            return Err(flaw("a comment that pg_dumpall does not write"));
        }
        let step = self.lexer.step(rest, DIALECT).map_err(flaw)?;
        self.at = self.at.saturating_add(step.used);
        let written = self.text.get(self.begun..self.at).unwrap_or_default();
        let token = match step.found {
            None | Some(Found::Comment(_)) => return Ok(None),
            Some(Found::Backslash) => self.restriction().ok_or_else(|| flaw("a psql meta-command"))?,
            Some(Found::Token(token)) => of(token, written).map_err(|what| flaw(&what))?,
        };
        Ok(Some((token, line)))
    }

    /// pg_dumpall's own pair of meta-commands, each a line by itself. Its backslash is read, and now the rest.
    fn restriction(&mut self) -> Option<Token> {
        let is_at_start = self.text.get(..self.begun).is_some_and(|before| before.is_empty() || before.ends_with('\n'));
        let command = self.text.get(self.at..)?.split('\n').next().filter(|_| is_at_start)?;
        self.at = self.at.saturating_add(command.len());
        let key = |name: &str| {
            let key = command.strip_prefix(name)?;
            (!key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric())).then(|| key.to_owned())
        };
        key("restrict ").map(Token::Restrict).or_else(|| key("unrestrict ").map(Token::Unrestrict))
    }

    fn cut(&self) -> Flaw {
        Flaw { cut: true, ..Flaw::wrong(self.line, "a quote that is not closed") }
    }
}

fn lines(text: &str) -> u64 {
    text.bytes().filter(|byte| *byte == b'\n').count() as u64
}

/// The token with its whole text, of which the lexer keeps only the beginning.
fn of(token: sql::Token<'_>, written: &str) -> Result<Token, String> {
    let other =
        || Err(format!("text that pg_dumpall does not write: {:?}", written.chars().next().unwrap_or_default()));
    match token {
        sql::Token::Word(_) if !written.bytes().all(is_of_word) => other(),
        sql::Token::Word(_) if written.starts_with(|first: char| first.is_ascii_digit()) => {
            Ok(Token::Number(written.to_owned()))
        }
        sql::Token::Word(_) => Ok(Token::Word(written.to_owned())),
        sql::Token::Name(_) => unquoted(written, '"', false).map(Token::Quoted),
        sql::Token::Text(_) => match written.strip_prefix('E') {
            Some(written) => unquoted(written, '\'', true).map(Token::Text),
            None => unquoted(written, '\'', false).map(Token::Text),
        },
        sql::Token::Symbol(symbol) if b"(),;=-+.".contains(&symbol) => Ok(Token::Symbol(symbol.into())),
        sql::Token::Symbol(_) | sql::Token::Dollars => other(),
    }
}

/// What stands between quotes. `escapes`: a backslash stands before every backslash.
fn unquoted(written: &str, quote: char, escapes: bool) -> Result<String, String> {
    let inner = written.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    let mut letters = inner.ok_or("a string that pg_dumpall does not write")?.chars();
    let mut value = String::new();
    while let Some(letter) = letters.next() {
        let is_doubled = letter == quote || (letter == '\\' && escapes);
        match letter {
            '\0' => return Err("a NUL".to_owned()),
            '\\' if quote == '\'' && !escapes => return Err("an escape that pg_dumpall does not write".to_owned()),
            _ if is_doubled && letters.next() != Some(letter) => {
                return Err("an escape that pg_dumpall does not write".to_owned());
            }
            letter => value.push(letter),
        }
    }
    Ok(value)
}

fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$'
}
