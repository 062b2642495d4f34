//! Which database of several is meant, and which services use it: `--database`, `POSTGRES_DB`, OpenFGA's datastore.

use crate::harness::sandbox::Sandbox;
use crate::harness::stack::shared;
use crate::harness::{Outcome, Stack, Test};
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;

pub fn tests() -> Vec<Test> {
    tests![
        [OwnStack, Openfga] each_command_works_on_the_database_that_is_named_of_three,
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

/// A stack of that shape.
struct Three(Stack);

/// Each service's container, and when it was started last.
type Starts = BTreeMap<&'static str, (String, String)>;

impl Three {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        fs::remove_file(sandbox.path("docker-compose.yml")).unwrap();
        sandbox.write("compose.yaml", THREE);
        sandbox.write("init/databases.sql", "CREATE DATABASE openfga; CREATE DATABASE keycloak; CREATE DATABASE gdpr;");
        sandbox.write("place", "postgres\n");
        Self(Stack::of(sandbox))
    }

    fn run(&self, words: &[&str]) -> Outcome {
        self.0.xtask(words.iter().copied()).run()
    }

    fn sql(&self, database: &str, sql: &str) -> String {
        let container = self.0.container_of("postgres");
        self.0.docker(&["exec", &container, "psql", "-U", "postgres", "-XAtd", database, "-c", sql])
    }

    /// Whether a database has OpenFGA's tables.
    fn has_openfga(&self, database: &str) -> bool {
        self.sql(database, "SELECT count(*) FROM pg_tables WHERE tablename = 'goose_db_version'") == "1"
    }

    fn starts(&self) -> Starts {
        let started = |name| {
            let id = self.0.container_of(name);
            let at = self.0.docker(&["inspect", "--format", "{{.State.StartedAt}} {{.State.Running}}", &id]);
            assert!(at.ends_with("true"), "{name} does not run");
            (id, at)
        };
        SERVICES.iter().map(|name| (*name, started(name))).collect()
    }

    /// That exactly these were restarted, and no container was recreated.
    #[track_caller]
    fn only_restarted(&self, before: &Starts, expected: &[&str]) {
        let after = self.starts();
        let of = |what: fn(&(String, String)) -> &String| {
            let changed = SERVICES.iter().filter(|name| what(&before[**name]) != what(&after[**name]));
            changed.copied().collect::<Vec<_>>()
        };
        assert_eq!(of(|(id, _)| id), [""; 0], "recreated");
        assert_eq!(of(|(_, at)| at), expected, "restarted");
    }
}

/// How a database of it is called.
fn named(database: &str) -> String {
    format!("compose service postgres (target compose, database {database}, user postgres)")
}

fn each_command_works_on_the_database_that_is_named_of_three() {
    let three = Three::new();
    the_files_name_the_database_before_there_is_a_container(&three);
    for database in ["openfga", "gdpr", "keycloak"] {
        three.sql(database, "CREATE TABLE t AS SELECT 1 AS a");
    }
    three.run(&["db-backup"]).ok().stderr_has("Database:  openfga (");
    three.run(&["db-backup", "--database", "gdpr"]).ok().stderr_has("Database:  gdpr (");
    three.sql("gdpr", "DELETE FROM t");
    three.sql("openfga", "DELETE FROM t");
    a_restore_of_another_database_leaves_openfga_alone(&three);
    a_restore_of_openfgas_database_stops_its_services(&three);
    each_file_has_its_database(&three);
    only_up_makes_the_services_of_another_database(&three);
}

fn the_files_name_the_database_before_there_is_a_container(three: &Three) {
    let up = three.run(&["up", "--all"]);
    up.ok().stderr_has(&format!("Starting {}", named("openfga"))).stderr_has("✓ OpenFGA ");
    let told = three.run(&["--verbose", "db-shell", "--", "-Atc", "SELECT current_database()"]);
    told.ok().prints("openfga").stderr_has("POSTGRES_DB=openfga (service openfga: OPENFGA_DATASTORE_URI)");
    told.stderr_lacks("hunter2");
}

/// OpenFGA stays up, and its tables stay out.
fn a_restore_of_another_database_leaves_openfga_alone(three: &Three) {
    let before = three.starts();
    let restored = three.run(&["--verbose", "db-restore", "--yes", "--database", "gdpr"]);
    restored.ok().stderr_has(&format!("Restoring {}", named("gdpr"))).stderr_lacks("hunter2");
    restored.stderr_has("Services that will be stopped: gdpr, worker\n");
    restored.stderr_has("  gdpr: GDPR_URL names gdpr\n");
    restored.stderr_has("  worker: it depends on postgres; which database it uses is not known\n");
    restored.stderr_has("Undo:      cargo xtask db-restore --database gdpr --undo");
    three.only_restarted(&before, &["gdpr", "worker"]);
    assert_eq!((three.sql("gdpr", "SELECT a FROM t").as_str(), three.has_openfga("gdpr")), ("1", false));

    // The same by the environment, which Compose must not put into OpenFGA's address.
    let before = three.starts();
    let undone = three.0.xtask(["db-restore", "--undo", "--yes"]).env("POSTGRES_DB", "gdpr").run();
    undone.ok().stderr_has(&named("gdpr")).stderr_has("Services that will be stopped: gdpr, worker");
    three.only_restarted(&before, &["gdpr", "worker"]);
    assert_eq!((three.sql("gdpr", "SELECT count(*) FROM t").as_str(), three.has_openfga("gdpr")), ("0", false));
}

fn a_restore_of_openfgas_database_stops_its_services(three: &Three) {
    let before = three.starts();
    let preview = three.run(&["--verbose", "db-restore", "--dry-run"]);
    preview.ok().stderr_has("Services that will be stopped: openfga, session, worker\n");
    preview.stderr_has("  openfga: OPENFGA_DATASTORE_URI names openfga\n");
    preview.stderr_has("  session: it has a session in openfga\n");
    let first = &three.run(&["db-restore", "--dry-run", "--json"]).json()["services"][0];
    assert_eq!(*first, json!({"name": "openfga", "why": "OPENFGA_DATASTORE_URI names openfga"}));
    three.run(&["db-restore", "--yes"]).ok().stderr_has(&named("openfga")).stderr_lacks("--database");
    three.only_restarted(&before, &["openfga", "worker", "session"]);
    assert_eq!((three.sql("openfga", "SELECT a FROM t").as_str(), three.has_openfga("openfga")), ("1", true));
    let reset = three.run(&["db-reset", "--dry-run", "--database", "keycloak"]);
    reset.ok().stderr_has("Services that will be stopped: keycloak, portal, worker\n");
}

fn each_file_has_its_database(three: &Three) {
    three.run(&["db-list"]).ok().stdout_has("gdpr").stdout_has("openfga");
    three.run(&["db-list", "--database", "gdpr"]).ok().stdout_has("gdpr").stdout_lacks("openfga");
    let pruned = three.run(&["db-prune", "--keep-last", "1", "--dry-run", "--database", "gdpr"]);
    pruned.ok().stderr_has("Pruning the backups of database gdpr in backups").stdout_lacks("openfga");
    let verified = three.run(&["db-verify", "--all", "--database", "gdpr"]);
    verified.ok().stdout_has("gdpr").stdout_lacks("openfga");
    let absent = three.run(&["db-backup", "--database", "nosuch"]);
    absent.code(4).stderr_has("PostgreSQL has no database nosuch").stderr_has("the database comes from --database");
}

fn only_up_makes_the_services_of_another_database(three: &Three) {
    three.run(&["up", "--database", "gdpr"]).ok().stderr_has(&named("gdpr"));
    let openfga = three.0.container_of("openfga");
    let environment = three.0.docker(&["inspect", "--format", "{{.Config.Env}}", &openfga]);
    assert!(environment.contains("/gdpr?sslmode"), "{environment}");
    three.run(&["db-shell", "--", "-Atc", "SELECT current_database()"]).ok().prints("gdpr");
    // What the files say now is not what OpenFGA was made of: its migration goes where its data is.
    three.sql("gdpr", "DROP TABLE t");
    three.run(&["db-backup"]).ok();
    let restored = three.run(&["db-restore", "--yes"]);
    restored.ok().stderr_has("Services that will be stopped: gdpr, openfga, worker");
    assert!(three.has_openfga("gdpr"));
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
