//! What `db-migrate` says while files run and after they failed: the server's words, hints, who waits for whom.

use crate::harness::migrations::{migrate, sqlx_lock};
use crate::harness::{Outcome, Test, UrlDatabase};
use std::time::Duration;

pub fn tests() -> Vec<Test> {
    tests![
        [Postgres] what_the_server_says_is_shown,
        [Postgres] a_warning_is_shown_before_any_number_of_notices,
        [Postgres] a_hint_fits_its_cause,
        [Postgres] a_right_that_is_lacking_is_named_with_the_statement_that_gives_it,
        [Postgres] no_hint_hands_over_the_server,
        [Postgres] dry_runs_and_waiting_runs_report,
        [Postgres] what_a_block_sets_is_reported_as_any_other_setting,
        [Postgres, Script] a_service_that_migrates_is_named_while_a_run_waits_for_it,
    ]
}

fn what_the_server_says_is_shown() {
    let database = UrlDatabase::new();
    let text = "CREATE TABLE IF NOT EXISTS t (a int);\nCREATE TABLE IF NOT EXISTS t (a int);\n\
        DO $$ BEGIN RAISE WARNING 'look at t'; END $$;\n";
    database.sandbox.migration(1, "talks", text, None);
    let many = "DO $$ BEGIN FOR i IN 1..30 LOOP RAISE NOTICE 'n %', i; END LOOP; END $$;";
    database.sandbox.migration(2, "more", many, None);
    let run = migrate(&database, &["up"]);
    run.ok().stderr_has("migrations/1_talks.up.sql:2: NOTICE:  relation \"t\" already exists, skipping");
    run.stderr_has("⚠ migrations/1_talks.up.sql:3: WARNING:  look at t");
    run.stderr_has("2_more.up.sql:1: NOTICE:  n 10").stderr_lacks("n 11").stderr_has("20 more messages");
    database.sandbox.migration(3, "fails", "DO $$ BEGIN RAISE NOTICE 'before'; END $$;\nSELECT nothing;", None);
    migrate(&database, &["up", "--no-backup"]).code(1).stderr_has("3_fails.up.sql:1: NOTICE:  before");
}

fn a_warning_is_shown_before_any_number_of_notices() {
    let database = UrlDatabase::new();
    let talks = |count: u32| {
        format!(
            "DO $$ BEGIN FOR i IN 1..{count} LOOP RAISE NOTICE 'n %', i; END LOOP;\n\
             RAISE WARNING 'the important one'; END $$;\n"
        )
    };
    database.sandbox.migration(1, "some", &talks(30), None);
    let run = migrate(&database, &["up"]);
    run.ok().stderr_has("1_some.up.sql:2: WARNING:  the important one").stderr_has("NOTICE:  n 9\n");
    run.stderr_has("1_some.up.sql: 21 more messages\n").stderr_lacks("NOTICE:  n 10\n");
    let place = |words: &str| run.stderr.find(words).unwrap_or_default();
    run.holds(place("WARNING:") < place("NOTICE:"), "the warning comes first");
    // More than is kept: no number would be true.
    database.sandbox.migration(2, "many", &talks(60_000), None);
    let run = migrate(&database, &["up", "--no-backup"]);
    run.ok().stderr_has("2_many.up.sql:2: WARNING:  the important one").stderr_has("2_many.up.sql: more messages\n");
    run.stderr_has("The server sent more messages than are kept").stderr_lacks("0 more messages");
}

fn a_hint_fits_its_cause() {
    let database = UrlDatabase::new();
    database.sandbox.migration(1, "one", "CREATE TABLE t (a int);", None);
    database.admin("ALTER ROLE @role SET default_transaction_read_only TO on");
    let run = migrate(&database, &["up"]);
    run.code(1).stderr_has("cannot execute CREATE TABLE in a read-only transaction").stderr_lacks("GRANT");
    run.stderr_has("default_transaction_read_only is on, for user ");
    database.admin("ALTER ROLE @role RESET default_transaction_read_only");
    database.sandbox.migration(1, "one", "SELECT pg_terminate_backend(pg_backend_pid());", None);
    let run = migrate(&database, &["up"]);
    run.stderr_has("1_one.up.sql").stderr_lacks("fix the file").stderr_has("then try again");
    database.sandbox.migration(1, "one", "CREATE EVENT TRIGGER x ON ddl_command_end EXECUTE FUNCTION f();", None);
    migrate(&database, &["up"]).code(1).stderr_has("lacks a right: migrate as the owner");
    // An empty database has nothing to lose, so that nothing is said of it.
    database.sandbox.migration(1, "one", "CREATE SCHEMA s;\nDROP SCHEMA s;\nCREATE TABLE t AS SELECT 1 AS a;", None);
    migrate(&database, &["up"]).ok().stderr_lacks("⚠");
    database.sandbox.migration(2, "two", "CREATE SCHEMA s;\nDROP SCHEMA s;", None);
    migrate(&database, &["up", "--no-backup"])
        .ok()
        .stderr_has("2_two.up.sql:2: it drops a schema")
        .stderr_has("no .down.sql");
}

/// The statement in a hint, up to its semicolon.
fn statement(run: &Outcome, first: &str) -> String {
    let hint = run.stderr.rsplit("→ ").next().unwrap();
    let at = hint.find(first).unwrap_or_else(|| panic!("no {first} in {hint}"));
    hint[at..].split_inclusive(';').next().unwrap().to_owned()
}

fn a_right_that_is_lacking_is_named_with_the_statement_that_gives_it() {
    let database = UrlDatabase::new();
    let up = |first: &str, words: &str| {
        let run = migrate(&database, &["up", "--no-backup"]);
        run.code(1).stderr_has(words).stderr_lacks("TO …");
        database.sql(&statement(&run, first));
    };
    // The schema that the ledger would be in is not there, closed, or open for reading alone.
    database.sandbox.migration(1, "one", "CREATE TABLE own (a int);", None);
    database.admin("ALTER ROLE @role SET search_path TO \"my s\"");
    up("CREATE SCHEMA", "search_path names no schema that exists");
    up("GRANT USAGE, CREATE", "may not use schema my s, in which the ledger would be");
    database.sql(&format!("REVOKE CREATE ON SCHEMA \"my s\" FROM \"{}\"", database.role));
    up("GRANT CREATE ON SCHEMA \"my s\" TO", "✗ The ledger cannot be made; nothing was changed");
    migrate(&database, &["up", "--no-backup"]).ok();
    // A table of a superuser is handed over; of another role that one becomes a member of.
    database.sql("CREATE TABLE public.a (a int); CREATE TABLE public.b (a int); CREATE TABLE public.c (a int)");
    let team = format!("team_{}", database.name);
    database.sql(&format!("CREATE ROLE {team}; ALTER TABLE public.b OWNER TO {team}"));
    database.sandbox.migration(2, "two", "ALTER TABLE public.a ADD b int;", None);
    up("ALTER TABLE \"public\".\"a\" OWNER TO", "only its owner may do this: log in as ");
    migrate(&database, &["up", "--no-backup"]).ok();
    database.sandbox.migration(3, "three", "ALTER TABLE public.b ADD b int;", None);
    up(&format!("GRANT \"{team}\" TO"), &format!("table b belongs to role {team}"));
    migrate(&database, &["up", "--no-backup"]).ok();
    database.sandbox.migration(4, "four", "INSERT INTO public.c VALUES (1);", None);
    up("GRANT SELECT, INSERT ON \"public\".\"c\" TO", "lacks a right on table c");
    migrate(&database, &["up", "--no-backup"]).ok();
    // What the server keeps for itself takes no grant.
    database.sandbox.migration(5, "five", "SELECT * FROM pg_authid;", None);
    migrate(&database, &["up", "--no-backup"]).code(1).stderr_has("or as a superuser").stderr_lacks("GRANT");
}

fn no_hint_hands_over_the_server() {
    let database = UrlDatabase::new();
    let boss = format!("boss_{}", database.name);
    // A role that may act as another with rights over the server.
    database.sql(&format!(
        "CREATE ROLE {boss}; GRANT pg_execute_server_program TO {boss};
         CREATE TABLE public.t (a int); ALTER TABLE public.t OWNER TO {boss}"
    ));
    database.sandbox.migration(1, "one", "ALTER TABLE public.t ADD b int;", None);
    let up = || migrate(&database, &["up", "--no-backup"]);
    up().code(1).stderr_has("ALTER TABLE \"public\".\"t\" OWNER TO").stderr_lacks("GRANT");
    for (file, case) in [
        ("CREATE FUNCTION pg_catalog.f() RETURNS int LANGUAGE sql AS 'SELECT 1';", "the server's own schema"),
        ("INSERT INTO public.forged VALUES (1);", "words that the code of another role chose"),
    ] {
        database.sql(
            "DROP TABLE IF EXISTS public.forged;
             CREATE OR REPLACE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
               RAISE EXCEPTION USING MESSAGE = 'must be owner of table t', ERRCODE = '42501'; END$$;
             CREATE TABLE public.forged (a int); GRANT ALL ON public.forged TO PUBLIC;
             CREATE TRIGGER f BEFORE INSERT ON public.forged FOR EACH ROW EXECUTE FUNCTION public.f()",
        );
        database.sandbox.migration(1, "one", file, None);
        let run = up();
        run.code(1).stderr_has("lacks a right: migrate as the owner, or as a superuser");
        run.stderr_lacks("GRANT").stderr_lacks("OWNER TO");
        assert!(!run.stderr.contains("or have"), "{case}: {}", run.stderr);
    }
    // A path that the database's owner sets.
    database.admin("ALTER ROLE @role SET search_path TO pg_toast");
    up().code(1).stderr_has("✗ The ledger is in schema public, which is not in search_path").stderr_lacks("GRANT");
}

fn dry_runs_and_waiting_runs_report() {
    let database = UrlDatabase::new();
    database.sandbox.tables(2);
    let run = migrate(&database, &["up", "--dry-run", "--json"]);
    let document = run.ok().json();
    assert_eq!((&document["dry_run"], document["migrations"].as_array().unwrap().len()), (&true.into(), 2));
    assert_eq!(document["migrations"][0]["transactional"], true);
    // Options may stand before the action.
    let run = database.xtask(["db-migrate", "--target", "url", "--dry-run", "--json", "up"]).run();
    assert_eq!(run.ok().json(), document);
    database.xtask(["db-migrate", "--json", "status"]).run().ok().stdout_has("\"pending\"");
    // A second run that only waited says what there is.
    let running = crate::harness::restore::paused(database.xtask(["db-migrate"]), "locked");
    let waiting = database.xtask(["db-migrate"]).spawn();
    crate::harness::wait_until("it waits", || waiting.stderr().contains("waiting up to 60 s (--wait-for-run)"));
    running.signal(rustix::process::Signal::CONT);
    running.wait().ok();
    waiting.wait().ok().stderr_has("✓ Nothing to do").stderr_has("(at 2)");
    // While a run is at work outside of a transaction, nothing is dirty.
    database.sandbox.migration(3, "slow", "-- no-transaction\nSELECT pg_sleep(60);", None);
    let running = database.xtask(["db-migrate", "--no-backup"]).spawn();
    crate::harness::wait_until("it sleeps", || {
        database
            .sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()")
            == "1"
    });
    let run = migrate(&database, &["status"]);
    run.ok().stdout_has("running").stderr_has("⚠ 3 slow: session ").stderr_has("-migrate").stderr_has("is running it");
    let run = migrate(&database, &["status", "--check"]);
    run.code(1).stderr_has("→ wait until the run has ended that the report names").stderr_lacks("repair");
    let run = migrate(&database, &["up", "--wait-for-run", "1"]);
    run.code(5).stderr_has("is being changed by session ").stderr_has("--wait-for-run SECONDS");
    migrate(&database, &["repair", "--yes", "--wait-for-run", "0"]).code(5);
    database.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()");
    running.wait().code(6);
    migrate(&database, &["status"]).ok().stdout_has("dirty");
}

/// A service has no name of its own, and a role that is no superuser does not see when its session began.
fn a_service_that_migrates_is_named_while_a_run_waits_for_it() {
    let database = UrlDatabase::new();
    database.sandbox.tables(1);
    let number = sqlx_lock(&database.name);
    let sql = format!("SET application_name TO ''; SELECT pg_advisory_lock({number}); SELECT pg_sleep(120);");
    let sleeps = "FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()";
    std::thread::scope(|scope| {
        scope.spawn(|| database.server.client(&database.name, &["psql", "-X", "-q"], sql.as_bytes()));
        crate::harness::wait_until("it sleeps", || database.sql(&format!("SELECT count(*) {sleeps}")) == "1");
        let who = format!("session {} (user postgres)", database.sql(&format!("SELECT pid {sleeps}")));
        let run = migrate(&database, &["up", "--wait-for-run", "1"]);
        run.code(5).stderr_has(&format!("is being changed by {who}; waiting up to 1 s (--wait-for-run)"));
        run.stderr_has(&format!("✗ The database {} is being changed by {who}\n", database.name));
        run.within(Duration::from_secs(30), "it waits no longer than it says");
        // Without a wait nothing is said of one.
        migrate(&database, &["up", "--wait-for-run", "0"]).code(5).stderr_has(&who).stderr_lacks("waiting up to");
        let mut terminal = database.xtask(["db-migrate", "up", "--wait-for-run", "60"]).terminal();
        terminal.shows("waiting up to 60 s").shows("waiting for the other run");
        database.sql(&format!("SELECT pg_terminate_backend(pid) {sleeps}"));
        terminal.wait().ok().stdout_has("1 migration applied");
    });
}

fn what_a_block_sets_is_reported_as_any_other_setting() {
    let database = UrlDatabase::new();
    let away = "CREATE SCHEMA app;\nDO $$ BEGIN\n  PERFORM set_config('search_path', 'app', false);\nEND $$;\nCREATE TABLE own (a int);\n";
    database.sandbox.migration(1, "away", away, None);
    database.sandbox.migration(2, "table", "CREATE TABLE t (a int);", None);
    let more =
        "SELECT set_config('search_path', 'app,' || current_setting('search_path'), false);\nCREATE TABLE u (a int);";
    database.sandbox.migration(3, "more", more, None);
    let run = migrate(&database, &["up"]);
    run.ok().stderr_has("⚠ migrations/1_away.up.sql:2: it sets search_path to \"app\" for its session");
    run.stderr_has("⚠ migrations/2_table.up.sql:1: here table t is created on the configured search_path; sqlx");
    run.stderr_has("⚠ migrations/3_more.up.sql:1: it sets search_path for its session").stderr_lacks("table own");
    // For the file itself the path is what it set, and the ledger stays where it was.
    let where_is = "SELECT string_agg(relnamespace::regnamespace || '.' || relname, ' ' ORDER BY relname) FROM pg_class WHERE \
        relkind = 'r' AND relname IN ('own', 't', 'u', '_sqlx_migrations')";
    assert_eq!(database.sql(where_is), "public._sqlx_migrations app.own public.t app.u");
    migrate(&database, &["status", "--check", "--drift"]).ok().stdout_lacks("pending");
}
