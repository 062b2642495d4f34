//! An object that a load did not find by its name alone, and the schema to name.

mod hint;

pub(super) use hint::PathOfLoad;

use crate::target::client_error;

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
        [self.name].into_iter().chain(self.function.as_ref().map(Function::name))
    }
}

impl<'a> Function<'a> {
    /// Its name alone.
    fn name(&self) -> &'a str {
        match self {
            Self::Named(name) => name,
            Self::Whole(signature) => {
                let name = signature.split('(').next().unwrap_or_default();
                name.rsplit('.').next().unwrap_or_default().trim_matches('"')
            }
        }
    }

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
}
