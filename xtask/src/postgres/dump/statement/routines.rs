//! Which routines a dump makes, and what it says of others: those are PostgreSQL's own, or an extension's.

use super::relations::Name;
use super::written::Meaning;
use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};

/// The routines made so far, as hashes of their names, and of names with arguments. An aggregate is none of them.
#[derive(Debug, Default)]
pub(super) struct Routines {
    hasher: RandomState,
    made: HashSet<u64>,
    made_with: HashSet<u64>,
    /// Templates of text search whose functions may not belong together, by the part of their names that is sure.
    unpaired: HashSet<Vec<u8>>,
    /// Roles get rights on whatever is made from here on, by an extension, too.
    by_default: bool,
}

/// What a statement names.
#[derive(Debug, Clone, Copy)]
pub(super) struct Named<'a> {
    pub(super) names: &'a [Name],
    /// Of the one routine that it is about.
    pub(super) arguments: Option<&'a [u8]>,
}

impl Routines {
    /// Takes a statement into account that names these; names in part count as none.
    pub(super) fn note(&mut self, meaning: Meaning, routine: Named<'_>) -> Result<(), String> {
        let named = routine.names;
        match meaning {
            Meaning::CreatesRoutine => {
                self.made.extend(whole(named).map(|name| self.hasher.hash_one(name)));
                if let Some(arguments) = routine.arguments {
                    self.made_with.extend(whole(named).map(|name| self.hasher.hash_one((name, arguments))));
                }
            }
            Meaning::DefaultRights => self.by_default = true,
            Meaning::TextSearch if !whole(named).any(|name| self.are_made(name)) => {
                return Err(format!("a parser of text search, {CRASHES}"));
            }
            Meaning::Template => {
                if let Some((template, functions)) = named.split_first()
                    && !whole(functions).any(|name| self.are_made(name))
                {
                    self.unpaired.insert(template.sure().bytes().1.to_vec());
                }
            }
            Meaning::Dictionary if named.iter().any(|template| self.is_unpaired(template)) => {
                return Err(format!("a dictionary whose template is {CRASHES}"));
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether a role gets rights on a routine that the dump does not make.
    pub(super) fn are_given_away(&self, meaning: Meaning, routine: Named<'_>) -> bool {
        let is_made = |name: &Name| {
            routine.arguments.is_some_and(|arguments| self.made_with.contains(&self.hasher.hash_one((name, arguments))))
        };
        match meaning {
            Meaning::Grants | Meaning::Gives => whole(routine.names).any(|name| !is_made(name)),
            Meaning::Extension => self.by_default,
            _ => false,
        }
    }

    /// A name in part is one without a schema.
    fn is_unpaired(&self, template: &Name) -> bool {
        let sure = template.sure();
        let (schema, name) = sure.bytes();
        self.unpaired.contains(if name.is_empty() { schema } else { name })
    }

    fn are_made(&self, name: &Name) -> bool {
        self.made.contains(&self.hasher.hash_one(name))
    }
}

const CRASHES: &str =
    "of functions that the file does not make and that PostgreSQL does not put together so: the server may crash of it";

fn whole(named: &[Name]) -> impl Iterator<Item = &Name> {
    named.iter().filter(|name| !name.bytes().1.is_empty())
}

#[cfg(test)]
mod tests {
    use crate::postgres::dump::tests::{dump, scan};

    #[test]
    fn rights_on_a_function_that_the_file_does_not_make_are_noted_with_their_line() {
        let made = "CREATE FUNCTION public.f(a integer DEFAULT 1) RETURNS integer LANGUAGE sql AS 'SELECT 1';\n\
            CREATE PROCEDURE public.g(a integer DEFAULT greatest(1, 2), b numeric(3,2) = 1, OUT c text) LANGUAGE sql AS '';\n\
            CREATE AGGREGATE public.agg(*) (SFUNC = int8inc, STYPE = bigint);\n\
            CREATE AGGREGATE public.dblink_connect_u(*) (SFUNC = int8inc, STYPE = bigint);\nCREATE TYPE public.t AS ENUM ();\n";
        for (body, found) in [
            ("GRANT ALL ON FUNCTION public.dblink_connect_u(text) TO PUBLIC;", true),
            ("GRANT ALL ON PROCEDURE \"public\".\"F\"(integer) TO low WITH GRANT OPTION;", true),
            ("ALTER FUNCTION public.dblink_connect_u(text) OWNER TO low;", true),
            (
                "ALTER DEFAULT PRIVILEGES FOR ROLE a GRANT ALL ON FUNCTIONS TO low;\nCREATE EXTENSION IF NOT EXISTS d;",
                true,
            ),
            ("ALTER DEFAULT PRIVILEGES FOR ROLE a GRANT ALL ON FUNCTIONS TO low;\nCREATE PROCEDURAL LANGUAGE d;", true),
            (
                "CREATE EXTENSION IF NOT EXISTS d;\nALTER DEFAULT PRIVILEGES FOR ROLE a GRANT ALL ON FUNCTIONS TO low;",
                false,
            ),
            ("GRANT ALL ON FUNCTION public.f(a integer) TO low;", false),
            ("GRANT ALL ON FUNCTION PUBLIC.\"f\"(A INTEGER) TO low;", false),
            ("ALTER FUNCTION public.f(a integer) OWNER TO low;", false),
            // Another one of that name.
            ("GRANT ALL ON FUNCTION public.f() TO low;", true),
            ("GRANT ALL ON FUNCTION public.f(a text) TO low;", true),
            ("ALTER FUNCTION public.f(a integer, b integer) OWNER TO low;", true),
            ("GRANT ALL ON PROCEDURE public.g(a integer, b numeric(3,2), OUT c text) TO low;", false),
            ("GRANT ALL ON PROCEDURE public.g(a integer, b numeric, OUT c text) TO low;", true),
            ("ALTER AGGREGATE public.agg(*) OWNER TO low;", false),
            ("REVOKE ALL ON FUNCTION public.dblink_connect_u(text) FROM PUBLIC;", false),
            ("GRANT ALL ON TYPE public.t TO low;", false),
            ("ALTER TYPE public.t OWNER TO low;", false),
        ] {
            let text = dump(&format!("{made}{body}\n"));
            let last = body.lines().last();
            let at = text.lines().position(|line| Some(line) == last).map(|at| 1 + at as u64);
            assert_eq!(scan(&text).unwrap().grants_on_others, at.filter(|_| found), "{body}");
        }
    }

    #[test]
    fn a_language_without_a_handler_is_an_extension() {
        let contents = scan(&dump("CREATE OR REPLACE PROCEDURAL LANGUAGE dblink;\n")).unwrap();
        assert_eq!(contents.extensions.iter().collect::<Vec<_>>(), ["dblink"]);
        let contents = scan(&dump("CREATE PROCEDURAL LANGUAGE mine HANDLER public.h;\n")).unwrap();
        assert!(contents.extensions.is_empty(), "{:?}", contents.extensions);
    }

    /// Whether a dictionary of the template passes, or the parser.
    const TEXT_SEARCH: [(&str, bool); 12] = [
        ("TEMPLATE public.x (INIT = dsimple_init, LEXIZE = dsimple_lexize)", true),
        ("TEMPLATE public.x (INIT = \"dispell_init\", LEXIZE = \"dispell_lexize\")", true),
        ("TEMPLATE public.x (INIT = public.other, LEXIZE = public.l)", true),
        ("TEMPLATE public.x (LEXIZE = public.l)", true),
        ("TEMPLATE public.x (INIT = dsimple_init, LEXIZE = dispell_lexize)", false),
        ("TEMPLATE public.x (INIT = \"dsimple_init\", LEXIZE = pg_catalog.dsnowball_lexize)", false),
        ("TEMPLATE public.x (LEXIZE = dsimple_lexize)", false),
        ("TEMPLATE public.x (INIT = public.unaccent_init, LEXIZE = public.dxsyn_lexize)", false),
        ("TEMPLATE public.x (INIT = dsimple_init, LEXIZE = dsimple_lexize, LEXIZE = dispell_lexize)", false),
        (
            "PARSER public.x (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype)",
            true,
        ),
        (
            "PARSER public.x (START = public.l, GETTOKEN = public.l, END = public.l, HEADLINE = prsd_headline, LEXTYPES = public.l)",
            true,
        ),
        ("PARSER public.x (START = prsd_start, GETTOKEN = prsd_end, END = prsd_end, LEXTYPES = prsd_lextype)", false),
    ];

    #[test]
    fn text_search_takes_functions_of_the_file_or_those_that_belong_together() {
        let made = "CREATE FUNCTION public.l(internal) RETURNS internal LANGUAGE c AS 'x';\n";
        for (options, passes) in TEXT_SEARCH {
            let template = format!("{made}CREATE TEXT SEARCH {options};\n");
            let uses = ["public.x", "\"public\".\"x\"", "x"].map(|name| {
                format!(
                    "{template}CREATE TEXT SEARCH DICTIONARY public.d (TEMPLATE = {name}, stopwords = 'a', n = -1.5);\n"
                )
            });
            for text in if options.starts_with("TEMPLATE") { &uses[..] } else { std::slice::from_ref(&template) } {
                let scanned = scan(&dump(text));
                assert_eq!(scanned.is_ok(), passes, "{text}: {scanned:?}");
            }
            let two =
                format!("{template}CREATE TEXT SEARCH DICTIONARY public.d (TEMPLATE = simple, TEMPLATE = public.x);\n");
            assert!(scan(&dump(&two)).is_err());
            // PostgreSQL's own tests leave templates that nothing uses.
            assert!(
                options.starts_with("PARSER")
                    || options.matches("LEXIZE").count() > 1
                    || scan(&dump(&template)).is_ok()
            );
        }
    }
}
