//! What to type where a load did not find a name.

use super::{Function, NotFound, is_operator};
use crate::backup::statement::Statement;
use crate::postgres::dump::Made;
use crate::postgres::quote;
use crate::postgres::search_path::SearchPath;
use crate::words::{is_obeyed, shell_word};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// The `search_path` under which the server evaluated the statement that failed.
#[derive(Debug, Clone, Copy)]
pub enum PathOfLoad<'a> {
    /// The dump's own, which is empty.
    OfDump,
    /// The one that was typed.
    Typed(&'a SearchPath),
    /// The server's own, whatever is typed.
    OfServer,
}

impl NotFound<'_> {
    /// What to type. `at`: the statement that failed.
    pub(in crate::restore) fn what_to_type(&self, at: Option<&Statement>, used: PathOfLoad<'_>) -> String {
        let made = at.map(|statement| &statement.made);
        let own = made.map_or_else(BTreeSet::new, |made| schemas(made, self.name));
        let shown = shell_word(self.name);
        let is_at = |words: &str| self.is_relation && at.is_some_and(|found| found.words.starts_with(words));
        if own.is_empty() && is_at("CREATE TABLE ") {
            return self.of_later();
        }
        let of_extensions = || made.map_or_else(BTreeSet::new, extension_schemas);
        let known = Some(own.clone()).filter(|own| !own.is_empty()).unwrap_or_else(of_extensions);
        let (path, option) = (listed(&known, in_sql), listed(&known, in_option));
        let place = if own.is_empty() { String::new() } else { format!(", which the file creates in schema {path}") };
        let is_view = at.is_some_and(|statement| statement.words.contains("MATERIALIZED VIEW"));
        let cure = self.cure(made, is_view, &path);
        let order = if is_at("COPY ") { self.order() } else { String::new() };
        match used {
            PathOfLoad::OfServer => format!(
                "a name stands without its schema there, {shown}{place}, and this server evaluates an index or a materialized view \
                 with a search_path of its own: no --search-path helps\n\
                 for good: {cure}, in the database that was backed up; then back up again\n\
                 where that database is gone: load the file by hand as below, do the same there, repeat the statement that \
                 failed, and back up that database"
            ),
            PathOfLoad::OfDump => format!(
                "a name stands without its schema there, {shown}{place}, and a dump loads with an empty search_path: try \
                 again with --search-path {typed}\n\
                 for good: {cure}; then back up again. For an index or a materialized view PostgreSQL 17 and newer need \
                 this: they ignore --search-path there{order}",
                typed = shell_word(&option)
            ),
            PathOfLoad::Typed(given) => format!(
                "with --search-path {} it is not found either: {shown}{place}; {}\n\
                 for good: {cure}, in the database that was backed up; then back up again{order}",
                given.as_str(),
                wider(given, &known)
            ),
        }
    }

    /// Of a table that is not there yet where a generated column of another one reads it.
    fn of_later(&self) -> String {
        format!(
            "the file has not created {} at that line, which a generated column or a partition key of the new table reads: no \
             search_path helps\n\
             for good: in the database that was backed up, fill that column with a trigger; a generated column must read no \
             other table. Then back up again",
            shell_word(self.name)
        )
    }

    /// What a function finds while rows are loaded.
    fn order(&self) -> String {
        format!(
            "\nif that function fills a generated column, do neither: rows of {} may be loaded later, and the column would \
             get other values. Fill it with a trigger in the database that was backed up",
            shell_word(self.name)
        )
    }

    /// What is changed in the database that was backed up.
    fn cure(&self, made: Option<&BTreeSet<Made>>, is_view: bool, path: &str) -> String {
        if let Some(function) = made.and_then(|made| self.of_extension(made)) {
            return format!(
                "{function} belongs to an extension, which a load recreates, so that ALTER FUNCTION does not last: in the \
                 place of it use a function of your own that calls it with its schema and has SET search_path = {path}"
            );
        }
        let function: Cow<'_, str> = match &self.function {
            Some(Function::Whole { signature, .. }) => (*signature).into(),
            Some(Function::Named(name)) => {
                let schemas = made.map_or_else(BTreeSet::new, |made| schemas(made, name));
                match schemas.first() {
                    Some(schema) if schemas.len() == 1 => format!("{}.{}", in_sql(schema), in_sql(name)).into(),
                    _ => in_sql(name),
                }
            }
            None if is_view => {
                return format!(
                    "write the schema into the text of the materialized view: {path}.{}",
                    in_sql(self.name)
                );
            }
            None => "…".into(),
        };
        format!("ALTER FUNCTION {function} SET search_path = {path}")
    }
}

impl<'a> NotFound<'a> {
    /// The function in which the server was, where the file does not make it, but extensions.
    fn of_extension(&self, made: &BTreeSet<Made>) -> Option<Cow<'a, str>> {
        let has_extension = made.iter().any(|made| matches!(made, Made::Extension { .. }));
        let function = self.function.as_ref().filter(|_| has_extension)?;
        let shown = match function {
            Function::Whole { signature, .. } => Cow::from(*signature),
            Function::Named(name) => in_sql(name),
        };
        schemas(made, function.name()).is_empty().then_some(shown)
    }
}

/// The names as a list; `public` where there is none.
fn listed(names: &BTreeSet<String>, typed: fn(&str) -> Cow<'_, str>) -> String {
    if names.is_empty() {
        return "public".to_owned();
    }
    names.iter().map(|name| typed(name)).collect::<Vec<_>>().join(", ")
}

/// What to type where this path was too short. `known`: schemas in which the name may be.
fn wider(given: &SearchPath, known: &BTreeSet<String>) -> String {
    let missing: Vec<Cow<'_, str>> =
        known.iter().filter(|name| !given.names(name)).map(|name| in_option(name)).collect();
    if missing.is_empty() {
        return "name another schema".to_owned();
    }
    let path = format!("{}, {}", given.as_str(), missing.join(", "));
    format!("name {}, too: --search-path {}", shell_word(&missing.join(", ")), shell_word(&path))
}

fn schemas(made: &BTreeSet<Made>, sought: &str) -> BTreeSet<String> {
    let of = |made: &Made| match made {
        Made::Object { schema, name } if name == sought => Some(schema.clone()),
        _ => None,
    };
    made.iter().filter_map(of).collect()
}

fn extension_schemas(made: &BTreeSet<Made>) -> BTreeSet<String> {
    let of = |made: &Made| match made {
        Made::Extension { schema } if schema != "pg_catalog" => Some(schema.clone()),
        _ => None,
    };
    made.iter().filter_map(of).collect()
}

fn is_plain(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    name.bytes().all(is_plain) && !name.starts_with(|first: char| first.is_ascii_digit())
}

/// A name in the value of `--search-path`.
fn in_option(name: &str) -> Cow<'_, str> {
    if is_plain(name) { name.into() } else { quote::name_in_value(name).map_or_else(|_| "…".into(), Cow::from) }
}

/// A name in a statement. Whatever it holds, it is one name of one line.
fn in_sql(name: &str) -> Cow<'_, str> {
    if is_plain(name) || is_operator(name) {
        return name.into();
    }
    let quoted = quote::identifier(name).ok().filter(|name| !name.contains(is_obeyed));
    quoted.map_or_else(|| "…".into(), Cow::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A function of one's own keeps what ALTER FUNCTION gives it, whatever its name holds.
    #[test]
    fn a_function_of_the_file_is_no_extensions() {
        for (signature, name) in
            [("public.\"my.f\"(text)", "my.f"), ("\"a(b\"(text)", "a(b"), ("\"a\"\"b\"(text)", "a\"b")]
        {
            let stderr = format!(
                "psql:<stdin>:7: ERROR:  type \"mood\" does not exist\nCONTEXT:  PL/pgSQL function {signature} line 1 at RETURN\n"
            );
            let found = NotFound::of(&stderr).unwrap();
            let extension = Made::Extension { schema: "public".to_owned() };
            let own = Made::Object { schema: "public".to_owned(), name: name.to_owned() };
            for (made, is_extensions) in [(vec![extension.clone(), own], false), (vec![extension], true)] {
                let statement =
                    Statement { line: 7, words: "COPY public.t".to_owned(), made: made.into_iter().collect() };
                let hint = found.what_to_type(Some(&statement), PathOfLoad::OfDump);
                assert_eq!(hint.contains("belongs to an extension"), is_extensions, "{hint}");
                assert_eq!(hint.contains(&format!("ALTER FUNCTION {signature} SET")), !is_extensions, "{hint}");
            }
        }
    }

    /// The name of a table of the file, as the server's message has it, is in quotes wherever a hint says it.
    #[test]
    fn a_command_in_a_name_stays_in_quotes() {
        for name in ["zz; type: cargo xtask db-reset # ", "zz 'x cargo xtask db-reset", "zz\\ cargo xtask db-reset \\"]
        {
            let stderr = format!("psql:<stdin>:7: ERROR:  relation \"{name}\" does not exist\n");
            let found = NotFound::of(&stderr).unwrap();
            let made = [Made::Object { schema: name.to_owned(), name: name.to_owned() }].into();
            for words in ["COPY public.t", "CREATE MATERIALIZED VIEW v", "CREATE TABLE t"] {
                for made in [&BTreeSet::new(), &made] {
                    let statement = Statement { line: 7, words: words.to_owned(), made: BTreeSet::clone(made) };
                    let hint = found.what_to_type(Some(&statement), PathOfLoad::OfDump);
                    assert!(hint.contains("cargo xtask db-reset"), "{hint}");
                    for (at, _) in hint.match_indices("zz") {
                        assert!(hint[..at].ends_with(['\'', '"']), "{hint}");
                    }
                }
            }
        }
    }
}
