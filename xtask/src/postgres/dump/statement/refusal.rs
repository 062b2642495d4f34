//! Why a statement is refused, in words that say what to do about it.

use super::head::Head;

/// The refusal of a statement that has none of the forms of the allow-list.
pub(super) fn of(head: &Head) -> String {
    let text = head.text();
    let words = head.words();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let object = match *words.as_slice() {
        ["create" | "alter" | "drop", object, ..] | ["comment", "on", object, ..] => object,
        ["security", "label", "for", _, "on", object, ..] => object,
        ["grant" | "revoke", ..] => words.iter().skip_while(|word| **word != "on").nth(1).copied().unwrap_or_default(),
        ["copy" | "insert", ..] => {
            return format!(
                "{text}: not rows as pg_dump writes them, for a table of its own database (schema.table, constants only)"
            );
        }
        ["set", "default_with_oids", ..] => return format!("{text}: tables with OIDs, which no server since 12 has"),
        _ => "",
    };
    if let ["create", _, "if", ..] = *words.as_slice() {
        return format!(
            "{text}: IF NOT EXISTS, as supabase db dump writes it, and no pg_dump: dump with pg_dump itself: \
             pg_dump -d DATABASE_URL -f x.sql"
        );
    }
    let describes = matches!(words.first(), Some(&("comment" | "security")));
    match object {
        "database" if describes => format!(
            "{text}: about the database itself, as pg_dump 10 writes it: dump again with pg_dump 11 or newer, \
             or leave this statement out"
        ),
        "database" => format!(
            "{text}: about the database itself, as pg_dump --create writes it: dump again without --create, \
             or leave out all that is about the database and its \\connect"
        ),
        "role" | "user" | "group" | "tablespace" | "system" | "parameter" => {
            format!("{text}: about objects that all databases of a server share, which no dump of one database holds")
        }
        _ => format!("{text}: a statement that no pg_dump writes into the dump of one database"),
    }
}
