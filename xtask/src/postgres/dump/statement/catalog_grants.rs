//! Whether a `GRANT` is about an object of PostgreSQL itself, such as a function that reads the server's files.

use crate::sql::Token;

/// Follows one statement.
#[derive(Debug, Default)]
pub(super) struct CatalogGrant {
    tokens: usize,
    is_grant: bool,
    is_behind_catalog: bool,
    found: bool,
}

impl CatalogGrant {
    pub(super) fn found(&self) -> bool {
        self.found
    }

    /// Takes the next token.
    pub(super) fn follow(&mut self, token: Token<'_>) {
        let was_catalog = std::mem::take(&mut self.is_behind_catalog);
        match token {
            Token::Word(word) if self.tokens == 0 => self.is_grant = word.eq_ignore_ascii_case(b"grant"),
            Token::Word(word) => self.is_behind_catalog = is_catalog(&word.to_ascii_lowercase()),
            Token::Name(name) => self.is_behind_catalog = is_catalog(name),
            Token::Symbol(b'.') => self.found |= self.is_grant && was_catalog,
            _ => {}
        }
        self.tokens = self.tokens.saturating_add(1);
    }
}

fn is_catalog(name: &[u8]) -> bool {
    matches!(name, b"pg_catalog" | b"information_schema")
}

#[cfg(test)]
mod tests {
    use crate::postgres::dump::tests::{dump, scan};

    #[test]
    fn a_grant_on_an_object_of_postgresql_is_noted_with_its_line() {
        for (body, found) in [
            ("GRANT ALL ON FUNCTION pg_catalog.lo_export(oid, text) TO PUBLIC;", true),
            ("GRANT SELECT(oid,rolname) ON TABLE \"pg_catalog\".pg_authid TO low;", true),
            ("REVOKE ALL ON FUNCTION pg_catalog.pg_ls_dir(text) FROM PUBLIC;", false),
            ("GRANT SELECT ON TABLE public.t TO pg_catalog;", false),
            ("COMMENT ON TABLE public.t IS 'GRANT pg_catalog.x';", false),
        ] {
            let text = dump(&format!("CREATE TABLE public.t (a int);\n{body}\n"));
            let line = scan(&text).unwrap().grants_on_catalog;
            let at = text.lines().position(|line| line == body).map(|at| 1 + at as u64);
            assert_eq!(line, at.filter(|_| found), "{body}");
        }
    }
}
