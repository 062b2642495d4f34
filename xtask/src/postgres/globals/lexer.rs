//! The words of pg_dumpall's text. It writes little of SQL, and nothing else is read.

use super::Flaw;
use std::iter::Peekable;
use std::str::CharIndices;

/// A word of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// As written: pg_dumpall's keywords are capitals, and names in small letters have no quotes.
    Word(String),
    /// A name in quotes, without them.
    Quoted(String),
    /// A string's value.
    Text(String),
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
    let mut lexer = Lexer { letters: text.char_indices().peekable(), text, line: 1 };
    let mut tokens = Vec::new();
    while let Some(token) = lexer.next()? {
        tokens.push(token);
    }
    Ok(tokens)
}

struct Lexer<'a> {
    letters: Peekable<CharIndices<'a>>,
    text: &'a str,
    line: u64,
}

impl Lexer<'_> {
    fn next(&mut self) -> Result<Option<Placed>, Flaw> {
        loop {
            let line = self.line;
            let Some((at, letter)) = self.take() else { return Ok(None) };
            let token = match letter {
                ' ' | '\n' => continue,
                '-' if self.is_next('-') => {
                    self.rest_of_line();
                    continue;
                }
                '\\' => self.command(at)?,
                '"' => Token::Quoted(self.quoted('"', false)?),
                '\'' => Token::Text(self.quoted('\'', false)?),
                'E' if self.is_next('\'') => {
                    self.take();
                    Token::Text(self.quoted('\'', true)?)
                }
                letter if letter.is_ascii_alphabetic() || letter == '_' => Token::Word(self.while_is(at, is_of_word)),
                letter if letter.is_ascii_digit() => Token::Number(self.while_is(at, is_of_number)),
                '(' | ')' | ',' | ';' | '=' | '-' => Token::Symbol(letter),
                other => return Err(self.flaw(line, format!("text that pg_dumpall does not write: {other:?}"))),
            };
            return Ok(Some((token, line)));
        }
    }

    fn take(&mut self) -> Option<(usize, char)> {
        let next = self.letters.next();
        if matches!(next, Some((_, '\n'))) {
            self.line = self.line.saturating_add(1);
        }
        next
    }

    fn is_next(&mut self, letter: char) -> bool {
        self.letters.peek().is_some_and(|(_, next)| *next == letter)
    }

    fn rest_of_line(&mut self) {
        while self.take().is_some_and(|(_, letter)| letter != '\n') {}
    }

    fn while_is(&mut self, from: usize, belongs: fn(char) -> bool) -> String {
        while self.letters.next_if(|(_, letter)| belongs(*letter)).is_some() {}
        let end = self.letters.peek().map_or(self.text.len(), |(at, _)| *at);
        self.text.get(from..end).unwrap_or_default().to_owned()
    }

    /// What stands before the closing quote. `escapes`: a backslash stands before every backslash.
    fn quoted(&mut self, quote: char, escapes: bool) -> Result<String, Flaw> {
        let begun = self.line;
        let mut value = String::new();
        while let Some((_, letter)) = self.take() {
            match letter {
                letter if letter == quote && !self.is_next(quote) => return Ok(value),
                letter if letter == quote => {
                    self.take();
                }
                '\\' if escapes && self.is_next('\\') => {
                    self.take();
                }
                '\\' if quote == '\'' => {
                    return Err(self.flaw(begun, "an escape that pg_dumpall does not write".to_owned()));
                }
                '\0' => return Err(self.flaw(begun, "a NUL".to_owned())),
                _ => {}
            }
            value.push(letter);
        }
        Err(Flaw { line: begun, what: "a quote that is not closed".to_owned(), cut: true })
    }

    /// pg_dumpall's own pair of meta-commands, each a line by itself.
    fn command(&mut self, at: usize) -> Result<Token, Flaw> {
        let line = self.line;
        let is_at_start = self.text.get(..at).is_some_and(|before| before.is_empty() || before.ends_with('\n'));
        self.rest_of_line();
        let end = self.letters.peek().map_or(self.text.len(), |(at, _)| *at);
        let command = self.text.get(at..end).unwrap_or_default().trim_end_matches('\n');
        let key = |start: &str| {
            let key = command.strip_prefix(start)?;
            (!key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric())).then(|| key.to_owned())
        };
        let token = key("\\restrict ").map(Token::Restrict).or_else(|| key("\\unrestrict ").map(Token::Unrestrict));
        token.filter(|_| is_at_start).ok_or_else(|| self.flaw(line, "a psql meta-command".to_owned()))
    }

    fn flaw(&self, line: u64, what: String) -> Flaw {
        Flaw { line, what, cut: false }
    }
}

fn is_of_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_' || letter == '$'
}

fn is_of_number(letter: char) -> bool {
    letter.is_ascii_digit() || matches!(letter, '.' | 'e' | '+')
}
