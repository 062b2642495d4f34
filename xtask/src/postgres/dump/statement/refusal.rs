//! Why a statement is refused.

use super::head::Head;
use crate::postgres::dump::{Flaw, Kind};

/// What is wrong with a statement.
#[derive(Debug)]
pub(in crate::postgres::dump) struct Refusal {
    what: String,
    /// The file that has such statements.
    kind: Option<Kind>,
}

impl Refusal {
    /// The flaw of a dump that has it in this line.
    pub(in crate::postgres::dump) fn in_line(self, line: u64) -> Flaw {
        Flaw { kind: self.kind, ..Flaw::wrong(line, self.what) }
    }
}

impl From<String> for Refusal {
    fn from(what: String) -> Self {
        Self { what, kind: None }
    }
}

/// The refusal of a statement that has none of the forms of the allow-list.
pub(super) fn of(head: &Head) -> Refusal {
    let text = head.text();
    let words = head.words();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let object = match *words.as_slice() {
        ["create" | "alter" | "drop", object, ..] | ["comment", "on", object, ..] => object,
        ["security", "label", "for", _, "on", object, ..] => object,
        ["grant" | "revoke", ..] => words.iter().skip_while(|word| **word != "on").nth(1).copied().unwrap_or_default(),
        _ => "",
    };
    let describes = matches!(words.first(), Some(&("comment" | "security")));
    let (kind, why) = match *words.as_slice() {
        ["copy" | "insert", ..] => {
            (None, "not rows as pg_dump writes them, for a table of its own database (schema.table, constants only)")
        }
        ["set", "default_with_oids", ..] => (Some(Kind::WithOids), "tables with OIDs, which no server since 12 has"),
        ["set", "session_replication_role", ..] => (
            Some(Kind::SessionReplicationRole),
            "it keeps triggers and foreign keys from working, as Supabase's tools write it around rows, and no pg_dump",
        ),
        ["create", _, "if", ..] => {
            (Some(Kind::IfNotExists), "IF NOT EXISTS, as supabase db dump writes it, and no pg_dump")
        }
        _ => match object {
            "database" if describes => {
                (Some(Kind::DescribesDatabase), "about the database itself, as pg_dump 10 writes it")
            }
            "database" => (Some(Kind::WithCreate), "about the database itself, as pg_dump --create writes it"),
            "role" | "user" | "group" | "tablespace" | "system" | "parameter" => {
                (None, "about objects that all databases of a server share, which no dump of one database holds")
            }
            _ => (None, "a statement that no pg_dump writes into the dump of one database"),
        },
    };
    Refusal { what: format!("{text}: {why}"), kind }
}
