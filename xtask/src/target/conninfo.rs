//! `host=… dbname='…'`, libpq's other form of a connection string (its manual, "Keyword/Value Connection Strings").

/// libpq's parameters that the string gives, in order; a later one wins.
///
/// # Errors
/// What is wrong, in words that never hold a part of the string: any part may be the password.
pub(super) fn parameters(text: &str) -> Result<Vec<(String, String)>, &'static str> {
    let mut letters = text.chars().peekable();
    let mut found = Vec::new();
    loop {
        while letters.next_if(|letter| letter.is_ascii_whitespace()).is_some() {}
        if letters.peek().is_none() {
            found.retain(|(_, value): &(String, String)| !value.is_empty());
            return Ok(found);
        }
        let mut name = String::new();
        while let Some(letter) = letters.next_if(|letter| *letter != '=' && !letter.is_ascii_whitespace()) {
            name.push(letter);
        }
        while letters.next_if(|letter| letter.is_ascii_whitespace()).is_some() {}
        letters.next_if_eq(&'=').ok_or("it has a word without =")?;
        while letters.next_if(|letter| letter.is_ascii_whitespace()).is_some() {}
        let quoted = letters.next_if_eq(&'\'').is_some();
        let mut value = String::new();
        loop {
            match letters.next() {
                Some('\'') if quoted => break,
                Some('\\') => value.extend(letters.next()),
                Some(letter) if !quoted && letter.is_ascii_whitespace() => break,
                Some(letter) => value.push(letter),
                None if quoted => return Err("it has a ' without its end"),
                None => break,
            }
        }
        found.push((name, value));
    }
}

/// A value in such a string.
pub(super) fn value(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if !text.is_empty() && text.bytes().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_backslashes_are_read_as_libpq_does() {
        let found =
            parameters(r" host = a,b port=1  dbname='it\'s \\ d' user=u\ v password='' sslmode=require").unwrap();
        let found: Vec<(&str, &str)> = found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let expected =
            [("host", "a,b"), ("port", "1"), ("dbname", r"it's \ d"), ("user", "u v"), ("sslmode", "require")];
        assert_eq!(found, expected);
        assert_eq!(parameters("").unwrap(), []);
    }

    #[test]
    fn a_value_is_read_as_it_was() {
        for text in ["openfga", "", "it's \\ d", "a=b c", "日本"] {
            let read = parameters(&format!("dbname={} user=x", value(text))).unwrap();
            let read: Vec<&str> = read.iter().filter(|(name, _)| name == "dbname").map(|(_, of)| of.as_str()).collect();
            assert_eq!(read.first().copied().unwrap_or_default(), text);
        }
    }

    #[test]
    fn what_cannot_be_taken_apart_is_refused() {
        assert!(parameters("host=a password='hunter2").is_err());
        assert!(parameters("host=a hunter2").is_err());
    }
}
