//! Owners and grants, as pg_dump writes them among the statements of a schema.

use crate::migration::catalog::{Catalog, Quotes};
use std::collections::{BTreeMap, BTreeSet};

/// How pg_dump begins a statement that stands alone and is about rights.
const GRANTS: [&str; 4] = ["GRANT ", "REVOKE ", "ALTER DEFAULT PRIVILEGES ", AS_GRANTOR];
/// Grants of another role than the owner stand between these two.
const AS_GRANTOR: &str = "SET SESSION AUTHORIZATION ";
const AS_BEFORE: &str = "RESET SESSION AUTHORIZATION;";
/// What stands before a statement that gives an object to its owner.
const BEFORE_OWNER: &str = "\n\n\nALTER ";
/// The only schema with an owner that no statement of a dump makes.
pub(super) const PUBLIC: &str = "SCHEMA public";

/// The owners and grants in a dump. Roles are written as in SQL.
#[derive(Debug, Default)]
pub(super) struct OfDump {
    /// `TABLE public.t` and its owner.
    pub(super) owners: BTreeMap<String, String>,
    /// Statements.
    pub(super) grants: BTreeSet<String>,
}

impl OfDump {
    /// Takes them out of a schema.
    pub(super) fn out_of(schema: &mut Catalog) -> Self {
        let mut found = Self::default();
        schema.change(|entry| {
            if GRANTS.iter().any(|start| entry.starts_with(start)) {
                found.take_grants(&entry);
                return None;
            }
            match owner(&entry) {
                Some((before, object, role)) => {
                    found.owners.insert(object.to_owned(), role.to_owned());
                    Some(before.trim().to_owned()).filter(|before| !before.is_empty())
                }
                None => Some(entry),
            }
        });
        found
    }

    /// The statements of an entry; one that another role gave names that role.
    fn take_grants(&mut self, entry: &str) {
        let mut grantor = "";
        for statement in statements(entry) {
            if statement.starts_with(AS_GRANTOR) {
                grantor = statement;
            } else if statement == AS_BEFORE {
                grantor = "";
            } else {
                let lead = if grantor.is_empty() { String::new() } else { format!("{grantor} ") };
                self.grants.insert(format!("{lead}{statement}"));
            }
        }
    }
}

/// The statements of an entry. One ends with a semicolon at a line's end, unless that stands in quotes: a role or a table
/// may have any name.
fn statements(entry: &str) -> Vec<&str> {
    let mut statements = Vec::new();
    let mut quotes = Quotes::default();
    let (mut start, mut end) = (0usize, 0usize);
    for line in entry.split_inclusive('\n') {
        end = end.saturating_add(line.len());
        // What the whole dump was read by reads a part of it, too.
        if quotes.follow(line).is_ok() && !quotes.are_open() && line.trim_end().ends_with(';') {
            statements.extend(entry.get(start..end).map(str::trim));
            start = end;
        }
    }
    let rest = entry.get(start..).map(str::trim).unwrap_or_default();
    statements.extend(Some(rest).filter(|rest| !rest.is_empty()));
    statements
}

/// A statement on one line; what is in quotes stays as it is.
pub(super) fn one_line(statement: &str) -> String {
    let mut quotes = Quotes::default();
    let mut line = String::new();
    for piece in statement.split_inclusive(|letter: char| letter.is_ascii_whitespace()) {
        let was_open = quotes.are_open();
        let is_read = quotes.follow(piece).is_ok();
        if quotes.are_open() || !is_read {
            line.push_str(piece);
            continue;
        }
        let word = piece.trim_end_matches(|letter: char| letter.is_ascii_whitespace());
        if !word.is_empty() || was_open {
            line.push_str(word);
            line.push_str(if word.len() < piece.len() { " " } else { "" });
        }
    }
    line.trim_end().to_owned()
}

/// What stands before `ALTER object OWNER TO role;` at an entry's end, the object and the role.
fn owner(entry: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = match entry.rfind(BEFORE_OWNER) {
        Some(at) => (&entry[..at], &entry[at + BEFORE_OWNER.len()..]),
        None => ("", entry.strip_prefix("ALTER ")?),
    };
    let (object, role) = rest.strip_suffix(';')?.rsplit_once(" OWNER TO ")?;
    is_role(role).then_some((before, object, role))
}

/// Whether a text is one name, as it stands or in double quotes.
fn is_role(text: &str) -> bool {
    let plain = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '$');
    match text.strip_prefix('"') {
        Some(rest) => {
            rest.strip_suffix('"').is_some_and(|inner| !inner.is_empty() && !inner.replace("\"\"", "").contains('"'))
        }
        None => !text.is_empty() && text.chars().all(plain),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_ends_no_statement_and_keeps_its_blanks() {
        let forged = "GRANT SELECT ON TABLE public.t TO \"r;\nGRANT SELECT ON TABLE public.t TO app;\nz\";";
        let after = "SET SESSION AUTHORIZATION \"a;\n\";\nGRANT SELECT ON TABLE\n public.\"a  b\"\t TO\n x;";
        assert_eq!(
            statements(&format!("{forged}\n{after}")),
            [forged, "SET SESSION AUTHORIZATION \"a;\n\";", "GRANT SELECT ON TABLE\n public.\"a  b\"\t TO\n x;"]
        );
        assert_eq!(one_line(forged), forged);
        let named = "GRANT SELECT ON TABLE public.\"a  b\" TO \" \"\"x \"\" \";";
        assert_eq!(one_line(&named.replace(" TO ", "\n \t TO\n  ")), named);
    }

    #[test]
    fn what_only_looks_like_an_owners_statement_gives_none() {
        for entry in [
            "COMMENT ON TABLE t IS 'a\n\n\nALTER TABLE t OWNER TO x;';",
            "ALTER TABLE public.\"t OWNER TO x\" ENABLE ROW LEVEL SECURITY;",
            "ALTER TABLE ONLY public.t CLUSTER ON \"i OWNER TO \"\"x\";",
            "ALTER TABLE ONLY public.t\n    ADD CONSTRAINT c CHECK ((a > 0));",
        ] {
            assert_eq!(owner(entry), None, "{entry}");
        }
        assert_eq!(owner("ALTER SCHEMA public OWNER TO x;"), Some(("", PUBLIC, "x")));
    }
}
