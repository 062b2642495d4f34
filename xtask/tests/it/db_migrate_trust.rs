//! `db-migrate` by a superuser on a database whose owner wants a superuser's rights: the owner's code never runs with
//! them. And where the ledger is: as the server's own rules for `search_path` have it.

use crate::harness::{Outcome, Test, UrlDatabase, Xtask};

pub fn tests() -> Vec<Test> {
    tests![
        [Postgres] an_armed_ledger_is_read_and_not_written,
        [Postgres] a_missing_ledger_is_not_made_where_that_runs_code_of_a_lesser_role,
        [Postgres] a_bare_ledger_of_a_lesser_owner_is_written,
        [Postgres] a_ledger_armed_while_a_file_runs_is_not_written,
        [Postgres] a_schema_is_not_renamed_under_the_ledger,
        [Postgres] what_is_no_ledger_is_refused,
        [Postgres] what_waits_for_commit_runs_on_the_configured_path,
        [Postgres] the_ledger_is_in_the_servers_current_schema,
    ]
}

const LEDGER: &str = "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL, \
    installed_on TIMESTAMPTZ NOT NULL DEFAULT now(), success BOOLEAN NOT NULL, checksum BYTEA NOT NULL, \
    execution_time BIGINT NOT NULL);";
/// Says that it is immutable, and counts each time that it runs with a superuser's rights.
const TRAP: &str = "CREATE SEQUENCE caught; \
    CREATE FUNCTION trap(anyelement) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN \
    IF (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) \
    THEN PERFORM pg_catalog.nextval('public.caught'); END IF; RETURN 1; END $$; \
    CREATE FUNCTION trap_trigger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
    PERFORM public.trap(1); RETURN NEW; END $$;";
/// Each way to have code run by a change of the ledger, and what takes it away again.
const ARMS: &[(&str, &str, &str)] = &[
    (
        "a trigger",
        "CREATE TRIGGER x BEFORE INSERT ON _sqlx_migrations FOR EACH ROW EXECUTE FUNCTION trap_trigger()",
        "DROP TRIGGER x ON _sqlx_migrations",
    ),
    (
        "a rule",
        "CREATE RULE x AS ON UPDATE TO _sqlx_migrations DO ALSO SELECT trap(1)",
        "DROP RULE x ON _sqlx_migrations",
    ),
    (
        "row security",
        "ALTER TABLE _sqlx_migrations ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE _sqlx_migrations DISABLE ROW LEVEL SECURITY",
    ),
    ("inheritance", "CREATE TABLE heir () INHERITS (_sqlx_migrations)", "DROP TABLE heir"),
    (
        "a constraint",
        "ALTER TABLE _sqlx_migrations ADD CONSTRAINT x CHECK (trap(version) = 1)",
        "ALTER TABLE _sqlx_migrations DROP CONSTRAINT x",
    ),
    (
        "a default of a column that sqlx does not have",
        "ALTER TABLE _sqlx_migrations ADD x int DEFAULT trap(1)",
        "ALTER TABLE _sqlx_migrations DROP x",
    ),
    (
        "a generated column",
        "ALTER TABLE _sqlx_migrations ADD y int GENERATED ALWAYS AS (trap(version)) STORED",
        "ALTER TABLE _sqlx_migrations DROP y",
    ),
    (
        "a column of a type that is not built in",
        "CREATE DOMAIN d AS int CHECK (trap(VALUE) = 1); ALTER TABLE _sqlx_migrations ADD z d",
        "ALTER TABLE _sqlx_migrations DROP z",
    ),
    ("an index on an expression", "CREATE INDEX x ON _sqlx_migrations ((trap(1)))", "DROP INDEX x"),
    (
        "statistics on an expression",
        "CREATE STATISTICS x ON (trap(1)), version FROM _sqlx_migrations",
        "DROP STATISTICS x",
    ),
];

/// A database of a role that is no superuser, with two versions to apply.
fn prepared(sql: &[&str]) -> UrlDatabase {
    let database = UrlDatabase::new();
    database.sandbox.tables(2);
    database.admin("ALTER DATABASE @name OWNER TO @role");
    database.sql("GRANT CREATE, USAGE ON SCHEMA public TO PUBLIC");
    database.own(&sql.join("\n"));
    database
}

/// The same command by the server's superuser.
fn as_superuser(database: &UrlDatabase, args: &[&str]) -> Xtask {
    let (password, port) = (database.server.password(), database.server.port());
    let url = format!("postgres://postgres:{password}@127.0.0.1:{port}/{}", database.name);
    database.xtask(args.iter().copied()).env("DATABASE_URL", url)
}

#[track_caller]
fn untouched(database: &UrlDatabase, run: &Outcome) {
    let caught = database.sql("SELECT is_called FROM public.caught");
    run.holds(caught == "f", "no code of the owner should run with a superuser's rights");
}

fn an_armed_ledger_is_read_and_not_written() {
    let arms: Vec<&str> = ARMS.iter().map(|(_, arm, _)| *arm).collect();
    let row = "INSERT INTO _sqlx_migrations VALUES (7, 'armed', now(), false, '', 0);";
    let database = prepared(&[LEDGER, row, TRAP, &arms.join(";\n"), ";"]);
    let run = as_superuser(&database, &["db-migrate", "status"]).run();
    run.ok().stdout_has("7        armed         dirty");
    untouched(&database, &run);
    for args in [&["repair", "--yes"][..], &["baseline", "1", "--yes"], &["up"], &["down", "--yes"]] {
        let run = as_superuser(&database, &[&["db-migrate"], args].concat()).run();
        run.holds(run.code != Some(0), "it should be refused");
        untouched(&database, &run);
    }
    database.own("DELETE FROM ONLY _sqlx_migrations");
    let run = as_superuser(&database, &["db-migrate", "up", "--no-backup"]).run();
    let owner = &database.role;
    run.code(1).stderr_has(&format!(" is not written: it belongs to user {owner} and has "));
    run.stderr_has(&format!("→ that could run code of '{owner}' with the rights of postgres: log in as '{owner}'"));
    for (what, ..) in ARMS {
        run.stderr_has(what);
    }
    untouched(&database, &run);
    assert_eq!(database.sql("SELECT to_regclass('t1') IS NULL"), "t");
}

fn a_bare_ledger_of_a_lesser_owner_is_written() {
    let database = prepared(&[LEDGER, TRAP]);
    database.sandbox.migration(
        3,
        "index",
        "-- no-transaction\nCREATE INDEX CONCURRENTLY i ON t1 (a);\n",
        Some("DROP INDEX i;"),
    );
    as_superuser(&database, &["db-migrate"]).run().ok().stderr_has("✓ 3 migrations applied");
    as_superuser(&database, &["db-migrate", "down", "--yes", "--no-backup"]).run().ok();
    database.sandbox.migration(2, "make a table", "SELECT 2;\n", None);
    as_superuser(&database, &["db-migrate", "repair", "--yes"]).run().ok();
    as_superuser(&database, &["db-migrate"]).run().ok();
    let run = as_superuser(&database, &["db-migrate", "status", "--check"]).run();
    run.ok();
    untouched(&database, &run);
    assert_eq!(database.sql("SELECT tableowner FROM pg_tables WHERE tablename = '_sqlx_migrations'"), database.role);
    // The owner may arm what is its own; its code has its own rights then.
    database.own(ARMS[0].1);
    database.xtask(["db-migrate", "repair"]).run().ok();
    database.sandbox.migration(4, "four", "SELECT 4;\n", None);
    let run = database.xtask(["db-migrate", "up", "--no-backup"]).run();
    run.ok();
    untouched(&database, &run);
}

/// A superuser made the trigger; its function is the owner's.
fn a_missing_ledger_is_not_made_where_that_runs_code_of_a_lesser_role() {
    let database = prepared(&[TRAP]);
    database.own("CREATE FUNCTION at_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN PERFORM trap(1); END$$");
    for event in ["ddl_command_start", "ddl_command_end"] {
        database.sql(&format!("CREATE EVENT TRIGGER watch ON {event} EXECUTE FUNCTION at_ddl()"));
        for args in [&["up", "--no-backup"][..], &["baseline", "1", "--yes", "--no-compare"]] {
            let run = as_superuser(&database, &[&["db-migrate"], args].concat()).run();
            let owner = &database.role;
            run.code(1).prints_nothing().stderr_has(" is not made: event trigger watch would run a function of user ");
            run.stderr_has(&format!(
                "→ that could run code of '{owner}' with the rights of postgres: log in as '{owner}'"
            ));
            untouched(&database, &run);
        }
        database.sql("DROP EVENT TRIGGER watch");
    }
    as_superuser(&database, &["db-migrate", "up", "--no-backup"]).run().ok();
    // What is there is not made again.
    let on_tables =
        "CREATE EVENT TRIGGER watch ON ddl_command_start WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION at_ddl()";
    database.sql(on_tables);
    let run = as_superuser(&database, &["db-migrate", "down", "--yes", "--no-backup"]).run();
    untouched(&database, run.ok());
}

/// Between the first look and the row the owner has the whole time that a file runs.
fn a_ledger_armed_while_a_file_runs_is_not_written() {
    let database = prepared(&[LEDGER, TRAP]);
    let xtask = as_superuser(&database, &["db-migrate", "--no-backup"]);
    let running = crate::harness::restore::paused(xtask, "applying");
    database.own(ARMS[0].1);
    running.signal(rustix::process::Signal::CONT);
    let run = running.wait();
    run.code(1).stderr_has("is not written: it belongs to user ").stderr_has("a trigger");
    untouched(&database, &run);
    assert_eq!(database.sql("SELECT (SELECT count(*) FROM _sqlx_migrations), to_regclass('t1') IS NULL"), "0|t");
}

/// The owner waits until the ledger is locked, and puts its armed twin in its place by two renames.
const RENAMES: &str = "SET lock_timeout TO '20s'; DO $$
    DECLARE ledger oid := 'public._sqlx_migrations'::regclass; start timestamptz := clock_timestamp();
    BEGIN
      WHILE clock_timestamp() < start + interval '30 s' LOOP
        IF EXISTS (SELECT FROM pg_locks WHERE relation = ledger AND mode = 'ShareUpdateExclusiveLock' AND granted) THEN
          ALTER SCHEMA public RENAME TO p1; ALTER SCHEMA p2 RENAME TO public; COMMIT;
          ALTER SCHEMA public RENAME TO p2; ALTER SCHEMA p1 RENAME TO public; COMMIT;
          EXIT WHEN EXISTS (SELECT FROM public.enough);
        END IF;
        COMMIT;
      END LOOP;
    END $$;";

fn a_schema_is_not_renamed_under_the_ledger() {
    let database = prepared(&[LEDGER, TRAP, "CREATE TABLE enough (a int)"]);
    database.admin("GRANT CREATE ON DATABASE @name TO @role");
    let role = format!("\"{}\"", database.role);
    database.sql(&format!("ALTER SCHEMA public OWNER TO {role}; GRANT USAGE ON SCHEMA public TO PUBLIC"));
    database.own(&format!(
        "CREATE SCHEMA p2; SET search_path TO p2; {LEDGER} SET search_path TO public; \
        CREATE TRIGGER x BEFORE INSERT ON p2._sqlx_migrations FOR EACH ROW EXECUTE FUNCTION trap_trigger()"
    ));
    for version in 3..12 {
        database.sandbox.migration(version, "nothing", "SELECT 1;\n", None);
    }
    std::thread::scope(|scope| {
        let owner = scope.spawn(|| database.own(RENAMES));
        let run = as_superuser(&database, &["db-migrate", "up", "--no-backup"]).run();
        database.sql("INSERT INTO public.enough VALUES (1)");
        // The last lock that it waits for is this one.
        database.sql(
            "BEGIN; LOCK TABLE public._sqlx_migrations IN SHARE UPDATE EXCLUSIVE MODE; SELECT pg_sleep(0.2); COMMIT",
        );
        owner.join().unwrap();
        untouched(&database, &run);
        run.ok();
    });
}

fn what_is_no_ledger_is_refused() {
    let database = prepared(&[TRAP, "CREATE VIEW _sqlx_migrations AS SELECT trap(1) AS version;"]);
    for args in [&["status"][..], &["up"], &["repair", "--yes"], &["baseline", "1", "--yes"]] {
        let run = as_superuser(&database, &[&["db-migrate"], args].concat()).run();
        run.code(1).stderr_has("is not an ordinary table, so it is not used as the ledger").stderr_has("→ rename it");
        untouched(&database, &run);
    }
    database.own(&format!("DROP VIEW _sqlx_migrations; {LEDGER} ALTER TABLE _sqlx_migrations RENAME success TO done"));
    let run = as_superuser(&database, &["db-migrate", "status"]).run();
    run.code(1).stderr_has("is not a ledger of sqlx: its column success is not sqlx's");
}

/// A trigger that is put off until COMMIT finds its names where psql and sqlx would have it find them.
fn what_waits_for_commit_runs_on_the_configured_path() {
    let database = UrlDatabase::new();
    let up = "CREATE TABLE noted (path text);\nCREATE TABLE t (a int);\n\
        CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO noted VALUES (current_setting('search_path')); RETURN NULL; END $$;\n\
        CREATE CONSTRAINT TRIGGER late AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION late();\n\
        INSERT INTO t VALUES (1);\n";
    database.sandbox.migration(1, "late", up, None);
    database.sandbox.migration(2, "after", "INSERT INTO t VALUES (2);\n", None);
    database.own("CREATE SCHEMA own");
    database.admin("ALTER ROLE @role SET search_path TO own, public");
    database.xtask(["db-migrate"]).run().ok();
    assert_eq!(database.sql("SELECT string_agg(path, ';') FROM own.noted"), "own, public;own, public");
}

fn the_ledger_is_in_the_servers_current_schema() {
    let database = UrlDatabase::new();
    let own_schema = database.role.clone();
    database.own(&format!(
        "CREATE SCHEMA own; CREATE SCHEMA \"Own\"; CREATE SCHEMA \"a\"\"b, c\"; CREATE SCHEMA \"{own_schema}\""
    ));
    for (path, expected) in [
        ("\"$user\", public", own_schema.as_str()),
        ("nosuch, OWN ,public", "own"),
        ("\"Own\",own", "Own"),
        ("own, \"$user\"", "own"),
        ("\"a\"\"b, c\", own", "a\"b, c"),
        ("'own, public', \"Own\"", "Own"),
    ] {
        database.admin(&format!("ALTER DATABASE @name SET search_path TO {path}"));
        // Where a table without a schema is made is where sqlx makes it.
        database.own(LEDGER);
        let run = database.xtask(["db-migrate", "status", "--json"]).run();
        let found = run.ok().json()["schema"].as_str().unwrap_or_default().to_owned();
        run.holds(found == expected, &format!("with {path} the ledger is in {expected}"));
        database.own("DROP TABLE _sqlx_migrations");
        // Where there is none yet, it is made there.
        database.sandbox.migration(1, "one", "SELECT 1;", Some("SELECT 1;"));
        database.xtask(["db-migrate"]).run().ok();
        database.own("DROP TABLE _sqlx_migrations");
    }
}
