//! The body of a `DO` block, as far as it sets something for its session: `PERFORM set_config('search_path', …, false)`.

use super::lasting::{self, Lasting};
use super::quoting::Quoting;
use super::reader::Lexeme;
use crate::sql::{Dialect, Found, Lexer, Spelling, Token};

/// So many tokens of each statement are kept.
const HEAD: usize = 40;
/// Behind one of these words another statement begins.
const OPENING: &[&str] = &["begin", "then", "else", "loop", "perform"];
const DIALECT: Dialect = Dialect { standard_strings: true, spelling: Spelling::Any };

/// Reads a body piece by piece, in constant memory. It may be written in any language: what is not understood is passed
/// over.
#[derive(Debug, Default)]
pub struct Block {
    lexer: Lexer,
    head: Vec<Lexeme>,
    /// What it sets, in order.
    lasting: Vec<Lasting>,
    quoting: Quoting,
    /// A setting by which psql would read the rest of the file otherwise.
    pub changes_quoting: Option<&'static str>,
    /// It sets `search_path` for the transaction.
    pub sets_path_locally: bool,
    broken: bool,
}

impl Block {
    /// Takes the next bytes of the body.
    pub fn feed(&mut self, mut piece: &[u8]) {
        while !piece.is_empty() && !self.broken {
            let Ok(step) = self.lexer.step(piece, DIALECT) else {
                self.broken = true;
                return;
            };
            let token = match step.found {
                Some(Found::Token(Token::Symbol(b';'))) => {
                    piece = &piece[step.used..];
                    self.end();
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

    /// What the whole body sets.
    pub fn finish(mut self) -> Vec<Lasting> {
        self.feed(b"\n");
        let last = self.lexer.finish().map(Lexeme::from);
        self.take(last);
        self.end();
        self.lasting
    }

    fn take(&mut self, token: Option<Lexeme>) {
        let Some(token) = token else { return };
        if token.word().is_some_and(|word| OPENING.contains(&word)) {
            self.end();
        } else if self.head.len() < HEAD {
            self.head.push(token);
        }
    }

    fn end(&mut self) {
        let head = std::mem::take(&mut self.head);
        self.changes_quoting = self.changes_quoting.or(std::mem::take(&mut self.quoting).changes());
        self.sets_path_locally |= lasting::sets_path_locally(&head);
        match head.first().and_then(Lexeme::word) {
            Some("execute") => self.lasting.extend(executed(&head)),
            _ => self.lasting.extend(lasting::of(&head)),
        }
    }
}

/// What `EXECUTE 'SET search_path TO …'` sets; a `%I` in it stands for a value that is not known.
fn executed(head: &[Lexeme]) -> Vec<Lasting> {
    let text = head.iter().find_map(|token| if let Lexeme::Text(text) = token { Some(text) } else { None });
    let mut block = Block::default();
    block.feed(text.map(String::as_bytes).unwrap_or_default());
    let without_placeholder = |lasting: Lasting| Lasting {
        value: lasting.value.filter(|value| !value.is_empty() && !value.contains('%')),
        ..lasting
    };
    block.finish().into_iter().map(without_placeholder).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sets(body: &str) -> Vec<(String, Option<String>)> {
        let found: Vec<Vec<Lasting>> = [1, 3, body.len().max(1)]
            .map(|size| {
                let mut block = Block::default();
                body.as_bytes().chunks(size).for_each(|piece| block.feed(piece));
                block.finish()
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
}
