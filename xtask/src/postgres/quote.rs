//! Values and names as SQL writes them, without a backslash. psql reads what it is sent in the encoding that the server
//! reports: a server that lies about it can end a quote for psql early, and psql obeys a backslash outside of quotes. In
//! text that has none there is no command to psql, however it is read. Text that psql would not pass on to the server
//! unchanged is refused.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

use crate::error::Fault;
use crate::words::is_obeyed;

/// The longest text that is quoted, in bytes: longer than any name, setting or comment of ours.
const LONGEST: usize = 1 << 20;

/// A string as SQL writes it. One that holds a backslash is an error where `standard_conforming_strings` is off.
///
/// # Errors
/// The text holds a NUL, at which psql ends the line and with it the quote, or is longer than 1 MiB.
pub fn literal(text: &str) -> Result<String, Fault> {
    Ok(without_backslash('\'', passable(text)?))
}

/// Text between these quotes. All servers write U+005C alike, whatever their encoding is.
fn without_backslash(quote: char, text: &str) -> String {
    let text = text.replace(quote, &format!("{quote}{quote}"));
    if !text.contains('\\') {
        return format!("{quote}{text}{quote}");
    }
    format!("U&{quote}{}{quote} UESCAPE '!'", text.replace('!', "!!").replace('\\', "!005C"))
}

/// SQL of ours, which psql may be sent.
///
/// # Errors
/// It holds a backslash that psql could obey. With a semicolon behind it, it is none: that separates two statements.
pub fn sendable(sql: &str) -> Result<&str, Fault> {
    if sql.split('\\').skip(1).all(|behind| behind.starts_with(';')) {
        return Ok(sql);
    }
    Err(Fault::failed(format!("A statement with a backslash cannot be sent to psql: {:?}", start(sql))))
}

/// A string as a person may type it, of letters that every terminal shows as they are. It is shown, never sent.
///
/// # Errors
/// As for [`literal`].
pub fn printable_literal(text: &str) -> Result<String, Fault> {
    let text = passable(text)?;
    if text.chars().all(shows) {
        return literal(text);
    }
    let escaped = |letter: char| match letter {
        '\\' => "\\\\".to_owned(),
        '\'' => "''".to_owned(),
        letter if shows(letter) => letter.to_string(),
        letter => format!("\\U{:08X}", u32::from(letter)),
    };
    Ok(format!("E'{}'", text.chars().map(escaped).collect::<String>()))
}

/// Whether every terminal shows this letter as it is.
fn shows(letter: char) -> bool {
    (letter == ' ' || letter.is_ascii_graphic() || letter.is_alphanumeric()) && !is_obeyed(letter)
}

/// A name as a person may type it, of letters that every terminal shows as they are. It is shown, never sent.
///
/// # Errors
/// As for [`identifier`].
pub fn printable_identifier(name: &str) -> Result<String, Fault> {
    let name = nameable(name)?;
    if name.chars().all(shows) {
        return identifier(name);
    }
    let escaped = |letter: char| match letter {
        '"' => "\"\"".to_owned(),
        '!' => "!!".to_owned(),
        letter if letter != '\\' && shows(letter) => letter.to_string(),
        letter => format!("!+{:06X}", u32::from(letter)),
    };
    Ok(format!("U&\"{}\" UESCAPE '!'", name.chars().map(escaped).collect::<String>()))
}

/// A name as SQL writes it.
///
/// # Errors
/// As for [`literal`]; and no name is empty.
pub fn identifier(name: &str) -> Result<String, Fault> {
    Ok(without_backslash('"', nameable(name)?))
}

/// A name as it stands in the value of a setting and in a pattern of pg_dump, which know quotes alone.
///
/// # Errors
/// As for [`identifier`].
pub fn name_in_value(name: &str) -> Result<String, Fault> {
    Ok(format!("\"{}\"", nameable(name)?.replace('"', "\"\"")))
}

/// A string, or `NULL`.
///
/// # Errors
/// As for [`literal`].
pub fn literal_or_null(text: Option<&str>) -> Result<String, Fault> {
    text.map_or_else(|| Ok("NULL".to_owned()), literal)
}

/// Several strings, separated by commas.
///
/// # Errors
/// As for [`literal`].
pub fn literals<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<String, Fault> {
    let quoted: Result<Vec<String>, Fault> = texts.into_iter().map(literal).collect();
    Ok(quoted?.join(", "))
}

fn nameable(name: &str) -> Result<&str, Fault> {
    if name.is_empty() {
        return Err(Fault::failed("An empty name cannot be written in SQL"));
    }
    passable(name)
}

fn passable(text: &str) -> Result<&str, Fault> {
    if text.contains('\0') {
        return Err(Fault::failed(format!("A NUL cannot be sent to psql: {:?}", start(text))));
    }
    if text.len() > LONGEST {
        return Err(Fault::failed(format!(
            "A text of {} bytes is too long for a statement: {:?}",
            text.len(),
            start(text)
        )));
    }
    Ok(text)
}

/// What an error shows of a refused text.
fn start(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_survive_quotes_and_backslashes() {
        assert_eq!(literal("it's").unwrap(), "'it''s'");
        assert_eq!(literal(r"a\'!b").unwrap(), "U&'a!005C''!!b' UESCAPE '!'");
        assert_eq!(identifier(r#"a\"!ü"#).unwrap(), "U&\"a!005C\"\"!!ü\" UESCAPE '!'");
        assert_eq!(name_in_value(r#"a\"!"#).unwrap(), r#""a\""!""#);
        assert_eq!(identifier(r#"a"b"#).unwrap(), r#""a""b""#);
        assert_eq!(literals(["a", "b'"]).unwrap(), "'a', 'b'''");
    }

    #[test]
    fn a_printable_name_holds_no_letter_that_a_terminal_obeys() {
        assert_eq!(printable_identifier("a \"b\"").unwrap(), "\"a \"\"b\"\"\"");
        let name = printable_identifier("é!\n\"\\\u{202e}\u{3164}").unwrap();
        assert_eq!(name, "U&\"é!!!+00000A\"\"!+00005C!+00202E!+003164\" UESCAPE '!'");
        assert!(printable_identifier("").is_err() && printable_identifier("a\0").is_err());
    }

    #[test]
    fn a_printable_literal_holds_no_letter_that_a_terminal_obeys() {
        assert_eq!(printable_literal("it's 'o'").unwrap(), "'it''s ''o'''");
        assert_eq!(printable_literal("a\n'\\\u{202e}\u{3164}").unwrap(), r"E'a\U0000000A''\\\U0000202E\U00003164'");
        assert!(printable_literal("a\0").is_err());
    }

    #[test]
    fn no_text_of_ours_holds_a_backslash() {
        let hostile = "xÃ\" \\! touch x;#' \\unrestrict `touch x` --\\";
        for sql in [literal(hostile).unwrap(), identifier(hostile).unwrap(), "RESET ROLE\\; SELECT 1".to_owned()] {
            assert_eq!(sendable(&sql).unwrap(), sql);
        }
        for sql in ["\\", "SELECT 1 \\gset", "\\;\\! x", "E'a\\\\;'", &name_in_value(hostile).unwrap()] {
            assert!(sendable(sql).is_err(), "{sql}");
        }
    }

    #[test]
    fn text_that_psql_would_cut_is_refused() {
        for text in ["\0", "C.UTF-8\0", "a\0'; DROP DATABASE openfga; --"] {
            assert!(literal(text).is_err() && identifier(text).is_err() && literals(["a", text]).is_err(), "{text:?}");
        }
        assert!(identifier("").is_err() && literal("").is_ok());
        assert!(literal(&"x".repeat(LONGEST + 1)).is_err());
    }
}
