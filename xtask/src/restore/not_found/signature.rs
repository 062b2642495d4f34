//! A function's signature, as the server writes it: `lib.f(integer, "a b"[])`.

use crate::sql::{Dialect, Found, Lexer, Spelling, Token};
use crate::words::is_obeyed;

/// The types of SQL whose names are several words.
const WITH_BLANKS: [&str; 7] = [
    "bit varying",
    "character varying",
    "double precision",
    "time with time zone",
    "time without time zone",
    "timestamp with time zone",
    "timestamp without time zone",
];
const DIALECT: Dialect = Dialect { standard_strings: true, spelling: Spelling::PgDump };

/// A part of a signature.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    /// Without quotes.
    Word(String),
    Name(String),
    Symbol(u8),
}

/// The function's name alone. `None`: the text is more than its name and the types of its arguments, or less, as of a block
/// of a `DO` statement. Code of the file can write such a line itself, and the signature stands in a statement that a person
/// types.
pub(super) fn name_in(text: &str) -> Option<String> {
    let parts = parts(text)?;
    let open = parts.iter().position(|part| *part == Part::Symbol(b'('))?;
    let (name, types) = parts.split_at(open);
    let types = types.get(1..)?.strip_suffix(&[Part::Symbol(b')')])?;
    let are_types = types.is_empty() || types.split(|part| *part == Part::Symbol(b',')).all(is_type);
    last_name(name).filter(|_| are_types).map(str::to_owned)
}

fn parts(text: &str) -> Option<Vec<Part>> {
    let mut lexer = Lexer::default();
    let mut parts = Vec::new();
    // A line's end ends every token that has no end of its own.
    for mut rest in [text.as_bytes(), b"\n"] {
        while !rest.is_empty() {
            let step = lexer.step(rest, DIALECT).ok()?;
            rest = rest.get(step.used..)?;
            if let Some(found) = step.found {
                parts.push(part(found)?);
            }
        }
    }
    lexer.state().is_between_tokens().then_some(parts)
}

/// A string or a comment has no place in a signature.
fn part(found: Found<'_>) -> Option<Part> {
    let text =
        |bytes: &[u8]| std::str::from_utf8(bytes).ok().filter(|text| !text.contains(is_obeyed)).map(str::to_owned);
    Some(match found {
        Found::Token(Token::Word(word)) => Part::Word(text(word)?),
        Found::Token(Token::Name(name)) => Part::Name(text(name)?),
        Found::Token(Token::Symbol(symbol)) => Part::Symbol(symbol),
        Found::Token(Token::Text(_) | Token::Dollars) | Found::Comment(_) | Found::Backslash => return None,
    })
}

/// The last part of a name with its schema or without.
fn last_name(parts: &[Part]) -> Option<&str> {
    let mut last = None;
    for part in parts.split(|part| *part == Part::Symbol(b'.')) {
        last = Some(match part {
            [Part::Word(name)] if !name.starts_with(|first: char| first.is_ascii_digit()) => name.as_str(),
            [Part::Name(name)] if !name.is_empty() => name.as_str(),
            _ => return None,
        });
    }
    last
}

fn is_type(mut parts: &[Part]) -> bool {
    while let Some(element) = parts.strip_suffix(&[Part::Symbol(b'['), Part::Symbol(b']')]) {
        parts = element;
    }
    let words: Option<Vec<&str>> =
        parts.iter().map(|part| if let Part::Word(word) = part { Some(word.as_str()) } else { None }).collect();
    words.is_some_and(|words| WITH_BLANKS.contains(&words.join(" ").as_str())) || last_name(parts).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_signature_is_read_as_the_server_quotes_it() {
        for (text, name) in [
            ("f()", "f"),
            ("lib.bucket(integer)", "bucket"),
            ("f(character varying, lib.\"A b\"[], timestamp without time zone)", "f"),
            ("public.\"my.f\"(text)", "my.f"),
            ("\"a(b\"(integer[][])", "a(b"),
            ("\"a\"\"b\"(integer)", "a\"b"),
            ("\"größe\".größe(text)", "größe"),
        ] {
            assert_eq!(name_in(text).as_deref(), Some(name), "{text}");
        }
        for text in [
            "f",
            "f(",
            "f(a b)",
            "f(a,)",
            ".f(a)",
            "f.(a)",
            "\"\"(a)",
            "1f(a)",
            "f('a')",
            "f(a) -- )",
            "f(a) /* )",
            "f(a);g(b)",
        ] {
            assert_eq!(name_in(text), None, "{text}");
        }
    }
}
