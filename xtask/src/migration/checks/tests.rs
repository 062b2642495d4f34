//! What is refused and what is warned of, by examples.

use super::*;
use std::sync::atomic::{AtomicUsize, Ordering};

pub(super) fn checked(text: impl AsRef<[u8]>) -> Result<Findings> {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let name = format!("xtask-checks-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let path = std::env::temp_dir().join(name);
    std::fs::write(&path, text).unwrap();
    let checked = check(&path, Direction::Up, &Ignored::default());
    std::fs::remove_file(path).unwrap();
    checked
}

#[track_caller]
pub(super) fn refused(text: impl AsRef<[u8]>, line: u64, words: &str) {
    let shown = String::from_utf8_lossy(text.as_ref()).into_owned();
    let error = checked(text).expect_err(&shown);
    let flaw = error.downcast_ref::<Flaw>().expect("a flaw");
    assert!(flaw.line == line && flaw.what.contains(words), "{shown:?}: {flaw}");
}

#[track_caller]
fn warned(text: &str) -> Vec<(u64, String)> {
    let found = checked(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    found.warnings.into_iter().map(|warning| (warning.line, warning.what)).collect()
}

#[test]
fn every_way_to_quote_is_read_as_psql_reads_it() {
    let text = "SELECT 'COMMIT; \\! it''s', E'\\'; COMMIT; \\!', U&'\\0041', B'01', N'x;', $$; COMMIT; $a$ :USER $$;\n\
        SELECT $tag$ $$ COMMIT; $tag $tag$, $1, a$b$c, \"COMMIT; \"\" \\!\", 'a'\n  'b\\';\n\
        -- COMMIT; \\! 'unclosed\n/* COMMIT; /* nested \\! */ ' */\n\
        SELECT 1::text, a[1:n], :unset, b := 2, 'x' :: text, ':USER', :'unset';\n\
        CREATE RULE r AS ON INSERT TO t DO ALSO (SELECT 1; SELECT 2);\n\
        CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END;\n\
        CREATE PROCEDURE p() LANGUAGE plpgsql AS 'BEGIN COMMIT; END';\n\
        SAVEPOINT a; ROLLBACK TO SAVEPOINT a; ROLLBACK WORK TO a; RELEASE a;\n\
        DO $$ BEGIN RAISE NOTICE ':USER'; END $$; SELECT 'no semicolon'";
    let findings = checked(text).unwrap();
    assert_eq!((findings.statements, findings.warnings), (12, vec![]));
    for end in ["'x'", "x", "$$x$$", "\"x\"", "1 -- x", "1 /* x */", "1 -", "1:"] {
        assert_eq!(checked(format!("SELECT {end}")).unwrap().statements, 1, "{end}");
    }
}

#[test]
fn rows_follow_a_copy_from_stdin_alone() {
    // A table, a CTE or a column may be called `stdin`: no rows follow.
    for copy in [
        "COPY (SELECT * FROM stdin) TO stdout",
        "COPY (WITH stdin AS (SELECT 1) SELECT * FROM stdin) TO stdout",
        "COPY t FROM '/f' WHERE a IS DISTINCT FROM stdin",
        "COPY t (a) TO stdout",
    ] {
        refused(format!("{copy};\nCOMMIT;\nSELECT 2;\n"), 2, "COMMIT in a file");
        refused(format!("{copy};\n\\! true\n\\.\n"), 2, "a backslash outside of quotes");
    }
    for copy in [
        "COPY t FROM stdin",
        "COPY public.t (a, b) FROM STDIN WITH (FORMAT csv)",
        "copy t from stdout",
        "COPY public.to FROM stdin",
        "COPY public.from FROM stdin",
        "COPY a.from.to (a) FROM stdin",
    ] {
        refused(format!("{copy};\nCOMMIT;\n\\.\nCOMMIT;\nSELECT 2;\n"), 4, "COMMIT in a file");
    }
    refused("COPY BINARY t FROM stdout;\n", 1, "in binary");
}

#[test]
fn what_would_run_otherwise_than_it_reads_is_refused_with_its_line() {
    refused("SELECT 1;\nCOMMIT;\nSELECT 2;\n", 2, "COMMIT in a file");
    for word in ["ABORT", "ROLLBACK", "PREPARE TRANSACTION 'x'"] {
        refused(format!("/* x */ {word};"), 1, "in a file that runs in one transaction");
    }
    refused("SELECT 1\n\\gexec\n", 2, "a backslash outside of quotes");
    refused("\\! rm -rf /\n", 1, "a backslash outside of quotes");
    refused("SELECT 'a'; \\i other.sql", 1, "a backslash");
    refused("SELECT\n:USER;", 2, "`:USER`, which psql replaces");
    refused("SELECT x:PORT;", 1, ":PORT");
    refused("SELECT :'HOST', 1;", 1, ":HOST");
    refused("SELECT :\"DBNAME\" ;", 1, ":DBNAME");
    refused("SELECT a:::VERSION;", 1, ":VERSION");
    refused("SELECT :{?x};", 1, "`:{`");
    refused("\u{feff}SELECT 1;", 1, "byte order mark");
    refused("SELECT 1;\nSELECT '\0';", 2, "a zero byte");
    refused(b"SELECT 1;\n-- \xff\n", 2, "not UTF-8");
    refused(b"SELECT 1; -- \xc3", 1, "not UTF-8");
    refused("SELECT 1;\nCREATE UNIQUE INDEX\nCONCURRENTLY i ON t (a);", 2, "must start with `-- no-transaction`");
    refused("REINDEX (CONCURRENTLY) TABLE t;", 1, "CONCURRENTLY");
    refused("VACUUM t;", 1, "VACUUM");
    for text in ["SET LOCAL standard_conforming_strings = off;", "SET SESSION standard_conforming_strings TO 'off';"] {
        refused(text, 1, "it changes standard_conforming_strings");
    }
    refused("SELECT set_config('standard_conforming_strings', 'off', true);", 1, "standard_conforming_strings");
    for text in [
        "SET client_encoding = 'SJIS';",
        "set names latin1",
        "SELECT pg_catalog.set_config('client_encoding', 'BIG5', false)",
    ] {
        refused(text, 1, "it changes client_encoding");
    }
    for text in [
        "DO $$ BEGIN PERFORM set_config('standard_conforming_strings', 'off', false); END $$;",
        "DO LANGUAGE plpgsql 'BEGIN SET standard_conforming_strings TO off; END';",
    ] {
        refused(text, 1, "it changes standard_conforming_strings");
    }
    refused("COPY t FROM STDIN (FORMAT binary);", 1, "binary");
    refused(format!("-- no-transaction\nSELECT '{}';", "x".repeat(60_000)), 1, "larger than");
}

#[test]
fn what_does_not_end_is_refused() {
    refused("SELECT 'a;\n", 2, "ends within a quote");
    refused("SELECT $x$ a;\n", 2, "ends within a quote");
    refused("SELECT (1;\n", 2, "a parenthesis");
    refused("/* SELECT 1;", 1, "a comment");
    refused("CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1;", 1, "BEGIN without END");
    refused("COPY t FROM stdin;\n1\n", 3, "no line \\. ends");
}

#[test]
fn what_a_dump_begins_with_changes_nothing() {
    let text = "SET client_encoding = 'UTF8';\nSET standard_conforming_strings = on;\nSET LOCAL client_encoding TO utf8;\n\
                SELECT pg_catalog.set_config('search_path', '', false);\nSELECT 'client_encoding';\nSET lock_timeout = 0;";
    assert_eq!(checked(text).unwrap().statements, 6);
}

#[test]
fn a_file_without_transaction_may_do_what_needs_it() {
    let text = "-- no-transaction\nCREATE INDEX CONCURRENTLY i ON t (a);\nBEGIN; SELECT 1; COMMIT;\n";
    let findings = checked(text).unwrap();
    assert_eq!((findings.transactional, findings.statements), (false, 4));
    // Only the file's very first bytes count.
    refused(format!("\n{text}"), 3, "no-transaction");
    assert!(checked("REFRESH MATERIALIZED VIEW CONCURRENTLY v; COMMENT ON TABLE t IS 'x';").unwrap().transactional);
}

#[test]
fn what_a_person_should_know_is_said() {
    let dropped =
        warned("SELECT 1;\nDROP TABLE a;\nALTER TABLE b DROP c, ADD d int;\nALTER TABLE b DROP COLUMN IF EXISTS c;");
    let lines: Vec<u64> = dropped.iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [2, 3, 4], "{dropped:?}");
    assert_eq!(warned("ALTER TABLE b DROP CONSTRAINT c; ALTER TABLE b ALTER c DROP NOT NULL;"), []);
    assert!(warned("-- nothing\n")[0].1.contains("no statement") && warned("")[0].1.contains("no statement"));
    assert!(warned("SELECT 1;\nSELECT 2;\r\n").iter().any(|(line, what)| *line == 2 && what.contains("CR LF")));
    for text in ["ALTER TABLE tuple ADD x int;", "DELETE FROM public.store;", "DROP TABLE IF EXISTS \"changelog\";"] {
        assert!(warned(text).iter().any(|(_, what)| what.contains("OpenFGA")), "{text}");
    }
    assert_eq!(warned("CREATE TABLE app.store (tuple int); SELECT store FROM app.tuple; SELECT 1 FROM store.x;"), []);
    let copied = checked("COPY t FROM stdin;\nCOMMIT;\t\\N\n:USER\t'\n\\.\nSELECT 1;\n").unwrap();
    assert_eq!(copied.statements, 2);
    assert!(copied.warnings[0].what.contains("sqlx itself cannot"));
}

#[test]
fn a_pair_around_the_whole_file_is_left_out_of_what_is_sent() {
    for (text, sent, modes) in [
        ("BEGIN;\nSELECT 1;\nCOMMIT;\n", "      \nSELECT 1;\n       \n", ""),
        (
            "-- c\nbegin work; SELECT 'BEGIN;'; end transaction",
            "-- c\n            SELECT 'BEGIN;';                ",
            "",
        ),
        ("BEGIN; SELECT 1; COMMIT; BEGIN; SELECT 2; COMMIT;", "       SELECT 1;                SELECT 2;        ", ""),
        ("SELECT 1; BEGIN; SELECT 2; END; BEGIN;COMMIT", "SELECT 1;        SELECT 2;                  ", ""),
        ("BEGIN READ ONLY, DEFERRABLE;SELECT 1;COMMIT", "                            SELECT 1;      ", "deferrable"),
        ("START TRANSACTION READ WRITE;SELECT 1;COMMIT", "                             SELECT 1;      ", "read write"),
    ] {
        let found = checked(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let mut blanked = text.as_bytes().to_vec();
        found.left_out.blank(&mut blanked, 0);
        assert_eq!((String::from_utf8(blanked).unwrap().as_str(), found.left_out.modes.as_str()), (sent, modes));
        assert!(found.warnings.iter().any(|warning| warning.what.contains("are not sent")), "{:?}", found.warnings);
    }
    for (text, line) in [
        ("SELECT 1;\nBEGIN READ WRITE; SELECT 1; COMMIT;", 2),
        ("BEGIN; SELECT 1;\nCOMMIT;\nSELECT 2;", 1),
        ("BEGIN; SELECT 1; ROLLBACK;", 1),
        ("BEGIN READ ONLY; SELECT 1;", 1),
        ("BEGIN READ ONLY; SELECT 1; COMMIT AND CHAIN;", 1),
        ("BEGIN; BEGIN READ ONLY; SELECT 1; COMMIT;", 1),
        ("BEGIN; SELECT 1; COMMIT; COMMIT; SELECT 2;", 1),
        ("BEGIN; SELECT 1; COMMIT; COMMIT AND CHAIN;", 1),
        ("SELECT 1; COMMIT; BEGIN; SELECT 2; COMMIT;", 1),
        ("SELECT 1; COMMIT AND CHAIN; SELECT 2;", 1),
        ("COMMIT; SELECT 1;", 1),
        ("BEGIN READ ONLY; SELECT 1; COMMIT; BEGIN; SELECT 2; COMMIT;", 1),
        ("COMMIT; BEGIN;", 1),
    ] {
        refused(text, line, "in a file that runs in one transaction");
    }
}

#[test]
fn single_words_that_mean_one_transaction_are_left_out() {
    for text in [
        "BEGIN; SELECT 1;",
        "SELECT 1; COMMIT;",
        "SELECT 1; END;;",
        "BEGIN; BEGIN; SELECT 1; COMMIT; COMMIT;",
        "BEGIN; BEGIN; SELECT 1; COMMIT;",
        "BEGIN; SELECT 1; COMMIT; BEGIN; SELECT 2;",
        "BEGIN WORK; SELECT 1; COMMIT AND CHAIN; SELECT 2; COMMIT;",
        "BEGIN; SELECT 1; COMMIT AND CHAIN;",
        "SELECT 1; COMMIT AND CHAIN;",
        "BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT 1;",
        // No statement stands anywhere.
        "BEGIN;",
        "START TRANSACTION",
        "COMMIT;",
        "END",
        "COMMIT AND CHAIN;",
        "BEGIN; COMMIT; COMMIT;",
        "BEGIN; BEGIN",
    ] {
        let found = checked(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let mut blanked = text.as_bytes().to_vec();
        found.left_out.blank(&mut blanked, 0);
        let sent = String::from_utf8(blanked).unwrap();
        assert!(!sent.contains("BEGIN") && !sent.contains("COMMIT") && !sent.contains("END"), "{text}: {sent}");
        let told = |warning: &Warning| warning.what.contains("which are no pairs here, are not sent");
        assert!(found.warnings.iter().any(told), "{text}: {:?}", found.warnings);
    }
}

#[test]
fn a_statement_of_the_whole_server_that_goes_on_over_another_one_is_known() {
    for (text, line) in [
        ("GRANT CONNECT ON DATABASE app TO x\nCREATE TABLE t ();", Some(2)),
        ("ALTER ROLE app\n  NOLOGIN\n\nINSERT INTO t VALUES (1);", Some(4)),
        ("GRANT CREATE,\nCREATE, CONNECT\nON DATABASE app TO x;\nCREATE TABLE t ();", None),
        ("GRANT\nCREATE ON DATABASE app TO x;", None),
        ("REVOKE GRANT OPTION FOR\nCREATE ON DATABASE app FROM x;", None),
        ("WITH d AS (\nDELETE FROM pg_catalog.pg_authid RETURNING *)\nUPDATE t SET a = 1;", None),
    ] {
        let found = checked(text).unwrap().shared;
        assert_eq!((found.len(), found[0].goes_on), (1, line), "{text}");
    }
}

#[test]
fn a_psql_command_cannot_hide_where_psql_reads_a_quote_and_a_careless_reader_does_not() {
    for hidden in ["1$$'$$", ":a$$'$$", "$e'\\''", ":e'\\'", "1e'\\''", "1.e'\\''", "E'a'\n'\\','"] {
        let error = checked(format!("SELECT {hidden} \\! touch /tmp/x\n;'")).expect_err(hidden);
        assert!(error.downcast_ref::<Flaw>().is_some(), "{hidden}: {error:#}");
    }
    refused("SELECT E'a' '\\' \\! touch /tmp/x\n;'", 1, "a backslash outside of quotes");
}

#[test]
fn what_a_block_sets_for_its_session_is_known() {
    for text in [
        "SELECT 1;\nDO $x$ BEGIN PERFORM set_config('search_path', 'app', false); END $x$;",
        "SELECT 1;\nDO LANGUAGE plpgsql 'BEGIN PERFORM set_config(''search_path'', ''app'', false); END';",
        "SELECT 1;\nSELECT set_config('search_path', 'app', false) FROM generate_series(1, 1)",
    ] {
        let found = checked(text).unwrap();
        let (line, lasting) = found.lasting.first().unwrap_or_else(|| panic!("{text}"));
        assert_eq!(
            (*line, lasting.setting.as_str(), lasting.value.as_deref()),
            (2, "search_path", Some("app")),
            "{text}"
        );
    }
    let later =
        "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM set_config('role', 'x', false); END $$;";
    assert_eq!(checked(later).unwrap().lasting, []);
}

#[test]
fn what_outlives_the_file_and_what_it_makes_are_known() {
    let text =
        "SET search_path TO app;\nCREATE TABLE t (a int);\nCREATE INDEX i ON t (a);\nCREATE VIEW app.v AS SELECT 1;";
    let found = checked(text).unwrap();
    assert_eq!((found.lasting.len(), found.lasting[0].1.value.as_deref()), (1, Some("app")));
    let made: Vec<(&str, &str)> = found.made.iter().map(|made| (made.kind, made.name.as_str())).collect();
    assert_eq!(made, [("table", "t"), ("index", "i"), ("view", "v")]);
}

#[test]
fn what_psql_could_read_otherwise_is_known() {
    let hidden = "SELECT 'a\\'' \\unrestrict `touch x` --';\nSELECT 1;\n";
    refused(format!("SELECT 1;\n{hidden}"), 2, "\\unrestrict");
    refused(format!("SELECT '日本語日本';\n{hidden}"), 2, "\\unrestrict");
    let found = checked("SELECT N'a\\';\n SELECT '\\! touch x';").unwrap();
    assert_eq!((found.ambiguous, found.hidden_command), (false, Some(2)), "no word of it ends a transaction");
    let found = checked("SELECT 'a\\''; COMMIT; --';\nSELECT 1").unwrap();
    assert_eq!((found.ambiguous, found.hidden_command), (true, None));
    let found = checked("SELECT 'C:\\dir\\';\nSELECT 1").unwrap();
    assert_eq!((found.ambiguous, found.hidden_command), (false, None));
    for text in ["SELECT E'a\\\\', E'it\\'s';", "SELECT '\\d+', 'Zoë';", "-- 日本語\nSELECT '\\unrestrict';"] {
        let found = checked(text).unwrap();
        assert_eq!((found.ambiguous, found.hidden_command), (false, None), "{text}");
    }
}

#[test]
fn pieces_of_every_size_are_read_alike() {
    let text =
        "SELECT 'a''b', E'\\'', $t$;$t$, \"x\"\"y\", 1::int; -- c\nCOPY t FROM stdin;\n1\n\\.\n/* /* ; */ */ SELECT ü;";
    for size in 1..text.len() {
        let mut reader = Reader::default();
        let mut statements = Statements::new(Direction::Up);
        text.as_bytes().chunks(size).try_for_each(|piece| reader.feed(piece, &mut statements)).unwrap();
        reader.finish(&mut statements).unwrap();
        assert_eq!(statements.count, 3, "pieces of {size} bytes");
    }
}

#[test]
fn a_statement_is_found_by_the_line_that_psql_names() {
    let path = std::env::temp_dir().join(format!("xtask-places-{}", std::process::id()));
    std::fs::write(&path, "SELECT 1;\n\nINSERT INTO t\nVALUES\n(1);\nCOPY t FROM stdin;\n1\n2\n\\.\nSELECT\n2")
        .unwrap();
    let found: Vec<Option<u64>> = [1, 5, 6, 9, 11, 13].map(|line| statement_before(&path, line)).into();
    std::fs::remove_file(path).unwrap();
    assert_eq!(found, [Some(1), Some(3), Some(6), Some(6), Some(10), Some(10)]);
}
