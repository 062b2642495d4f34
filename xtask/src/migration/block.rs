//! The body of a `DO` block, as far as it sets something for its session (`PERFORM set_config('search_path', …, false)`), or
//! changes something that belongs to the whole server (`GRANT … ON DATABASE`).

use super::lasting::{self, Lasting};
use super::quoting::Quoting;
use super::reader::{Lexeme, Place};
use super::shared_objects::{self, SharedStatement, Touched, Within};
use crate::sql::{Dialect, Found, Lexer, Spelling, State, Token};
use memchr::{memchr_iter, memrchr};
use std::ops::Range;

/// So many tokens of each statement are kept.
const HEAD: usize = 400;
/// Behind one of these words another statement begins, unless the one that they stand in began with one of `WHOLE`.
const OPENING: &[&str] = &["begin", "then", "else", "loop", "perform"];
const WHOLE: &[&str] = &[
    "alter", "comment", "copy", "create", "delete", "drop", "execute", "grant", "insert", "merge", "reassign",
    "revoke", "security", "update", "with",
];
/// Of a text in dollar quotes behind `EXECUTE` so many bytes are read; a longer one is not known.
const LONGEST_TEXT: usize = 8_192;
const DIALECT: Dialect = Dialect { standard_strings: true, spelling: Spelling::Any };

/// Reads a body piece by piece, in constant memory. It may be written in any language: what is not understood is passed
/// over.
#[derive(Debug, Default)]
pub struct Block {
    lexer: Lexer,
    head: Vec<Lexeme>,
    /// The first text in dollar quotes behind `EXECUTE`, with the quotes' end.
    quoted: Vec<u8>,
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
    /// What in it changes something of the whole server, with its place.
    shared: Vec<(Place, Range<u64>, (String, Touched))>,
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
            let is_quoted = matches!(self.lexer.state(), State::Dollar { .. });
            let is_kept = is_quoted && self.first_word() == Some("execute") && self.quoted.len() <= LONGEST_TEXT;
            let Ok(step) = self.lexer.step(piece, DIALECT) else {
                self.broken = true;
                return;
            };
            if is_kept {
                self.quoted.extend_from_slice(&piece[..step.used]);
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

    /// What in it changes something of the whole server. Where the place of that is not known, it is the whole statement that
    /// holds the block.
    pub fn reaches_beyond(&self, line: u64, whole: &Range<u64>) -> Vec<SharedStatement> {
        let of = |(place, bytes, (what, touched)): &(Place, Range<u64>, (String, Touched))| {
            let (line, bytes, within) = match self.begins {
                Some(begins) => {
                    let bytes = begins.offset + bytes.start..begins.offset + bytes.end;
                    (begins.line + place.line, bytes, Within::Block)
                }
                None => (line, whole.clone(), Within::WholeBlock),
            };
            SharedStatement { line, bytes, what: what.clone(), touched: touched.clone(), within, goes_on: None }
        };
        self.shared.iter().map(of).collect()
    }

    fn take(&mut self, token: Option<Lexeme>) {
        let Some(token) = token else { return };
        let is_whole = self.first_word().is_some_and(|word| WHOLE.contains(&word));
        if !is_whole && token.word().is_some_and(|word| OPENING.contains(&word)) {
            self.end(false);
        } else if self.head.len() < HEAD {
            self.head.push(token);
        }
    }

    /// A statement has come to its end, by a semicolon or where it needs none: `is_whole`.
    fn end(&mut self, is_whole: bool) {
        let head = std::mem::take(&mut self.head);
        let quoted = std::mem::take(&mut self.quoted);
        self.changes_quoting = self.changes_quoting.or(std::mem::take(&mut self.quoting).changes());
        self.sets_path_locally |= lasting::sets_path_locally(&head);
        let (lasting, shared) = match head.first().and_then(Lexeme::word) {
            Some("execute") => executed(&head, &quoted),
            _ => (lasting::of(&head), shared_objects::of(&head, head.len() < HEAD).into_iter().collect()),
        };
        self.lasting.extend(lasting);
        let bytes = self.begun.offset..self.read.offset;
        if is_whole {
            self.shared.extend(shared.into_iter().map(|found| (self.begun, bytes.clone(), found)));
        }
    }
}

/// What `EXECUTE 'SET search_path TO …'` sets; a `%I` in it stands for a value that is not known. And what it changes of the
/// whole server.
fn executed(head: &[Lexeme], quoted: &[u8]) -> (Vec<Lasting>, Vec<(String, Touched)>) {
    if quoted.len() > LONGEST_TEXT {
        return (Vec::new(), vec![("EXECUTE of a long text".to_owned(), Touched::Server)]);
    }
    let text = head.iter().find_map(|token| if let Lexeme::Text(text) = token { Some(text.as_bytes()) } else { None });
    let text = if quoted.is_empty() { text.unwrap_or_default() } else { without_end_of_quotes(quoted) };
    let mut block = Block { is_text: true, ..Block::default() };
    block.feed(text);
    let without_placeholder = |lasting: Lasting| Lasting {
        value: lasting.value.filter(|value| !value.is_empty() && !value.contains('%')),
        ..lasting
    };
    block.finish();
    let shared = block.shared.into_iter().map(|(_, _, found)| found).collect();
    (block.lasting.into_iter().map(without_placeholder).collect(), shared)
}

/// `text$tag$` without its end.
fn without_end_of_quotes(quoted: &[u8]) -> &[u8] {
    let tagged = quoted.strip_suffix(b"$").unwrap_or(quoted);
    memrchr(b'$', tagged).and_then(|end| tagged.get(..end)).unwrap_or(tagged)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sets(body: &str) -> Vec<(String, Option<String>)> {
        let found: Vec<Vec<Lasting>> = [1, 3, body.len().max(1)]
            .map(|size| {
                let mut block = Block::default();
                body.as_bytes().chunks(size).for_each(|piece| block.feed(piece));
                block.finish();
                block.lasting
            })
            .into();
        assert!(found.iter().all(|each| *each == found[0]), "pieces of every size: {body}");
        found[0].iter().map(|lasting| (lasting.setting.clone(), lasting.value.clone())).collect()
    }

    #[test]
    fn what_a_block_sets_is_found() {
        let some = |setting: &str, value: Option<&str>| vec![(setting.to_owned(), value.map(str::to_owned))];
        for (body, expected) in [
            ("BEGIN PERFORM set_config('search_path', 'app', false); END", some("search_path", Some("app"))),
            (
                "begin if true then perform pg_catalog.set_config('role','x',false); end if; end",
                some("role", Some("x")),
            ),
            ("BEGIN x := set_config('search_path', y, false); END", some("search_path", None)),
            ("DECLARE a int; BEGIN SET search_path TO app, public; END", some("search_path", Some("app"))),
            ("BEGIN EXECUTE 'SET search_path TO app'; END", some("search_path", Some("app"))),
            ("BEGIN EXECUTE format('SET search_path TO %I', s); END", some("search_path", None)),
            ("BEGIN EXECUTE 'SET search_path = ' || s; END", some("search_path", None)),
        ] {
            assert_eq!(sets(body), expected, "{body}");
        }
        for body in [
            "",
            "BEGIN PERFORM set_config('search_path', 'app', true); END",
            "BEGIN -- PERFORM set_config('search_path', 'app', false)\nNULL; END",
            "BEGIN UPDATE t SET search_path = 'x'; SET LOCAL search_path TO app; END",
            "BEGIN RAISE NOTICE 'SET search_path TO app'; EXECUTE f(x); END",
            "import \\os; 'unclosed",
        ] {
            assert_eq!(sets(body), [], "{body}");
        }
    }

    #[test]
    fn each_statement_of_a_text_counts_and_a_long_one_is_not_known() {
        let touched = |body: &str| -> Vec<Touched> {
            let mut block = Block::default();
            block.feed(body.as_bytes());
            block.finish();
            block.shared.into_iter().map(|(_, _, (_, touched))| touched).collect()
        };
        let names = |name: &str| vec![name.to_owned()];
        let member = Touched::Memberships { groups: names("g"), members: names("new") };
        let role = Touched::Roles(names("app"));
        assert_eq!(touched("BEGIN EXECUTE 'GRANT g TO new; ALTER ROLE app NOLOGIN'; END"), [member, role]);
        let long = format!("BEGIN EXECUTE $q${}$q$; END", " ".repeat(LONGEST_TEXT + 1));
        assert_eq!(touched(&long), [Touched::Server]);
    }

    /// What a block changes of the whole server: line, words, and the text at its place.
    fn found(body: &str) -> Vec<(u64, String, String)> {
        let mut block = Block::default();
        block.begin_at(Place { offset: 5, line: 3 });
        // The reader hands on the closing quote, too.
        format!("{body}$$").as_bytes().chunks(3).for_each(|piece| block.feed(piece));
        block.finish();
        let text = format!("DO $${body}$$;");
        let of = |found: SharedStatement| {
            let bytes = usize::try_from(found.bytes.start).unwrap()..usize::try_from(found.bytes.end).unwrap();
            (found.line, found.within.told(&[&found.what]), text[bytes].to_owned())
        };
        block.reaches_beyond(3, &(0..text.len() as u64)).into_iter().map(of).collect()
    }

    fn one(line: u64, what: &str, text: &str) -> Vec<(u64, String, String)> {
        vec![(line, format!("{what} in a DO block"), text.to_owned())]
    }

    #[test]
    fn what_a_block_changes_of_the_whole_server_has_its_place() {
        for (body, expected) in [
            (
                "BEGIN\nIF true THEN /* x */ GRANT CONNECT ON DATABASE app TO x; END IF; END",
                one(4, "GRANT … ON DATABASE", "GRANT CONNECT ON DATABASE app TO x;"),
            ),
            ("\n\nBEGIN NULL;\nALTER SYSTEM RESET a; END", one(6, "ALTER SYSTEM", "ALTER SYSTEM RESET a;")),
            (
                "BEGIN EXECUTE 'ALTER DATABASE app SET a = 1'; END",
                one(3, "ALTER DATABASE", "EXECUTE 'ALTER DATABASE app SET a = 1';"),
            ),
            ("BEGIN EXECUTE format('GRANT CONNECT ON DATABASE %I TO x', current_database()); END", Vec::new()),
            ("BEGIN EXECUTE 'GRANT CONNECT ON DATABASE ' || current_database() || ' TO x'; END", Vec::new()),
            ("BEGIN RAISE NOTICE 'ALTER SYSTEM'; CREATE ROLE x; END", Vec::new()),
        ] {
            assert_eq!(found(body), expected, "{body}");
        }
    }

    #[test]
    fn the_texts_of_execute_are_read_and_a_statement_ends_at_its_semicolon() {
        for (body, expected) in [
            (
                "BEGIN EXECUTE 'ALTER DATABASE app SET a = ' || CASE WHEN x THEN 'b' ELSE 'c' END; END",
                one(3, "ALTER DATABASE", "EXECUTE 'ALTER DATABASE app SET a = ' || CASE WHEN x THEN 'b' ELSE 'c' END;"),
            ),
            (
                "BEGIN EXECUTE $q$CREATE TABLE t (a int); DROP ROLE x$q$; END",
                one(3, "DROP ROLE", "EXECUTE $q$CREATE TABLE t (a int); DROP ROLE x$q$;"),
            ),
            (
                "BEGIN EXECUTE format($q$ALTER ROLE app RENAME TO %I$q$, x); END",
                one(3, "ALTER ROLE", "EXECUTE format($q$ALTER ROLE app RENAME TO %I$q$, x);"),
            ),
            ("BEGIN EXECUTE $q$CREATE TABLE t (a int)$q$; END", Vec::new()),
            // What the server refuses is sent as it is.
            ("BEGIN ALTER DATABASE app SET a = 1 END", Vec::new()),
            ("ALTER DATABASE app SET a = 1", Vec::new()),
        ] {
            assert_eq!(found(body), expected, "{body}");
        }
    }
}
