//! Texts without the logins and keys in them.

/// An address for people: without its login, and without what stands behind a `?` or `#`, where keys are written, too.
pub fn shown_address(address: &str) -> String {
    let (scheme, rest) = address.split_once("://").map_or(("", address), |(scheme, rest)| (scheme, rest));
    let (login, rest) = rest.rsplit_once('@').map_or(("", rest), |(_, rest)| ("***@", rest));
    let end = rest.find(['?', '#']);
    let (place, more) = (&rest[..end.unwrap_or(rest.len())], if end.is_some() { "?***" } else { "" });
    if scheme.is_empty() { format!("{login}{place}{more}") } else { format!("{scheme}://{login}{place}{more}") }
}

/// A line without the logins of addresses in it: `postgres://***@host/db`.
pub fn without_logins(mut line: String) -> String {
    let mut from = 0;
    while let Some(start) = line[from..].find("://").map(|at| from + at + 3) {
        let rest = &line[start..];
        let end = rest.find(|letter: char| letter.is_whitespace() || "\"'/?".contains(letter)).unwrap_or(rest.len());
        if let Some(at) = rest[..end].rfind('@') {
            line.replace_range(start..start + at, "***");
        }
        from = start;
    }
    line
}

/// A line without these secrets, and without the logins of addresses in it.
pub fn masked(line: &str, secrets: &[impl AsRef<str>]) -> String {
    let line = secrets.iter().fold(line.to_owned(), |line, secret| line.replace(secret.as_ref(), "***"));
    without_logins(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_what_may_be_a_key() {
        for (address, shown) in [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://u:SEC#RET@h/x", "http://***@h/x"),
            ("https://h/x?token=SECRET", "https://h/x?***"),
            ("http://h/?a=SECRET@b#SECRET", "http://***@b?***"),
            ("u:SECRET@h", "***@h"),
            ("", ""),
        ] {
            assert_eq!(shown_address(address), shown);
        }
    }

    #[test]
    fn secrets_and_logins_are_masked() {
        assert_eq!(masked("auth hunter2 failed", &["hunter2"]), "auth *** failed");
        for (line, shown) in [
            ("dial \"redis://u:p@ss@h:1/0\" and http://h/x@y", "dial \"redis://***@h:1/0\" and http://h/x@y"),
            ("ünder ://", "ünder ://"),
        ] {
            assert_eq!(without_logins(line.to_owned()), shown);
        }
    }
}
