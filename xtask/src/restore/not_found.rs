//! An object that a load did not find by its name alone, and the schema to name.

use crate::backup::statement::Statement;
use crate::postgres::dump::Made;
use crate::postgres::quote;
use crate::postgres::search_path::SearchPath;
use crate::target::client_error;
use crate::words::{is_obeyed, shell_word};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Kinds of objects that the server looks for on the `search_path`, as its messages begin.
const KINDS: [&str; 10] = [
    RELATION,
    "function ",
    "procedure ",
    "aggregate ",
    "type ",
    "collation ",
    "text search configuration ",
    "text search dictionary ",
    "operator does not exist: ",
    "operator ",
];

const RELATION: &str = "relation ";

/// In the server's own words, in English.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotFound<'a> {
    /// Without a schema.
    name: &'a str,
    function: Option<Function<'a>>,
    /// A table, a view or their like.
    is_relation: bool,
}

/// The function in which the server was.
#[derive(Debug, PartialEq, Eq)]
enum Function<'a> {
    /// As a statement names it: `lib.f(integer)`.
    Whole(&'a str),
    /// By its name alone.
    Named(&'a str),
}

impl<'a> NotFound<'a> {
    /// `None`: something else failed, or what is missing was named with its schema.
    pub(super) fn of(stderr: &'a str) -> Option<Self> {
        let (_, message) = client_error::first_error(stderr)?;
        let rest = KINDS.iter().find_map(|kind| message.strip_prefix(kind))?;
        let name = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?.0,
            // The name of a function, or an operator between its operands' types.
            None if message.starts_with("operator ") => rest.split(' ').find(|word| is_operator(word))?,
            None => rest.split_once('(')?.0,
        };
        let has_schema = name.contains('.') && !is_operator(name);
        let is_relation = message.starts_with(RELATION);
        (!has_schema).then(|| Self { name, function: Function::of(stderr), is_relation })
    }

    /// The names by which the file is searched.
    pub(super) fn names(&self) -> impl Iterator<Item = &'a str> {
        let function = match self.function {
            Some(Function::Named(name)) => Some(name),
            Some(Function::Whole(_)) | None => None,
        };
        [self.name].into_iter().chain(function)
    }

    /// What to type. `at`: the statement that failed; `given`: the path of this load.
    pub(super) fn what_to_type(&self, at: Option<&Statement>, given: Option<&SearchPath>) -> String {
        let made = at.map(|statement| &statement.made);
        let own = made.map_or_else(BTreeSet::new, |made| schemas(made, self.name));
        let shown = shell_word(self.name);
        let is_at = |words: &str| self.is_relation && at.is_some_and(|found| found.words.starts_with(words));
        if own.is_empty() && is_at("CREATE TABLE ") {
            return self.of_later();
        }
        let of_extensions = || made.map_or_else(BTreeSet::new, extension_schemas);
        let known = Some(own.clone()).filter(|own| !own.is_empty()).unwrap_or_else(of_extensions);
        let listed =
            |typed: fn(&str) -> Cow<'_, str>| known.iter().map(|name| typed(name)).collect::<Vec<_>>().join(", ");
        let (path, option) = match known.is_empty() {
            true => ("public".to_owned(), "public".to_owned()),
            false => (listed(in_sql), listed(in_option)),
        };
        let place = if own.is_empty() { String::new() } else { format!(", which the file creates in schema {path}") };
        let is_view = at.is_some_and(|statement| statement.words.contains("MATERIALIZED VIEW"));
        let cure = self.cure(made, is_view, &path);
        let order = if is_at("COPY ") { self.order() } else { String::new() };
        match given {
            None => format!(
                "a name stands without its schema there, {shown}{place}, and a dump loads with an empty search_path: try \
                 again with --search-path {typed}\n\
                 for good: {cure}; then back up again. For an index or a materialized view PostgreSQL 17 and newer need \
                 this: they ignore --search-path there{order}",
                typed = shell_word(&option)
            ),
            Some(given) => format!(
                "with --search-path {} it is not found either: {shown}{place}; name another schema; or it is an index or a \
                 materialized view, where PostgreSQL 17 and newer ignore --search-path\n\
                 for good: {cure}, in the database that was backed up; then back up again{order}",
                given.as_str()
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
        let function: Cow<'_, str> = match self.function {
            Some(Function::Whole(function)) => function.into(),
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

impl<'a> Function<'a> {
    /// The innermost one of those that the server names behind its error.
    fn of(stderr: &'a str) -> Option<Self> {
        stderr.lines().skip_while(|line| client_error::numbered(line).is_none()).find_map(|line| {
            let line = line.strip_prefix("CONTEXT:  ").unwrap_or(line);
            if let Some(rest) = line.strip_prefix("PL/pgSQL function ") {
                let function = rest.split_once(" line ").map(|(function, _)| function);
                return function.filter(|function| is_signature(function)).map(Self::Whole);
            }
            let rest = line.strip_prefix("SQL function \"");
            let rest = rest.or_else(|| line.strip_prefix("compilation of PL/pgSQL function \""));
            rest.and_then(|rest| rest.split_once('"')).map(|(name, _)| Self::Named(name))
        })
    }
}

/// Whether it is no more than a function's name and the types of its arguments, which a block of a `DO` statement does not
/// have. Code of the file can write such a line itself, and the function stands in a statement that a person types.
fn is_signature(text: &str) -> bool {
    let parts = text.split_once('(').and_then(|(name, rest)| Some((name, rest.strip_suffix(')')?)));
    parts.is_some_and(|(name, types)| {
        is_name(name) && (types.is_empty() || types.split(',').all(|each| is_type(each.trim())))
    })
}

fn is_type(text: &str) -> bool {
    let text = text.trim_end_matches("[]");
    WITH_BLANKS.contains(&text) || is_name(text)
}

/// The types of SQL whose names are several words.
const WITH_BLANKS: [&str; 7] = [
    "bit varying",
    "character varying",
    "double precision",
    "time with time zone",
    "time without time zone",
    "timestamp with time zone",
    "timestamp without time zone",
];

/// Whether it is a name with its schema or without, each of letters, or of letters and blanks in double quotes.
fn is_name(text: &str) -> bool {
    let is_plain = |letter: char| letter.is_alphanumeric() || "_$".contains(letter);
    text.split('.').all(|part| match part.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"').is_some_and(|name| name.chars().all(|it| is_plain(it) || it == ' ')),
        None => !part.is_empty() && part.chars().all(is_plain),
    })
}

fn is_operator(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| b"+-*/<>=~!@#%^&|`?".contains(&byte))
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

    #[track_caller]
    fn is(message: &str, context: &str, name: Option<&str>, function: Option<Function<'_>>) {
        let stderr = format!("psql:<stdin>:2: NOTICE:  x\npsql:<stdin>:7: ERROR:  {message}\nLINE 1: x\n{context}\n");
        let is_relation = message.starts_with(RELATION);
        assert_eq!(NotFound::of(&stderr), name.map(|name| NotFound { name, function, is_relation }), "{message}");
    }

    #[test]
    fn a_missing_name_and_its_function_are_read_from_the_servers_words() {
        let plpgsql = "CONTEXT:  PL/pgSQL function lib.bucket(integer) line 1 at RETURN";
        is(
            "function helper(integer) does not exist",
            plpgsql,
            Some("helper"),
            Some(Function::Whole("lib.bucket(integer)")),
        );
        let statement = format!("CONTEXT:  SQL statement \"SELECT 1\"\n{}", &plpgsql[10..]);
        is("relation \"a b\" does not exist", &statement, Some("a b"), Some(Function::Whole("lib.bucket(integer)")));
        let inlined = "CONTEXT:  SQL function \"f\" during inlining";
        is("relation \"documents\" does not exist", inlined, Some("documents"), Some(Function::Named("f")));
        let compiled = "CONTEXT:  compilation of PL/pgSQL function \"ty\" near line 1";
        is("type \"mood\" does not exist", compiled, Some("mood"), Some(Function::Named("ty")));
        is("operator does not exist: integer === integer", "", Some("==="), None);
        is("text search configuration \"german2\" does not exist", "", Some("german2"), None);
        is(
            "relation \"x\" does not exist",
            "CONTEXT:  PL/pgSQL function inline_code_block line 1 at SQL",
            Some("x"),
            None,
        );
        for other in [
            "relation \"lib.documents\" does not exist",
            "function public.gone(text) does not exist",
            "role \"x\" does not exist",
            "column \"x\" does not exist",
            "division by zero",
        ] {
            is(other, plpgsql, None, None);
        }
    }

    /// Code of the file can write such a line itself.
    #[test]
    fn what_is_no_signature_is_no_function() {
        for made in [
            "public.pos(integer) STABLE; ALTER ROLE app SUPERUSER; SELECT now()",
            "f(a) OWNER TO b()",
            "f(a--)",
            "cargo xtask down(integer)",
            "f(cargo xtask down)",
            "\"f\"\"(integer)",
            "inline_code_block",
        ] {
            let context = format!("CONTEXT:  PL/pgSQL function {made} line 1 at RETURN");
            is("function helper(integer) does not exist", &context, Some("helper"), None);
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
                    let hint = found.what_to_type(Some(&statement), None);
                    assert!(hint.contains("cargo xtask db-reset"), "{hint}");
                    for (at, _) in hint.match_indices("zz") {
                        assert!(hint[..at].ends_with(['\'', '"']), "{hint}");
                    }
                }
            }
        }
    }
}
