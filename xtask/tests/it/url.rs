//! The `url` target: every command on a server that `DATABASE_URL` names, as a role that is no superuser.

use crate::harness::url::{PASSWORD, TlsServer};
use crate::harness::{Fakes, Health, Sandbox, Test, UrlDatabase, Watch, Xtask, needs, sandbox};
use std::fs;
use std::os::unix::fs::PermissionsExt;

pub fn tests() -> Vec<Test> {
    tests![
        [Postgres] every_command_works_for_an_owner,
        [Postgres] no_secret_is_shown,
        [Postgres] every_form_of_the_address_is_understood,
        [Postgres] nothing_of_the_environment_leads_elsewhere,
        [Postgres] what_the_address_leaves_out_is_found_elsewhere_or_refused,
        [Postgres, Openssl] tls_is_as_strict_as_the_address_says,
        [Postgres] parameters_of_other_programs_are_named,
        [Postgres, OpenfgaBin] openfga_is_migrated_where_its_program_is,
        [Postgres] openfga_is_not_run_with_more_rights_than_the_databases_owner_has,
        [Postgres] openfga_is_not_run_after_a_swap_where_another_role_put_something_on_its_path,
        [Postgres, OpenfgaBin] addresses_alone_are_enough_to_set_up,
        [Postgres] tables_of_a_server_that_does_not_serve_are_their_operators,
    ]
}

fn every_command_works_for_an_owner() {
    let database = UrlDatabase::new();
    let (port, name, role) = (database.server.port(), &database.name, &database.role);
    let shown = format!("127.0.0.1:{port} (target url, database {name}, user {role})");
    let up = database.xtask(["up"]).run();
    up.ok().stderr_has(&format!("Nothing to start on {shown}\n✓ PostgreSQL ")).stderr_has("answers (127.0.0.1:");
    let down = database.xtask(["down"]).run();
    down.code(2).stderr_has("This program does not stop").stderr_lacks("Stopped");

    database.own("CREATE TABLE t AS SELECT i, 'it''s ' || i AS text FROM generate_series(1, 3) AS i");
    let old = database.dump();
    let shell = database.xtask(["db-shell", "--", "-Atc", "SELECT current_user, current_database()"]).run();
    shell.ok().prints(&format!("{role}|{name}")).says_nothing();
    let file = database.xtask(["db-backup"]).run();
    file.ok().stderr_has(&format!(", 127.0.0.1:{port})"));
    database.xtask(["db-list", "--check"]).run().ok().stdout_has("whole");
    database.xtask(["db-verify", "--restore"]).run().ok().stdout_has("restored and compared");
    database.xtask(["db-prune", "--keep-last", "1", "--yes"]).run().ok().stderr_has("Nothing to remove");

    database.own("DELETE FROM t WHERE i = 2; CREATE TABLE later AS SELECT 1 AS a");
    let changed = database.dump();
    let preview = database.xtask(["db-restore", "--dry-run"]).run();
    preview.ok().stderr_has("public.later");
    let run = database.xtask(["db-restore", "--yes"]).run();
    run.ok().stderr_has("✓ Database restored").stderr_has("No services are stopped");
    run.holds(run.stderr.starts_with(&format!("Restoring {shown}\n")), "the first line names the target");
    assert_eq!(database.dump(), old);
    let undo = database.xtask(["db-restore", "--undo", "--yes"]).run();
    undo.ok().stderr_has("No services are stopped");
    assert_eq!(database.dump(), changed);
    database.xtask(["db-restore", "--repair"]).run().ok().stderr_has("Nothing to repair");
    database.xtask(["db-reset", "--yes"]).run().ok().stderr_has("✓ Database reset");
    assert_eq!(database.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), "0");
    database.xtask(["db-restore", "--undo", "--yes"]).run().ok();
    assert_eq!(database.dump(), changed);
    assert_eq!(database.beside("before").len(), 1);
    // The first restore into a server without the database makes it.
    database.admin("DROP DATABASE @name WITH (FORCE)");
    let backup = String::from_utf8_lossy(&file.stdout).trim().to_owned();
    database.xtask(["db-restore", "--yes", &backup]).run().ok();
    assert_eq!(database.dump(), old);
    assert_eq!(database.admin("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = '@name'"), *role);
}

fn no_secret_is_shown() {
    let database = UrlDatabase::new();
    database.own("CREATE TABLE t AS SELECT 1 AS i");
    let watch = Watch::start();
    let url = database.url("");
    for args in
        [&["db-backup"][..], &["db-restore", "--yes"], &["db-reset", "--yes"], &["db-shell", "--", "-c", "SELECT 1"]]
    {
        let run = database.xtask(["--verbose"]).args(args).run();
        run.ok().stderr_has("DATABASE_URL=*** (environment)").stderr_has("PGPASSWORD=***").stderr_has("psql");
        run.stderr_lacks(PASSWORD).stderr_lacks("p%40ss").stdout_lacks(PASSWORD);
    }
    let hidden =
        database.xtask(["--verbose", "db-backup"]).env("DATABASE_URL", database.url("options=-c%20x.y%3Dhunter2"));
    hidden.run().ok().stderr_has("PGOPTIONS=***").stderr_lacks("hunter2");
    // Nor where the server quotes it.
    for options in ["options=hunter2", "options=-c%20work_mem%3Dhunter2", "options=-c%20a.b%3D1%20hunter2"] {
        for args in [&["--verbose", "db-backup"][..], &["health-check", "--json"], &["db-stats"]] {
            let run = database.xtask(args.iter().copied()).env("DATABASE_URL", database.url(options)).run();
            run.holds(run.code != Some(0), "the server refuses it").stderr_lacks("hunter2").stdout_lacks("hunter2");
            let said = [run.text(), run.stderr.clone()].concat();
            run.holds(said.contains("***"), "the server's own words are shown");
        }
    }
    watch.finish(&[PASSWORD, "p%40ss", &url]);
    for name in database.sandbox.backups() {
        let text = fs::read_to_string(database.sandbox.path("backups").join(name)).unwrap();
        assert!(!text.contains(PASSWORD) && !text.contains("p%40ss"));
    }
}

/// `SELECT` of who and where.
const WHO: [&str; 4] = ["db-shell", "--", "-Atc", "SELECT current_user, current_database()"];

fn every_form_of_the_address_is_understood() {
    let database = UrlDatabase::new();
    let (port, name, role) = (database.server.port(), &database.name, &database.role);
    let closed = sandbox::free_port();
    let here = format!("{role}|{name}");
    let quoted = PASSWORD.replace('\\', r"\\").replace('\'', r"\'");
    for url in [
        database.url("").replace("postgres://", "postgresql://"),
        database.address("localhost", port, name),
        // The first server of two does not answer.
        database.address(&format!("127.0.0.1:{closed},localhost"), port, name),
        database.address("", port, &format!("{name}?host=localhost")).replace(&format!(":{port}/"), "/")
            + &format!("&port={port}"),
        format!("host=127.0.0.1 port = {port} dbname={name} user='{role}' password='{quoted}'"),
        format!("{}  ", database.url("connect_timeout=5&application_name=mine&client_encoding=LATIN1")),
    ] {
        database.xtask(WHO).env("DATABASE_URL", &url).run().ok().prints(&here);
    }
    // .env, where people keep it; a flag chooses the target.
    database.sandbox.set("DATABASE_URL", &format!("'host=127.0.0.1 port={port} dbname={name} user={}'", "postgres"));
    let password = database.server.password();
    let run = database.xtask(["--target", "url"]).args(WHO).unset("DATABASE_URL").env("PGPASSWORD", &password).run();
    run.ok().prints(&format!("postgres|{name}"));
}

fn nothing_of_the_environment_leads_elsewhere() {
    let database = UrlDatabase::new();
    let services = database.sandbox.write("services.conf", "[elsewhere]\ndbname=postgres\nhost=nowhere.invalid\n");
    let lead = |run: Xtask| {
        run.env("PGHOST", "nowhere.invalid")
            .env("PGHOSTADDR", "192.0.2.1")
            .env("PGPORT", "1")
            .env("PGDATABASE", "postgres")
            .env("PGUSER", "postgres")
            .env("PGPASSWORD", "wrong")
            .env("PGSERVICE", "elsewhere")
            .env("PGSERVICEFILE", &services)
            .env("PGOPTIONS", "-c search_path=pg_catalog")
            .env("PGCLIENTENCODING", "LATIN1")
            .env("PGTARGETSESSIONATTRS", "standby")
            .env("POSTGRES_DB", "postgres")
            .env("POSTGRES_USER", "postgres")
    };
    lead(database.xtask(WHO)).run().ok().prints(&format!("{}|{}", database.role, database.name));
    database.own("CREATE TABLE t AS SELECT 1 AS i");
    let backup = lead(database.xtask(["db-backup", "--json"])).run();
    assert_eq!(backup.ok().json()["database"], database.name);
    // The address alone chooses nothing.
    let other = lead(database.xtask(["db-backup"])).env("XTASK_TARGET", "local").run();
    other.code(4).stderr_has("There is no local server yet");
}

fn what_the_address_leaves_out_is_found_elsewhere_or_refused() {
    let database = UrlDatabase::new();
    let (port, name, role) = (database.server.port(), &database.name, &database.role);
    let url = format!("postgres://{}@127.0.0.1:{port}/{name}", role.replace(' ', "%20"));
    let without = || database.xtask(WHO).env("DATABASE_URL", &url);
    let refused = without().run();
    refused.code(4).stderr_has("refuses the password of user").stderr_has("~/.pgpass");
    let escaped = PASSWORD.replace('\\', "\\\\").replace(':', "\\:");
    for file in [database.sandbox.home.join(".pgpass"), database.sandbox.path("secrets/passwords")] {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, format!("127.0.0.1:{port}:*:{role}:{escaped}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    }
    without().run().ok().prints(&format!("{role}|{name}"));
    fs::remove_file(database.sandbox.home.join(".pgpass")).unwrap();
    // A file's path is relative to the checkout, wherever one stands.
    let named = without().env("DATABASE_URL", format!("{url}?passfile=secrets/passwords"));
    named.here(database.sandbox.path("backups")).run().ok();
    for (url, what) in [
        (format!("postgres://{role}@127.0.0.1:{port}"), "names no database"),
        (format!("postgres://{role}@127.0.0.1:{port}/"), "names no database"),
        (String::new(), "needs DATABASE_URL, which is not set"),
    ] {
        database.xtask(WHO).env("DATABASE_URL", url).run().code(2).stderr_has(what);
    }
}

fn tls_is_as_strict_as_the_address_says() {
    let server = TlsServer::start();
    let sandbox = Sandbox::new();
    let (port, ca) = (server.port, sandbox.path("ca.crt"));
    fs::copy(&server.certificate, &ca).unwrap();
    let run = |host: &str, parameters: &str, args: &[&str]| {
        let url = format!("postgres://postgres:{}@{host}:{port}/openfga?{parameters}", server.password);
        let run = Xtask::new(&sandbox).args(args).env("XTASK_TARGET", "url").env("DATABASE_URL", url);
        run.env("XTASK_PG_BIN", needs::server_programs().unwrap())
    };
    let select = ["db-shell", "--", "-Atc", "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"];
    let at = |host: &str, parameters: &str| run(host, parameters, &select);
    let trusted = "sslmode=verify-full&sslrootcert=ca.crt";
    at("localhost", trusted).run().ok().prints("t");
    at("localhost", "sslmode=require").run().ok().prints("t");
    at("localhost", "ssl=true").run().ok().prints("t");
    at("localhost", "sslmode=disable").run().ok().prints("f");
    let no_tls = "that DATABASE_URL asks for cannot be made";
    // Another name than the certificate's; no authority that signed it; another one that did.
    at("127.0.0.1", trusted).run().code(4).stderr_has(no_tls).stderr_has("does not match host name");
    at("localhost", "sslmode=verify-full").run().code(4).stderr_has(no_tls).stderr_has("root certificate file");
    fs::write(&ca, "nonsense").unwrap();
    at("localhost", trusted).run().code(4).stderr_has(no_tls);
    at("localhost", "sslmode=nonsense").run().code(2).stderr_has("invalid sslmode value");
    // What the shell asks for is no less: it names no other database.
    at("localhost", "").env("PGSSLMODE", "verify-full").run().code(4).stderr_has(no_tls);
    fs::copy(&server.certificate, &ca).unwrap();
    for args in [&["db-backup"][..], &["db-restore", "--yes"], &["db-reset", "--yes"]] {
        run("localhost", trusted, args).here(sandbox.path("backups")).run().ok();
    }
}

fn parameters_of_other_programs_are_named() {
    let database = UrlDatabase::new();
    let harmless = database.url("schema=public&connection_limit=5&pgbouncer=true&keepalives=1");
    let run = database.xtask(WHO).env("DATABASE_URL", harmless).run();
    run.ok()
        .stderr_has("ignored, because psql does not accept")
        .stderr_has("schema, connection_limit, pgbouncer, keepalives");
    for parameters in ["sslaccept=strict", "sslmod=verify-full", "schema=public&Host=elsewhere"] {
        let run = database.xtask(WHO).env("DATABASE_URL", database.url(parameters)).run();
        let unknown = parameters.rsplit('&').next().unwrap().split('=').next().unwrap();
        run.code(2).stderr_has("libpq does not know").stderr_has(unknown).prints_nothing();
    }
    for parameters in ["service=mine", "replication=database", "sslpassword=x"] {
        database.xtask(WHO).env("DATABASE_URL", database.url(parameters)).run().code(2);
    }
}

/// The restored database has the schema again, whose view would run the role's code.
fn openfga_is_not_run_after_a_swap_where_another_role_put_something_on_its_path() {
    let database = UrlDatabase::new();
    let (name, role, port) = (&database.name, &database.role, database.server.port());
    database.admin("ALTER DATABASE @name OWNER TO postgres");
    database.sql(include_str!("harness/openfga.sql"));
    database.sql(&format!(
        "GRANT CREATE ON DATABASE {name} TO \"{role}\"; CREATE SCHEMA postgres AUTHORIZATION \"{role}\";
         CREATE VIEW postgres.goose_db_version AS SELECT 1 AS id, 5::bigint AS version_id, true AS is_applied;
         ALTER VIEW postgres.goose_db_version OWNER TO \"{role}\""
    ));
    let fakes = Fakes::new(&database.sandbox).program("openfga", "exit 0");
    let superuser = format!("postgres://postgres:{}@127.0.0.1:{port}/{name}", database.server.password());
    let xtask =
        |args: &[&'static str]| fakes.over(database.xtask(args.iter().copied()).env("DATABASE_URL", &superuser)).run();
    xtask(&["db-backup"]).ok();
    let run = xtask(&["db-restore", "--yes"]);
    run.code(6)
        .stderr_has(&format!("OpenFGA's tables in {name} were not migrated: schema postgres belongs to role '{role}'"));
    run.stderr_has("cargo xtask db-restore --repair");
    assert_eq!(fakes.calls(), Vec::<Vec<String>>::new());
    // Without it the program runs, and its address names the one schema, since the role may still make another.
    database.sql("DROP SCHEMA postgres CASCADE");
    let noted = database.sandbox.beside("address");
    let fakes = Fakes::new(&database.sandbox)
        .program("openfga", &format!("printf '%s' \"$OPENFGA_DATASTORE_URI\" >'{}'", noted.display()));
    let repair = database.xtask(["db-restore", "--repair"]).env("DATABASE_URL", &superuser);
    fakes.over(repair).run().ok().stderr_has("✓ Repaired: OpenFGA's tables were not migrated after a swap");
    assert_eq!(fs::read_to_string(noted).unwrap(), format!("postgres:///{name}?search_path=%22public%22"));
}

/// From an address alone to a checked database, and OpenFGA's store where its address is given too.
fn addresses_alone_are_enough_to_set_up() {
    let database = UrlDatabase::new();
    ["openfga", "migrations"].iter().for_each(|folder| database.sandbox.copy_folder(folder));
    let xtask = |args: &[&'static str]| database.xtask(args.iter().copied());
    for command in ["setup-openfga", "test-auth"] {
        let run = xtask(&[command]).run();
        run.code(2).stderr_has("OPENFGA_API_URL is not set").stderr_has("OPENFGA_API_URL=https://fga.example.com");
    }
    let first = xtask(&["setup-env", "--yes"]).run();
    first.ok().stderr_has("as XTASK_TARGET says (.env)").stderr_has("✓ First backup: ").stderr_has("health-check: ");
    assert_eq!(database.sql("SELECT count(*) FROM _sqlx_migrations WHERE success"), "2");
    xtask(&["setup-env", "--yes"])
        .run()
        .ok()
        .stderr_has("Every migration is applied")
        .stderr_has("There is a backup: ");
    let api = database.server.openfga().url;
    let name = format!("by address {}", database.name);
    let setup =
        || xtask(&["setup-openfga", "--yes", "--store", &*name.clone().leak()]).env("OPENFGA_API_URL", &api).run();
    setup().ok().stdout_has("is set up");
    setup().ok().stdout_has("no changes");
    assert!(std::fs::read_to_string(database.sandbox.path(".env")).unwrap().contains("OPENFGA_STORE_ID="));
}

fn openfga_is_migrated_where_its_program_is() {
    let database = UrlDatabase::new();
    database
        .own("CREATE TABLE store (id text); CREATE TABLE authorization_model (id text); CREATE TABLE tuple (id text)");
    let without = database.xtask(["db-reset", "--dry-run"]).run();
    without.ok();
    let program = needs::openfga_program().unwrap();
    let reset = database.xtask(["db-reset", "--yes"]).env("XTASK_OPENFGA_BIN", &program).run();
    reset.ok().stderr_lacks("migrate OpenFGA's tables yourself");
    let revision: u32 = database.sql("SELECT max(version_id) FROM goose_db_version").parse().unwrap();
    assert!(revision >= 6, "{revision}");
    assert_eq!(database.sql("SELECT tableowner FROM pg_tables WHERE tablename = 'tuple'"), database.role);
    // Its session is not ours: a setting that stops it is named, with the statement that takes it away.
    let (role, name) = (&database.role, &database.name);
    for (whose, shown) in [
        (format!("ALTER DATABASE \"{name}\""), format!("database {name}")),
        (format!("ALTER ROLE \"{role}\""), format!("user '{role}'")),
    ] {
        database.admin(&format!("{whose} SET statement_timeout TO '1ms'"));
        let run = database.xtask(["db-reset", "--yes"]).env("XTASK_OPENFGA_BIN", &program).run();
        run.code(6).stderr_has("openfga migrate failed (exit code 1)").stderr_lacks("--version");
        run.stderr_has(&format!(
            "statement_timeout is 1ms, for {shown}; to remove it: {whose} RESET statement_timeout;"
        ));
        run.stderr_has("cargo xtask db-restore --repair").stderr_has("cargo xtask db-restore --undo");
        // What cannot be started is no reason not to go back.
        let undo = database.xtask(["db-restore", "--undo", "--yes"]).env("XTASK_OPENFGA_BIN", &program).run();
        undo.ok()
            .stderr_has("OpenFGA's tables were not migrated after a swap, and cannot be now: ")
            .stderr_has("✓ Restore undone");
        database.admin(&format!("{whose} RESET statement_timeout"));
        database.xtask(["db-restore", "--repair"]).run().ok().stderr_has("✓ Nothing to repair");
    }
}

/// What that program names without a schema, the owner decides: it would become a superuser.
fn openfga_is_not_run_with_more_rights_than_the_databases_owner_has() {
    let database = UrlDatabase::new();
    database
        .own("CREATE TABLE store (id text); CREATE TABLE authorization_model (id text); CREATE TABLE tuple (id text)");
    let (name, role, port) = (&database.name, &database.role, database.server.port());
    let fakes = Fakes::new(&database.sandbox).program("openfga", "exit 0");
    let superuser = format!("postgres://postgres:{}@127.0.0.1:{port}/{name}", database.server.password());
    let xtask =
        |args: &[&'static str]| fakes.over(database.xtask(args.iter().copied()).env("DATABASE_URL", &superuser)).run();
    let command = format!(
        "openfga migrate --datastore-engine postgres --datastore-uri postgres://127.0.0.1:{port}/{name} --datastore-username '{role}'"
    );
    let refused = format!("OpenFGA's tables in {name} were not migrated: the database belongs to role '{role}'; ");
    let run = xtask(&["db-reset", "--yes"]);
    run.code(6).stderr_has(&refused).stderr_has("with the rights of user postgres").stderr_has(&command);
    run.stderr_has("cargo xtask db-restore --repair");
    // The next one owes the tables, too.
    xtask(&["db-reset", "--yes"]).code(6).stderr_has(&refused).stderr_has(", and cannot be now: ");
    xtask(&["db-restore", "--repair"]).stderr_has(&refused).stderr_lacks("✓ Repaired: OpenFGA");
    assert_eq!(fakes.calls(), Vec::<Vec<String>>::new());
    // As the owner's migration leaves it: nothing is known to be left to do.
    database.own(include_str!("harness/openfga.sql"));
    let repaired = xtask(&["db-restore", "--repair"]);
    repaired.ok().stderr_has("✓ Repaired: OpenFGA's tables were not migrated after a swap");
    xtask(&["db-backup"]).ok();
    xtask(&["db-restore", "--yes"]).ok().stderr_lacks("were not migrated");
    assert_eq!(fakes.calls(), Vec::<Vec<String>>::new());
    // The owner's own login gives nothing away.
    fakes.over(database.xtask(["db-reset", "--yes"])).run();
    assert_eq!(fakes.calls().len(), 1, "{:?}", fakes.calls());
}

/// With tables of an old revision it does not serve, and `setup-openfga` does not migrate them.
fn tables_of_a_server_that_does_not_serve_are_their_operators() {
    let database = UrlDatabase::new();
    database
        .own(&format!("{}; DELETE FROM goose_db_version WHERE version_id > 0", include_str!("harness/openfga.sql")));
    let run = database.xtask([]).env("OPENFGA_API_URL", "http://127.0.0.1:9");
    let health = Health::of(run, &["--only", "openfga/schema"]);
    health.says("openfga/schema", "fail", "revision 0", "migrate them: openfga migrate --datastore-engine postgres");
    health.outcome.holds(!health.outcome.text().contains("setup-openfga"), "no command that ends at the same place");
}
