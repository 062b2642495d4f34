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

/// Values that a server has anyway. A dump sets them.
const USUAL: &[(&str, &str)] = &[("default_tablespace", ""), ("default_table_access_method", "heap")];

/// What the statement sets for the rest of the session, if that can matter to another file.
pub fn of(statement: &[Lexeme]) -> Vec<Lasting> {
    let Some(first) = statement.first().and_then(Lexeme::word) else { return Vec::new() };
    let mut lasting: Vec<Lasting> = match first {
        "set" => set(&statement[1..]).into_iter().collect(),
        "reset" => reset(&statement[1..]).into_iter().collect(),
        // What these run is run later.
        "create" | "alter" | "drop" | "comment" | "prepare" => Vec::new(),
        _ => set_configs(statement).filter(|(_, local)| !local).map(|(lasting, _)| lasting).collect(),
    };
    let is_usual = |lasting: &Lasting| {
        let value = lasting.value.as_deref().unwrap_or_default();
        !lasting.reset && lasting.value.is_some() && USUAL.contains(&(lasting.setting.as_str(), value))
    };
    lasting.retain(|lasting| !HARMLESS.contains(&lasting.setting.as_str()) && !is_usual(lasting));
    lasting
}

/// Whether the statement sets `search_path` for the rest of the transaction.
pub fn sets_path_locally(statement: &[Lexeme]) -> bool {
    let word = |at: usize| statement.get(at).and_then(Lexeme::word);
    match word(0) {
        Some("set") => word(1) == Some("local") && set(&statement[2..]).is_some_and(|set| set.setting == "search_path"),
        None | Some("create" | "alter" | "drop" | "comment" | "prepare") => false,
        Some(_) => set_configs(statement).any(|(lasting, local)| local && lasting.setting == "search_path"),
    }
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

/// Every `[pg_catalog.]set_config('search_path', 'app', false)` in a statement, wherever it stands in it, and whether it is
/// for the transaction alone.
fn set_configs(statement: &[Lexeme]) -> impl Iterator<Item = (Lasting, bool)> {
    let calls = statement
        .windows(2)
        .enumerate()
        .filter(|(_, pair)| pair[0].name().is_some_and(|name| name == "set_config") && pair[1] == Lexeme::Symbol(b'('));
    calls.filter_map(|(at, _)| set_config(&arguments(&statement[at + 2..])))
}

/// The arguments of a call, behind its opening parenthesis. One without a name is known by its place.
fn arguments(tokens: &[Lexeme]) -> Vec<&[Lexeme]> {
    let mut arguments = Vec::new();
    let (mut depth, mut begun) = (0_usize, 0);
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Lexeme::Symbol(b'(' | b'[') => depth += 1,
            Lexeme::Symbol(b')' | b']') if depth > 0 => depth -= 1,
            Lexeme::Symbol(b',' | b')') if depth == 0 => {
                arguments.push(&tokens[begun..at]);
                begun = at + 1;
                if *token == Lexeme::Symbol(b')') {
                    break;
                }
            }
            _ => (),
        }
    }
    arguments
}

/// What a call of `set_config` sets, and whether that lasts only for a transaction; `None` where its setting is not written
/// out.
fn set_config(arguments: &[&[Lexeme]]) -> Option<(Lasting, bool)> {
    let named = |name: &str, place: usize| {
        let by_name = arguments.iter().find(|tokens| tokens.first().and_then(Lexeme::word) == Some(name));
        by_name.or(arguments.get(place)).copied().unwrap_or_default()
    };
    let text = |tokens: &[Lexeme]| {
        tokens.iter().find_map(|token| if let Lexeme::Text(text) = token { Some(text.clone()) } else { None })
    };
    let setting = text(named("setting_name", 0))?;
    let value = named("new_value", 1);
    let local = named("is_local", 2);
    let is_true = |text: &str| ["true", "t", "yes", "y", "on", "1"].contains(&text.to_ascii_lowercase().as_str());
    let is_local =
        text(local).is_some_and(|text| is_true(&text)) || local.iter().any(|token| token.word() == Some("true"));
    // Of `'app,' || x` only the first word would be known, and not even that of `x || ',app'`.
    let is_plain = !value.iter().any(|token| matches!(token, Lexeme::Symbol(b'|' | b'(')));
    Some((known(&setting, text(value).filter(|_| is_plain).map(|value| first_schema(&value))), is_local))
}

/// The first name of a list: of a `search_path` the schema in which new objects are made.
fn first_schema(value: &str) -> String {
    let first = value.split(',').next().unwrap_or_default().trim();
    let bare = first.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    bare.map_or_else(|| first.to_ascii_lowercase(), str::to_owned)
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

    fn sets(text: &str) -> Vec<(String, Option<String>)> {
        let lexeme = |word: &str| match word {
            word if word.starts_with('\'') => Lexeme::Text(word.trim_matches('\'').to_owned()),
            word if word.starts_with('"') => Lexeme::Name(word.trim_matches('"').to_owned()),
            word if word.len() == 1 && !word.starts_with(char::is_alphanumeric) => Lexeme::Symbol(word.as_bytes()[0]),
            word => Lexeme::Word(word.to_owned()),
        };
        let found = of(&text.split(' ').map(lexeme).collect::<Vec<_>>());
        found.into_iter().map(|lasting| (lasting.setting, lasting.value)).collect()
    }

    #[test]
    fn every_form_that_outlives_its_statement_is_found() {
        let some =
            |setting: &str, value: &str| vec![(setting.to_owned(), (!value.is_empty()).then(|| value.to_owned()))];
        for (text, expected) in [
            ("set search_path to app , public", some("search_path", "app")),
            ("set session search_path = \"App\"", some("search_path", "App")),
            ("set schema 'app'", some("search_path", "app")),
            ("select pg_catalog . set_config ( 'search_path' , 'App,x' , false )", some("search_path", "app")),
            ("select set_config ( 'search_path' , '' , false )", vec![("search_path".to_owned(), Some(String::new()))]),
            ("select 1 , set_config ( 'search_path' , 'app' , false ) from t", some("search_path", "app")),
            ("with x as ( select set_config ( 'role' , 'r' , 'f' ) ) select 1", some("role", "r")),
            ("values ( set_config ( 'search_path' , 'app' , 0 : : bool ) )", some("search_path", "app")),
            (
                "select set_config ( 'search_path' , 'app,' | | current_setting ( 'search_path' ) , false )",
                some("search_path", ""),
            ),
            ("insert into t select set_config ( 'search_path' , x , false )", some("search_path", "")),
            (
                "select set_config ( is_local = > false , setting_name = > 'search_path' , new_value = > 'app' )",
                some("search_path", "app"),
            ),
            (
                "select set_config ( 'work_mem' , '1' , false ) , set_config ( 'search_path' , 'app' , false )",
                some("search_path", "app"),
            ),
            ("set role owner", some("role", "owner")),
            ("set session authorization 'x'", some("session authorization", "x")),
            ("set session session authorization x", some("session authorization", "x")),
            ("set time zone 'UTC'", some("timezone", "UTC")),
            ("set session_replication_role to replica", some("session_replication_role", "replica")),
            ("set default_tablespace = disk", some("default_tablespace", "disk")),
            ("reset search_path", some("search_path", "")),
            ("set search_path to default", some("search_path", "")),
            ("set role none", some("role", "")),
        ] {
            assert_eq!(sets(text), expected, "{text}");
        }
    }

    #[test]
    fn what_ends_with_its_statement_or_sets_nothing_is_passed_over() {
        for text in [
            "set local search_path to app",
            "create function f ( ) returns text return set_config ( 'search_path' , 'app' , false )",
            "select set_config ( 'search_path' , 'app' , 't' : : bool )",
            "select set_config ( x , 'app' , false )",
            "select set_config from t",
            "set transaction read only",
            "set constraints all deferred",
            "select set_config ( 'search_path' , 'app' , true )",
            "set statement_timeout = 0",
            "set client_encoding to 'UTF8'",
            "set default_tablespace = ''",
            "set default_table_access_method = heap",
            "select 1",
            "set",
        ] {
            assert_eq!(sets(text), [], "{text}");
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
