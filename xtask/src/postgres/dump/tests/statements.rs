//! Which statements pass, and which do not.

use super::{dump, scan, scan_pieces};

const WRITTEN: &str = include_str!("written.sql");

#[test]
fn every_statement_of_pg_dump_passes() {
    let contents = scan(&dump(WRITTEN)).unwrap();
    let roles: Vec<&str> = contents.roles.iter().map(String::as_str).collect();
    assert_eq!(roles, ["O'Neil", "Röle", "giver", "mapped", "on", "owner_of_all", "reader"]);
    let owners: Vec<&str> = contents.owners.iter().map(String::as_str).collect();
    assert_eq!(owners, ["O'Neil", "Röle", "giver", "on"]);
    let inserted: Vec<_> = contents.inserted["public"].iter().map(|(name, rows)| (name.as_str(), *rows)).collect();
    assert_eq!(inserted, [("none", 2), ("t", 4)]);
}

#[test]
fn who_owns_objects_in_which_schema_is_known() {
    let text = "ALTER SCHEMA s OWNER TO app;\nALTER TABLE s.t OWNER TO writer;\nALTER TABLE s.t OWNER TO writer;\n\
                ALTER FUNCTION \"S\".f(integer) OWNER TO \"W\";\nALTER OPERATOR public.+ (integer, integer) OWNER TO w;\n\
                ALTER LARGE OBJECT 1 OWNER TO other;\nALTER SERVER s OWNER TO other;\n";
    let contents = scan(&dump(text)).unwrap();
    let given: Vec<_> =
        contents.given.iter().map(|((schema, owner), line)| format!("{schema} {owner} {line}")).collect();
    assert_eq!(given, ["S W 15", "public w 16", "s writer 13"]);
    assert_eq!(contents.schema_owners.into_iter().collect::<Vec<_>>(), [("s".to_owned(), "app".to_owned())]);
}

/// What reaches beyond the database, what writes into the system's own tables, and the rest of SQL's commands.
const REFUSED: &str = include_str!("refused.sql");

#[test]
fn what_no_pg_dump_writes_is_refused_with_its_line() {
    for statement in REFUSED.lines().filter(|line| !line.is_empty() && !line.starts_with("-- ")) {
        for text in [format!("{statement};\n"), format!("/* x */ {statement}\n;\n"), format!(";;{statement};;\n")] {
            let flaw = scan(&dump(&text)).expect_err(&text);
            assert!(!flaw.cut && flaw.line == 12, "{text}: {flaw}");
        }
    }
}

#[test]
fn a_refusal_says_which_statement_and_what_to_do() {
    for (statement, words) in [
        (
            "CREATE DATABASE x WITH TEMPLATE = template0",
            "CREATE DATABASE x WITH TEMPLATE = template0: about the database",
        ),
        ("CREATE DATABASE x", "as pg_dump --create writes it\nleave out what is about the database: sed -E"),
        ("COMMENT ON DATABASE x IS 'y'", "as pg_dump 10 writes it\nleave that out: awk"),
        ("SECURITY LABEL FOR d ON DATABASE x IS 'y'", "or dump again with pg_dump 11 or newer"),
        ("GRANT ALL ON DATABASE x TO y", "or dump again without --create"),
        ("ALTER ROLE x SUPERUSER", "about objects that all databases of a server share"),
        ("COPY pg_catalog.pg_authid (a) FROM stdin", "COPY pg_catalog.pg_authid (a) FROM stdin: not rows"),
        ("CREATE SCHEMA IF NOT EXISTS \"app\"", "as supabase db dump writes it"),
        (
            "SET session_replication_role = replica",
            "as Supabase's tools write it around rows, and no pg_dump\nleave that out: sed",
        ),
        ("LOAD '\u{1b}[31m'", "LOAD '\\u{1b}[31m'"),
        ("SET default_with_oids = true", "tables with OIDs"),
    ] {
        let flaw = scan(&dump(&format!("{statement};\n"))).expect_err(statement);
        let way = flaw.kind.map_or_else(String::new, |kind| kind.way("x.sql"));
        let said = format!("{flaw}\n{way}");
        assert!(said.contains(words), "{statement}: {said}");
    }
}

/// A view of a system table takes rows for it, and so does a foreign table that points back to this server.
#[test]
fn rows_go_to_tables_alone() {
    let long = "v".repeat(70);
    let view = "CREATE VIEW public.v AS SELECT * FROM pg_catalog.pg_auth_members;\n";
    let copy = "COPY public.v (roleid) FROM stdin;\n10\n\\.\n";
    let foreign = "CREATE FOREIGN TABLE public.f (\n    a integer\n)\nSERVER loop;\n";
    let root = "CREATE TABLE public.root (\n    a integer\n)\nPARTITION BY LIST (a);\n";
    let attach = "ALTER TABLE ONLY public.root ATTACH PARTITION public.f FOR VALUES IN (1);\n";
    let table = "CREATE TABLE public.t (\n    a integer\n);\n";
    let rule = "CREATE RULE r AS ON INSERT TO public.t DO INSTEAD INSERT INTO public.v VALUES (10);\n";
    let conditional = "CREATE RULE r AS ON INSERT TO public.t WHERE (1 = 1) DO ALSO WITH d AS (DELETE FROM public.u RETURNING 1)\n\
        INSERT INTO public.v SELECT 1 ON CONFLICT DO NOTHING;\n";
    let nothing = "CREATE RULE r AS ON INSERT TO public.t DO INSTEAD NOTHING;\n";
    let foreign_part = "CREATE FOREIGN TABLE public.part PARTITION OF public.root\nFOR VALUES IN (1)\nSERVER s;\n";
    let foreign_leaf = "CREATE TABLE public.middle PARTITION OF public.root\nFOR VALUES IN (1)\nPARTITION BY LIST (a);\n\
        CREATE FOREIGN TABLE public.leaf PARTITION OF public.middle DEFAULT\nSERVER s;\n";
    for (text, words) in [
        (format!("{view}{copy}"), "rows for public.v, which is a view"),
        (format!("{view}INSERT INTO public.\"v\" VALUES (10);\n"), "which is a view"),
        (format!("CREATE OR REPLACE VIEW public.v AS SELECT 1;\n{copy}"), "which is a view"),
        // The server would cut both names to the same.
        (
            format!("CREATE VIEW public.{long}a AS SELECT 1;\nINSERT INTO public.{long}b VALUES (1);\n"),
            "which is a view",
        ),
        (format!("{foreign}INSERT INTO public.f VALUES (1);\n"), "without --include-foreign-data"),
        (format!("{root}{foreign}{attach}INSERT INTO public.root VALUES (1);\n"), "to a foreign server"),
        (format!("{root}{foreign_part}INSERT INTO public.root VALUES (1);\n"), "to a foreign server"),
        (format!("{root}{foreign_part}COPY public.root (a) FROM stdin;\n1\n\\.\n"), "to a foreign server"),
        (format!("{root}{foreign_leaf}INSERT INTO public.root VALUES (1);\n"), "to a foreign server"),
        (format!("{root}{foreign_leaf}INSERT INTO public.middle VALUES (1);\n"), "to a foreign server"),
        (format!("{table}{rule}INSERT INTO public.t VALUES (1);\n"), "after a rule"),
        (format!("{table}{conditional}COPY public.t (a) FROM stdin;\n1\n\\.\n"), "after a rule"),
        (format!("{table}{nothing}INSERT INTO public.t VALUES (1);\n"), "after a rule"),
        (format!("{table}DROP TABLE public.t;\nCREATE VIEW public.t AS SELECT 1;\n"), "a DROP after a CREATE"),
    ] {
        let flaw = scan(&dump(&text)).expect_err(&text);
        assert!(flaw.what.contains(words) && !flaw.cut, "{text}: {flaw}");
    }
    let rows = "COPY public.t (a) FROM stdin;\n1\n\\.\nINSERT INTO public.root VALUES (1);\n";
    let part = "CREATE TABLE public.part (\n    a integer\n);\n\
        ALTER TABLE ONLY public.root ATTACH PARTITION public.part FOR VALUES IN (1);\n";
    scan(&dump(&format!("{table}{root}{part}{view}{foreign}{rows}{nothing}{rule}"))).unwrap();
}

#[test]
fn what_an_empty_database_lacks_is_noted() {
    let facts = |text: &str| scan(&dump(text)).unwrap();
    let table = "CREATE TABLE public.t (\n    a integer\n);\n";
    let whole = facts(&format!("DROP TABLE IF EXISTS public.t;\n{table}INSERT INTO public.t VALUES (1);\n"));
    assert_eq!((whole.drops, whole.absent), (None, None));
    assert_eq!(facts(&format!("SET row_security = off;\nDROP TABLE public.t;\n{table}")).drops, Some(13));
    for text in [
        "COPY public.t (a) FROM stdin;\n\\.\n",
        "INSERT INTO public.t VALUES (1);\n",
        "ALTER TABLE ONLY public.t\n    ADD CONSTRAINT p PRIMARY KEY (a);\n",
        "CREATE INDEX i ON public.t USING btree (a);\n",
    ] {
        let absent = facts(text).absent.unwrap();
        assert_eq!((absent.line, absent.schema.as_str(), absent.name.as_str()), (12, "public", "t"), "{text}");
    }
    // A foreign key of a table that was dumped alone.
    let key =
        "ALTER TABLE ONLY public.t\n    ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES public.u(a) ON DELETE CASCADE;\n";
    let absent = facts(&format!("{table}{key}")).absent.unwrap();
    assert_eq!((absent.line, absent.name.as_str()), (15, "u"));
    assert_eq!(facts(&format!("{table}{}{key}", table.replace("public.t", "public.u"))).absent, None);
    let extension = "CREATE EXTENSION IF NOT EXISTS postgis WITH SCHEMA public;\n";
    assert_eq!(facts(&format!("{extension}COPY public.spatial_ref_sys (srid) FROM stdin;\n\\.\n")).absent, None);
}

#[test]
fn a_schema_that_an_empty_database_lacks_is_noted() {
    let schema = |text: &str| scan(&dump(text)).unwrap().absent_schema;
    let app = |line: u64| Some((line, "app".to_owned()));
    for text in [
        "CREATE TABLE app.t (\n    a integer\n);\n",
        "CREATE VIEW app.v AS\n SELECT 1 AS a;\n",
        "CREATE MATERIALIZED VIEW app.v AS\n SELECT 1 AS a\n  WITH NO DATA;\n",
        "CREATE SEQUENCE app.s\n    START WITH 1;\n",
        "CREATE TYPE app.e AS ENUM (\n    'a'\n);\n",
    ] {
        assert_eq!(schema(text), app(12), "{text}");
        assert_eq!(schema(&format!("CREATE SCHEMA app;\n{text}")), None, "{text}");
        assert_eq!(schema(&text.replace("app.", "public.")), None, "{text}");
        // An extension may make it.
        assert_eq!(schema(&format!("CREATE EXTENSION IF NOT EXISTS x WITH SCHEMA public;\n{text}")), None, "{text}");
    }
    assert_eq!(schema("CREATE SCHEMA \"App\";\nCREATE TABLE app.t (\n    a integer\n);\n"), app(13));
    assert_eq!(schema("CREATE SCHEMA app;\nCREATE TABLE APP.t (\n    a integer\n);\n"), None);
}

#[test]
fn what_a_load_does_without_is_known_to_its_last_byte() {
    for (text, timeout, public) in [
        (
            "SET transaction_timeout = 0;\nCREATE SCHEMA public;\n",
            "SET transaction_timeout = 0;",
            "CREATE SCHEMA public;",
        ),
        (
            "; SET  transaction_timeout=0;CREATE SCHEMA \"public\";",
            "SET  transaction_timeout=0;",
            "CREATE SCHEMA \"public\";",
        ),
        ("SET lock_timeout = 0;\nCREATE SCHEMA \"Public\";\n", "", ""),
        ("DROP SCHEMA IF EXISTS public;\nCREATE SCHEMA public;\n", "", ""),
        ("/* x */ CREATE SCHEMA public ;CREATE SCHEMA public;\n", "", "CREATE SCHEMA public ;"),
    ] {
        let whole = dump(text);
        for size in 1..40 {
            let contents = scan_pieces(whole.as_bytes(), size).unwrap();
            let bytes = |range: &Option<std::ops::Range<u64>>| {
                range.as_ref().map_or("", |range| &whole[range.start as usize..range.end as usize]).to_owned()
            };
            let found = (bytes(&contents.skipped_timeout), bytes(&contents.skipped_public));
            assert_eq!(found, (timeout.to_owned(), public.to_owned()), "{text:?} in pieces of {size}");
            assert_eq!(contents.unskipped_timeout_line, None);
        }
    }
    // Two lines: psql would count one less without them.
    let contents = scan(&dump("SET transaction_timeout\n= 0;\nCREATE SCHEMA\npublic;\n")).unwrap();
    assert_eq!((contents.skipped_timeout, contents.skipped_public), (None, None));
    assert_eq!(contents.unskipped_timeout_line, Some(12));
}
