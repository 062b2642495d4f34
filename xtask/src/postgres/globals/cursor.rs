//! The words of one statement, taken one after the other.

use super::lexer::{Placed, Token};
use super::text_of;
use crate::postgres::text::{Checked, Rule};

/// What cannot be read of a statement, and why; `None`: it is none that pg_dumpall writes.
pub(super) type Unread = Option<String>;

/// Stands before the next word.
pub(super) struct Cursor<'a> {
    rest: &'a [Placed],
}

impl<'a> Cursor<'a> {
    pub(super) fn of(words: &'a [Placed]) -> Self {
        Self { rest: words }
    }

    fn next(&mut self) -> Result<&'a Token, Unread> {
        let ((token, _), rest) = self.rest.split_first().ok_or(None)?;
        self.rest = rest;
        Ok(token)
    }

    /// The next word, if it is this one.
    pub(super) fn takes(&mut self, keyword: &str) -> bool {
        let is_it = matches!(self.rest.first(), Some((Token::Word(word), _)) if word == keyword);
        if is_it {
            self.rest = self.rest.get(1..).unwrap_or_default();
        }
        is_it
    }

    /// These words.
    pub(super) fn expect(&mut self, keywords: &[&str]) -> Result<(), Unread> {
        keywords.iter().try_for_each(|keyword| if self.takes(keyword) { Ok(()) } else { Err(None) })
    }

    pub(super) fn takes_symbol(&mut self, symbol: char) -> bool {
        let is_it = matches!(self.rest.first(), Some((Token::Symbol(found), _)) if *found == symbol);
        if is_it {
            self.rest = self.rest.get(1..).unwrap_or_default();
        }
        is_it
    }

    /// A keyword, whichever it is.
    pub(super) fn keyword(&mut self) -> Result<&'a str, Unread> {
        match self.next()? {
            Token::Word(word) if word.bytes().all(|byte| byte.is_ascii_uppercase()) => Ok(word),
            _ => Err(None),
        }
    }

    /// A name: in quotes, or in small letters without them.
    pub(super) fn name<R: Rule>(&mut self) -> Result<Checked<R>, Unread> {
        match self.next()? {
            Token::Word(word) if !word.bytes().any(|byte| byte.is_ascii_uppercase()) => text_of(word),
            Token::Quoted(name) => text_of(name),
            _ => Err(None),
        }
    }

    /// A string.
    pub(super) fn text<R: Rule>(&mut self) -> Result<Checked<R>, Unread> {
        match self.next()? {
            Token::Text(text) => text_of(text),
            _ => Err(None),
        }
    }

    /// A whole number.
    pub(super) fn number(&mut self) -> Result<i32, Unread> {
        match self.next()? {
            Token::Number(number) => number.parse().map_err(|_| None),
            _ => Err(None),
        }
    }

    /// Whatever it is.
    pub(super) fn any(&mut self) -> Result<(), Unread> {
        self.next().map(drop)
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// That nothing follows.
    pub(super) fn end(&self) -> Result<(), Unread> {
        if self.is_at_end() { Ok(()) } else { Err(None) }
    }
}
