//! The body of a `DO` block, as far as it sets something for its session (`PERFORM set_config('search_path', …, false)`), or
//! changes something that belongs to the whole server (`GRANT … ON DATABASE`).

use super::block_texts;
use super::lasting::{self, Lasting};
use super::quoting::Quoting;
use super::reader::{Lexeme, Place};
use super::server_writes;
use super::shared_objects::{self, SharedStatement, Touched, Within};
use crate::sql::{Dialect, Found, Lexer, Spelling, Token};
use memchr::memchr_iter;
use std::ops::Range;

/// So many tokens of each statement are kept.
const HEAD: usize = 400;
/// Behind one of these words another statement begins, unless the one that they stand in began with one of `WHOLE`.
const OPENING: &[&str] = &["begin", "then", "else", "loop", "perform"];
const WHOLE: &[&str] = &[
    "alter", "comment", "copy", "create", "delete", "do", "drop", "execute", "grant", "insert", "merge", "reassign",
    "revoke", "security", "update", "with",
];
/// Behind `EXECUTE` so many bytes are read; what is longer is not known.
const LONGEST_TEXT: usize = 8_192;
/// A `DO` may stand in the text of an `EXECUTE`, and so on: so often it is read.
const DEEPEST: u8 = 4;
const DIALECT: Dialect = Dialect { standard_strings: true, spelling: Spelling::Any };

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
    /// What stands behind `EXECUTE`, or behind a `DO` within the block.
    raw: Vec<u8>,
    /// How deep it stands in texts of others.
    depth: u8,
    /// The loops around the statement, and whether each ends by what its statements do.
    loops: Vec<bool>,
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
        matches!(self.first_word(), Some("execute" | "do"))
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
        }
    }

    /// `LOOP`, or `END LOOP`.
    fn follow_loops(&mut self) {
        if self.head.last().and_then(Lexeme::word) == Some("end") {
            self.loops.pop();
        } else {
            // What is left out of another loop than these could be what ends it.
            self.loops.push(!matches!(self.first_word(), Some("for" | "foreach")));
        }
    }

    /// A statement has come to its end, by a semicolon or where it needs none: `is_whole`.
    fn end(&mut self, is_whole: bool) {
        let has_texts = self.has_texts();
        let head = std::mem::take(&mut self.head);
        let raw = std::mem::take(&mut self.raw);
        self.changes_quoting = self.changes_quoting.or(std::mem::take(&mut self.quoting).changes());
        self.sets_path_locally |= lasting::sets_path_locally(&head);
        let (lasting, shared) = match has_texts {
            true => self.executed(&head, &raw),
            false => (lasting::of(&head), shared_objects::of(&head, head.len() < HEAD).into_iter().collect()),
        };
        self.lasting.extend(lasting);
        let is_in_loop = self.loops.contains(&true);
        let place = (self.begun, self.begun.offset..self.read.offset);
        if is_whole {
            self.shared.extend(shared.into_iter().map(|found| (Some(place.clone()).filter(|_| !is_in_loop), found)));
        }
        let called = server_writes::called(&head).filter(|_| !has_texts);
        self.shared.extend(called.map(|what| (None, (what, Touched::Server))));
    }

    /// What `EXECUTE 'SET search_path TO …'` sets; a `%I` in it stands for a value that is not known. And what the texts of
    /// an `EXECUTE` or a `DO` change of the whole server.
    fn executed(&self, head: &[Lexeme], raw: &[u8]) -> (Vec<Lasting>, Vec<SharedWhat>) {
        let is_execute = head.first().and_then(Lexeme::word) == Some("execute");
        let unknown = |what: &str| (Vec::new(), vec![(what.to_owned(), Touched::Server)]);
        if raw.len() > LONGEST_TEXT || self.depth >= DEEPEST {
            return unknown("EXECUTE of a long text");
        }
        let Some(texts) = block_texts::of(raw) else { return unknown("EXECUTE of a text that is not understood") };
        let mut lasting = Vec::new();
        let mut shared: Vec<SharedWhat> = Vec::new();
        for (at, text) in texts.iter().enumerate() {
            let mut block = Self { is_text: is_execute, depth: self.depth.saturating_add(1), ..Self::default() };
            block.feed(text);
            block.finish();
            if at == 0 {
                lasting = block.lasting;
            }
            let found = block.shared.into_iter().map(|(_, found)| found);
            found.for_each(|found| {
                if !shared.contains(&found) {
                    shared.push(found);
                }
            });
        }
        let without_placeholder = |lasting: Lasting| Lasting {
            value: lasting.value.filter(|value| !value.is_empty() && !value.contains('%')),
            ..lasting
        };
        (lasting.into_iter().map(without_placeholder).collect(), shared)
    }
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
            block.shared.into_iter().map(|(_, (_, touched))| touched).collect()
        };
        let names = |name: &str| vec![name.to_owned()];
        let member = Touched::Memberships { groups: names("g"), members: names("new") };
        let role = Touched::Roles(names("app"));
        assert_eq!(touched("BEGIN EXECUTE 'GRANT g TO new; ALTER ROLE app NOLOGIN'; END"), [member, role]);
        let long = format!("BEGIN EXECUTE $q${}$q$; END", " ".repeat(LONGEST_TEXT + 1));
        assert_eq!(touched(&long), [Touched::Server]);
        let role = [Touched::Roles(names("app"))];
        let wide = format!("EXECUTE 'CREATE TABLE t ({} a int); ALTER ROLE app NOLOGIN'", " ".repeat(600));
        for text in [
            wide.as_str(),
            "EXECUTE E'ALTER ROLE app\\nSET x.y = \\'1\\''",
            "EXECUTE CASE WHEN 'a' = 'a' THEN 'ALTER ROLE app NOLOGIN' END",
            "EXECUTE (ARRAY['x', 'ALTER ROLE app NOLOGIN'])[2]",
            "EXECUTE concat('ALTER ROLE ', 'app NOLOGIN')",
            "EXECUTE 'DO $q$BEGIN ALTER ROLE app NOLOGIN; END$q$'",
            "DO 'BEGIN ALTER ROLE app NOLOGIN; END'",
        ] {
            assert_eq!(touched(&format!("BEGIN {text}; END")), role, "{text}");
        }
        for text in [
            "EXECUTE E'ALT\\x45R ROLE app NOLOGIN'",
            "PERFORM pg_terminate_backend(1)",
            "IF dblink_exec('a', 'b') THEN NULL; END IF",
        ] {
            assert_eq!(touched(&format!("BEGIN {text}; END")), [Touched::Server], "{text}");
        }
        assert_eq!(
            touched(
                "BEGIN RAISE NOTICE 'pg_terminate_backend(1)'; EXECUTE 'ALTER DATABASE ' || x || ' SET a = 1'; END"
            ),
            []
        );
    }

    /// What ends a loop could be what is left out of it.
    #[test]
    fn within_a_loop_that_its_statements_end_the_whole_block_is_left_out() {
        let bytes = |body: &str| -> Vec<Range<u64>> {
            let mut block = Block::default();
            block.begin_at(Place { offset: 5, line: 1 });
            block.feed(body.as_bytes());
            block.finish();
            block.reaches_beyond(1, &(0..1_000)).into_iter().map(|found| found.bytes).collect()
        };
        let whole = vec![0..1_000_u64; 1];
        for body in [
            "BEGIN WHILE a LOOP DROP ROLE b; END LOOP; END",
            "BEGIN LOOP\nIF a THEN DROP ROLE b; END IF; END LOOP; END",
        ] {
            assert_eq!(bytes(body), whole, "{body}");
        }
        for body in [
            "BEGIN WHILE a LOOP NULL; END LOOP; DROP ROLE b; END",
            "BEGIN FOR i IN 1..2 LOOP DROP ROLE b; END LOOP; END",
        ] {
            let place = body.find("DROP").unwrap() as u64 + 5;
            assert_eq!(bytes(body), vec![place..place + 12; 1], "{body}");
        }
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
            ("ALTER DATABASE app SET a = b", Vec::new()),
        ] {
            assert_eq!(found(body), expected, "{body}");
        }
    }
}
