//! Code of a file that waits until its database is only to be dropped or swapped in: what it changes outside of it is found.

use crate::harness::Test;
use crate::harness::forge::{Forged, dump};
use crate::shared_objects::{nothing_is_left, server, verify};
use chrono::Local as Clock;

pub fn tests() -> Vec<Test> {
    tests![
        [Postgres] what_code_changes_in_the_last_session_of_its_database_is_found,
    ]
}

/// A check whose function makes an aggregate that the first statement of each later session calls, and which acts once the
/// planner's statistics are there: then only the rows are counted, and the database is dropped or swapped in.
const BY_AN_AGGREGATE: &str = "
CREATE FUNCTION public.late(bigint, text) RETURNS bigint LANGUAGE plpgsql AS $$BEGIN
  IF EXISTS (SELECT FROM pg_catalog.pg_class WHERE relname = 't' AND reltuples >= 0) THEN
    ALTER ROLE bob CREATEROLE; END IF; RETURN COALESCE($1, 0) + 1; END$$;
CREATE FUNCTION public.f(a int) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_proc WHERE proname = 'count' AND proargtypes = '25') THEN
    CREATE AGGREGATE pg_catalog.count(text) (sfunc = public.late, stype = bigint, initcond = '0'); END IF;
  RETURN true; END$$;
CREATE TABLE public.t (a int, CHECK (public.f(a)));
COPY public.t (a) FROM stdin;
1
\\.
";

fn what_code_changes_in_the_last_session_of_its_database_is_found() {
    let local = server();
    let named = "role bob: changed (whether it creates roles)";
    let run = verify(&local, "hostile.sql", BY_AN_AGGREGATE);
    run.code(6).prints_nothing().stderr_has(named).stderr_lacks("✓");
    nothing_is_left(&local);
    local.sql("postgres", "ALTER ROLE bob NOCREATEROLE");
    Forged::of(dump(BY_AN_AGGREGATE)).taken("openfga", Clock::now()).write(&local.sandbox, "hostile.sql");
    let run = local.xtask(["db-restore", "backups/hostile.sql", "--yes"]).run();
    run.code(6).prints_nothing().stderr_has(named).stderr_has("is not used").stderr_lacks("✓ Database restored");
    assert_eq!(local.sql("openfga", "SELECT a FROM kept"), "1");
    nothing_is_left(&local);
    // A load that fails: its subscription is removed, and nothing of the file runs meanwhile.
    local.sql("postgres", "ALTER ROLE bob NOCREATEROLE");
    let waiting = "EXISTS (SELECT FROM pg_catalog.pg_class WHERE relname = 't' AND reltuples >= 0)";
    let late = BY_AN_AGGREGATE.replace(waiting, "pg_catalog.current_setting('application_name') !~ '-load$'");
    let rest = "CREATE SUBSCRIPTION s CONNECTION 'host=127.0.0.1 port=9' PUBLICATION p WITH (connect = false, slot_name = 's');\n\
        SELECT pg_catalog.setval('public.nosuch', 1, true);\n";
    let run = verify(&local, "fails.sql", &(late + rest));
    run.code(1).prints_nothing().stderr_has("nosuch");
    assert_eq!(local.sql("postgres", "SELECT rolcreaterole FROM pg_roles WHERE rolname = 'bob'"), "f");
    nothing_is_left(&local);
}
