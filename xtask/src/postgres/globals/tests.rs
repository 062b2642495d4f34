use super::*;

const STATEMENTS: &str = r#"\restrict k3Y

SET default_transaction_read_only = off;

SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;

--
-- Roles
--

CREATE ROLE app;
ALTER ROLE app WITH NOSUPERUSER INHERIT NOCREATEROLE CREATEDB LOGIN NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 5 VALID UNTIL '2030-01-01 00:00:00+00';
COMMENT ON ROLE app IS 'two
lines; DROP ROLE x; -- it''s';
CREATE ROLE "we ird""'\r";
ALTER ROLE "we ird""'\r" WITH NOSUPERUSER NOINHERIT CREATEROLE NOCREATEDB NOLOGIN REPLICATION NOBYPASSRLS;
ALTER ROLE app SET search_path TO 'app', 'a b', 'public';
ALTER ROLE app SET "app.tenant" TO E'a
b''\\c';
ALTER ROLE app IN DATABASE "D 1" SET work_mem TO '8MB';
SECURITY LABEL FOR dummy ON ROLE app IS 'secret';
GRANT app TO "we ird""'\r" WITH ADMIN OPTION, INHERIT FALSE, SET TRUE GRANTED BY app;
GRANT pg_monitor TO app GRANTED BY postgres;
GRANT app TO "we ird""'\r";
SET SESSION AUTHORIZATION app;
GRANT SET,ALTER SYSTEM ON PARAMETER log_min_messages TO app WITH GRANT OPTION;
RESET SESSION AUTHORIZATION;
REVOKE ALL ON PARAMETER "app.x" FROM PUBLIC;
CREATE TABLESPACE fast OWNER app LOCATION '/disks/fast';
ALTER TABLESPACE fast SET (random_page_cost=1.1, seq_page_cost=2);
GRANT ALL ON TABLESPACE fast TO PUBLIC;
COMMENT ON TABLESPACE fast IS 'ssd';


\unrestrict k3Y

"#;

fn framed(statements: &str) -> String {
    let head = "--\n-- PostgreSQL database cluster dump\n--\n\n";
    format!("{head}{statements}--\n-- PostgreSQL database cluster dump complete\n--\n\n")
}

fn name(text: &str) -> RoleName {
    RoleName::try_from(text).unwrap()
}

#[test]
fn what_pg_dumpall_writes_is_taken_apart() {
    let globals = read(framed(STATEMENTS).as_bytes()).unwrap();
    let [app, weird] = &globals.roles[..] else { panic!("{globals:?}") };
    assert_eq!((app.name.as_str(), weird.name.as_str()), ("app", r#"we ird"'\r"#));
    assert_eq!(app.attributes, [Attribute::Inherit, Attribute::CreateDb, Attribute::Login].into());
    assert_eq!(weird.attributes, [Attribute::CreateRole, Attribute::Replication].into());
    assert_eq!((app.connection_limit.to_string().as_str(), weird.connection_limit), ("5", ConnectionLimit::NONE));
    assert_eq!(app.valid_until.as_deref(), Some("2030-01-01 00:00:00+00"));
    assert_eq!(app.comment.as_deref(), Some("two\nlines; DROP ROLE x; -- it's"));
    let settings: Vec<(&str, Vec<&str>)> = app
        .settings
        .iter()
        .map(|setting| (setting.name.as_str(), setting.values.iter().map(Text::as_str).collect()))
        .collect();
    assert_eq!(settings, [("search_path", vec!["app", "a b", "public"]), ("app.tenant", vec!["a\nb'\\c"])]);
    let granted = Membership {
        role: name("app"),
        member: weird.name.clone(),
        admin: true,
        inherit: Some(false),
        set: Some(true),
        grantor: Some(name("app")),
    };
    assert_eq!(globals.memberships[0], granted);
    assert_eq!((globals.memberships[1].role.as_str(), globals.memberships.len()), ("pg_monitor", 3));
    let left_out: Vec<String> = globals.left_out.iter().map(|left_out| left_out.what.to_string()).collect();
    assert_eq!(
        left_out,
        [
            "settings of role app in database D 1",
            "a security label of app",
            "privileges of app on the setting log_min_messages",
            "tablespace fast in /disks/fast"
        ]
    );
}

#[test]
fn a_text_that_is_cut_anywhere_is_refused() {
    let text = framed(STATEMENTS);
    for end in 0..text.len() {
        assert!(read(&text.as_bytes()[..end]).is_err(), "{end}");
    }
    assert!(read(text.as_bytes()).is_ok());
}

/// Statements that pg_dumpall does not write about the role `a`.
const NEVER_WRITTEN: &[&str] = &[
    "DROP ROLE a;",
    "DROP ROLE IF EXISTS a;",
    "CREATE ROLE b SUPERUSER;",
    "CREATE ROLE a;",
    "CREATE ROLE pg_b;",
    "CREATE USER b;",
    "CREATE DATABASE b;",
    "ALTER ROLE postgres WITH SUPERUSER INHERIT CREATEROLE CREATEDB LOGIN REPLICATION BYPASSRLS;",
    "ALTER ROLE a WITH SUPERUSER;",
    "ALTER ROLE a WITH NOSUPERUSER INHERIT NOCREATEROLE NOCREATEDB LOGIN NOREPLICATION NOBYPASSRLS PASSWORD 'x';",
    "ALTER ROLE a SUPERUSER;",
    "ALTER ROLE a RENAME TO b;",
    "ALTER ROLE ALL SET work_mem TO '1';",
    "ALTER ROLE a SET work_mem TO DEFAULT;",
    "ALTER ROLE a SET work_mem FROM CURRENT;",
    "ALTER ROLE a SET work_mem = '1';",
    "ALTER ROLE a SET work_mem TO U&'1';",
    "ALTER ROLE a SET work_mem TO $$1$$;",
    "ALTER ROLE a SET work_mem TO E'\\x41';",
    "ALTER ROLE a SET work_mem TO '\\';",
    "ALTER ROLE a SET \"a b\" TO '1';",
    "ALTER DATABASE a SET work_mem TO '1';",
    "ALTER SYSTEM SET work_mem TO '1';",
    "GRANT a TO b;",
    "GRANT b TO a;",
    "GRANT a, b TO a;",
    "GRANT a TO PUBLIC;",
    "GRANT a TO CURRENT_USER;",
    "GRANT a TO a WITH GRANT OPTION;",
    "GRANT SELECT ON TABLE b TO a;",
    "GRANT ALL ON DATABASE b TO a;",
    "REVOKE a FROM a;",
    "SET ROLE a;",
    "SET allow_system_table_mods = on;",
    "SET standard_conforming_strings = off;",
    "SET client_encoding = 'BIG5';",
    "SELECT 1;",
    "DO $$BEGIN END$$;",
    "COPY b FROM stdin;",
    "COMMENT ON DATABASE b IS 'x';",
    "COMMENT ON ROLE a IS NULL;",
    "SECURITY LABEL FOR x ON DATABASE a IS 'b';",
    "\\! id",
    "\\restrict abc",
    "\\connect b",
    "SET SESSION AUTHORIZATION a; \\q",
    "CREATE ROLE \"a\u{1b}\";",
    "CREATE ROLE \"\";",
    "CREATE ROLE public;",
    "/* a */",
    "CREATE ROLE b",
];

#[test]
fn what_pg_dumpall_does_not_write_is_refused_with_its_line() {
    let made = "CREATE ROLE a;\nALTER ROLE a WITH NOSUPERUSER INHERIT NOCREATEROLE NOCREATEDB LOGIN NOREPLICATION NOBYPASSRLS;\n";
    assert!(read(framed(made).as_bytes()).is_ok());
    for statement in NEVER_WRITTEN {
        let flaw = read(framed(&format!("{made}\n{statement}\n")).as_bytes()).expect_err(statement);
        assert_eq!((flaw.line, flaw.cut), (8, false), "{statement}: {flaw}");
        assert!(!flaw.what.contains('\u{1b}') && !flaw.what.contains("'x'"), "{flaw}");
    }
    let long = format!("CREATE ROLE \"{}\";\n", "x".repeat(64));
    for text in [framed(&long), framed("CREATE ROLE b;\n"), "\u{feff}".to_owned() + &framed(made)] {
        assert!(read(text.as_bytes()).is_err(), "{text}");
    }
    let flaw = read(&[framed(made).as_bytes(), b"\xff"].concat()).unwrap_err();
    assert_eq!(flaw.to_string(), "line 11: bytes that are not UTF-8");
}
