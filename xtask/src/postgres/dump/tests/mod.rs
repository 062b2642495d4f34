//! What a dump's text may and may not be, by examples as pg_dump writes them.

mod generator;
mod layout;
mod manual;
mod oracle;
mod readings;
mod statements;

use super::*;

const OPENING: &str = "--\n-- PostgreSQL database dump\n--\n\n\\restrict k3Y\n\n\
    -- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)\n-- Dumped by pg_dump version 15.18\n\n\
    SET client_encoding = 'UTF8';\nSET standard_conforming_strings = on;\n";
const CLOSING: &str = "--\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict k3Y\n\n";

pub(super) fn dump(middle: &str) -> String {
    format!("{OPENING}{middle}{CLOSING}")
}

pub(super) fn scan(text: &str) -> Result<Contents, Flaw> {
    scan_pieces(text.as_bytes(), text.len().max(1))
}

fn scan_pieces(text: &[u8], size: usize) -> Result<Contents, Flaw> {
    let mut scanner = Scanner::default();
    text.chunks(size).try_for_each(|piece| scanner.feed(piece))?;
    scanner.finish()
}

fn rows(contents: &Contents) -> Vec<(&str, &str, u64)> {
    contents.copied.iter().map(|copied| (copied.schema.as_str(), copied.name.as_str(), copied.rows)).collect()
}

const RICH: &str = r#"
CREATE TABLE public."we""ird.na;me" ("a;b" text, "COPY x FROM stdin;" text);
ALTER TABLE public."we""ird.na;me" OWNER TO "Röle one";
CREATE FUNCTION public.f() RETURNS text LANGUAGE plpgsql AS $_$
BEGIN
  -- PostgreSQL database dump complete
  RETURN $a$ \! not a command $a$ || 'it''s' || E'\'' || $$;$$;
END $_$;
CREATE FUNCTION public.g() RETURNS integer LANGUAGE sql BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END;
COMMENT ON TABLE public."we""ird.na;me" IS 'ends with backslash \';
/* a block /* nested */ ; ' */
COPY public."we""ird.na;me" ("a;b", "COPY x FROM stdin;") FROM stdin;
\\.	COPY y (a) FROM stdin;
\N	-- PostgreSQL database dump complete
-- xtask manifest {}	'
\.


CREATE TABLE public.empty (id integer);
COPY public.empty (id) FROM stdin;
\.

COPY public.nothing  FROM stdin;


\.

CREATE EXTENSION IF NOT EXISTS "uuid-ossp" WITH SCHEMA public;
CREATE POLICY p ON public.empty TO reader, "Writer" USING ((id > 1));
GRANT SELECT ON TABLE public.empty TO grantee WITH GRANT OPTION;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
CREATE USER MAPPING FOR mapped SERVER s;
CREATE USER MAPPING FOR "public" SERVER s;
ALTER TEXT SEARCH CONFIGURATION public.words ADD MAPPING FOR asciiword WITH simple;
ALTER DEFAULT PRIVILEGES FOR ROLE giver IN SCHEMA public GRANT SELECT ON TABLES TO taker;
SELECT pg_catalog.lowrite(0, '\x00');
"#;

#[test]
fn a_rich_dump_is_read_alike_in_pieces_of_every_size() {
    let text = dump(RICH);
    let contents = scan(&text).unwrap();
    assert_eq!(rows(&contents), [("public", "we\"ird.na;me", 3), ("public", "empty", 0), ("public", "nothing", 2)]);
    let roles: Vec<&str> = contents.roles.iter().map(String::as_str).collect();
    assert_eq!(roles, ["Röle one", "Writer", "giver", "grantee", "mapped", "reader", "taker"]);
    assert_eq!(contents.owners.iter().collect::<Vec<_>>(), ["Röle one", "giver"]);
    assert_eq!(contents.extensions.iter().collect::<Vec<_>>(), ["uuid-ossp"]);
    assert_eq!(contents.server_version.as_deref(), Some("15.18 (Debian 15.18-0+deb12u1)"));
    for size in 1..80 {
        assert_eq!(scan_pieces(text.as_bytes(), size), Ok(contents.clone()), "pieces of {size} bytes");
    }
}

#[test]
fn every_cut_is_refused_as_a_cut() {
    let text = dump(RICH);
    for end in 0..text.len() {
        let flaw = scan_pieces(&text.as_bytes()[..end], 37).expect_err("a cut dump");
        assert!(flaw.cut || end < 4, "cut at {end}: {flaw}");
    }
}

#[test]
fn a_dump_of_an_older_pg_dump_has_no_restrict_pair() {
    let text = dump("").replace("\\restrict k3Y\n\n", "").replace("\\unrestrict k3Y\n\n", "");
    assert!(scan(&text).is_ok());
    assert!(scan(&text[..text.len() - 1]).unwrap_err().cut);
}

/// Who takes out the two lines, for an older psql, leaves the empty ones behind them.
#[test]
fn blank_lines_at_the_end_are_no_damage() {
    let text = dump("");
    let stripped = text.replace("\\restrict k3Y\n", "").replace("\\unrestrict k3Y\n", "");
    for text in [stripped, format!("{text}\n"), format!("{text}\n\n")] {
        let lines = scan_pieces(text.as_bytes(), 7).unwrap().restrict_lines;
        let found = lines.iter().map(|line| &text[line.start as usize..line.end as usize]).collect::<Vec<_>>();
        assert!(found.is_empty() || found == ["\\restrict k3Y\n", "\\unrestrict k3Y\n"], "{found:?}");
    }
    assert!(scan(&format!("{text}\n \t\n")).is_ok() && scan(&format!("{text}\n .\n")).is_err());
}

#[test]
fn what_does_not_belong_there_is_named_with_its_line() {
    let copy = "COPY public.t (a, b) FROM stdin;\n1\t2\n\\.\n";
    let cases = [
        (format!("WARN[0000] notice\n{}", dump("")), 1, "not a plain SQL dump"),
        (format!("{}WARN\n", dump("")), 18, "text after the end"),
        (dump("\\! rm -rf /\n"), 12, "a psql meta-command: \\! rm"),
        (dump("\\restrict other\n"), 12, "a psql meta-command"),
        (dump("COMMIT;\r\n"), 12, "a carriage return"),
        (dump(&copy.replace("1\t2", "1\t2\r")), 13, "a carriage return in the rows of table t"),
        (dump(&copy.replace("1\t2", "1\t2\n3\t4\r")), 14, "a carriage return in the rows of table t"),
        (dump(&copy.replace("1\t2", "1\t2\nWARN[0000] notice")), 13, "a row of table t does not have 2 columns"),
        (dump("time=now level=warning\nSELECT 1;\n"), 12, "not SQL: time"),
        (dump("! touch x\nSELECT 1;\n"), 12, "not SQL: !"),
        (dump("COPY public.t (a) FROM stdin; SELECT 1;\n1\n\\.\n"), 12, "text after the header"),
        (dump("COPY public.t (a) FROM stdin WITH (FORMAT csv);\n1\n\\.\n"), 12, "not rows as pg_dump writes them"),
        (dump("COPY public.t FROM PROGRAM 'id';\n"), 12, "not rows as pg_dump writes them"),
        (dump("SET client_encoding = 'SJIS';\n"), 12, "SET client_encoding = 'SJIS'"),
        (dump("").replace("--\n-- Post", "--\r\n-- Post"), 1, "line ends are CR LF"),
        (dump("").replace("\\restrict k3Y\n", ""), 15, "was its \\restrict line taken out?"),
        (dump("").replace("\\unrestrict k3Y\n", ""), 16, "\\unrestrict is missing: was that line"),
        (dump("").replace("\\unrestrict k3Y", "\\unrestrict k3Z"), 16, "text after the end"),
        ("PGDMP\u{1}".to_owned(), 1, "custom format"),
        ("<!DOCTYPE html><html>".to_owned(), 1, "a web page"),
        ("--\n-- PostgreSQL database cluster dump\n--\n".to_owned(), 2, "pg_dumpall"),
    ];
    for (text, line, words) in cases {
        let flaw = scan(&text).expect_err(words);
        assert!(flaw.what.contains(words), "{words:?} expected in {flaw}");
        assert_eq!((flaw.line, flaw.cut), (line, false), "{flaw}");
        // What the file is instead, its first piece says.
        for size in (1..40).filter(|_| !flaw.what.starts_with("not a plain SQL dump")) {
            assert_eq!(scan_pieces(text.as_bytes(), size).unwrap_err(), flaw, "pieces of {size} bytes");
        }
    }
    let gzip = scan_pieces(&[0x1f, 0x8b, 8, 0], 4).unwrap_err();
    assert!(gzip.what.contains("gzip"), "{gzip}");
}

#[test]
fn strings_follow_standard_conforming_strings() {
    let off = "SET standard_conforming_strings = off;\nCOMMENT ON TABLE public.t IS 'a\\'' ; \\! cmd ';\n";
    assert!(scan(&dump(off)).is_err(), "the quote is escaped, so the command is inside psql's reach");
    assert!(scan(&dump("SET standard_conforming_strings = off;\nCOMMENT ON TABLE public.t IS 'a\\';b';\n")).is_ok());
    assert!(scan(&dump("COMMENT ON TABLE public.t IS 'a\\';\n")).is_ok());
    assert!(scan(&dump("COMMENT ON TABLE public.t IS E'a\\'';\nCREATE VIEW public.v AS a$b$c, $1;\n")).is_ok());
    let parted = scan(&dump("COMMENT ON TABLE public.t IS E'a'\n'\\'';\n")).unwrap_err();
    assert!(parted.what.contains("which psql reads otherwise than the server does"), "{parted}");
}

#[test]
fn openfga_is_counted_from_its_rows() {
    let text = dump(
        "COPY public.store (id, name, created_at, updated_at, deleted_at) FROM stdin;\n\
         a\tone\tt\tt\t\\N\nb\ttwo\tt\tt\t2026-01-01\nc\tthree\tt\tt\t\\N\n\\.\n\
         COPY public.authorization_model (store, authorization_model_id, type, type_definition, schema_version, serialized_protobuf) FROM stdin;\n\
         a\tm1\t\t\\N\t1.1\t\\\\x00\na\tm0\tuser\tx\t1.1\t\\N\na\tm0\tdoc\tx\t1.1\t\\N\n\\.\n\
         COPY public.tuple (store, object_type, object_id, relation, _user, user_type, ulid, inserted_at) FROM stdin;\n\
         a\td\t1\tr\tu\tuser\tx\tt\n\\.\n",
    );
    let expected = OpenFga { stores: 2, authorization_models: 2, tuples: 1 };
    for size in [1, 7, 4096] {
        assert_eq!(scan_pieces(text.as_bytes(), size).unwrap().openfga, Some(expected));
    }
    let pagila = dump("COPY public.store (store_id, manager_staff_id) FROM stdin;\n1\t2\n\\.\n");
    assert_eq!(scan(&pagila).unwrap().openfga, None);
}

#[test]
fn the_ledger_of_migrations_is_read_from_its_rows() {
    let text = dump(
        "COPY app._sqlx_migrations (version, description, installed_on, success, checksum, execution_time) FROM stdin;\n\
         20251021140000\tone\t2026-01-01\tt\t\\\\xab\t7\n2\tdirty\t2026-01-01\tf\t\\\\xab\t-1\n\\.\n",
    );
    for size in [1, 7, 4096] {
        let found = scan_pieces(text.as_bytes(), size).unwrap().migrations;
        assert_eq!(found.into_iter().flatten().collect::<Vec<_>>(), [20_251_021_140_000]);
    }
    assert_eq!(scan(&dump("")).unwrap().migrations, None);
}

/// All that was loaded would be gone with psql's session, and every count was right.
#[test]
fn a_transaction_that_stays_open_is_refused() {
    for body in ["BEGIN;\n", "BEGIN;\nCOMMIT;\nBEGIN;\nCREATE TABLE public.t ();\n"] {
        let flaw = scan(&dump(body)).expect_err(body);
        assert!(flaw.what.contains("a transaction that never ends") && !flaw.cut, "{flaw}");
    }
}

/// psql counts the word wherever it stands in a routine's head: it would send all that follows as one piece.
#[test]
fn a_routine_named_begin_is_named_as_the_cause() {
    for head in ["public.begin()", "public.f(a integer) RETURNS begin", "begin.f()"] {
        let create = format!("CREATE FUNCTION {head} RETURNS integer\n    LANGUAGE sql\n    AS $$SELECT 1$$;\n");
        let flaw = scan(&dump(&create)).expect_err(head);
        assert!(flaw.what.contains("with the bare word BEGIN") && !flaw.cut, "{head}: {flaw}");
    }
    let quoted =
        "CREATE FUNCTION public.\"begin\"(begin integer) RETURNS integer\n    LANGUAGE sql\n    AS $$SELECT 1$$;\n";
    scan(&dump(quoted)).unwrap();
}

#[test]
fn the_restrict_pair_is_found_where_it_stands() {
    let text = dump(RICH);
    for size in [1, 5, text.len()] {
        let lines = scan_pieces(text.as_bytes(), size).unwrap().restrict_lines;
        let found: Vec<&str> = lines
            .iter()
            .map(|line| &text[usize::try_from(line.start).unwrap()..usize::try_from(line.end).unwrap()])
            .collect();
        assert_eq!(found, ["\\restrict k3Y\n", "\\unrestrict k3Y\n"]);
    }
}
