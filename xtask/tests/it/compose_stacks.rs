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
pub fn stack_without_a_name(yaml: &str, env: &str) -> Stack {
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
    healthcheck: {test: [CMD, pg_isready, -h, 127.0.0.1], interval: 1s, retries: 60}
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

    a_wrong_password_is_reported_with_its_origin(&stack);
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
fn a_wrong_password_is_reported_with_its_origin(stack: &Stack) {
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
    // Compose quotes what it cannot read, and a secret may stand there.
    for value in ["${hunter2zz", "${X:?'hunter2zz}"] {
        let yaml = format!("services: {{database: {{environment: {{Y: \"{value}\"}}}}}}\n");
        stack.sandbox.write("compose.override.yaml", yaml);
        let run = stack.xtask(["db-shell", "--", "-Atc", "SELECT 1"]).run();
        run.ok().stderr_has("⚠ Docker Compose cannot read this project; the running service database is taken");
        run.stderr_lacks("hunter2zz");
    }
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
    // A secret that cannot be read is named, and the socket lets no login in without it.
    let wrong = stack.xtask(["db-backup"]).env("POSTGRES_PASSWORD", "wrong").run();
    wrong
        .code(4)
        .stderr_has("PostgreSQL refuses the password of user bn_app")
        .stderr_has("POSTGRES_PASSWORD in the environment");
}
