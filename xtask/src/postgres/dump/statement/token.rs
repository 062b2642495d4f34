//! How the tokens of a statement are shown.

use crate::sql::Token;

/// How much of a token is shown.
const SHOWN: usize = 40;

/// A name for a person.
pub(super) fn display_name(schema: &[u8], name: &[u8]) -> String {
    let part = |bytes: &[u8]| printable(&String::from_utf8_lossy(bytes));
    format!("{}.{}", part(schema), part(name))
}

/// A token as it may be shown.
pub(super) fn display(token: Token<'_>) -> String {
    let text = |bytes: &[u8]| printable(&String::from_utf8_lossy(bytes));
    match token {
        Token::Word(word) => text(word),
        Token::Name(name) => format!("\"{}\"", text(name)),
        Token::Text(string) => format!("'{}'", text(string)),
        Token::Dollars => "$$…$$".to_owned(),
        Token::Symbol(symbol) => printable(&char::from(symbol).to_string()),
    }
}

/// The first letters, without any that steer a terminal.
pub(in super::super) fn printable(text: &str) -> String {
    let mut shown = String::new();
    for letter in text.chars().take(SHOWN) {
        let harmless = matches!(letter, '\'' | '"' | '\\');
        if harmless { shown.push(letter) } else { shown.extend(letter.escape_debug()) }
    }
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}
