//! Names in a dump's statements, as the server reads them.

use super::statement::Token;

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
        Token::Text(_) | Token::Symbol(_) => None,
    }
}

/// The name of a role that must exist.
pub(super) fn role(token: Token<'_>) -> Option<String> {
    let name = match token {
        // In the encoding of another database: which role it is the server knows alone.
        Token::Word(name) | Token::Name(name) if std::str::from_utf8(name).is_err() => return None,
        token => identifier(token)?,
    };
    // The server takes PUBLIC for all, however it is quoted.
    let quoted = matches!(token, Token::Name(_)) && name != "public";
    (quoted || !NO_ROLES.contains(&name.as_str())).then_some(name)
}
