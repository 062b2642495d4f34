//! Ids that a server gives to stores and models. They go into `.env`, into addresses and onto the screen.

use serde::{Deserialize as _, Deserializer, de::Error as _};

/// OpenFGA's have 26 letters.
const LONGEST: usize = 64;

/// Whether a server may call something so: ASCII letters, digits, `-` and `_`.
fn is_id(text: &str) -> bool {
    (1..=LONGEST).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// The id that a server's answer gives.
///
/// # Errors
/// It is none.
pub fn checked(text: &str) -> Result<String, String> {
    if is_id(text) {
        Ok(text.to_owned())
    } else {
        Err(format!("{:?} is no id", text.chars().take(80).collect::<String>()))
    }
}

/// Reads an id from a document.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    checked(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_holds_nothing_that_a_file_an_address_or_a_shell_would_read() {
        assert!(is_id("01ARZ3NDEKTSV4RRFFQ69G5FAV") && is_id("id-1_a"));
        for text in ["", "a b", "a/b", "..", "a\nPATH=x", "$(x)", "`x`", "'", "\u{1b}", "é", "=", "#", &"a".repeat(65)]
        {
            assert!(!is_id(text), "{text:?}");
        }
    }
}
