//! Whether a user mapping lets a role reach a foreign server without a password (`postgres_fdw`, `dblink_fdw`): that server
//! sees the operating system's user of this one, and its host.

use crate::sql::Token;

/// Follows one statement. A mapping alone has this option.
#[derive(Debug, Default)]
pub(super) struct Mapping {
    value_is_next: bool,
    found: bool,
}

impl Mapping {
    pub(super) fn needs_no_password(&self) -> bool {
        self.found
    }

    /// Takes the next token.
    pub(super) fn follow(&mut self, token: Token<'_>) {
        // Any other spelling of a string counts as no.
        let is_yes = |value: &[u8]| ["true", "on", "1"].iter().any(|word| value.eq_ignore_ascii_case(word.as_bytes()));
        self.found |= self.value_is_next && !matches!(token, Token::Text(value) if is_yes(value));
        let is_option = |name: &[u8]| name.eq_ignore_ascii_case(b"password_required");
        self.value_is_next = match token {
            Token::Word(name) | Token::Name(name) => is_option(name),
            _ => false,
        };
    }
}

#[cfg(test)]
mod tests {
    use crate::postgres::dump::tests::{dump, scan};

    #[test]
    fn a_mapping_that_needs_no_password_is_noted_with_its_line() {
        for (option, found) in [
            ("password_required 'false'", true),
            ("\"user\" 'postgres', \"password_required\" 'off'", true),
            ("password_required $$false$$", true),
            ("password_required 'true'", false),
            ("\"user\" 'password_required', password 'false'", false),
        ] {
            let text = dump(&format!("CREATE USER MAPPING FOR low SERVER s OPTIONS (\n    {option}\n);\n"));
            let line = text.lines().position(|line| line.starts_with("CREATE USER")).map(|at| 1 + at as u64);
            assert_eq!(scan(&text).unwrap().mappings_without_password, line.filter(|_| found), "{option}");
        }
    }
}
