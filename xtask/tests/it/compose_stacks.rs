//! Stacks of other people: which service is PostgreSQL, and how to log in there, is read from the stack.

use crate::harness::sandbox::PREFIX;
use crate::harness::{Health, Sandbox, Stack, Test, needs};
use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

pub fn tests() -> Vec<Test> {
    tests![
        [OwnStack] a_stack_of_other_names_is_read_from_its_container,
        [OwnStack] an_image_with_other_variables_works_like_the_usual_one,
        [Compose] service_and_login_are_those_that_compose_resolves,
        [Compose] a_doubt_is_refused_with_the_services_that_there_are,
        [Compose] a_profile_that_is_not_active_is_named,
    ]
}

/// The suite's image under other names; untagged when it is dropped.
pub struct Images(Vec<String>);

static TAGGED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

impl Images {
    /// A test removes its names at its end: two tests cannot have the same one.
    pub fn tagged(names: &[&str]) -> Self {
        let names: Vec<String> = names.iter().map(|name| image(name)).collect();
        let is_new = |name: &String| TAGGED.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone());
        assert!(names.iter().all(is_new), "another test has one of {names:?}");
        names.iter().for_each(|name| docker(&["tag", &needs::postgres_image(), name]));
        Self(names)
    }
}

impl Drop for Images {
    fn drop(&mut self) {
        let names = self.0.iter().map(String::as_str);
        let words: Vec<&str> = ["rmi", "--no-prune", "--force"].into_iter().chain(names).collect();
        let _ = Command::new("docker").args(words).stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
}

/// One of these names.
pub fn image(name: &str) -> String {
    format!("{PREFIX}{}/{name}", std::process::id())
}

#[track_caller]
fn docker(words: &[&str]) {
    let run = Command::new("docker").args(words).stdin(Stdio::null()).output().unwrap();
    assert!(run.status.success(), "docker {words:?}: {}", String::from_utf8_lossy(&run.stderr));
}

/// A stack of this Compose file, `compose.yaml`; `.env` holds these lines alone.
pub fn stack(yaml: &str, env: &str) -> Stack {
    let sandbox = Sandbox::new();
    fs::remove_file(sandbox.path("docker-compose.yml")).unwrap();
    sandbox.write("compose.yaml", yaml.replace("IMAGE/", &image("")));
    let stack = Stack::of(sandbox);
    stack.sandbox.write(".env", format!("COMPOSE_PROJECT_NAME={}\n{env}", stack.sandbox.project));
    stack
}

/// The same where the folder's name is the project's, which only Compose can tell.
fn stack_without_a_name(yaml: &str, env: &str) -> Stack {
    let name = format!("{PREFIX}{}-folder", std::process::id());
    let mut sandbox = Sandbox::named(&name);
    fs::remove_file(sandbox.path("docker-compose.yml")).unwrap();
    sandbox.write("compose.yaml", yaml.replace("IMAGE/", &image("")));
    sandbox.write(".env", env);
    sandbox.project = name;
    let stack = Stack::of(sandbox);
    stack.sandbox.write(".env", env);
    stack
}

const OTHER_NAMES: &str = "
services:
  database:
    image: IMAGE/postgis:16-3.4
    env_file: [base.env, database.env]
    environment: {POSTGRES_PASSWORD_FILE: /run/secrets/pw}
    secrets: [pw]
    volumes: ['data:/var/lib/postgresql/data']
    healthcheck: {test: [CMD, pg_isready, -h, 127.0.0.1], interval: 1s}
  cache: {image: 'IMAGE/mysql:8', entrypoint: [sleep, infinity]}
  tools: {image: 'IMAGE/postgres:16', profiles: [tools]}
secrets: {pw: {file: ./pw.txt}}
volumes: {data: {}}
";
const SECRET: &str = "pa$s 'w\"ö:@/rd";

fn a_stack_of_other_names_is_read_from_its_container() {
    let images = Images::tagged(&["postgis:16-3.4", "mysql:8", "postgres:16"]);
    let stack = stack_without_a_name(OTHER_NAMES, "POSTGRES_USER=of-the-env-file\nPOSTGRES_DB=of-the-env-file\n");
    stack.sandbox.write("base.env", "POSTGRES_USER=base\nPOSTGRES_DB=appdb\n");
    stack.sandbox.write("database.env", "POSTGRES_USER=app\n");
    stack.sandbox.write("pw.txt", format!("{SECRET}\n"));
    let run = |words: &[&'static str]| stack.xtask(words.iter().copied()).run();

    let named = "compose service database (target compose, database appdb, user app)";
    let absent = run(&["db-backup"]);
    absent.code(4).stderr_has("The database service has not been started").stderr_has("cargo xtask up");
    let up = run(&["up"]);
    up.ok().stderr_has(&format!("Starting {named}")).stderr_has("answers (compose service database)");
    up.stderr_has(&format!("PostgreSQL is the service database (image {})", images.0[0]));
    up.stderr_has("XTASK_POSTGRES_SERVICE=database");
    assert_eq!(up.stderr.matches("PostgreSQL is the service").count(), 1, "it is said once");

    let told = run(&["--verbose", "db-shell", "--", "-Atc", "SELECT current_user, current_database()"]);
    told.ok().prints("app|appdb").stderr_lacks("w\"ö").stderr_lacks("of-the-env-file");
    told.stderr_has("POSTGRES_USER=app (service database)").stderr_has("POSTGRES_DB=appdb (service database)");
    told.stderr_has("POSTGRES_PASSWORD=*** (service database: POSTGRES_PASSWORD_FILE)");

    let only = ["--only", "postgres", "service/database", "disk/postgres"];
    let health = Health::of(stack.xtask([]), &only);
    health.fails_only(&[]).says("postgres", "ok", "database appdb", "").says("disk/postgres", "ok", "", "");
    run(&["db-shell", "--", "-qc", "CREATE TABLE t AS SELECT 1 AS a"]).ok();
    run(&["db-backup"]).ok();
    run(&["db-shell", "--", "-qc", "DELETE FROM t"]).ok();
    run(&["db-restore", "--yes"]).ok().stderr_has(&format!("Restoring {named}"));
    run(&["db-shell", "--", "-Atc", "SELECT count(*) FROM t"]).ok().prints("1");

    a_wrong_password_is_told_with_its_origin(&stack);
    by_setting(&stack);
    where_compose_fails(&stack);
    docker(&["stop", "--time", "0", &stack.container_of("database")]);
    let stopped = run(&["--verbose", "db-backup"]);
    stopped.code(4).stderr_has("The database service is not running").stderr_has("logs --tail 20 database");
    // The file is where its mount comes from.
    stopped
        .stderr_has("POSTGRES_PASSWORD=*** (service database: POSTGRES_PASSWORD_FILE)")
        .stderr_lacks("cannot be read");
}

/// Only the network asks for the password: programs inside come by the socket.
fn a_wrong_password_is_told_with_its_origin(stack: &Stack) {
    let refused = "PostgreSQL refuses the password of user app";
    let wrong = |words: &[&'static str]| stack.xtask(words.iter().copied()).env("POSTGRES_PASSWORD", "wrong");
    let health = Health::of(wrong(&[]), &["--only", "postgres"]);
    health.says("postgres", "fail", refused, "comes from POSTGRES_PASSWORD in the environment; the volume keeps");
    wrong(&["db-backup"]).run().ok();
    stack.xtask(["db-shell", "--", "-qc", "ALTER ROLE app PASSWORD 'another'"]).run().ok();
    let up = stack.xtask(["up"]).run();
    up.code(4).stderr_has(refused).stderr_has("comes from POSTGRES_PASSWORD_FILE of the service database");
    up.stderr_has("the volume keeps the password that it was made with").stderr_lacks("✓");
}

fn by_setting(stack: &Stack) {
    let named = |service: &'static str| stack.xtask(["db-backup"]).env("XTASK_POSTGRES_SERVICE", service).run();
    let absent = named("databse");
    absent.code(2).stderr_has("XTASK_POSTGRES_SERVICE is \"databse\", which is no service of this project");
    absent.stderr_has("→ the services that are PostgreSQL: database (");
    named("cache").code(2).stderr_has("XTASK_POSTGRES_SERVICE is cache, which is not PostgreSQL");
    named("--all").code(2).stderr_has("is no service of this project");
    named("database").ok().stderr_lacks("PostgreSQL is the service");
    // A second one makes it doubtful, whether it runs or not.
    stack.sandbox.write("compose.override.yaml", "services: {second: {image: 'postgres:15'}}\n");
    for words in [&["db-backup"][..], &["up"], &["health-check"], &["setup-env", "--yes"]] {
        let several = stack.xtask(words.iter().copied()).run();
        several.code(2).stderr_has("Several services of this project are PostgreSQL: database (");
        several
            .stderr_has("second (postgres:15)")
            .stderr_has("XTASK_POSTGRES_SERVICE=database")
            .stderr_lacks("✓ PostgreSQL");
    }
    named("database").ok();
    fs::remove_file(stack.sandbox.path("compose.override.yaml")).unwrap();
}

fn where_compose_fails(stack: &Stack) {
    stack.sandbox.write("compose.override.yaml", "services: {database: {env_file: [missing.env]}}\n");
    let run = stack.xtask(["db-shell", "--", "-Atc", "SELECT current_user"]).run();
    run.ok()
        .prints("app")
        .stderr_has("⚠ Docker Compose cannot read this project; the running service database is taken");
    run.stderr_has("missing.env");
    fs::remove_file(stack.sandbox.path("compose.override.yaml")).unwrap();
}

/// As Bitnami's image: its own names, a password on the socket, too; and another port.
fn an_image_with_other_variables_works_like_the_usual_one() {
    let _images = Images::tagged(&["postgresql:16"]);
    let yaml = r#"
services:
  db:
    image: IMAGE/postgresql:16
    entrypoint:
      - bash
      - -c
      - 'export POSTGRES_USER=$$POSTGRESQL_USERNAME POSTGRES_PASSWORD=$$POSTGRESQL_PASSWORD POSTGRES_DB=$$POSTGRESQL_DATABASE; exec docker-entrypoint.sh "$$@"'
      - bash
    command: [postgres, -p, "5433"]
    environment:
      PG_MAJOR: ""
      POSTGRES_INITDB_ARGS: --auth=scram-sha-256
      POSTGRESQL_USERNAME: bn_app
      POSTGRESQL_PASSWORD: a$$b
      POSTGRESQL_DATABASE: bn_db
"#;
    let stack = stack(yaml, "");
    let run = |words: &[&'static str]| stack.xtask(words.iter().copied()).run();
    run(&["up"]).ok().stderr_has("compose service db (target compose, database bn_db, user bn_app)");
    let told = run(&["--verbose", "db-shell", "--", "-Atc", "SELECT current_user, current_database()"]);
    told.ok().prints("bn_app|bn_db").stderr_has("(service db: POSTGRESQL_USERNAME)").stderr_lacks("a$b");
    run(&["db-backup"]).ok();
    Health::of(stack.xtask([]), &["--only", "postgres"]).fails_only(&[]).says("postgres", "ok", "database bn_db", "");
    // A secret that cannot be read is named, and the socket does not let anybody in without it.
    let wrong = stack.xtask(["db-backup"]).env("POSTGRES_PASSWORD", "wrong").run();
    wrong
        .code(4)
        .stderr_has("PostgreSQL refuses the password of user bn_app")
        .stderr_has("POSTGRES_PASSWORD in the environment");
}

/// A Compose file, `.env`, and what `down` then says that it stops: service, database, user.
pub const RESOLVED: [(&str, &str, [&str; 3]); 20] = [
    ("services: {db: {image: 'postgres:16'}}", "POSTGRES_USER=x\nPOSTGRES_DB=y\n", ["db", "postgres", "postgres"]),
    (
        "services: {db: {image: 'postgres:16', environment: {POSTGRES_USER: bar}}}",
        "POSTGRES_USER=app\n",
        ["db", "bar", "bar"],
    ),
    (
        "services: {db: {image: 'postgres:16', environment: ['POSTGRES_USER=${POSTGRES_USER:-u}', 'POSTGRES_DB=d$$d']}}",
        "POSTGRES_USER=app\n",
        ["db", "d$d", "app"],
    ),
    ("services: {postgres: {build: .}, db: {image: 'postgres:16'}}", "", ["postgres", "postgres", "postgres"]),
    ("services: {postgres: {image: 'mysql:8'}, db: {image: 'postgres:16'}}", "", ["db", "postgres", "postgres"]),
    (
        "services: {db: {image: 'registry.example.com:5000/team/postgres@sha256:ALL'}}",
        "",
        ["db", "postgres", "postgres"],
    ),
    (
        "services: {a: {image: 'x/timescaledb:1'}, b: {image: 'prometheuscommunity/postgres-exporter'}}",
        "",
        ["a", "postgres", "postgres"],
    ),
    ("services: {a: {image: 'x'}, b: {image: 'y'}}", "XTASK_POSTGRES_SERVICE=b\n", ["b", "postgres", "postgres"]),
    ("services: {db: {image: 'postgres:16', env_file: [one.env, two.env]}}", "", ["db", "one", "two"]),
    (
        "services: {db: {image: 'postgres:16', env_file: [one.env, two.env], environment: {POSTGRES_DB: last}}}",
        "",
        ["db", "last", "two"],
    ),
    (
        "x-e: &e {POSTGRES_DB: anchor}\nservices: {db: {image: 'postgres:16', environment: {<<: *e}}}",
        "",
        ["db", "anchor", "postgres"],
    ),
    ("services: {db: {extends: {file: base.yaml, service: base}}}", "", ["db", "extended", "postgres"]),
    ("include: [base.yaml]\nservices: {web: {image: web}}", "", ["base", "extended", "postgres"]),
    (
        "services: {db: {image: 'postgres:16', environment: {POSTGRES_USER_FILE: /run/secrets/u}, secrets: [u]}}\nsecrets: {u: {file: ./user.txt}}",
        "",
        ["db", "filed", "filed"],
    ),
    // OpenFGA's datastore, where it is in this server.
    (
        "services: {db: {image: 'postgres:16', environment: {POSTGRES_DB: own}}, fga: {image: 'openfga/openfga', environment: {OPENFGA_DATASTORE_URI: 'postgres://u:p@db:5432/${POSTGRES_DB:-fga}?sslmode=disable'}}}",
        "",
        ["db", "fga", "postgres"],
    ),
    (
        "services: {db: {image: 'postgres:16'}, fga: {image: 'openfga/openfga', environment: {OPENFGA_DATASTORE_URI: 'postgres://u:p@db:5432/${POSTGRES_DB:-fga}?sslmode=disable'}}}",
        "POSTGRES_DB=of-the-file\n",
        ["db", "of-the-file", "postgres"],
    ),
    (
        "services: {db: {image: 'postgres:16', networks: {n: {aliases: [pg.internal]}}}, openfga: {build: ., networks: [n], command: [run, --datastore-engine, postgres, --datastore-uri, 'postgres://u:p@pg.internal/fga']}}\nnetworks: {n: {}}",
        "",
        ["db", "fga", "postgres"],
    ),
    (
        "services: {db: {image: 'postgres:16'}, fga: {image: 'openfga/openfga', environment: {OPENFGA_DATASTORE_URI: 'postgres://u:p@db.example.com/fga'}}}",
        "",
        ["db", "postgres", "postgres"],
    ),
    (
        "services: {db: {image: 'postgres:16'}, fga: {image: 'openfga/openfga', environment: {OPENFGA_DATASTORE_ENGINE: mysql, OPENFGA_DATASTORE_URI: 'postgres://u:p@db/fga'}}}",
        "",
        ["db", "postgres", "postgres"],
    ),
    (
        "services: {db: {image: 'postgres:16'}, a: {image: 'openfga/openfga', environment: {OPENFGA_DATASTORE_URI: 'postgres://db/one'}}, b: {image: 'openfga/openfga', environment: {OPENFGA_DATASTORE_URI: 'postgres://db/two'}}}",
        "XTASK_OPENFGA_SERVICE=b\n",
        ["db", "two", "postgres"],
    ),
];

fn service_and_login_are_those_that_compose_resolves() {
    let stack = stack("services: {}", "");
    let sandbox = &stack.sandbox;
    sandbox.write("one.env", "POSTGRES_DB=one\nPOSTGRES_USER=one\n");
    sandbox.write("two.env", "POSTGRES_USER=two\n");
    sandbox.write("user.txt", "filed\n");
    sandbox.write("base.yaml", "services: {base: {image: 'postgres:16', environment: {POSTGRES_DB: extended}}}\n");
    for (yaml, env, [service, database, user]) in RESOLVED {
        sandbox.write("compose.yaml", yaml.replace("ALL", &"0".repeat(64)));
        sandbox.write(".env", format!("COMPOSE_PROJECT_NAME={}\n{env}", sandbox.project));
        let named = format!("Stopping compose service {service} (target compose, database {database}, user {user})");
        stack.xtask(["down"]).run().stderr_has(&named).ok();
    }
    // What is typed or set for the process wins over the service.
    let given = || stack.xtask(["down"]).env("POSTGRES_USER", "me").env("POSTGRES_DB", "mine");
    given().run().ok().stderr_has("(target compose, database mine, user me)");
    let typed = given().args(["--database", "typed one"]).run();
    typed.ok().stderr_has("(target compose, database typed one, user me)");
    let long = given().env("POSTGRES_DB", "x".repeat(64)).run();
    long.code(2).stderr_has("the name of the database has 64 bytes; PostgreSQL takes at most 63");
}

fn a_doubt_is_refused_with_the_services_that_there_are() {
    let stack = stack("services: {}", "");
    for (yaml, setting, message) in [
        (
            "services: {a: {image: 'postgres:16'}, b: {image: 'pgvector/pgvector:pg16'}}",
            "",
            "PostgreSQL: a (postgres:16), b (pgvector/pgvector:pg16)",
        ),
        (
            "services: {postgres: {image: 'mysql:8'}, web: {build: .}}",
            "",
            "The service postgres is not PostgreSQL (its image is mysql:8)",
        ),
        ("services: {web: {image: 'nginx:1'}}", "", "No service of this project is PostgreSQL, by name or image"),
        ("services: {web: {image: 'nginx:1'}}", "", "this program looks after PostgreSQL, and no other database;"),
        ("services: {web: {image: 'team/app'}}", "", "it may be: web"),
        ("services: {db: {image: 'postgres:16'}}", "Db", "XTASK_POSTGRES_SERVICE is \"Db\", which is no service"),
    ] {
        stack.sandbox.write("compose.yaml", yaml);
        let run = stack.xtask(["up"]).env("XTASK_POSTGRES_SERVICE", setting).run();
        run.code(2).prints_nothing().stderr_has(message).stderr_lacks("Starting");
    }
    let fga = |name: &str, database: &str| {
        let uri = format!("OPENFGA_DATASTORE_URI: 'postgres://u:hunter2@db/{database}'");
        format!("{name}: {{image: 'openfga/openfga', environment: {{{uri}}}}}")
    };
    let (one, other) = (fga("openfga", "authorization"), fga("second", "it s"));
    stack.sandbox.write("compose.yaml", format!("services: {{db: {{image: 'postgres:16'}}, {one}, {other}}}"));
    let run = |words: &[&'static str]| stack.xtask(words.iter().copied()).run();
    let doubt = run(&["up"]);
    doubt.code(2).stderr_lacks("Starting").stderr_lacks("hunter2");
    doubt.stderr_has("OpenFGA services name databases of this server: openfga names authorization, second names it s");
    doubt.stderr_has("--database authorization").stderr_has("XTASK_OPENFGA_SERVICE=");
    run(&["down", "--database", "it s"]).ok().stderr_has("database it s, user postgres");
    let two = "services: {db: {image: 'postgres:16'}, a: {image: 'openfga/openfga'}, b: {image: 'openfga/openfga'}}";
    stack.sandbox.write("compose.yaml", two);
    stack.sandbox.copy_folder("openfga");
    let run = stack.xtask(["setup-openfga"]).run();
    run.code(2).stderr_has("Several services of this project are OpenFGA: a (openfga/openfga), b");
    let run = stack.xtask(["setup-openfga"]).env("XTASK_OPENFGA_SERVICE", "c").run();
    run.code(2).stderr_has("XTASK_OPENFGA_SERVICE is \"c\", which is no service").stderr_has("a (openfga/openfga), b");
}

fn a_profile_that_is_not_active_is_named() {
    let yaml = "services: {db: {image: 'postgres:16', profiles: [data]}, web: {image: web, depends_on: [db]}}";
    let stack = stack(yaml, "");
    let run = stack.xtask(["db-backup"]).run();
    run.code(4).stderr_has("The db service has not been started");
    run.stderr_has("COMPOSE_PROFILES=data cargo xtask up (the profile data is not active)");
    let active = stack.xtask(["db-backup"]).env("COMPOSE_PROFILES", "data").run();
    active.code(4).stderr_has("→ start it with: cargo xtask up").stderr_lacks("COMPOSE_PROFILES");
}
