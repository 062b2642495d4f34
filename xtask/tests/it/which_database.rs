//! Which database of several is meant, and which services use it: `--database`, `POSTGRES_DB`, OpenFGA's datastore.

use crate::harness::sandbox::Sandbox;
use crate::harness::stack::shared;
use crate::harness::{Stack, Test};
use std::collections::BTreeMap;
use std::fs;

pub fn tests() -> Vec<Test> {
    tests![
        [OwnStack, Openfga] one_server_with_the_databases_of_three_services,
        [Stack] every_letter_of_a_databases_name_is_a_part_of_it,
        [] a_name_that_no_database_has_is_refused,
    ]
}

/// The shape of the project that the old guide comes from: three databases in one server, each of another service.
const THREE: &str = r#"
x-fga: &fga
  image: ${OPENFGA_IMAGE}
  environment:
    OPENFGA_DATASTORE_ENGINE: postgres
    OPENFGA_DATASTORE_URI: postgres://postgres:hunter2@postgres:5432/${POSTGRES_DB:-openfga}?sslmode=disable
x-quiet: &quiet
  image: ${POSTGRES_IMAGE}
  stop_signal: SIGKILL
  entrypoint: [sleep, infinity]
services:
  postgres:
    image: ${POSTGRES_IMAGE}
    environment: {POSTGRES_PASSWORD: hunter2}
    volumes: ['./init:/docker-entrypoint-initdb.d:ro', 'data:/var/lib/postgresql/data']
    healthcheck: {test: [CMD, pg_isready, -h, 127.0.0.1], interval: 1s, retries: 60}
  openfga-migrate:
    <<: *fga
    command: migrate
    depends_on: {postgres: {condition: service_healthy}}
  openfga:
    <<: *fga
    command: run
    ports: ['127.0.0.1::8080']
    depends_on: {postgres: {condition: service_healthy}, openfga-migrate: {condition: service_completed_successfully}}
  keycloak:
    <<: *quiet
    environment: {KC_DB: postgres, KC_DB_URL: 'jdbc:postgresql://postgres:5432/keycloak', KC_DB_PASSWORD: hunter2}
    depends_on: {postgres: {condition: service_healthy}}
  portal: {<<: *quiet, depends_on: [keycloak]}
  gdpr:
    <<: *quiet
    environment: {GDPR_URL: 'postgresql+asyncpg://postgres:hunter2@postgres/gdpr'}
    depends_on: {postgres: {condition: service_healthy}}
  worker: {<<: *quiet, depends_on: {postgres: {condition: service_healthy}}}
  # Nothing but its session tells what it uses.
  session:
    <<: *quiet
    environment: {PGUSER: postgres, PGPASSWORD: hunter2}
    volumes: ['./place:/etc/place:ro']
    entrypoint: [bash, -c, 'until psql -d openfga -h "$$(cat /etc/place)" < <(sleep infinity); do sleep 0.2; done']
volumes: {data: {}}
"#;
const SERVICES: [&str; 7] = ["postgres", "openfga", "keycloak", "portal", "gdpr", "worker", "session"];

fn three() -> Stack {
    let sandbox = Sandbox::new();
    fs::remove_file(sandbox.path("docker-compose.yml")).unwrap();
    sandbox.write("compose.yaml", THREE);
    sandbox.write("init/databases.sql", "CREATE DATABASE openfga; CREATE DATABASE keycloak; CREATE DATABASE gdpr;");
    sandbox.write("place", "postgres\n");
    Stack::of(sandbox)
}

/// Each service's container, and when it was started last.
fn starts(stack: &Stack) -> BTreeMap<&'static str, (String, String)> {
    let started = |name| {
        let id = stack.container_of(name);
        let at = stack.docker(&["inspect", "--format", "{{.State.StartedAt}} {{.State.Running}}", &id]);
        assert!(at.ends_with("true"), "{name} does not run");
        (id, at)
    };
    SERVICES.iter().map(|name| (*name, started(name))).collect()
}

/// That exactly these were started anew, and no container was made anew.
#[track_caller]
fn only_restarted(stack: &Stack, before: &BTreeMap<&'static str, (String, String)>, expected: &[&str]) {
    let after = starts(stack);
    let of = |what: fn(&(String, String)) -> &String| {
        let changed = SERVICES.iter().filter(|name| what(&before[**name]) != what(&after[**name]));
        changed.copied().collect::<Vec<_>>()
    };
    assert_eq!(of(|(id, _)| id), [""; 0], "made anew");
    assert_eq!(of(|(_, at)| at), expected, "started anew");
}

fn one_server_with_the_databases_of_three_services() {
    let stack = three();
    let run = |words: &[&'static str]| stack.xtask(words.iter().copied()).run();
    let named =
        |database: &str| format!("compose service postgres (target compose, database {database}, user postgres)");
    let sql = |database: &str, sql: &str| {
        let words = ["exec", &stack.container_of("postgres"), "psql", "-U", "postgres", "-XAtd", database, "-c", sql];
        stack.docker(&words)
    };
    let tables = |database: &str| sql(database, "SELECT count(*) FROM pg_tables WHERE tablename = 'goose_db_version'");

    // There is no container yet: the files name it.
    run(&["up", "--all"]).ok().stderr_has(&format!("Starting {}", named("openfga"))).stderr_has("✓ OpenFGA ");
    let told = run(&["--verbose", "db-shell", "--", "-Atc", "SELECT current_database()"]);
    told.ok().prints("openfga").stderr_has("POSTGRES_DB=openfga (service openfga: OPENFGA_DATASTORE_URI)");
    told.stderr_lacks("hunter2");

    for database in ["openfga", "gdpr", "keycloak"] {
        sql(database, "CREATE TABLE t AS SELECT 1 AS a");
    }
    run(&["db-backup"]).ok().stderr_has("Database:  openfga (");
    run(&["db-backup", "--database", "gdpr"]).ok().stderr_has("Database:  gdpr (");
    sql("gdpr", "DELETE FROM t");
    sql("openfga", "DELETE FROM t");

    // Another database than OpenFGA's: OpenFGA stays up, and its tables stay out.
    let before = starts(&stack);
    let restored = run(&["--verbose", "db-restore", "--yes", "--database", "gdpr"]);
    restored.ok().stderr_has(&format!("Restoring {}", named("gdpr"))).stderr_lacks("hunter2");
    restored.stderr_has("Services that will be stopped: gdpr, worker\n");
    restored.stderr_has("  gdpr: GDPR_URL names gdpr\n");
    restored.stderr_has("  worker: it depends on postgres, and nothing tells which database it uses\n");
    restored.stderr_has("Undo:      cargo xtask db-restore --database gdpr --undo");
    only_restarted(&stack, &before, &["gdpr", "worker"]);
    assert_eq!((sql("gdpr", "SELECT a FROM t"), tables("gdpr")), ("1".to_owned(), "0".to_owned()));

    // The same by the environment, which Compose must not put into OpenFGA's address.
    let before = starts(&stack);
    let undone = stack.xtask(["db-restore", "--undo", "--yes"]).env("POSTGRES_DB", "gdpr").run();
    undone.ok().stderr_has(&named("gdpr")).stderr_has("Services that will be stopped: gdpr, worker");
    only_restarted(&stack, &before, &["gdpr", "worker"]);
    assert_eq!((sql("gdpr", "SELECT count(*) FROM t"), tables("gdpr")), ("0".to_owned(), "0".to_owned()));

    // OpenFGA's own.
    let before = starts(&stack);
    let preview = run(&["--verbose", "db-restore", "--dry-run"]);
    preview.ok().stderr_has("Services that will be stopped: openfga, session, worker\n");
    preview.stderr_has("  openfga: OPENFGA_DATASTORE_URI names openfga\n");
    preview.stderr_has("  session: it has a session in openfga\n");
    let json = run(&["db-restore", "--dry-run", "--json"]).json();
    assert_eq!(
        json["services"][0],
        serde_json::json!({"name": "openfga", "why": "OPENFGA_DATASTORE_URI names openfga"})
    );
    run(&["db-restore", "--yes"]).ok().stderr_has(&named("openfga")).stderr_lacks("--database");
    only_restarted(&stack, &before, &["openfga", "worker", "session"]);
    assert_eq!((sql("openfga", "SELECT a FROM t"), tables("openfga")), ("1".to_owned(), "1".to_owned()));
    let reset = run(&["db-reset", "--dry-run", "--database", "keycloak"]);
    reset.ok().stderr_has("Services that will be stopped: keycloak, portal, worker\n");

    // Each file has its database.
    let all = run(&["db-list"]);
    all.ok().stdout_has("gdpr").stdout_has("openfga");
    run(&["db-list", "--database", "gdpr"]).ok().stdout_has("gdpr").stdout_lacks("openfga");
    let pruned = run(&["db-prune", "--keep-last", "1", "--dry-run", "--database", "gdpr"]);
    pruned.ok().stderr_has("Pruning the backups of database gdpr in backups").stdout_lacks("openfga");
    let verified = run(&["db-verify", "--all", "--database", "gdpr"]);
    verified.ok().stdout_has("gdpr").stdout_lacks("openfga");
    let absent = run(&["db-backup", "--database", "nosuch"]);
    absent.code(4).stderr_has("PostgreSQL has no database nosuch").stderr_has("the database comes from --database");

    // Only `up` makes the services of another database.
    run(&["up", "--database", "gdpr"]).ok().stderr_has(&named("gdpr"));
    let environment = stack.docker(&["inspect", "--format", "{{.Config.Env}}", &stack.container_of("openfga")]);
    assert!(environment.contains("/gdpr?sslmode"), "{environment}");
    run(&["db-shell", "--", "-Atc", "SELECT current_database()"]).ok().prints("gdpr");
    // What the files say now is not what OpenFGA was made of: its migration goes where its data is.
    sql("gdpr", "DROP TABLE t");
    run(&["db-backup"]).ok();
    let restored = run(&["db-restore", "--yes"]);
    restored.ok().stderr_has("Services that will be stopped: gdpr, openfga, worker");
    assert_eq!(tables("gdpr"), "1");
}

fn every_letter_of_a_databases_name_is_a_part_of_it() {
    for name in ["-dash", "postgres://u:p@h/d", "host=x dbname=postgres", "it's \"so\"", "zoë 日本", "--all"] {
        let database = shared().database_named(name, "");
        let own = || database.xtask(["--database", name]).unset("POSTGRES_DB");
        let sql = "SELECT current_database()";
        own().args(["db-shell", "--", "-Atc", sql]).run().ok().prints(name);
        database
            .xtask(["db-shell", "--database", name, "--", "-Atc", sql])
            .env("POSTGRES_DB", "x")
            .run()
            .ok()
            .prints(name);
        let word = format!("--database={name}");
        let taken = database.xtask(["db-backup", &word, "--json"]).env("POSTGRES_DB", "x").run();
        assert_eq!(taken.json()["database"], name);
        own().args(["db-restore", "--yes"]).run().ok().stderr_has("✓ Database restored");
        own().args(["db-restore", "--undo", "--yes"]).run().ok();
    }
}

fn a_name_that_no_database_has_is_refused() {
    let sandbox = Sandbox::new();
    let long = "x".repeat(64);
    for name in ["", &long, &"ä".repeat(32)] {
        let run = |command: &str| crate::harness::Xtask::new(&sandbox).args([command, "--database", name]).run();
        for command in ["db-backup", "db-list", "up", "completions"] {
            run(command).code(2).prints_nothing().stderr_has("--database <NAME>");
        }
    }
}
