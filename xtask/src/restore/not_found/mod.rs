//! An object that a load did not find by its name alone, and the schema to name.

mod hint;
mod signature;

pub(super) use hint::PathOfLoad;

use crate::target::client_error;

/// Kinds of objects that the server looks for on the `search_path`, as its messages begin.
const KINDS: [&str; 10] = [
    RELATION,
    "function ",
    "procedure ",
    "aggregate ",
    "type ",
    COLLATION,
    "text search configuration ",
    "text search dictionary ",
    "operator does not exist: ",
    "operator ",
];

const RELATION: &str = "relation ";
const COLLATION: &str = "collation ";

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
    /// As a statement names it, `lib.f(integer)`, and its name alone.
    Whole { signature: &'a str, name: String },
    /// By its name alone.
    Named(&'a str),
}

impl<'a> NotFound<'a> {
    /// `None`: something else failed, or what is missing was named with its schema.
    pub(super) fn of(stderr: &'a str) -> Option<Self> {
        let (_, message) = client_error::first_error(stderr)?;
        let rest = KINDS.iter().find_map(|kind| message.strip_prefix(kind))?;
        // A name may hold quotes and parentheses itself: the server's own are the last ones.
        let name = match rest.strip_prefix('"') {
            Some(quoted) if message.starts_with(COLLATION) => quoted.split_once("\" for encoding ")?.0,
            Some(quoted) => quoted.rsplit_once('"')?.0,
            // The name of a function, or an operator between its operands' types.
            None if message.starts_with("operator ") => rest.split(' ').find(|word| is_operator(word))?,
            None => rest.rsplit_once('(')?.0,
        };
        let has_schema = name.contains('.') && !is_operator(name);
        let is_relation = message.starts_with(RELATION);
        (!has_schema).then(|| Self { name, function: Function::of(stderr), is_relation })
    }

    /// The names by which the file is searched.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        [self.name].into_iter().chain(self.function.as_ref().map(Function::name))
    }
}

impl<'a> Function<'a> {
    /// Its name alone.
    fn name(&self) -> &str {
        match self {
            Self::Named(name) => name,
            Self::Whole { name, .. } => name,
        }
    }

    /// The innermost one of those that the server names behind its error.
    fn of(stderr: &'a str) -> Option<Self> {
        stderr.lines().skip_while(|line| client_error::numbered(line).is_none()).find_map(|line| {
            let line = line.strip_prefix("CONTEXT:  ").unwrap_or(line);
            if let Some(rest) = line.strip_prefix("PL/pgSQL function ") {
                let signature = rest.rsplit_once(" line ").map(|(signature, _)| signature)?;
                return signature::name_in(signature).map(|name| Self::Whole { signature, name });
            }
            let rest = line.strip_prefix("SQL function \"");
            let rest = rest.or_else(|| line.strip_prefix("compilation of PL/pgSQL function \""));
            rest.and_then(|rest| rest.rsplit_once('"')).map(|(name, _)| Self::Named(name))
        })
    }
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

    fn whole<'a>(signature: &'a str, name: &str) -> Option<Function<'a>> {
        Some(Function::Whole { signature, name: name.to_owned() })
    }

    #[test]
    fn a_missing_name_and_its_function_are_read_from_the_servers_words() {
        let plpgsql = "CONTEXT:  PL/pgSQL function lib.bucket(integer) line 1 at RETURN";
        let bucket = || whole("lib.bucket(integer)", "bucket");
        is("function helper(integer) does not exist", plpgsql, Some("helper"), bucket());
        let statement = format!("CONTEXT:  SQL statement \"SELECT 1\"\n{}", &plpgsql[10..]);
        is("relation \"a b\" does not exist", &statement, Some("a b"), bucket());
        // Names that hold quotes and parentheses.
        is("relation \"a\"b\" does not exist", plpgsql, Some("a\"b"), bucket());
        is("function a(b(integer) does not exist", plpgsql, Some("a(b"), bucket());
        is("collation \"de\" for encoding \"UTF8\" does not exist", plpgsql, Some("de"), bucket());
        let inlined = "CONTEXT:  SQL function \"f\"g\" during inlining";
        is("type \"mood\" does not exist", inlined, Some("mood"), Some(Function::Named("f\"g")));
        let dotted = "CONTEXT:  PL/pgSQL function lib.\"my.f line 1 (\"(text) line 2 at RETURN";
        is("type \"mood\" does not exist", dotted, Some("mood"), whole("lib.\"my.f line 1 (\"(text)", "my.f line 1 ("));
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
