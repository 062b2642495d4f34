//! The body of a `DO` block, as far as it sets something for its session (`PERFORM set_config('search_path', …, false)`), or
//! changes something that belongs to the whole server (`GRANT … ON DATABASE`).

#[cfg(test)]
mod tests;

use super::block_texts;
use super::lasting::{self, Lasting};
use super::quoting::Quoting;
use super::reader::{Lexeme, Place};
use super::server_writes::{self, Later};
use super::shared_objects::{self, SharedStatement, Touched, Within};
use crate::sql::{Dialect, Found, Lexer, Spelling, Token};
use memchr::memchr_iter;
use std::ops::Range;

/// How many tokens of each statement are kept.
const HEAD: usize = 400;
/// Behind one of these words another statement begins, unless the one that they stand in began with one of `WHOLE`.
const OPENING: &[&str] = &["begin", "then", "else", "loop", "perform"];
const WHOLE: &[&str] = &[
    "alter", "comment", "copy", "create", "delete", "do", "drop", "execute", "grant", "insert", "merge", "reassign",
    "revoke", "security", "update", "with",
];
/// Behind `EXECUTE` so many bytes are read; what is longer is not known.
const LONGEST_TEXT: usize = 256 << 10;
/// More different statements of one `EXECUTE` than these are not compared with what was there before.
const MOST_OF_A_TEXT: usize = 64;
/// A `DO` may stand in the text of an `EXECUTE`, and so on: so often it is read.
const DEEPEST: u8 = 4;
const DIALECT: Dialect = Dialect { standard_strings: true, spelling: Spelling::Body };

/// A statement's line, and its bytes.
type Part = (Place, Range<u64>);
/// What a statement is, and what it changes.
type SharedWhat = (String, Touched);

/// Reads a body piece by piece, in constant memory. It may be written in any language: what is not understood is passed
/// over.
#[derive(Debug, Default)]
pub struct Block {
    lexer: Lexer,
    head: Vec<Lexeme>,
    /// Behind the tokens that are kept.
    later: Later,
    /// What stands behind `EXECUTE`, or behind a `DO` within the block.
    raw: Vec<u8>,
    /// How deep it stands in texts of others.
    depth: u8,
    /// The loops around the statement, and whether each ends by what its statements do.
    loops: Vec<bool>,
    /// How many of them do.
    endless: usize,
    /// Its last statement needs no semicolon: it is the text of an `EXECUTE`.
    is_text: bool,
    /// Where it begins in its file; `None`: as a string, in which a quote may be doubled.
    begins: Option<Place>,
    /// What was read so far, from its beginning.
    read: Place,
    /// Where the statement's first token begins.
    begun: Place,
    /// What it sets, in order.
    pub lasting: Vec<Lasting>,
    /// What in it changes something of the whole server, with its place; without: only the whole block can be left out.
    shared: Vec<(Option<Part>, SharedWhat)>,
    quoting: Quoting,
    /// A setting by which psql would read the rest of the file otherwise.
    pub changes_quoting: Option<&'static str>,
    /// It sets `search_path` for the transaction.
    pub sets_path_locally: bool,
    broken: bool,
}

impl Block {
    /// What is fed next stands at this place of the file. Behind a string (`DO LANGUAGE 'plpgsql' …`) places are not known.
    pub fn begin_at(&mut self, place: Place) {
        if self.read == Place::default() {
            self.begins = Some(place);
        }
    }

    /// Takes the next bytes of the body.
    pub fn feed(&mut self, mut piece: &[u8]) {
        while !piece.is_empty() && !self.broken {
            if self.head.is_empty() && self.lexer.state().is_between_tokens() {
                self.begun = self.read;
            }
            let is_kept = self.has_texts() && self.raw.len() <= LONGEST_TEXT;
            let Ok(step) = self.lexer.step(piece, DIALECT) else {
                self.not_understood("a text that is not understood");
                self.broken = true;
                return;
            };
            if is_kept {
                self.raw.extend_from_slice(&piece[..step.used]);
            }
            self.read.offset += step.used as u64;
            self.read.line += memchr_iter(b'\n', &piece[..step.used]).count() as u64;
            let token = match step.found {
                Some(Found::Token(Token::Symbol(b';'))) => {
                    piece = &piece[step.used..];
                    self.end(true);
                    continue;
                }
                Some(Found::Token(token)) => {
                    self.quoting.take(token);
                    Some(Lexeme::from(token))
                }
                _ => None,
            };
            piece = &piece[step.used..];
            self.take(token);
        }
    }

    /// Nothing more of it comes.
    pub fn finish(&mut self) {
        self.feed(b"\n");
        let last = std::mem::take(&mut self.lexer).finish().map(Lexeme::from);
        self.take(last);
        // What no semicolon ends is no statement of a block, and the block's closing quote may stand behind it.
        self.end(self.is_text);
    }

    fn first_word(&self) -> Option<&str> {
        self.head.first().and_then(Lexeme::word)
    }

    /// The statement runs strings that stand in it.
    fn has_texts(&self) -> bool {
        matches!(self.first_word(), Some("execute" | "do")) || self.has_query_of_text()
    }

    /// `FOR … IN EXECUTE`, `RETURN QUERY EXECUTE`, `OPEN … FOR EXECUTE`.
    fn has_query_of_text(&self) -> bool {
        matches!(self.first_word(), Some("for" | "return" | "open"))
            && self.head.iter().any(|token| token.word() == Some("execute"))
    }

    /// The block may change anything.
    pub fn not_understood(&mut self, why: &str) {
        self.shared.push((None, (why.to_owned(), Touched::Server)));
    }

    /// What in it changes something of the whole server. Where the place of that is not known, it is the whole statement that
    /// holds the block.
    pub fn reaches_beyond(&self, line: u64, whole: &Range<u64>) -> Vec<SharedStatement> {
        let begins = self.begins.filter(|_| self.shared.iter().all(|(place, _)| place.is_some()));
        let of = |(place, (what, touched)): &(Option<Part>, SharedWhat)| {
            let (line, bytes, within) = match (begins, place) {
                (Some(begins), Some((place, bytes))) => {
                    let bytes = begins.offset + bytes.start..begins.offset + bytes.end;
                    (begins.line + place.line, bytes, Within::Block)
                }
                _ => (line, whole.clone(), Within::WholeBlock),
            };
            SharedStatement { line, bytes, what: what.clone(), touched: touched.clone(), within, goes_on: None }
        };
        self.shared.iter().map(of).collect()
    }

    fn take(&mut self, token: Option<Lexeme>) {
        let Some(token) = token else { return };
        let is_whole = self.first_word().is_some_and(|word| WHOLE.contains(&word));
        if !is_whole && token.word().is_some_and(|word| OPENING.contains(&word)) {
            if token.word() == Some("loop") {
                self.follow_loops();
            }
            self.end(false);
        } else if self.head.len() < HEAD {
            self.head.push(token);
        } else {
            self.later.take(&self.head, token);
        }
    }

    /// `LOOP`, or `END LOOP`.
    fn follow_loops(&mut self) {
        if self.head.len() == 1 && self.first_word() == Some("end") {
            self.endless = self.endless.saturating_sub(usize::from(self.loops.pop() == Some(true)));
        } else {
            // What is left out of another loop than these could be what ends it.
            let is_endless = !matches!(self.first_word(), Some("for" | "foreach"));
            self.endless = self.endless.saturating_add(usize::from(is_endless));
            self.loops.push(is_endless);
        }
    }

    /// A statement has come to its end, by a semicolon or where it needs none: `is_whole`.
    fn end(&mut self, is_whole: bool) {
        // A query in a loop's head ends at LOOP.
        let is_query = self.has_query_of_text() || self.first_word() == Some("for");
        let has_texts = self.has_texts();
        let head = std::mem::take(&mut self.head);
        let later = std::mem::take(&mut self.later).found(&head);
        let raw = std::mem::take(&mut self.raw);
        self.changes_quoting = self.changes_quoting.or(std::mem::take(&mut self.quoting).changes());
        self.sets_path_locally |= lasting::sets_path_locally(&head);
        let (lasting, shared) = match has_texts {
            true => self.executed(&head, &raw),
            false => (lasting::of(&head), shared_objects::of(&head, head.len() < HEAD).into_iter().collect()),
        };
        self.lasting.extend(lasting);
        let is_in_loop = self.endless > 0;
        let place = (self.begun, self.begun.offset..self.read.offset);
        if is_query {
            self.shared.extend(shared.into_iter().map(|found| (None, found)));
        } else if is_whole {
            self.shared.extend(shared.into_iter().map(|found| (Some(place.clone()).filter(|_| !is_in_loop), found)));
        }
        let called = server_writes::called(&head).or(later).filter(|_| !has_texts);
        self.shared.extend(called.map(|what| (None, (what, Touched::Server))));
    }

    /// What `EXECUTE 'SET search_path TO …'` sets; a `%I` in it stands for a value that is not known. And what the texts of
    /// an `EXECUTE` or a `DO` change of the whole server.
    fn executed(&self, head: &[Lexeme], raw: &[u8]) -> (Vec<Lasting>, Vec<SharedWhat>) {
        let is_text = head.first().and_then(Lexeme::word) != Some("do");
        let unknown = |what: &str| (Vec::new(), vec![(what.to_owned(), Touched::Server)]);
        if raw.len() > LONGEST_TEXT {
            return unknown("EXECUTE of a long text");
        }
        if self.depth >= DEEPEST {
            return unknown("a text that stands too deep in others");
        }
        let Some(texts) = block_texts::of(raw) else { return unknown("EXECUTE of a text that is not understood") };
        let mut lasting = Vec::new();
        let mut shared: Vec<SharedWhat> = Vec::new();
        for (at, text) in texts.iter().enumerate() {
            let mut block = Self { is_text, depth: self.depth.saturating_add(1), ..Self::default() };
            block.feed(text);
            block.finish();
            if at == 0 {
                lasting = block.lasting;
            }
            let found = block.shared.into_iter().map(|(_, found)| found);
            for found in found {
                if shared.len() >= MOST_OF_A_TEXT {
                    return (lasting, unknown("EXECUTE of many statements").1);
                }
                if !shared.contains(&found) {
                    shared.push(found);
                }
            }
        }
        let without_placeholder = |lasting: Lasting| Lasting {
            value: lasting.value.filter(|value| !value.is_empty() && !value.contains('%')),
            ..lasting
        };
        (lasting.into_iter().map(without_placeholder).collect(), shared)
    }
}
