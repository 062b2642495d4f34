//! Files that try to run something else than a load: refused before the server hears of them, or harmless.

use crate::harness::forge::{Forged, dump};
use crate::harness::stack::Database;
use crate::harness::{Fakes, Sandbox, Test, shared};
use std::path::PathBuf;

pub fn tests() -> Vec<Test> {
    tests![
        [Stack] commands_to_psql_are_refused,
        [Stack] commands_hidden_by_quotes_are_refused,
        [Stack] commands_hidden_by_settings_are_refused,
        [Stack] statements_about_the_cluster_are_refused,
        [Stack] what_only_looks_dangerous_loads,
        [Stack] rows_that_look_like_commands_stay_rows,
    ]
}

/// In the container, where psql and the server run.
const CANARY: &str = "/tmp/xtask-canary";

/// psql of some versions runs this even between `\restrict` and `\unrestrict`; it is the strongest of all commands.
const COMMAND: &str = r"\unrestrict `touch /tmp/xtask-canary`";

fn files(sandbox: &Sandbox, bodies: &[Vec<u8>]) -> Vec<PathBuf> {
    let write = |(number, body): (usize, &Vec<u8>)| {
        let plain = sandbox.write(format!("files/{number}_plain.sql"), dump(body));
        let forged = sandbox.write(format!("files/{number}_forged.sql"), Forged::of(dump(body)).bytes());
        [plain, forged]
    };
    bodies.iter().enumerate().flat_map(write).collect()
}

/// Every one of these is refused, without and with a manifest that fits, and no program is started on the server for it.
#[track_caller]
fn are_refused(bodies: &[Vec<u8>]) {
    let database = shared().database();
    let fakes = Fakes::new(&database.sandbox).docker_but("nothing", "exit 1");
    let files = files(&database.sandbox, bodies);
    let run = fakes.over(database.xtask(["db-verify", "--restore", "--json"]).args(&files)).run();
    let report = run.json();
    for (file, entry) in files.iter().zip(report["files"].as_array().unwrap()) {
        let text = String::from_utf8_lossy(&std::fs::read(file).unwrap()).into_owned();
        let body = text.split("false);\n\n").nth(1).unwrap().split("--\n-- PostgreSQL database dump c").next().unwrap();
        let refused = entry["verdict"].is_null() && entry["restored"].is_null() && entry["reason"].is_string();
        assert!(refused, "{} was not refused:\n{body}\n{entry:#}\n{}", file.display(), run.stderr);
    }
    assert_eq!(report["files"].as_array().unwrap().len(), files.len());
    run.code(3);
    assert_eq!(fakes.calls_but_looks(), Vec::<Vec<String>>::new(), "no program should have been started on the server");
}

fn canary_is_silent(database: &Database<'_>) {
    let (found, _) = database.stack.exec(&["test", "!", "-e", CANARY], "");
    assert!(found.is_some(), "a command was run in the container");
    assert!(!std::path::Path::new(CANARY).exists(), "a command was run on this host");
}

fn texts(bodies: &[&str]) -> Vec<Vec<u8>> {
    bodies.iter().map(|body| body.replace("COMMAND", COMMAND).into_bytes()).collect()
}

fn commands_to_psql_are_refused() {
    are_refused(&texts(&[
        "COMMAND",
        "   COMMAND",
        "\\! touch /tmp/xtask-canary",
        "\\o |touch /tmp/xtask-canary\nSELECT 1;",
        "\\copy t from program 'touch /tmp/xtask-canary'",
        "\\i /etc/passwd",
        "\\ir passwd",
        "\\connect postgres",
        "\\c postgres\nDROP DATABASE openfga;",
        "\\set x `touch /tmp/xtask-canary`",
        "\\setenv PAGER touch",
        "\\restrict again",
        "\\restrict k3Y",
        "\\unrestrict k3Y",
        "\\unrestrict k3Y\n\\! touch /tmp/xtask-canary\n\\restrict k3Y",
        "SELECT 1 \\g |touch /tmp/xtask-canary",
        "SELECT 'touch' \\gexec",
        "COMMIT\\;\\! touch /tmp/xtask-canary",
        "COMMIT; COMMAND",
        "CREATE VIEW v AS (COMMAND\n);",
        "CREATE TABLE public.t (a int COMMAND\n);",
        "/* a comment */COMMAND",
        "/* a /* nested */ comment */ COMMAND",
        "/*/ odd */ COMMAND /* */",
        "-- /*\nCOMMAND\n-- */",
        "CREATE VIEW v AS SELECT 1 */* odd **/ 2; COMMAND",
        "CREATE TABLE public.t (a int);\nCOPY public.t (a) FROM stdin; COMMAND\n1\n\\.\n",
        "CREATE TABLE public.t (a int);\nCOPY public.t (a) COMMAND FROM stdin;\n1\n\\.\n",
        "CREATE TABLE public.t (a int);\nCOPY public.t (a) FROM stdin COMMAND\n;\n1\n\\.\n",
        "CREATE TABLE public.t (a int);\nCOPY public.t (a) FROM stdin;\n1\n\\.\nCOMMAND\n",
        "CREATE TABLE public.t (a int);\nCOPY public.t (a) FROM stdin;\n\\.\nCOMMAND\n",
        "--\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict k3Y\n\nCOMMAND\n",
    ]));
}

fn commands_hidden_by_quotes_are_refused() {
    let mut bodies = texts(&[
        "COMMENT ON TABLE t IS E'a\\'' ; COMMAND --';",
        "COMMENT ON TABLE t IS e'a\\\\' ; COMMAND --';",
        "COMMENT ON TABLE t IS 'a\\' ; COMMAND --';",
        "COMMENT ON TABLE t IS \"a\\\" ; COMMAND --\";",
        // The second half of an E'' string, beyond blanks and comments, is one too.
        "COMMENT ON TABLE t IS E'a'\n'\\'' COMMAND --';",
        "COMMENT ON TABLE t IS E'a' \n'\\'' COMMAND --';",
        "COMMENT ON TABLE t IS E'a' -- a comment\n'\\'' COMMAND --';",
        "COMMENT ON TABLE t IS E'a'\n-- a comment\n'\\'' COMMAND --';",
        // No letter of a number or a parameter is part of what follows it.
        "COMMENT ON TABLE t IS 1$$ 'x $$ COMMAND --';",
        "COMMENT ON TABLE t IS $1$$ 'x $$ COMMAND --';",
        "COMMENT ON TABLE t IS 1e'\\'' COMMAND --';",
        "COMMENT ON TABLE t IS $1e'\\'' COMMAND --';",
        "COMMENT ON TABLE t IS $e'\\'' COMMAND --';",
        "COMMENT ON TABLE t IS $a$ $b$ $a$ ; COMMAND",
        "COMMENT ON TABLE t IS $ü$ $u$ $ü$ ; COMMAND",
        "COMMENT ON TABLE t IS $a$ $ab$a$ ; COMMAND",
        "COMMENT ON TABLE t IS a$$ ; COMMAND --$$;",
        "COMMENT ON TABLE t IS $1$ ; COMMAND --$1$;",
        "COMMENT ON TABLE t IS 1.e'\\' COMMAND --';",
        "COMMENT ON TABLE t IS :e'\\' COMMAND --';",
        "COMMENT ON TABLE t IS :a$$ 'x $$ COMMAND --';",
        "COMMENT ON TABLE t IS U&'a\\'' COMMAND --';",
        "COMMENT ON TABLE t IS U&\"a\\\" COMMAND --\";",
    ]);
    // psql loses the rest of a line after a zero byte: quotes too.
    bodies.push(format!("COMMENT ON TABLE t IS 'x\0';\n' {COMMAND} --';").into_bytes());
    bodies.push(format!("COMMENT ON TABLE t IS 1; --\0\nCOMMENT ON TABLE t IS ' {COMMAND} --';").into_bytes());
    are_refused(&bodies);
}

/// Each turns `standard_conforming_strings` off.
const OFF: &[&str] = &[
    "SET standard_conforming_strings = off",
    "SET STANDARD_CONFORMING_STRINGS TO 'OFF'",
    "set session standard_conforming_strings = false",
    "SET/**/standard_conforming_strings=0",
    "SET standard_conforming_strings = 'of'",
    "SET standard_conforming_strings = f",
    "SET standard_conforming_strings = n",
    "SET standard_conforming_strings = \"off\"",
    "SET \"standard_conforming_strings\" = off",
    "SET U&\"standard\\005fconforming_strings\" = off",
    "SELECT set_config('standard_conforming_strings', 'off', false)",
    "SELECT pg_catalog . set_config ( 'STANDARD_CONFORMING_STRINGS' , 'off', false)",
    "SELECT \"set_config\"('standard_conforming_strings', 'off', false)",
    "SELECT pg_catalog.set_config('standard_' || 'conforming_strings', 'off', false)",
    "SELECT pg_catalog.set_config($$standard_conforming_strings$$, 'off', false)",
    "SELECT pg_catalog.set_config(name, 'off', false) FROM pg_settings WHERE name LIKE 'standard_conf%'",
    "UPDATE pg_catalog.pg_settings SET setting = 'off' WHERE name = 'standard_conforming_strings'",
];

/// Each turns it off for us only: for psql it never was, or is on again.
const SEEMINGLY_OFF: &[&str] = &[
    "SET LOCAL standard_conforming_strings = off",
    "BEGIN; SET standard_conforming_strings = off; ROLLBACK",
    "BEGIN; SET standard_conforming_strings = off; ABORT",
    "SET standard_conforming_strings = off; RESET ALL",
    "SET standard_conforming_strings = off; RESET standard_conforming_strings",
    "SET standard_conforming_strings = off; DISCARD ALL",
    "SET standard_conforming_strings = off; SET standard_conforming_strings TO DEFAULT",
];

/// Each sets an encoding in which the second byte of a letter may be a backslash.
const ENCODINGS: &[&str] = &[
    "SET client_encoding = 'SJIS'",
    "SET client_encoding TO shift_jis",
    "SET SESSION client_encoding = 'Shift-JIS-2004'",
    "SET client_encoding = E'SJI\\x53'",
    "SET client_encoding = U&'SJI\\0053'",
    "SET client_encoding = $$SJIS$$",
    "SET \"client_encoding\" = 'SJIS'",
    "SET \"CLIENT_ENCODING\" TO 'SJIS'",
    "SET NAMES 'SJIS'",
    "SET names sjis",
    "SELECT set_config('client_encoding', 'SJIS', false)",
    "SELECT pg_catalog.set_config(E'client\\x5fencoding', 'SJIS', false)",
    "UPDATE pg_settings SET setting = 'SJIS' WHERE name = 'client_encoding'",
    "SET client_encoding = 'BIG5'",
    "SET client_encoding = 'GBK'",
    "SET client_encoding = 'GB18030'",
    "SET client_encoding = 'uhc'",
    "SET client_encoding = 'johab'",
];

fn commands_hidden_by_settings_are_refused() {
    let after = |sets: &[&str], hidden: &[u8]| -> Vec<Vec<u8>> {
        sets.iter().map(|set| [set.as_bytes(), b";\nCOMMENT ON TABLE t IS ", hidden].concat()).collect()
    };
    let mut bodies = after(OFF, format!("'a\\'' ; {COMMAND} --';").as_bytes());
    bodies.extend(after(SEEMINGLY_OFF, format!("'a\\' {COMMAND} --';").as_bytes()));
    for kind in ["B", "x", "U&"] {
        let hidden = format!("{kind}'\\' {COMMAND} --';");
        bodies.extend(after(&["SET standard_conforming_strings = off"], hidden.as_bytes()));
    }
    bodies.extend(after(ENCODINGS, &[b"E'\x83\\' ".as_slice(), COMMAND.as_bytes(), b" --';"].concat()));
    are_refused(&bodies);
}

const ABOUT_THE_CLUSTER: &[&str] = &[
    "DROP DATABASE openfga",
    "DROP DATABASE IF EXISTS openfga WITH (FORCE)",
    "CREATE DATABASE another",
    "ALTER DATABASE openfga RENAME TO gone",
    "CREATE ROLE villain SUPERUSER",
    "ALTER ROLE postgres PASSWORD 'x'",
    "ALTER ROLE ALL SET search_path = 'x'",
    "DROP ROLE postgres",
    "CREATE USER villain SUPERUSER",
    "CREATE USER mapping SUPERUSER",
    "ALTER USER mapping SUPERUSER",
    "DROP USER mapping",
    "ALTER USER CURRENT_USER PASSWORD 'x'",
    "ALTER GROUP postgres ADD USER villain",
    "CREATE TABLESPACE villain LOCATION '/tmp'",
    "ALTER TABLESPACE pg_default RENAME TO x",
    "ALTER SYSTEM SET archive_command = 'touch /tmp/xtask-canary'",
    "DO LANGUAGE plpgsql 'BEGIN NULL; END'",
    "DO $$BEGIN EXECUTE 'COPY (SELECT 1) TO PROGRAM ''touch /tmp/xtask-canary'''; END$$",
    "GRANT postgres TO villain",
    "REVOKE postgres FROM villain",
    "REASSIGN OWNED BY postgres TO villain",
    "DROP OWNED BY postgres",
    "LOAD '/tmp/evil.so'",
    "CREATE OR REPLACE TRUSTED PROCEDURAL LANGUAGE internal HANDLER pg_catalog.plpgsql_call_handler",
    "CREATE TEXT SEARCH TEMPLATE public.tp (INIT = dsimple_init, LEXIZE = dispell_lexize); \
     CREATE TEXT SEARCH DICTIONARY public.d (TEMPLATE = public.tp)",
    "CALL public.evil()",
    "SELECT pg_catalog.lo_export(1, '/tmp/xtask-canary')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT setval('s', 1), pg_terminate_backend(1)",
    "INSERT INTO public.t SELECT lo_export(1, '/tmp/xtask-canary')",
    "COPY (SELECT 1) TO PROGRAM 'touch /tmp/xtask-canary'",
    "COPY public.t FROM PROGRAM 'touch /tmp/xtask-canary'",
    "COPY (SELECT 1) TO '/tmp/xtask-canary'",
    "COPY pg_class TO '/tmp/xtask-canary'",
    "COPY public.t (a) FROM '/etc/passwd'",
    "COPY public.t (a) FROM E'/etc/passwd'",
    "COPY public.t (a) FROM stdin WITH (FORMAT csv)",
    "COPY BINARY public.t FROM stdin",
];

/// Ways to write a statement so that it is still the same to the server.
const SPELLINGS: [fn(&str) -> String; 9] = [
    |statement| format!("{statement};"),
    |statement| format!("{};", statement.to_lowercase()),
    |statement| format!(";; ;{statement};"),
    |statement| format!("COMMIT;{statement};"),
    |statement| format!("BEGIN;\n{statement};\nCOMMIT;"),
    |statement| format!("/* a */{};", statement.replace(' ', "/* ; */ -- ;'\n")),
    |statement| format!("\n\t{}\n;", statement.replace(' ', "\n\n\t")),
    // psql sends what stands between these words as one piece, whatever semicolons it holds.
    |statement| {
        let start = "CREATE FUNCTION public.begin() RETURNS integer LANGUAGE sql AS 'SELECT 1'";
        format!("{start};\n{statement};\nCREATE VIEW public.v AS SELECT 1 AS end;")
    },
    |statement| {
        let start = "CREATE OR REPLACE FUNCTION public.f() RETURNS integer LANGUAGE sql BEGIN ATOMIC";
        format!("{start} SELECT 1 AS case; END;\n{statement};\nSELECT 1 AS end;")
    },
];

fn statements_about_the_cluster_are_refused() {
    let spelled = |statement: &&str| SPELLINGS.map(|spell| spell(statement).into_bytes());
    are_refused(&ABOUT_THE_CLUSTER.iter().flat_map(spelled).collect::<Vec<_>>());
}

fn what_only_looks_dangerous_loads() {
    let database = shared().database();
    let body = r#"
CREATE TABLE public."drop database x;" ("do" text, role text, "\! touch" text);
CREATE TABLE public.copy (program integer, system text DEFAULT '\! ; DROP DATABASE x; -- ');
COMMENT ON TABLE public.copy IS E'it\'s \\! ; \nCOPY x FROM PROGRAM ''y''';
/* /* */ COMMAND */
CREATE FUNCTION public."end"() RETURNS text LANGUAGE sql AS $begin$ SELECT '\! $$ ; $end$ ' $begin$;
CREATE FUNCTION public.body(integer) RETURNS bigint LANGUAGE sql
    BEGIN ATOMIC
 WITH x AS (SELECT 1 AS a) SELECT CASE WHEN ($1 > 1) THEN x.a ELSE 2 END AS a FROM x;
 SELECT 2;
END;
ALTER TABLE public.copy RENAME COLUMN program TO database;
CREATE SEQUENCE public.s;
SELECT pg_catalog.setval('public.s', 1, false);
COPY public.copy (database, system) FROM stdin;
1	\\! touch /tmp/xtask-canary
2	'; DROP DATABASE openfga; --
\.
CREATE RULE r AS ON INSERT TO public."drop database x;" DO ALSO NOTHING;
"#
    .replace("COMMAND", COMMAND);
    let run = database.xtask(["db-verify", "--restore"]).args(files(&database.sandbox, &[body.into_bytes()])).run();
    run.ok().stdout_has("restored and compared");
    canary_is_silent(&database);
}

/// What looks like the end of the rows, or like a command in them, is the server's to refuse.
fn rows_that_look_like_commands_stay_rows() {
    let database = shared().database();
    let start = "CREATE TABLE public.t (a text);\nCOPY public.t (a) FROM stdin;\n";
    let rows = ["\\. COMMAND\n\\.\n", "\\.\\.\n\\.\n", "x\\.\n\\.\n", " \\.\nCOMMAND\n\\.\n", "COMMAND\n\\.\n"];
    let bodies: Vec<Vec<u8>> = texts(&rows).into_iter().map(|rows| [start.as_bytes(), &rows].concat()).collect();
    let run = database.xtask(["db-verify", "--restore", "--json"]).args(files(&database.sandbox, &bodies)).run();
    assert_eq!(run.json()["files"].as_array().unwrap().len(), bodies.len() * 2);
    run.holds(matches!(run.code, Some(0 | 1 | 3)), "a clean end was expected").stderr_lacks("panicked");
    canary_is_silent(&database);
    let left = "SELECT count(*) FROM pg_database WHERE datname LIKE 't\\_%\\_verify\\_%' AND datname LIKE";
    assert_eq!(database.stack.admin(&format!("{left} '{}\\_%';", database.name)), "0");
}
