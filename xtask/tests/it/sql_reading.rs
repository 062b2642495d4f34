//! The lexer of SQL beside psql itself: in a text in which the lexer finds no command of psql, psql runs none.

#[path = "../../src/sql/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the source file is compiled here a second time")]
mod sql;

use crate::harness::dice::{self, Dice};
use crate::harness::{Test, shared};
use sql::{Dialect, Found, Lexer, Spelling};

pub fn tests() -> Vec<Test> {
    tests![[Docker, Compose, Postgres] psql_runs_no_command_that_the_lexer_does_not_find]
}

/// What psql would print, if it took this for a command.
const COMMAND: &str = " \\echo FOUND\n";
/// Beginnings and ends of quotes and comments, and what could be taken for one.
const PARTS: &[&str] = &[
    COMMAND, COMMAND, "'", "'", "'", "''", "E'", "e'", "b'", "X'", "N'", "U&'", "U&\"", "\"", "\"", "$$", "$$", "$a$",
    "$a$", "$", "$1", "$b", "1", "1e", "0x", "1.", ".5", ".", ":", "::", ":=", ":a", ":'", ":\"", ":{?", "a", "e", "E",
    "a$", "u", " ", " ", "\n", "\n", "\r", "\t", "\u{c}", "--", "-", "/*", "*/", "/", "*", "+", "<", "@", ";", ",",
    "[", "]", "\\", "\\'", "\\\\", "ü", "_",
];

/// A text of so many parts, each of which the lexer takes; nothing in it is a command.
fn text(dice: &mut Dice, parts: usize, dialect: Dialect) -> String {
    let mut lexer = Lexer::default();
    let mut text = String::new();
    for _ in 0..parts {
        let part = dice.one_of(PARTS);
        let mut tried = lexer.clone();
        if takes(&mut tried, part.as_bytes(), dialect) {
            text.push_str(part);
            lexer = tried;
        }
    }
    text
}

fn takes(lexer: &mut Lexer, mut bytes: &[u8], dialect: Dialect) -> bool {
    while !bytes.is_empty() {
        match lexer.step(bytes, dialect) {
            Ok(step) if step.found != Some(Found::Backslash) => bytes = &bytes[step.used..],
            _ => return false,
        }
    }
    true
}

fn psql_runs_no_command_that_the_lexer_does_not_find() {
    let (mut dice, seed) = Dice::thrown();
    for case in 0..dice::cases(40) {
        let spelling = if case % 2 == 0 { Spelling::Any } else { Spelling::PgDump };
        let text = text(&mut dice, 400, Dialect { standard_strings: true, spelling });
        let (output, errors) = shared().client(&["psql", "-X", "-qAt", "-d", "postgres"], text.as_str());
        let output = output.unwrap_or_else(|| panic!("seed {seed}: {errors}\n{text}"));
        assert_eq!(String::from_utf8_lossy(&output), "", "seed {seed}: {text:?}");
    }
    let (output, _) = shared().client(&["psql", "-X", "-qAt", "-d", "postgres"], COMMAND);
    assert_eq!(output.as_deref(), Some(&b"FOUND\n"[..]), "the command that is looked for");
}
