//! What a file sets for the rest of its session.
//!
//! Here it ends with the file. sqlx runs all pending files of one run in one session, so there it reaches the files
//! that follow, and sqlx's own statements.

use super::reader::Lexeme;

/// A setting that outlives its statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lasting {
    pub setting: String,
    /// The first value: of `search_path` the schema in which new objects are made. `None`: it is reset, or unknown.
    pub value: Option<String>,
    /// It goes back to what the session began with.
    pub reset: bool,
}

/// Settings that decide neither where nor how later files act. A dump's first lines set some of them.
const HARMLESS: &[&str] = &[
    "statement_timeout",
    "lock_timeout",
    "idle_in_transaction_session_timeout",
    "transaction_timeout",
    "idle_session_timeout",
    "client_encoding",
    "standard_conforming_strings",
    "check_function_bodies",
    "xmloption",
    "client_min_messages",
    "row_security",
    "work_mem",
    "maintenance_work_mem",
    "synchronous_commit",
    "max_parallel_maintenance_workers",
    "application_name",
    "names",
    "default_with_oids",
];

/// What the statement sets for the rest of the session, if that can matter to another file.
pub fn of(statement: &[Lexeme]) -> Option<Lasting> {
    let first = statement.first()?.word()?;
    let lasting = match first {
        "set" => set(&statement[1..]),
        "reset" => reset(&statement[1..]),
        "select" => set_config(&statement[1..]),
        _ => None,
    }?;
    (!HARMLESS.contains(&lasting.setting.as_str())).then_some(lasting)
}

fn set(mut rest: &[Lexeme]) -> Option<Lasting> {
    let word = |rest: &[Lexeme], at: usize| rest.get(at).and_then(Lexeme::word).map(str::to_owned);
    match (word(rest, 0)?.as_str(), word(rest, 1).as_deref()) {
        ("local" | "transaction" | "constraints", _) => return None,
        ("session", Some("characteristics")) => return Some(known("session characteristics", None)),
        ("session", Some("authorization")) => return Some(named("session authorization", rest.get(2))),
        ("session", _) => rest = &rest[1..],
        _ => {}
    }
    match (rest.first()?.name()?, word(rest, 1).as_deref()) {
        ("role", _) => Some(named("role", rest.get(1))),
        ("session", Some("authorization")) => Some(named("session authorization", rest.get(2))),
        ("time", Some("zone")) => Some(named("timezone", rest.get(2))),
        ("schema", _) => Some(named("search_path", rest.get(1))),
        _ => {
            let at = rest.iter().position(|token| token.word() == Some("to") || *token == Lexeme::Symbol(b'='))?;
            let setting: Vec<&str> = rest[..at].iter().filter_map(Lexeme::name).collect();
            Some(named(&setting.join("."), rest.get(at + 1)))
        }
    }
}

fn reset(rest: &[Lexeme]) -> Option<Lasting> {
    let setting = match (rest.first()?.name()?, rest.get(1).and_then(Lexeme::word)) {
        ("session", Some("authorization")) => "session authorization",
        (setting, _) => setting,
    };
    Some(Lasting { setting: setting.to_ascii_lowercase(), value: None, reset: true })
}

/// `SELECT [pg_catalog.]set_config('search_path', 'app', false)`.
fn set_config(rest: &[Lexeme]) -> Option<Lasting> {
    let at = rest.iter().position(|token| token.word() == Some("set_config"))?;
    let [
        Lexeme::Symbol(b'('),
        Lexeme::Text(setting),
        Lexeme::Symbol(b','),
        Lexeme::Text(value),
        Lexeme::Symbol(b','),
        local,
        ..,
    ] = &rest[at + 1..]
    else {
        return None;
    };
    if local.word() == Some("true") {
        return None;
    }
    let first = value.split(',').next().unwrap_or_default().trim();
    let bare = first.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    Some(known(setting, Some(bare.map_or_else(|| first.to_ascii_lowercase(), str::to_owned))))
}

fn named(setting: &str, value: Option<&Lexeme>) -> Lasting {
    let value = match value {
        Some(Lexeme::Word(word)) if matches!(word.as_str(), "default" | "none" | "local") => {
            return Lasting { setting: setting.to_owned(), value: None, reset: true };
        }
        Some(Lexeme::Word(value) | Lexeme::Name(value) | Lexeme::Text(value)) => Some(value.clone()),
        _ => None,
    };
    known(setting, value)
}

fn known(setting: &str, value: Option<String>) -> Lasting {
    Lasting { setting: setting.to_ascii_lowercase(), value, reset: false }
}

/// What of this is still set when the file ends, in the order of the first statement of each.
pub fn at_the_end(all: &[(u64, Lasting)]) -> Vec<&(u64, Lasting)> {
    let is_last = |at: usize| {
        let setting = &all[at].1.setting;
        !all[at + 1..].iter().any(|(_, later)| later.setting == *setting || later.reset && later.setting == "all")
    };
    (0..all.len()).filter(|at| is_last(*at)).map(|at| &all[at]).filter(|(_, lasting)| !lasting.reset).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sets(text: &str) -> Option<(String, Option<String>)> {
        let lexeme = |word: &str| match word {
            word if word.starts_with('\'') => Lexeme::Text(word.trim_matches('\'').to_owned()),
            word if word.starts_with('"') => Lexeme::Name(word.trim_matches('"').to_owned()),
            word if word.len() == 1 && !word.starts_with(char::is_alphanumeric) => Lexeme::Symbol(word.as_bytes()[0]),
            word => Lexeme::Word(word.to_owned()),
        };
        of(&text.split(' ').map(lexeme).collect::<Vec<_>>()).map(|lasting| (lasting.setting, lasting.value))
    }

    #[test]
    fn every_form_that_outlives_its_statement_is_found() {
        let some =
            |setting: &str, value: &str| Some((setting.to_owned(), (!value.is_empty()).then(|| value.to_owned())));
        for (text, expected) in [
            ("set search_path to app , public", some("search_path", "app")),
            ("set session search_path = \"App\"", some("search_path", "App")),
            ("set schema 'app'", some("search_path", "app")),
            ("select pg_catalog . set_config ( 'search_path' , 'App,x' , false )", some("search_path", "app")),
            ("select set_config ( 'search_path' , '' , false )", Some(("search_path".to_owned(), Some(String::new())))),
            ("set role owner", some("role", "owner")),
            ("set session authorization 'x'", some("session authorization", "x")),
            ("set session session authorization x", some("session authorization", "x")),
            ("set time zone 'UTC'", some("timezone", "UTC")),
            ("set session_replication_role to replica", some("session_replication_role", "replica")),
            ("reset search_path", some("search_path", "")),
            ("set search_path to default", some("search_path", "")),
            ("set role none", some("role", "")),
        ] {
            assert_eq!(sets(text), expected, "{text}");
        }
        for text in [
            "set local search_path to app",
            "set transaction read only",
            "set constraints all deferred",
            "select set_config ( 'search_path' , 'app' , true )",
            "set statement_timeout = 0",
            "set client_encoding to 'UTF8'",
            "select 1",
            "set",
        ] {
            assert_eq!(sets(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_set_back_does_not_last() {
        let set = |setting: &str| (1, known(setting, Some("x".to_owned())));
        let reset = |setting: &str| (2, Lasting { setting: setting.to_owned(), value: None, reset: true });
        let names = |all: &[(u64, Lasting)]| -> Vec<String> {
            at_the_end(all).into_iter().map(|(_, lasting)| lasting.setting.clone()).collect()
        };
        assert_eq!(names(&[set("search_path"), set("role")]), ["search_path", "role"]);
        assert_eq!(names(&[set("search_path"), set("role"), reset("search_path")]), ["role"]);
        assert_eq!(names(&[set("search_path"), reset("all"), set("role")]), ["role"]);
        assert_eq!(names(&[set("role"), set("role")]).len(), 1);
    }
}
