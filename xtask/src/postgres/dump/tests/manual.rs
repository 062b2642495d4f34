//! Statements by every synopsis of PostgreSQL's manual, by chance: none that reaches beyond its database or runs something
//! passes, wherever it stands. `XTASK_TEST_SEED` repeats a run, `XTASK_TEST_CASES` lengthens it.

use super::generator::{Generator, Synopsis, Truth, synopses};
use super::oracle::judge;
use super::{dump, scan};
use crate::settings::Settings;
use std::path::Path;

/// Statements of each synopsis.
const CASES: u64 = 12;

fn number(name: &str, usual: u64) -> u64 {
    let settings = Settings::load(Path::new("/nonexistent"));
    settings.in_environment(name).and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// A text that a statement stands in, as the reader and the server see it.
fn placed(statement: &str, place: usize) -> String {
    let table = "CREATE TABLE public.rows (a text);\nCOPY public.rows (a) FROM stdin;\n";
    // Of a COPY that passes the rows must follow.
    let copies = statement.get(..4).is_some_and(|word| word.eq_ignore_ascii_case("copy"));
    let end = if copies { ";\n\\.\n" } else { ";\n" };
    match place {
        0 => format!("{statement}{end}"),
        1 => format!("{table}1\n\\.\n{statement}{end}"),
        2 => format!("{table}'; /* $$ \"\n\\.\n\n;;{statement}{end}"),
        3 => format!("SET row_security = off; {statement}{end}"),
        4 => format!("BEGIN;{statement}{end}COMMIT;\n"),
        5 => format!("COMMENT ON TABLE public.t IS 'a\\';{statement}{end}COMMENT ON TABLE public.t IS 'b';\n"),
        6 => format!(
            "SET standard_conforming_strings = off;COMMENT ON TABLE public.t IS 'a\\';';{statement}{end}\
             SET standard_conforming_strings = on;\n"
        ),
        7 => format!("CREATE FUNCTION public.f() RETURNS text LANGUAGE sql AS $_$ $$ ; $_$;{statement}{end}"),
        8 => format!(
            "CREATE FUNCTION public.f() RETURNS text LANGUAGE sql BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; END;\
             {statement}{end}"
        ),
        9 => format!("/* /* */ ; */ -- '\n{statement}\n-- \\! '\n{end}"),
        _ => {
            format!("COMMENT ON TABLE public.\"a\"\"b;\" IS E'\\'' ';\n{statement}{end}").replace("E'\\'' '", "E'\\''")
        }
    }
}

const PLACES: usize = 11;

fn run(mut each: impl FnMut(Synopsis, &mut Generator)) {
    let seed = number("XTASK_TEST_SEED", 1);
    for (at, synopsis) in synopses().into_iter().enumerate() {
        let mut generator = Generator::new(seed.wrapping_mul(1000).wrapping_add(at as u64), false);
        for _ in 0..number("XTASK_TEST_CASES", CASES) {
            each(synopsis, &mut generator);
        }
    }
}

#[test]
fn no_statement_of_the_manual_that_reaches_out_passes() {
    run(|synopsis, generator| {
        if synopsis.truth == Truth::Local {
            return;
        }
        let statement = generator.statement(synopsis);
        let text = dump(&placed(&statement, generator.below(PLACES)));
        assert!(scan(&text).is_err(), "{text}");
    });
}

/// The statements about a database's own objects: those that pass hold nothing that the second opinion minds.
#[test]
fn what_passes_of_the_manual_has_the_second_opinions_consent() {
    let (mut written, mut passed) = (0u64, 0u64);
    run(|synopsis, generator| {
        if synopsis.truth != Truth::Local {
            return;
        }
        let statement = generator.statement(synopsis);
        let text = dump(&placed(&statement, generator.below(PLACES)));
        written += 1;
        if scan(&text).is_ok() {
            passed += 1;
            judge(text.as_bytes()).unwrap_or_else(|why| panic!("{why}\n{text}"));
        }
    });
    assert!(passed * 5 > written, "only {passed} of {written} pass: the test says nothing");
}

/// Or the tests above would say nothing of them.
#[test]
fn of_each_synopsis_that_pg_dump_writes_statements_pass() {
    let writes = |synopsis: &Synopsis| {
        synopsis.truth == Truth::Local && !NEVER.iter().any(|start| synopsis.text.starts_with(start))
    };
    for synopsis in synopses().into_iter().filter(writes) {
        let mut generator = Generator::new(1, false);
        let passes = (0..1000).any(|_| scan(&dump(&placed(&generator.statement(synopsis), 0))).is_ok());
        assert!(passes, "{}", synopsis.text);
    }
}

/// What no pg_dump writes of them.
const NEVER: &[&str] = &["ALTER POLICY", "ALTER RULE", "ALTER SERVER <name> OPTIONS", "ALTER USER MAPPING"];

#[test]
fn psqls_own_commands_never_pass() {
    for command in [
        "\\! id",
        "\\connect postgres",
        "\\c postgres",
        "\\copy public.t from program 'id'",
        "\\i /tmp/x",
        "\\ir x",
        "\\o |id",
        "\\g |id",
        "\\gexec",
        "\\gset",
        "\\set x `id`",
        "\\setenv PATH /tmp",
        "\\unrestrict k3Y",
        "\\restrict k3Y",
        "\\encoding SJIS",
        "\\if true",
        "\\;",
        "\\.",
        "\\lo_import /etc/passwd",
        "\\password",
        "\\watch",
        "\\crosstabview",
        "\\bind 1",
        "\\parse x",
    ] {
        for text in [
            format!("{command}\n"),
            format!("SET row_security = off {command}\n;"),
            format!("SET row_security = off; {command}\n"),
            format!("CREATE VIEW public.v AS SELECT 1 {command}\n"),
            format!("CREATE VIEW public.v AS SELECT ({command}\n);\n"),
            format!("CREATE TABLE public.t (a text);\nCOPY public.t (a) FROM stdin;\n\\.\n{command}\n"),
            format!("/* */{command}\n"),
            format!("COMMENT ON TABLE public.t IS 'a\\'{command}\n;"),
        ] {
            let flaw = scan(&dump(&text)).expect_err(&text);
            assert!(flaw.what.contains("meta-command"), "{text}: {flaw}");
        }
    }
}

/// The second opinion is worth something: it knows the statements that touch what is shared, and lets pg_dump's pass.
#[test]
fn the_second_opinion_tells_them_apart() {
    let plain = |statement: &str| format!("--\n-- PostgreSQL database dump\n--\n\n{statement};\n");
    let mut seen = 0;
    for synopsis in synopses() {
        let mut generator = Generator::new(7, true);
        for _ in 0..number("XTASK_TEST_CASES", CASES) {
            let statement = generator.statement(synopsis);
            let minds = judge(plain(&statement).as_bytes()).is_err();
            assert!(minds || synopsis.truth != Truth::Shared, "{statement}");
            seen += u32::from(minds);
        }
    }
    assert!(seen > 500, "{seen}");
    judge(super::dump(include_str!("written.sql")).as_bytes()).unwrap();
}
