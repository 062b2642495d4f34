//! What each command may be about.

use super::cutter::Piece;
use super::words::{name, outside, outside_at, word, words};

/// What all databases of a server share.
const SHARED: &[&str] = &["database", "role", "user", "group", "tablespace", "system", "parameter", "owned"];
/// What pg_dump sets.
const SETTINGS: &[&str] = &[
    "statement_timeout",
    "lock_timeout",
    "idle_in_transaction_session_timeout",
    "transaction_timeout",
    "client_encoding",
    "standard_conforming_strings",
    "role",
    "check_function_bodies",
    "xmloption",
    "client_min_messages",
    "escape_string_warning",
    "row_security",
    "default_tablespace",
    "default_table_access_method",
    "default_with_oids",
    "session",
];
/// What pg_dump calls.
const CALLED: &[&str] = &[
    "set_config",
    "setval",
    "lo_create",
    "lo_unlink",
    "lo_open",
    "lowrite",
    "lo_close",
    "pg_restore_relation_stats",
    "pg_restore_attribute_stats",
    "pg_restore_extended_stats",
];

pub(super) fn judge_statement(statement: &[Piece], in_body: bool) -> Result<(), String> {
    let Some(first) = statement.first() else { return Ok(()) };
    let Some(first) = word(first) else {
        return if in_body && *first == Piece::Symbol('(') { Ok(()) } else { Err("no command".into()) };
    };
    let words = words(statement);
    let second = words.get(1).copied().unwrap_or_default();
    match first {
        _ if in_body && BODY.contains(&first) => Ok(()),
        "set" if !SETTINGS.contains(&second) => Err("a setting that is not pg_dump's".into()),
        "set" if second == "session" && words.get(2) != Some(&"authorization") => Err("a session's setting".into()),
        "set" => values(statement),
        "reset" if words == ["reset", "session", "authorization"] => Ok(()),
        "begin" | "commit" if statement.len() == 1 => Ok(()),
        "select" => selects(statement),
        "copy" => {
            let end = words.iter().rev().take(2).eq([&"stdin", &"from"]);
            // A schema or a column may be called so.
            let program = words.windows(2).any(|pair| ["from", "to"].contains(&pair[0]) && pair[1] == "program");
            if end && !program { rows_for(&statement[1..]) } else { Err("no rows from stdin".into()) }
        }
        "insert" => {
            rows_for(statement.get(2..).unwrap_or_default())?;
            inserts(statement)
        }
        "refresh" if second == "materialized" => Ok(()),
        "comment" => shared(statement.get(2)),
        "security" => match statement.iter().position(|piece| word(piece) == Some("on")) {
            // Subscriptions lie in a shared catalog, and so do their labels.
            Some(on) if statement.get(on + 1).and_then(word) == Some("subscription") => Err("a shared label".into()),
            Some(on) => shared(statement.get(on + 1)),
            None => Err("a label on nothing".into()),
        },
        "grant" | "revoke" => match outside_at(statement, "on") {
            Some(on) if words.get(1) != Some(&"option") => shared(statement.get(on + 1)),
            _ => Err("a role that is granted".into()),
        },
        "create" | "alter" | "drop" => changes(statement, &words),
        _ => Err("a command that is not pg_dump's".into()),
    }
}

/// What a routine's body may hold.
const BODY: &[&str] =
    &["select", "insert", "update", "delete", "merge", "with", "values", "return", "notify", "end", "table"];

fn shared(object: Option<&Piece>) -> Result<(), String> {
    match object.and_then(word) {
        Some(object) if SHARED.contains(&object) => Err(format!("about a {object}")),
        _ => Ok(()),
    }
}

/// Nothing is called, and nothing is added to it.
fn values(statement: &[Piece]) -> Result<(), String> {
    let bad = statement.iter().any(|piece| matches!(piece, Piece::Symbol('(' | ')' | ',' | '|' | ':')));
    if bad { Err("more than a value".into()) } else { Ok(()) }
}

/// One call of a function of pg_dump's, with constants.
fn selects(statement: &[Piece]) -> Result<(), String> {
    for (at, piece) in statement.iter().enumerate() {
        let called = statement.get(at + 1) == Some(&Piece::Symbol('('));
        match piece {
            Piece::Quoted(_) => return Err("a name in quotes".into()),
            Piece::Word(word) if called => {
                let qualified = at >= 2
                    && statement[at - 1] == Piece::Symbol('.')
                    && statement[at - 2] == Piece::Word("pg_catalog".into());
                if !qualified || !CALLED.contains(&word.as_str()) {
                    return Err(format!("a call of {word}"));
                }
            }
            Piece::Word(word) if ["into", "union", "case", "select"].contains(&word.as_str()) && at > 0 => {
                return Err(format!("a query with {word}"));
            }
            Piece::Symbol('|' | '+') => return Err("an operator".into()),
            _ => {}
        }
    }
    let setting = statement.iter().position(|piece| *piece == Piece::Word("set_config".into()));
    match setting.map(|at| statement.get(at + 2)) {
        Some(Some(Piece::Text(name))) if name != "search_path" => Err(format!("a setting: {name}")),
        _ => Ok(()),
    }
}

/// `schema.table`, the schema not one of the system's.
fn rows_for(target: &[Piece]) -> Result<(), String> {
    let schema = name(target.first()).unwrap_or_default();
    let qualified = target.get(1) == Some(&Piece::Symbol('.'));
    if !qualified || is_system(schema) { Err("rows for the system".into()) } else { Ok(()) }
}

fn is_system(schema: &str) -> bool {
    schema.starts_with("pg_") || schema == "information_schema"
}

fn inserts(statement: &[Piece]) -> Result<(), String> {
    let values = statement.iter().position(|piece| word(piece) == Some("values")).ok_or("rows from nowhere")?;
    for piece in &statement[values + 1..] {
        let constant = match piece {
            Piece::Word(word) => {
                word.starts_with(|letter: char| letter.is_ascii_digit())
                    || ["null", "true", "false", "default", "on", "conflict", "do", "nothing"].contains(&word.as_str())
            }
            Piece::Text(_) => true,
            Piece::Symbol(symbol) => "(),.+-".contains(*symbol),
            Piece::Quoted(_) => false,
        };
        if !constant {
            return Err(format!("a row with {piece:?}"));
        }
    }
    Ok(())
}

/// Kinds of objects that have a schema, or a table that has one: pg_dump writes it.
const QUALIFIED: &[&str] =
    &["table", "view", "function", "procedure", "sequence", "type", "domain", "index", "trigger", "rule", "policy"];

/// Words that may stand between CREATE and the kind of object.
const BEFORE_A_KIND: &[&str] =
    &["or", "replace", "unlogged", "unique", "constraint", "foreign", "materialized", "trusted", "procedural"];

fn changes(statement: &[Piece], words: &[&str]) -> Result<(), String> {
    let kind = statement.iter().skip(1).filter_map(word).find(|word| !BEFORE_A_KIND.contains(word));
    let kind = kind.unwrap_or_default();
    match (kind, statement.get(2).and_then(word)) {
        ("user", Some("mapping")) if matches!(statement.get(3).and_then(word), Some("for" | "if")) => return Ok(()),
        (kind, _) if SHARED.contains(&kind) => return Err(format!("about a {kind}")),
        _ if words.windows(2).any(|pair| pair == ["in", "tablespace"]) => return Err("about a tablespace".into()),
        ("temp" | "temporary" | "recursive" | "global" | "local", _) => return Err("no object of the database".into()),
        ("subscription", _) if words[0] == "create" => return subscribes(words),
        ("subscription", _) if words[0] == "alter" && !words.contains(&"owner") => {
            return Err("a subscription that may connect".into());
        }
        ("schema", _) if words[0] == "create" && statement.len() != 3 => return Err("more than a schema".into()),
        ("extension", _) if words[0] == "alter" => return Err("an extension that changes".into()),
        ("table", _) if words[0] == "create" && outside(statement).contains(&"as") => {
            return Err("a table of a query".into());
        }
        _ => {}
    }
    if !QUALIFIED.contains(&kind) {
        return Ok(());
    }
    let anchor = match (words[0], kind) {
        ("create", "rule") => "to",
        ("create", "index") | (_, "rule" | "trigger" | "policy") => "on",
        _ => kind,
    };
    // A rule may be called as the word is, and so may an index.
    let named = if words[0] == "create" && ["rule", "index"].contains(&kind) { 3 } else { 0 };
    let is_anchor = |piece: &&Piece| word(piece) == Some(anchor);
    let at = statement.iter().skip(named).position(|piece| is_anchor(&piece)).ok_or("about nothing")? + named;
    // A word before a dot is a schema, whatever it says.
    let mut target = &statement[at + 1..];
    while let [Piece::Word(word), next, ..] = target
        && ["only", "if", "not", "exists"].contains(&word.as_str())
        && *next != Piece::Symbol('.')
    {
        target = &target[1..];
    }
    match target {
        [schema, Piece::Symbol('.'), ..] if !name(Some(schema)).is_none_or(is_system) => Ok(()),
        _ => Err("an object of the system, or of no schema".into()),
    }
}

fn subscribes(words: &[&str]) -> Result<(), String> {
    let connects = words.windows(2).filter(|pair| pair[0] == "connect").collect::<Vec<_>>();
    let quiet = connects.len() == 1 && connects[0][1] == "false";
    let wakes = ["enabled", "create_slot", "copy_data"].iter().any(|option| words.contains(option));
    if quiet && !wakes { Ok(()) } else { Err("a subscription that connects".into()) }
}
