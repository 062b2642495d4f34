//! Whether a `GRANT` is about an object of PostgreSQL itself, such as a function that reads the server's files.

use crate::sql::Token;

/// Follows one statement.
#[derive(Debug, Default)]
pub(super) struct CatalogGrant {
    at: At,
    found: bool,
}

/// What of `GRANT … ON kind name` comes next.
#[derive(Debug, Default, Clone, Copy)]
enum At {
    #[default]
    Start,
    On,
    Kind,
    Name(Kind),
    /// A dot, where the name was a schema's.
    Dot(Kind, IsCatalog),
    End,
}

/// What the statement is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Schema,
    /// A name without a schema is PostgreSQL's own while a dump is loaded.
    InSchema,
    Other,
}

type IsCatalog = bool;

impl CatalogGrant {
    pub(super) fn found(&self) -> bool {
        self.found
    }

    /// Takes the next token.
    pub(super) fn follow(&mut self, token: Token<'_>) {
        self.at = match (self.at, token) {
            (At::Start, Token::Word(word)) if word.eq_ignore_ascii_case(b"grant") => At::On,
            (At::On, Token::Word(word)) if word.eq_ignore_ascii_case(b"on") => At::Kind,
            (At::On, _) => At::On,
            (At::Kind, Token::Word(word)) => At::Name(Kind::of(word)),
            (At::Name(kind), Token::Word(word)) => At::Dot(kind, is_catalog(&word.to_ascii_lowercase())),
            (At::Name(kind), Token::Name(name)) => At::Dot(kind, is_catalog(name)),
            (At::Dot(kind, is_catalog), token) => {
                let is_qualified = token == Token::Symbol(b'.');
                self.found |= match kind {
                    Kind::Schema => is_catalog,
                    Kind::InSchema => is_catalog || !is_qualified,
                    Kind::Other => false,
                };
                At::End
            }
            _ => At::End,
        };
    }
}

impl Kind {
    fn of(word: &[u8]) -> Self {
        match word.to_ascii_lowercase().as_slice() {
            b"schema" => Self::Schema,
            b"function" | b"procedure" | b"routine" | b"table" | b"sequence" | b"type" | b"domain" => Self::InSchema,
            _ => Self::Other,
        }
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
            ("GRANT SELECT(rolname) ON TABLE \"pg_catalog\".pg_authid TO low;", true),
            ("GRANT ALL ON FUNCTION lo_export(oid, text) TO low;", true),
            ("GRANT CREATE ON SCHEMA pg_catalog TO low;", true),
            ("GRANT USAGE ON SCHEMA app TO low;", false),
            ("GRANT SELECT(a) ON TABLE public.t TO low;", false),
            ("GRANT USAGE ON LANGUAGE plpgsql TO low;", false),
            ("GRANT ALL ON LARGE OBJECT 5 TO low;", false),
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
