//! Statements that define nothing and change what is the whole server's: a file or a program of its host by `COPY`, rows of
//! the catalogs that all databases share, and functions that reach out of their database.

use super::reader::Lexeme;
use std::collections::VecDeque;

/// The catalogs that all databases of a server share, and a view through which one of them is changed.
const SHARED_CATALOGS: [&str; 12] = [
    "pg_auth_members",
    "pg_authid",
    "pg_database",
    "pg_db_role_setting",
    "pg_group",
    "pg_parameter_acl",
    "pg_replication_origin",
    "pg_shdepend",
    "pg_shdescription",
    "pg_shseclabel",
    "pg_subscription",
    "pg_tablespace",
];
/// With one of these a statement begins that changes rows.
const ROWS: [&str; 8] = ["copy", "delete", "explain", "for", "insert", "merge", "update", "with"];

/// Functions of PostgreSQL that end sessions of other databases, write files, or change what all databases share.
const FUNCTIONS: [&str; 32] = [
    "lo_export",
    "pg_backup_start",
    "pg_backup_stop",
    "pg_cancel_backend",
    "pg_copy_logical_replication_slot",
    "pg_copy_physical_replication_slot",
    "pg_create_logical_replication_slot",
    "pg_create_physical_replication_slot",
    "pg_create_restore_point",
    "pg_drop_replication_slot",
    "pg_file_rename",
    "pg_file_unlink",
    "pg_file_write",
    "pg_promote",
    "pg_reload_conf",
    "pg_replication_origin_advance",
    "pg_replication_origin_create",
    "pg_replication_origin_drop",
    "pg_replication_slot_advance",
    "pg_rotate_logfile",
    "pg_start_backup",
    "pg_stat_reset_replication_slot",
    "pg_stat_reset_shared",
    "pg_stat_reset_single_table_counters",
    "pg_stat_reset_slru",
    "pg_stat_reset_subscription_stats",
    "pg_stat_statements_reset",
    "pg_stop_backup",
    "pg_switch_wal",
    "pg_terminate_backend",
    "pg_wal_replay_pause",
    "pg_wal_replay_resume",
];
/// What begins so makes something, and runs none of the functions that it names; `CREATE TABLE … AS` does.
const DEFINITIONS: [&str; 8] = ["alter", "comment", "create", "drop", "grant", "reassign", "revoke", "security"];

/// The function that a statement calls, in words of SQL. Every function of `dblink` may change another database.
pub fn called(statement: &[Lexeme]) -> Option<String> {
    if DEFINITIONS.contains(&word(statement, 0)) {
        return None;
    }
    reached(statement)
}

fn reached(statement: &[Lexeme]) -> Option<String> {
    if has_numbered_letters(statement) {
        return Some("a name in U&\"…\"".to_owned());
    }
    // Behind these words stands the name of a table, and its columns.
    let names_table = |at: usize| ["as", "into", "recursive", "table", "with"].contains(&word(statement, at));
    let before_name = |at: usize| match at.checked_sub(1).and_then(|at| statement.get(at)) {
        Some(Lexeme::Symbol(b'.')) => at.checked_sub(3),
        _ => at.checked_sub(1),
    };
    let is_call = |at: &usize| {
        statement.get(at.saturating_add(1)) == Some(&Lexeme::Symbol(b'(')) && !before_name(*at).is_some_and(names_table)
    };
    let names = (0..statement.len()).filter(is_call).filter_map(|at| statement.get(at)?.name());
    let mut known = names.filter(|name| FUNCTIONS.contains(name) || *name == "dblink" || name.starts_with("dblink_"));
    known.next().map(|name| format!("{name}()"))
}

/// Whether a name in it is written with letters by their numbers: `U&"lo\005fexport"`. Its letters are not read.
fn has_numbered_letters(statement: &[Lexeme]) -> bool {
    statement.windows(3).enumerate().any(|(at, tokens)| {
        let [Lexeme::Word(prefix), Lexeme::Symbol(b'&'), Lexeme::Name(name)] = tokens else { return false };
        prefix == "u" && (name.contains('\\') || word(statement, at.saturating_add(3)) == "uescape")
    })
}

/// What stands in a statement behind the tokens of it that are kept.
#[derive(Debug, Default)]
pub struct Later {
    /// The latest tokens.
    window: VecDeque<Lexeme>,
    found: Option<String>,
}

impl Later {
    /// As many tokens belong together: a verb and its table, a function's name and what stands before it.
    const WINDOW: usize = 12;

    /// Takes the next token behind those that are kept.
    pub fn take(&mut self, kept: &[Lexeme], token: Lexeme) {
        if self.window.is_empty() {
            self.window.extend(kept.iter().skip(kept.len().saturating_sub(Self::WINDOW)).cloned());
        }
        if self.window.len() >= Self::WINDOW {
            self.window.pop_front();
        }
        let is_of_note = match &token {
            Lexeme::Symbol(symbol) => *symbol == b'(',
            Lexeme::Word(word) => word == "uescape" || SHARED_CATALOGS.contains(&word.as_str()),
            Lexeme::Name(name) => name.contains('\\') || SHARED_CATALOGS.contains(&name.as_str()),
            Lexeme::Text(_) => false,
        };
        self.window.push_back(token);
        if is_of_note && self.found.is_none() {
            let window = &*self.window.make_contiguous();
            let changed = || (0..window.len()).find_map(|at| rows(window.get(at..).unwrap_or_default()));
            self.found = reached(window).or_else(|| changed().filter(|_| ROWS.contains(&word(kept, 0))));
        }
    }

    /// What was found in words of SQL; `kept` are the statement's first tokens.
    pub fn found(&self, kept: &[Lexeme]) -> Option<String> {
        match word(kept, 0) {
            first if DEFINITIONS.contains(&first) => None,
            "copy" if !self.window.is_empty() => Some("a long COPY, whose end is not read".to_owned()),
            _ => self.found.clone(),
        }
    }
}

/// What a statement writes of the whole server, in words of SQL.
pub fn of(statement: &[Lexeme]) -> Option<String> {
    match word(statement, 0) {
        first if ROWS.contains(&first) => {
            let outside = (first == "copy").then(|| copied(statement)).flatten();
            let changed = || (0..statement.len()).find_map(|at| rows(statement.get(at..).unwrap_or_default()));
            outside.map(str::to_owned).or_else(changed)
        }
        _ => None,
    }
}

fn word(tokens: &[Lexeme], at: usize) -> &str {
    tokens.get(at).and_then(Lexeme::word).unwrap_or_default()
}

/// `COPY` to a file of the server's host, or to and from a program there. What it reads from a file changes nothing outside.
/// Behind a dot each word is a name.
fn copied(statement: &[Lexeme]) -> Option<&'static str> {
    let (mut depth, mut after_dot) = (0_usize, false);
    let is_outside = |token: &Lexeme| {
        let is_name = std::mem::replace(&mut after_dot, *token == Lexeme::Symbol(b'.'));
        match token {
            Lexeme::Symbol(b'(') => depth = depth.saturating_add(1),
            Lexeme::Symbol(b')') => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && !is_name && token.word().is_some_and(|word| ["from", "to"].contains(&word))
    };
    let at = statement.iter().position(is_outside)?;
    match (word(statement, at), statement.get(at.saturating_add(1))?) {
        ("to", Lexeme::Word(program)) if program == "program" => Some("COPY … TO PROGRAM"),
        ("to", Lexeme::Word(client)) if client == "stdout" || client == "stdin" => None,
        ("to", _) => Some("COPY … TO a file"),
        (_, Lexeme::Word(program)) if program == "program" => Some("COPY … FROM PROGRAM"),
        _ => None,
    }
}

/// Rows of a shared catalog, where these tokens begin with what changes them.
fn rows(tokens: &[Lexeme]) -> Option<String> {
    let (verb, rest) = match (word(tokens, 0), word(tokens, 1)) {
        ("update", _) => ("UPDATE", tokens.get(1..)?),
        ("delete", "from") => ("DELETE", tokens.get(2..)?),
        ("insert", "into") => ("INSERT", tokens.get(2..)?),
        ("merge", "into") => ("MERGE", tokens.get(2..)?),
        _ => return None,
    };
    let rest = if word(rest, 0) == "only" { rest.get(1..)? } else { rest };
    let name = |at: usize| rest.get(at).and_then(Lexeme::name);
    let is_dot = |at: usize| rest.get(at) == Some(&Lexeme::Symbol(b'.'));
    let table = match (name(0)?, is_dot(1)) {
        ("pg_catalog", true) => name(2)?,
        (_, true) => return None,
        (table, false) => table,
    };
    SHARED_CATALOGS.contains(&table).then(|| format!("{verb} on {table}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<String> {
        of(&lexemes(text))
    }

    fn lexemes(text: &str) -> Vec<Lexeme> {
        let lexeme = |word: &str| match word {
            word if word.starts_with('"') => Lexeme::Name(word.trim_matches('"').to_owned()),
            word if word.starts_with('\'') => Lexeme::Text(word.trim_matches('\'').to_owned()),
            "," | "(" | ")" | "." | "=" | "*" | "&" => Lexeme::Symbol(word.as_bytes()[0]),
            word => Lexeme::Word(word.to_owned()),
        };
        text.split(' ').map(lexeme).collect()
    }

    #[test]
    fn a_function_that_reaches_out_of_its_database_is_known() {
        let called = |text: &str| called(&lexemes(text));
        for (text, what) in [
            ("select pg_catalog . pg_terminate_backend ( pid ) from a", "pg_terminate_backend()"),
            ("select * from dblink ( 'a' , 'b' ) as t ( a int )", "dblink()"),
            ("insert into t select \"dblink_exec\" ( 'a' )", "dblink_exec()"),
            ("pg_reload_conf ( )", "pg_reload_conf()"),
            ("select u & \"lo\\005fexport\" ( 1 , 'a' )", "a name in U&\"…\""),
            ("update u & \"pg!005fdatabase\" uescape '!' set a = 1", "a name in U&\"…\""),
        ] {
            assert_eq!(called(text).as_deref(), Some(what), "{text}");
        }
        for text in [
            "select pg_terminate_backend",
            "select 'pg_terminate_backend ( 1 )'",
            "create view v as select pg_terminate_backend ( 1 )",
            "grant execute on function pg_reload_conf ( ) to x",
            "select my_dblink ( 1 )",
            "select u & \"flags\" from t",
        ] {
            assert_eq!(called(text), None, "{text}");
        }
    }

    #[test]
    fn what_writes_to_the_whole_server_is_known() {
        for (text, what) in [
            ("copy t to '/srv/export.csv' with ( format csv )", "COPY … TO a file"),
            ("copy ( select a from t ) to '/srv/export.csv'", "COPY … TO a file"),
            ("copy t ( a , b ) to program 'gzip'", "COPY … TO PROGRAM"),
            ("copy t from program 'curl'", "COPY … FROM PROGRAM"),
            ("copy public . from to program 'gzip'", "COPY … TO PROGRAM"),
            ("copy public . to from program 'curl'", "COPY … FROM PROGRAM"),
            ("copy public . to to '/srv/export.csv'", "COPY … TO a file"),
            ("copy t to u & '/srv/export.csv'", "COPY … TO a file"),
            ("copy ( update pg_authid set rolsuper = true returning 1 ) to stdout", "UPDATE on pg_authid"),
            ("update pg_database set datallowconn = false", "UPDATE on pg_database"),
            ("update only pg_catalog . \"pg_authid\" set rolsuper = true", "UPDATE on pg_authid"),
            ("delete from pg_catalog . pg_auth_members", "DELETE on pg_auth_members"),
            ("insert into pg_shdescription values ( 1 )", "INSERT on pg_shdescription"),
            ("merge into pg_db_role_setting using x", "MERGE on pg_db_role_setting"),
            ("with d as ( delete from pg_tablespace returning * ) select", "DELETE on pg_tablespace"),
            ("explain ( analyze ) update pg_subscription set a = 1", "UPDATE on pg_subscription"),
        ] {
            assert_eq!(found(text).as_deref(), Some(what), "{text}");
        }
        for text in [
            "copy t from '/srv/import.csv'",
            "copy t from stdin",
            "copy t to stdout",
            "copy public . to to stdout",
            "copy program from stdin",
            "update t set a = 1 from pg_database",
            "update app . pg_database set a = 1",
            "delete from t using pg_authid",
            "insert into t select 1 from pg_database",
            "insert into pg_class values ( 1 )",
            "select 1 from pg_database for update",
            "create rule r as on insert to t do update pg_database set a = 1",
            "update",
        ] {
            assert_eq!(found(text), None, "{text}");
        }
    }

    #[test]
    fn what_stands_behind_the_kept_tokens_is_known() {
        let later = |kept: &str, rest: &str| {
            let (kept, mut later) = (lexemes(kept), Later::default());
            let long = lexemes("1 , ".repeat(40).trim_end());
            long.into_iter().chain(lexemes(rest)).for_each(|token| later.take(&kept, token));
            later.found(&kept)
        };
        for (kept, rest, what) in [
            ("select", "lo_export ( 4711 , 'a' )", "lo_export()"),
            ("select", "pg_catalog . u & \"lo\\005fexport\" ( 1 )", "a name in U&\"…\""),
            ("with a as ( select 1 )", "update only pg_catalog . pg_database set a = 1", "UPDATE on pg_database"),
            ("copy ( select 1", "from t ) to 'a'", "a long COPY, whose end is not read"),
        ] {
            assert_eq!(later(kept, rest).as_deref(), Some(what), "{rest}");
        }
        for (kept, rest) in
            [("create view v as select", "lo_export ( 1 , 'a' )"), ("select", "lo_export , pg_database")]
        {
            assert_eq!(later(kept, rest), None, "{rest}");
        }
    }
}
