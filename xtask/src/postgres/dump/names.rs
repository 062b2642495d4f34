//! Names in a dump's statements, as the server reads them.

use crate::postgres::encoding::Encoding;
use crate::sql::Token;

/// Words that stand where a role may stand.
const NO_ROLES: &[&str] = &[
    "public",
    "current_user",
    "session_user",
    "current_role",
    "default",
    "group",
    "granted",
    "by",
    "grant",
    "option",
    "cascade",
];

/// A name: unquoted ones are folded to lower case, as the server does.
pub(super) fn identifier(token: Token<'_>) -> Option<String> {
    match token {
        Token::Word(word) => Some(String::from_utf8_lossy(word).to_lowercase()),
        Token::Name(name) => Some(String::from_utf8_lossy(name).into_owned()),
        Token::Text(_) | Token::Dollars | Token::Symbol(_) => None,
    }
}

/// Puts the bytes of a name there, as the server compares them.
pub(super) fn put(token: Token<'_>, bytes: &mut Vec<u8>) {
    bytes.clear();
    match token {
        Token::Word(word) => bytes.extend(word.iter().map(u8::to_ascii_lowercase)),
        Token::Name(name) => bytes.extend_from_slice(name),
        Token::Text(_) | Token::Dollars | Token::Symbol(_) => {}
    }
}

/// Whether it can be a name: pg_dump puts quotes around all but small letters, digits and `_`. Of other letters only
/// the server's locale knows which small ones they become.
pub(super) fn is_identifier(token: Token<'_>) -> bool {
    match token {
        Token::Word(word) => {
            let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
            word.iter().all(is_part) && !word.first().is_none_or(u8::is_ascii_digit)
        }
        Token::Name(name) => !name.is_empty(),
        Token::Text(_) | Token::Dollars | Token::Symbol(_) => false,
    }
}

/// Whether it can be the name of a schema whose objects a dump holds. The server keeps names that begin with `pg_` for
/// itself.
pub(super) fn is_user_schema(token: Token<'_>) -> bool {
    let is_system = match token {
        Token::Word(name) => {
            let starts = name.get(..3).is_some_and(|start| start.eq_ignore_ascii_case(b"pg_"));
            starts || name.eq_ignore_ascii_case(b"information_schema")
        }
        Token::Name(name) => name.starts_with(b"pg_") || name == b"information_schema",
        Token::Text(_) | Token::Dollars | Token::Symbol(_) => true,
    };
    is_identifier(token) && !is_system
}

/// Whether it can be the name of a language that a dump makes: `c`, `internal` and `sql` are in every database, and no
/// pg_dump writes them. Made trusted, the first two would give every role all that the server's own user may do.
pub(super) fn is_own_language(token: Token<'_>) -> bool {
    let is_everywhere = identifier(token).is_some_and(|name| matches!(name.as_str(), "c" | "internal" | "sql"));
    is_identifier(token) && !is_everywhere
}

/// The encoding that a string names.
pub(super) fn encoding(token: Token<'_>) -> Option<Encoding> {
    let Token::Text(name) = token else { return None };
    std::str::from_utf8(name).ok().and_then(|name| Encoding::try_from(name).ok())
}

/// A role's name in bytes beyond ASCII, which mean other letters in each encoding.
pub(super) fn encoded_role(token: Token<'_>) -> Option<&[u8]> {
    match token {
        Token::Name(name) | Token::Text(name) if !name.is_ascii() => Some(name),
        _ => None,
    }
}

/// The name of a role that must exist.
pub(super) fn role(token: Token<'_>) -> Option<String> {
    let name = match token {
        // In the encoding of another database: `encoded_role` gives its bytes.
        Token::Word(name) | Token::Name(name) | Token::Text(name) if std::str::from_utf8(name).is_err() => return None,
        // Of SET SESSION AUTHORIZATION.
        Token::Text(name) => String::from_utf8_lossy(name).into_owned(),
        token => identifier(token)?,
    };
    // The server takes PUBLIC for all, however it is quoted.
    let quoted = !matches!(token, Token::Word(_)) && name != "public";
    (quoted || !NO_ROLES.contains(&name.as_str())).then_some(name)
}
