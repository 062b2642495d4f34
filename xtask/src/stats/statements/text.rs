//! A statement's text without its constants: any of them may be a secret.

use crate::postgres::first_words::first_words;
use crate::words::shortened;
use serde::{Deserialize, Deserializer};
use std::iter::Peekable;
use std::str::CharIndices;

/// At most this much of a statement is shown.
const LONGEST: usize = 200;
/// Statements whose constants can be distinguished from the rest. Of others the first words are shown.
const QUERIES: [&str; 6] = ["SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "WITH"];
/// What the server says in place of a statement that this role may not see.
const HIDDEN: &str = "<insufficient privilege>";

/// A statement without strings, numbers and comments, on one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text(String);

impl Text {
    /// The text; it may be empty.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The statement without its constants.
    pub fn of(statement: &str) -> Self {
        let first = first_words(statement);
        let is_query = first.split(' ').next().is_some_and(|word| QUERIES.contains(&word));
        // Where a backslash stands, what ends a string depends on settings.
        if !is_query || statement.contains('\\') {
            return Self(first);
        }
        Self(shortened(&masked(statement), LONGEST).into_owned())
    }
}

/// A statement as the server shows it; `None` where it is hidden.
pub(super) fn told<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Text>, D::Error> {
    let text: Option<String> = Option::deserialize(deserializer)?;
    Ok(text.filter(|text| text != HIDDEN).map(|text| Text::of(&text)))
}

fn masked(text: &str) -> String {
    let mut shown = String::new();
    let mut letters = text.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        let rest = &text[at..];
        let in_word = shown.ends_with(|last: char| last.is_alphanumeric() || last == '_' || last == '$');
        match letter {
            _ if letter.is_whitespace() => blank(&mut shown),
            '-' if rest.starts_with("--") => {
                skip(&mut letters, |letter| letter != '\n');
                blank(&mut shown);
            }
            '/' if rest.starts_with("/*") => {
                // Comments stand within comments.
                let Some(length) = comment(rest) else { break };
                advance(&mut letters, at + length);
                blank(&mut shown);
            }
            '\'' | '"' => {
                let Some(length) = quoted(rest, letter) else { break };
                shown.push_str(if letter == '"' { &rest[..length] } else { "'…'" });
                advance(&mut letters, at + length);
            }
            '$' if !in_word && tag(rest).is_some() => {
                let tag = tag(rest).unwrap_or_default();
                let Some(end) = rest[tag.len()..].find(tag) else { break };
                shown.push_str("'…'");
                advance(&mut letters, at + end + 2 * tag.len());
            }
            '0'..='9' if !in_word => {
                shown.push('?');
                skip(&mut letters, |letter| letter.is_alphanumeric() || letter == '_' || letter == '.');
            }
            other => shown.push(other),
        }
    }
    shown.trim_end().to_owned()
}

fn blank(shown: &mut String) {
    if !shown.is_empty() && !shown.ends_with(' ') {
        shown.push(' ');
    }
}

fn skip(letters: &mut Peekable<CharIndices<'_>>, goes_on: fn(char) -> bool) {
    while letters.next_if(|(_, letter)| goes_on(*letter)).is_some() {}
}

fn advance(letters: &mut Peekable<CharIndices<'_>>, end: usize) {
    while letters.next_if(|(at, _)| *at < end).is_some() {}
}

/// The length of a text in quotes, with both of them; a quote within stands twice. `None`: it does not end.
fn quoted(text: &str, quote: char) -> Option<usize> {
    let mut end = 1;
    loop {
        end += text[end..].find(quote)? + 1;
        if !text[end..].starts_with(quote) {
            return Some(end);
        }
        end += 1;
    }
}

fn comment(text: &str) -> Option<usize> {
    let (mut depth, mut at) = (0_usize, 0);
    loop {
        at += text[at..].find(['/', '*'])?;
        match text.get(at..at + 2) {
            Some("/*") => (depth, at) = (depth + 1, at + 2),
            Some("*/") if depth <= 1 => return Some(at + 2),
            Some("*/") => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
}

/// `$$` or `$tag$`, which a string begins with.
fn tag(text: &str) -> Option<&str> {
    let end = text[1..].find('$')? + 1;
    let name = &text[1..end];
    let is_name = name.chars().all(|letter| letter.is_alphanumeric() || letter == '_');
    (is_name && !name.starts_with(|letter: char| letter.is_ascii_digit())).then(|| &text[..=end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_constant_is_shown() {
        for (statement, shown) in [
            ("SELECT a, $1 FROM t1\n WHERE x = $2", "SELECT a, $1 FROM t1 WHERE x = $2"),
            ("select 'hunter2', 'it''s hunter2' from t", "select '…', '…' from t"),
            (
                "SELECT E'hunter2' || $$hunter2$$ || $a_1$ hunter2 $$ $a_1$, 12345.6e7, t2.c3",
                "SELECT E'…' || '…' || '…', ?, t2.c3",
            ),
            (
                "UPDATE \"my \"\"t\" SET pin=1234 -- hunter2\n WHERE /* hunter2 /* x */ 'a */ id = 7",
                "UPDATE \"my \"\"t\" SET pin=? WHERE id = ?",
            ),
            ("SELECT 'hunter2", "SELECT"),
            ("SELECT $$hunter2", "SELECT"),
            ("SELECT /* hunter2", "SELECT"),
            ("SELECT 'a\\', hunter2'", "SELECT …"),
            ("ALTER ROLE bob PASSWORD 'hunter2'", "ALTER ROLE bob …"),
            ("COPY t FROM PROGRAM 'hunter2'", "COPY t …"),
            ("hunter2", ""),
            ("SELECT a$b$ FROM c$b$ WHERE d", "SELECT a$b$ FROM c$b$ WHERE d"),
            ("SELECT ä, 'ö' FROM ü", "SELECT ä, '…' FROM ü"),
        ] {
            assert_eq!(Text::of(statement).as_str(), shown, "{statement}");
        }
        assert_eq!(Text::of(&format!("SELECT {}", "x, ".repeat(100))).as_str().chars().count(), LONGEST + 1);
    }
}
