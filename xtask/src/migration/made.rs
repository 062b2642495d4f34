//! What a statement makes, by name: `CREATE TABLE app.t …`.

use super::reader::Lexeme;

/// An object that a statement of a file makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    pub line: u64,
    /// `table`, `index`, …
    pub kind: &'static str,
    /// `None`: the first schema of `search_path`.
    pub schema: Option<String>,
    pub name: String,
}

/// Kinds that live in a schema of their own choice. An index goes where its table is.
const KINDS: &[&str] =
    &["table", "view", "sequence", "type", "domain", "function", "procedure", "aggregate", "index", "collation"];
/// Words between CREATE and the kind.
const BEFORE: &[&str] =
    &["or", "replace", "unlogged", "materialized", "recursive", "unique", "foreign", "global", "local", "constraint"];

/// What the statement makes, if its name is known. Temporary objects are left out.
pub fn of(statement: &[Lexeme], line: u64) -> Option<Made> {
    let mut tokens = statement.iter();
    tokens.next().filter(|first| first.word() == Some("create"))?;
    let kind = loop {
        let word = tokens.next()?.word()?;
        if !BEFORE.contains(&word) {
            break *KINDS.iter().find(|kind| **kind == word)?;
        }
    };
    let mut tokens = tokens.skip_while(|token| token.word() == Some("concurrently")).peekable();
    if tokens.next_if(|token| token.word() == Some("if")).is_some() {
        tokens.next().filter(|token| token.word() == Some("not"))?;
        tokens.next().filter(|token| token.word() == Some("exists"))?;
    }
    // `CREATE INDEX ON t`: the server chooses the name.
    let first = tokens.next().filter(|token| kind != "index" || token.word() != Some("on"))?.name()?.to_owned();
    if tokens.next_if(|token| **token == Lexeme::Symbol(b'.')).is_some() {
        return Some(Made { line, kind, schema: Some(first), name: tokens.next()?.name()?.to_owned() });
    }
    Some(Made { line, kind, schema: None, name: first })
}

/// The extension that the statement makes: `CREATE EXTENSION [IF NOT EXISTS] name`.
pub fn extension(statement: &[Lexeme]) -> Option<String> {
    let words = |words: &[&str]| {
        statement.len() > words.len() && statement.iter().zip(words).all(|(token, word)| token.word() == Some(word))
    };
    if !words(&["create", "extension"]) {
        return None;
    }
    let at = if words(&["create", "extension", "if", "not", "exists"]) { 5 } else { 2 };
    statement.get(at)?.name().map(str::to_owned)
}

/// A role that a statement of a file makes, on the whole server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleMade {
    pub line: u64,
    pub name: String,
}

/// `CREATE ROLE name`, also as `USER` and `GROUP`.
pub fn role(statement: &[Lexeme], line: u64) -> Option<RoleMade> {
    let word = |at: usize| statement.get(at).and_then(Lexeme::word);
    let makes = word(0) == Some("create") && matches!(word(1), Some("role" | "user" | "group"));
    let name = statement.get(2).and_then(Lexeme::name).filter(|_| makes && word(2) != Some("mapping"))?;
    Some(RoleMade { line, name: name.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lexemes(text: &str) -> Vec<Lexeme> {
        let lexeme = |word: &str| match word {
            word if word.starts_with('"') => Lexeme::Name(word.trim_matches('"').to_owned()),
            "." | "(" => Lexeme::Symbol(word.as_bytes()[0]),
            word => Lexeme::Word(word.to_owned()),
        };
        text.split(' ').map(lexeme).collect()
    }

    fn made(text: &str) -> Option<(&'static str, Option<String>, String)> {
        of(&lexemes(text), 1).map(|made| (made.kind, made.schema, made.name))
    }

    #[test]
    fn an_extension_is_known_by_its_name_in_every_form() {
        for text in ["create extension pg_cron", "create extension if not exists \"pg_cron\" with schema pg_catalog"] {
            assert_eq!(extension(&lexemes(text)).as_deref(), Some("pg_cron"), "{text}");
        }
        assert_eq!(extension(&lexemes("create extension if")).as_deref(), Some("if"));
        for text in ["create extension", "drop extension pg_cron", "alter extension pg_cron update", "create table t"] {
            assert_eq!(extension(&lexemes(text)), None, "{text}");
        }
    }

    #[test]
    fn a_role_is_known_in_every_form() {
        let name = |text: &str| role(&lexemes(text), 1).map(|role| role.name);
        assert_eq!(name("create role app login").as_deref(), Some("app"));
        assert_eq!(name("create user \"A\"").as_deref(), Some("A"));
        for none in ["create user mapping for app", "drop group app", "create table role", "create role"] {
            assert_eq!(name(none), None, "{none}");
        }
    }

    #[test]
    fn names_are_found_behind_every_form_of_create() {
        let some = |kind, schema: Option<&str>, name: &str| Some((kind, schema.map(str::to_owned), name.to_owned()));
        assert_eq!(made("create table t ("), some("table", None, "t"));
        assert_eq!(made("create unlogged table if not exists app . \"T\" ("), some("table", Some("app"), "T"));
        assert_eq!(made("create or replace function f ("), some("function", None, "f"));
        assert_eq!(made("create materialized view v as"), some("view", None, "v"));
        assert_eq!(made("create unique index concurrently if not exists i on t"), some("index", None, "i"));
        for none in [
            "create index on t",
            "create index concurrently on t",
            "create temp table t",
            "create extension x",
            "drop table t",
            "create",
        ] {
            assert_eq!(made(none), None, "{none}");
        }
    }
}
