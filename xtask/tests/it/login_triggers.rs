//! Login event triggers (PostgreSQL 17): one that raises an error is no refusal of the server's own.

use crate::harness::forge::{Forged, dump};
use crate::harness::{Stack, Test, needs};

pub fn tests() -> Vec<Test> {
    tests![
        [OwnStack, Postgres17] a_login_trigger_that_raises_is_named_with_the_way_to_turn_it_off,
    ]
}

/// With the words of a refusal that is none.
const TRIGGER: &str = "CREATE FUNCTION public.stop() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN
    RAISE 'password authentication failed for user \"postgres\"'; END$$;
    CREATE EVENT TRIGGER stop ON login EXECUTE FUNCTION public.stop()";
const SILENT: &str = "dbname=openfga options=-cevent_triggers=off";

fn a_login_trigger_that_raises_is_named_with_the_way_to_turn_it_off() {
    let stack = Stack::postgres_only();
    stack.sandbox.set("POSTGRES_IMAGE", &needs::postgres_17_image().unwrap());
    stack.up();
    stack.psql("openfga", &format!("CREATE TABLE t AS SELECT 1 AS a; {TRIGGER}"));
    let (dump, errors) = stack.exec(&["pg_dump", "-d", SILENT], "");
    stack.sandbox.write("trigger.sql", dump.unwrap_or_else(|| panic!("{errors}")));
    for words in [&["db-backup"][..], &["db-migrate", "status"]] {
        let run = stack.xtask(words.iter().copied()).run();
        run.code(4).prints_nothing().stderr_lacks("refuses the");
        run.stderr_has(
            "Code of database openfga raises an error at each login of user postgres: a login event trigger",
        );
        run.stderr_has(&format!("db-shell -- -d '{SILENT}' -c \"SELECT evtname, evtfoid"));
        run.stderr_has(&format!("db-shell -- -d '{SILENT}' -c 'ALTER EVENT TRIGGER NAME DISABLE'"));
    }
    // As the hint says it.
    let shell = |sql: &str| stack.xtask(["db-shell", "--", "-d", SILENT, "-At", "-c", sql]).run();
    let find = "SELECT evtname, evtfoid::pg_catalog.regproc FROM pg_catalog.pg_event_trigger \
                WHERE evtevent OPERATOR(pg_catalog.=) 'login'";
    shell(find).ok().stdout_has("stop|stop");
    shell("ALTER EVENT TRIGGER stop DISABLE").ok();
    stack.xtask(["db-backup"]).run().ok();
    // A file that brings such a trigger: its code did it, and the live database is as it was.
    for words in [&["db-verify", "--restore", "trigger.sql"][..], &["db-restore", "trigger.sql", "--yes"]] {
        let run = stack.xtask(words.iter().copied()).run();
        run.code(1).prints_nothing().stderr_lacks("refuses the").stderr_lacks("at each login of user");
        run.stderr_has("is not used: a login event trigger of the file ends every session of its database");
        run.stderr_has("→ turn it off in the database that the file was made of");
    }
    assert_eq!(stack.psql("openfga", "SELECT a FROM t"), "1");
    what_one_does_at_the_last_login_is_found(&stack);
    turning_off_another_databases_triggers_is_found(&stack);
    assert_eq!(stack.psql("postgres", "SELECT count(*) FROM pg_database WHERE datname ~ '_(verify|staging)_'"), "0");
}

/// It acts once the planner's statistics are there: then only the rows are counted, and the database is dropped or swapped in.
const LATE: &str = "
CREATE FUNCTION public.l() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN
  IF EXISTS (SELECT FROM pg_catalog.pg_class WHERE relname = 'late' AND reltuples >= 0) THEN
    ALTER ROLE bob CREATEROLE; END IF; END$$;
CREATE TABLE public.late (a int);
COPY public.late (a) FROM stdin;
1
\\.
CREATE EVENT TRIGGER e ON login EXECUTE FUNCTION public.l();
";

#[track_caller]
fn what_one_does_at_the_last_login_is_found(stack: &Stack) {
    stack.psql("postgres", "CREATE ROLE bob");
    Forged::of(dump(LATE)).write(&stack.sandbox, "late.sql");
    for words in [&["db-verify", "--restore", "backups/late.sql"][..], &["db-restore", "backups/late.sql", "--yes"]] {
        stack.psql("postgres", "ALTER ROLE bob NOCREATEROLE");
        let run = stack.xtask(words.iter().copied()).run();
        run.code(6).prints_nothing().stderr_has("role bob: changed (whether it creates roles)");
    }
    assert_eq!(stack.psql("openfga", "SELECT a FROM t"), "1");
}

/// Without this mark of a database no session of it looks for its login event triggers.
const UNMARKED: &str = "
CREATE FUNCTION public.f(a int) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN
  UPDATE pg_catalog.pg_database SET dathasloginevt = false WHERE datname = 'openfga'; RETURN true; END$$;
CREATE TABLE public.t (a int, CHECK (public.f(a)));
COPY public.t (a) FROM stdin;
1
\\.
";

#[track_caller]
fn turning_off_another_databases_triggers_is_found(stack: &Stack) {
    stack.psql(
        "openfga",
        "CREATE FUNCTION public.quiet() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
         CREATE EVENT TRIGGER quiet ON login EXECUTE FUNCTION public.quiet()",
    );
    Forged::of(dump(UNMARKED)).write(&stack.sandbox, "unmarked.sql");
    let run = stack.xtask(["db-verify", "--restore", "backups/unmarked.sql"]).run();
    run.code(6).prints_nothing().stderr_has("database openfga: changed (whether its login event triggers fire)");
}
