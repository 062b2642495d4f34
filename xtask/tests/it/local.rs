//! The `local` target: a private server of this host, from nothing to a backup and back.

use crate::harness::local::is_alive;
use crate::harness::{Fakes, Local, Sandbox, Test, needs, shared_local};
use std::fs;
use std::time::Duration;

pub fn tests() -> Vec<Test> {
    tests![
        [Postgres] it_goes_up_and_down_and_keeps_its_data,
        [Postgres] before_the_first_up_nothing_is_stopped_or_saved,
        [Postgres] odd_folders_and_roles_work_and_the_environment_has_no_effect,
        [Postgres] three_that_start_it_at_once_make_one_server,
        [Postgres, Script] servers_outlive_the_terminal,
        [OpenfgaBin, Postgres] a_second_up_changes_nothing,
        [Postgres] openfga_is_not_started_in_a_database_of_another_role,
        [Postgres] openfga_is_not_started_where_another_role_could_have_it_run_its_code,
        [OpenfgaBin, Postgres] openfga_sees_its_own_schema_alone_where_another_role_may_make_one,
    ]
}

fn before_the_first_up_nothing_is_stopped_or_saved() {
    let local = Local::new();
    let down = local.xtask(["down"]).run();
    down.ok().prints_nothing().stderr_has("Nothing runs; there is nothing to stop").stderr_lacks("✓");
    let health = local.xtask(["health-check", "--only", "backups"]).run();
    health.stdout_has("⚠ backups").stdout_has("→ cargo xtask up\n").stdout_has("→ cargo xtask db-backup\n");
}

fn it_goes_up_and_down_and_keeps_its_data() {
    let local = Local::new();
    let empty = local.sandbox.beside("empty");
    fs::create_dir(&empty).unwrap();
    let programs = needs::server_programs().unwrap();
    // Nothing but the named programs: no openfga, no docker.
    let xtask = |args: &[&'static str]| {
        local.xtask(args.iter().copied()).env("PATH", &empty).env("XTASK_PG_BIN", &programs).run()
    };
    xtask(&["db-shell", "--", "-c", "SELECT 1"]).code(4).prints_nothing().stderr_has("There is no local server yet");
    let up = xtask(&["up"]);
    up.ok().prints_nothing().stderr_has("✓ PostgreSQL").stderr_lacks("✓ OpenFGA");
    up.stderr_has("No openfga program").stderr_has("OpenFGA is not started").stderr_has("XTASK_OPENFGA_BIN");
    local.sandbox.store_of_users();
    // What needs it names what is to be installed, not `up`, which leaves it out again.
    for args in [&["setup-openfga"][..], &["test-auth"], &["openfga-export"], &["debug-auth", "a:b", "c", "d:e"]] {
        let run = xtask(args);
        run.code(4).stderr_has("there is no openfga program on this host").stderr_has("install Go (https://go.dev/dl)");
        run.stderr_has("github.com/openfga/openfga/releases").stderr_has("XTASK_OPENFGA_BIN=PATH");
        run.stderr_lacks("start it with");
    }
    let first = up.stderr.lines().next().unwrap();
    assert!(["local", "openfga", "postgres"].iter().all(|named| first.contains(named)), "{first}");
    let (pid, port) = (local.pid(), local.port());
    up.stderr_has(&format!("port {port}"));

    local.sql("openfga", "CREATE TABLE kept AS SELECT 42 AS answer");
    let answer = ["db-shell", "--", "-Atc", "SELECT answer FROM kept"];
    xtask(&answer).ok().prints("42").says_nothing();
    let backup = xtask(&["db-backup"]);
    backup.ok().stderr_has(&format!("local server, port {port}")).stderr_has("Tables:    1 (1 row)");
    local.proven(1);

    xtask(&["down"]).ok().prints_nothing().stderr_has("✓ Stopped; the data is kept");
    assert!(!is_alive(pid), "the server should have ended");
    for args in [&answer[..], &["db-backup"]] {
        let stopped = xtask(args);
        stopped.code(4).prints_nothing().stderr_has("is not running").stderr_has("cargo xtask up --target local");
    }
    assert_eq!(local.sandbox.backups().len(), 1);
    xtask(&["down"]).ok().stderr_has("Nothing runs; there is nothing to stop").stderr_lacks("✓");
    xtask(&["--quiet", "up"]).ok().prints_nothing();
    xtask(&answer).ok().prints("42");
    assert_eq!(local.port(), port, "a free port is kept");
}

fn odd_folders_and_roles_work_and_the_environment_has_no_effect() {
    // Quotes and dollars PostgreSQL itself does not allow in an owner of extensions.
    const ROLE: &str = "Zoë von Ü";
    let local = Local::of(Sandbox::named("ein Ordner für \"uns\" $HOME"));
    local.sandbox.set("XTASK_LOCAL_DIR", "\"lokal & süß\"");
    let xtask = |args: &[&'static str]| {
        let hostile =
            local.xtask(args.iter().copied()).env("POSTGRES_USER", ROLE).env("POSTGRES_DB", "Zürich's \"db\"");
        super::local_private::HOSTILE.iter().fold(hostile, |run, (name, value)| run.env(name, value))
    };
    xtask(&["up"]).here(local.sandbox.path("backups")).run().ok();
    assert!(local.sandbox.path("lokal & süß/data/PG_VERSION").exists());
    let who = [
        "db-shell",
        "--",
        "-Atc",
        "SELECT current_user, current_database(), rolsuper FROM pg_roles WHERE rolname = current_user",
    ];
    xtask(&who).run().ok().prints("Zoë von Ü|Zürich's \"db\"|t");
    // A server takes these from the shell that starts it, for all sessions to come.
    for (setting, value) in [("SHOW client_encoding", "UTF8"), ("SHOW DateStyle", "ISO, MDY")] {
        xtask(&["db-shell", "--", "-Atc", setting]).run().ok().prints(value);
    }
    xtask(&["db-backup"]).run().ok();
    local.proven(1);
    let other = local.xtask(["db-shell", "--", "-c", "SELECT 1"]).run();
    other.code(2).prints_nothing().stderr_has(ROLE).stderr_has("POSTGRES_USER is postgres");
    other.stderr_has(&format!("POSTGRES_USER='{ROLE}'"));
    local.xtask(["up"]).run().code(2).stderr_has(ROLE).stderr_lacks("✓");
    xtask(&["down"]).run().ok();
}

fn three_that_start_it_at_once_make_one_server() {
    let local = Local::new();
    let runs: Vec<_> = (0..3).map(|_| local.xtask(["up"]).spawn()).collect();
    let runs: Vec<_> = runs.into_iter().map(crate::harness::run::Running::wait).collect();
    for run in &runs {
        run.ok().prints_nothing().stderr_has("✓ PostgreSQL");
    }
    let made = runs.iter().filter(|run| !run.stderr.contains("already runs")).count();
    assert_eq!(made, 1, "one of them should have started it");
    local.xtask(["db-shell", "--", "-Atc", "SELECT 1"]).run().ok().prints("1");
    let left: Vec<_> = fs::read_dir(local.folder()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().contains("unfinished")), "{left:?}");
}

fn servers_outlive_the_terminal() {
    let local = Local::new();
    // A shell that stays when `up` has ended, and a terminal that is closed on it.
    let script = format!("'{}' up && echo 'it is up' && read line", env!("CARGO_BIN_EXE_xtask"));
    let shell = local.xtask(["-c", &script]).program("/bin/sh");
    let mut terminal = shell.terminal();
    terminal.shows("it is up");
    let pid = local.pid();
    drop(terminal);
    assert!(is_alive(pid), "the server should live on");
    local.xtask(["db-shell", "--", "-Atc", "SELECT 1"]).run().ok().prints("1");
}

fn a_second_up_changes_nothing() {
    let local = shared_local();
    let folder = local.folder();
    let state = || ["state.json", "openfga.json", "password"].map(|name| fs::read(folder.join(name)).unwrap());
    let (pid, before) = (local.pid(), state());
    let again = local.up();
    again.prints_nothing().stderr_has("✓ PostgreSQL").stderr_has("✓ OpenFGA");
    assert_eq!(again.stderr.matches("already runs").count(), 2, "{}", again.stderr);
    assert!(local.pid() == pid && state() == before, "something was changed");
    // Quick even on a busy machine; a start of either server takes longer.
    again.within(Duration::from_secs(5), "it should be quick");
    local.xtask(["up", "--quiet"]).run().ok().prints_nothing().says_nothing();
}

fn openfga_is_not_started_in_a_database_of_another_role() {
    let local = Local::new();
    local.up();
    local.sql("postgres", "CREATE ROLE low LOGIN");
    local.sql("postgres", "CREATE DATABASE fga OWNER low");
    let fakes = Fakes::new(&local.sandbox).program("openfga", "exit 1");
    let run = fakes.over(local.on("fga", ["up"])).run();
    run.code(1).stderr_has("OpenFGA was not started in database fga: the database belongs to role low; ");
    run.stderr_has("with the rights of user postgres").stderr_lacks("✓ OpenFGA");
    let uri = format!("'postgres://127.0.0.1:{}/fga?sslmode=disable'", local.port());
    run.stderr_has(&format!("run --datastore-engine postgres --datastore-uri {uri} --datastore-username low"));
    run.stderr_has(
        "--datastore-username low --http-addr 127.0.0.1:8080 --grpc-addr 127.0.0.1:8081 --metrics-enabled=false \
         --playground-enabled=false --profiler-enabled=false\n",
    );
    let grant = "GRANT SELECT, INSERT, UPDATE, DELETE ON public.store, public.authorization_model, public.tuple, \
                 public.changelog, public.assertion, public.goose_db_version TO \"low\"";
    run.stderr_has(&format!("db-shell -- -c '{grant}'"));
    run.stderr_lacks("openfga migrate failed");
    // As it says: who names a server in its place does not meet this again.
    let named = fakes.over(local.on("fga", ["up"])).env("OPENFGA_API_URL", "http://127.0.0.1:8080").run();
    named.ok().stderr_has("OpenFGA is not started here: OPENFGA_API_URL names the one that serves");
    // The statement that is typed gives no right by which code could be run, and none on other tables.
    local.sql("fga", include_str!("harness/openfga.sql"));
    local.sql("fga", &format!("CREATE TABLE public.ours (id int); {grant}"));
    let rights = "SELECT string_agg(DISTINCT privilege_type::text, ' ' ORDER BY privilege_type::text), \
                  count(DISTINCT table_name), bool_or(table_name = 'ours') FROM information_schema.table_privileges WHERE grantee = 'low'";
    assert_eq!(local.sql("fga", rights), "DELETE INSERT SELECT UPDATE|6|f");
    // In its own database it is.
    fakes.over(local.xtask(["up"])).run().code(1).stderr_has("openfga migrate failed");
}

/// What a weaker role holds, what the run says of it, and what it says to type.
const EXPOSED: &[(&str, &str, &str)] = &[
    (
        "CREATE SCHEMA postgres AUTHORIZATION low; CREATE VIEW postgres.goose_db_version AS SELECT 1 AS id",
        "schema postgres belongs to role low, and another schema of the path has OpenFGA's tables, too (and 1 more); the \
         program openfga could run code from there",
        "remove it if the tables of the other schema are yours: 'schema postgres'",
    ),
    (
        "ALTER SCHEMA public OWNER TO low",
        "schema public belongs to role low; ",
        "name it in .env: OPENFGA_API_URL=http://127.0.0.1:8080\n  or end that, as a superuser: cargo xtask db-shell",
    ),
    ("ALTER TABLE store OWNER TO low", "public.store belongs to role low; ", "ALTER TABLE public.store OWNER TO \"postgres\""),
    (
        "CREATE SCHEMA theirs AUTHORIZATION low; SET ROLE low; CREATE FUNCTION theirs.f() RETURNS trigger LANGUAGE plpgsql
           AS 'BEGIN RETURN NEW; END'; RESET ROLE;
         CREATE TRIGGER \"a\nb\" BEFORE INSERT ON store FOR EACH ROW EXECUTE FUNCTION theirs.f()",
        "trigger a\\nb on table public.store uses code of role low; ",
        "give it to user postgres, or remove it: $'trigger a\\012b on table public.store'",
    ),
    (
        "CREATE FUNCTION public.now() RETURNS integer LANGUAGE sql AS 'SELECT 1'; ALTER FUNCTION public.now() OWNER TO low",
        "function public.now() of role low has a name of PostgreSQL's own; ",
        "look at it; give it to user postgres, or remove it: 'function public.now()'",
    ),
    // Many rights that no role has used hide nothing that one has made.
    (
        "CREATE ROLE r1; CREATE ROLE r2; CREATE ROLE r3; CREATE ROLE r4; GRANT ALL ON ALL TABLES IN SCHEMA public TO r1, r2, r3, r4;
         CREATE FUNCTION public.now() RETURNS integer LANGUAGE sql AS 'SELECT 1'; ALTER FUNCTION public.now() OWNER TO low",
        "function public.now() of role low has a name of PostgreSQL's own",
        "or remove it: 'function public.now()'",
    ),
];

/// A right that a role has not used, and what the run says of it: every role of the server is this person's.
const RIGHTS: &[(&str, &str)] = &[
    ("GRANT CREATE ON SCHEMA public TO low", "role low may create objects in schema public"),
    ("GRANT CREATE ON SCHEMA public TO PUBLIC", "every role may create objects in schema public"),
    ("GRANT ALL ON store TO low", "role low may create triggers or foreign keys on public.store"),
    (
        "DROP TABLE tuple; ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO low",
        "role low gets the right to create triggers or foreign keys on new tables",
    ),
];

fn openfga_is_not_started_where_another_role_could_have_it_run_its_code() {
    let local = Local::new();
    local.up();
    local.sql("openfga", include_str!("harness/openfga.sql"));
    local.sql("postgres", "CREATE ROLE low LOGIN");
    let fakes = Fakes::new(&local.sandbox).program("openfga", "exit 1");
    for (number, (held, why, way)) in EXPOSED.iter().enumerate() {
        let name = format!("exposed{number}");
        local.sql("postgres", &format!("CREATE DATABASE {name} TEMPLATE openfga"));
        local.sql(&name, held);
        let run = fakes.over(local.on(&name, ["up"])).run();
        run.code(1)
            .stderr_has(&format!("OpenFGA was not started in database {name}: {why}"))
            .stderr_has(way)
            .stderr_lacks("openfga migrate failed");
    }
    for (number, (held, why)) in RIGHTS.iter().enumerate() {
        let name = format!("right{number}");
        local.sql("postgres", &format!("CREATE DATABASE {name} TEMPLATE openfga"));
        local.sql(&name, held);
        let run = fakes.over(local.on(&name, ["up"])).run();
        run.code(1).stderr_has(&format!(
            "OpenFGA runs with the rights of user postgres, and another role could use them: {why}"
        ));
        run.stderr_has("openfga migrate failed");
    }
    // What gives away nothing: rows of its tables, a schema and tables of its own, a view on theirs.
    local.sql("postgres", "CREATE DATABASE honest TEMPLATE openfga");
    local.sql(
        "honest",
        "GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA public TO low;
         CREATE SCHEMA low AUTHORIZATION low; CREATE TABLE public.theirs (a integer);
         ALTER TABLE public.theirs OWNER TO low; CREATE VIEW public.seen AS SELECT * FROM store; ALTER VIEW seen OWNER TO low",
    );
    let honest = fakes.over(local.on("honest", ["up"])).run();
    honest.code(1).stderr_has("openfga migrate failed").stderr_lacks("could use them");
}

/// The real program: the first schema of its usual path is named after its role.
fn openfga_sees_its_own_schema_alone_where_another_role_may_make_one() {
    let local = Local::new();
    local.sandbox.set_openfga_program();
    local.up().stderr_has("✓ OpenFGA answers");
    local.sql("postgres", "CREATE ROLE low LOGIN; GRANT CREATE ON DATABASE openfga TO low");
    local.sql(
        "openfga",
        "SET ROLE low; CREATE SCHEMA postgres;
         CREATE FUNCTION postgres.f() RETURNS text LANGUAGE plpgsql AS
           'BEGIN EXECUTE ''ALTER ROLE low SUPERUSER''; RETURN ''x''; EXCEPTION WHEN OTHERS THEN RETURN ''x''; END';
         CREATE VIEW postgres.store AS SELECT postgres.f() AS id, 'a' AS name, now() AS created_at, now() AS updated_at,
           NULL::timestamptz AS deleted_at",
    );
    // Read on the usual path, the view runs the role's code.
    local.sql("openfga", "SELECT id FROM store");
    assert_eq!(local.sql("openfga", "SELECT rolsuper FROM pg_roles WHERE rolname = 'low'"), "t");
    local.sql("postgres", "ALTER ROLE low NOSUPERUSER");
    local.xtask(["down"]).run().ok();
    // It is asked for its stores.
    local.up().stderr_has("✓ OpenFGA answers");
    assert_eq!(local.sql("openfga", "SELECT rolsuper FROM pg_roles WHERE rolname = 'low'"), "f");
    local.sandbox.store_of_users();
    local.xtask(["setup-openfga", "--yes"]).run().ok();
    assert_eq!(local.sql("openfga", "SELECT rolsuper FROM pg_roles WHERE rolname = 'low'"), "f");
    assert_eq!(local.sql("openfga", "SELECT name FROM public.store"), "acme");
}
