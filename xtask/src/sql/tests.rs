//! What each dialect reads, and what both refuse.

use super::*;

const ANY: Dialect = Dialect { standard_strings: true, spelling: Spelling::Any };
const PG_DUMP: Dialect = Dialect { standard_strings: true, spelling: Spelling::PgDump };
const OLD_STRINGS: Dialect = Dialect { standard_strings: false, ..PG_DUMP };

/// What is found in the text, fed in pieces of this size.
fn found(text: &str, dialect: Dialect, size: usize) -> Result<Vec<String>, &'static str> {
    let mut lexer = Lexer::default();
    let mut all = Vec::new();
    for mut piece in text.as_bytes().chunks(size).chain([&b"\n"[..]]) {
        while !piece.is_empty() {
            let step = lexer.step(piece, dialect)?;
            let used = step.used;
            all.extend(step.found.map(shown));
            piece = &piece[used..];
        }
    }
    all.extend(lexer.finish().map(|token| shown(Found::Token(token))));
    Ok(all)
}

fn shown(found: Found<'_>) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match found {
        Found::Token(Token::Word(word)) => text(word),
        Found::Token(Token::Name(name)) => format!("\"{}\"", text(name)),
        Found::Token(Token::Text(string)) => format!("'{}'", text(string)),
        Found::Token(Token::Dollars) => "$$".to_owned(),
        Found::Token(Token::Symbol(symbol)) => char::from(symbol).to_string(),
        Found::Comment(comment) => text(comment),
        Found::Backslash => "\\".to_owned(),
    }
}

#[track_caller]
fn reads(text: &str, dialect: Dialect, expected: &[&str]) {
    for size in [1, 2, 3, 1000] {
        let found = found(text, dialect, size).unwrap_or_else(|what| panic!("{text:?} by {size}: {what}"));
        assert_eq!(found, expected, "{text:?} by {size}");
    }
}

#[test]
fn both_dialects_read_the_same_tokens() {
    for dialect in [ANY, PG_DUMP] {
        reads("SELECT a$b, 'it''s', \"n\"\"m\";", dialect, &["SELECT", "a$b", ",", "'it's'", ",", "\"n\"m\"", ";"]);
        reads("E'a\\'b' b'01' e.'x'", dialect, &["'a'b'", "'01'", "e", ".", "'x'"]);
        reads("a -- b\nc /* d /* e */ f */ g - h / i", dialect, &["a", "-- b", "c", "g", "-", "h", "/", "i"]);
        reads("$$ ' $$ $t$ $$ $t$ $1 $", dialect, &["$$", "$$", "$", "1", "$"]);
        reads(
            "x::text y:=1 a[1:n]",
            dialect,
            &["x", ":", ":", "text", "y", ":", "=", "1", "a", "[", "1", ":", "n", "]"],
        );
        reads("'a'\n 'b' 'c'", dialect, &["'ab'", "'c'"]);
        reads("a \\ b", dialect, &["a", "\\", "b"]);
    }
}

#[test]
fn the_setting_decides_on_backslashes_in_plain_strings() {
    reads("'a\\', b", PG_DUMP, &["'a\\'", ",", "b"]);
    reads("'a\\', b'", OLD_STRINGS, &["'a', b'"]);
}

#[test]
fn a_reading_on_which_psql_and_the_server_part_is_refused() {
    for dialect in [ANY, PG_DUMP, OLD_STRINGS] {
        for text in [
            "1$$'$$ x'",
            "1'x'",
            ":a$$x$$",
            ":e'x'",
            "1.e'x'",
            "1e'x'",
            "$e'x'",
            "$a b",
            "E'a'\n'b'",
            "E'a' \n'b'",
            "E'a' -- c\n 'b'",
            "E'a'\n-- c\n'b'",
            "b'0'\n'1'",
            "1e-- c",
            "1.e-- c",
            ".5e-- c",
            ":{?a}",
        ] {
            for size in [1, 2, 1000] {
                assert!(found(text, dialect, size).is_err(), "{text:?} by {size}");
            }
        }
        assert!(found(&format!("{}e-- c", "1".repeat(600)), dialect, 1000).is_err());
        for text in [
            "E'a' 'b'",
            "E'a', -- c\n'b'",
            "E'a'\n, 'b'",
            "E'a' /* c */\n'b'",
            "E'a' - \n'b'",
            "x.e'b'",
            "x.e-- c",
            "1e-5",
            "1.e+5",
            "1e -- c",
        ] {
            assert!(found(text, dialect, 1).is_ok(), "{text:?}");
        }
    }
}

#[test]
fn what_pg_dump_does_not_write_is_refused_in_a_dump_alone() {
    for text in ["a\r\nb", "U&'\\0041'", "U&\"a\""] {
        assert!(found(text, PG_DUMP, 1).is_err() && found(text, ANY, 1).is_ok(), "{text:?}");
    }
}

#[test]
fn comments_nest_as_deeply_as_people_write_them() {
    let nested = |depth: usize| format!("{}{} a", "/*".repeat(depth), "*/".repeat(depth));
    assert_eq!(found(&nested(1000), ANY, 7), Ok(vec!["a".to_owned()]));
    assert_eq!(found(&nested(1001), PG_DUMP, 7), Err("comments that stand in one another too deeply"));
}
