//! Shapes of other people's Compose projects: where the files are, what they want from outside, and what of them is active.

use crate::compose_stacks::{Images, image, stack};
use crate::harness::sandbox::PREFIX;
use crate::harness::{Health, Test};
use std::path::Path;

pub fn tests() -> Vec<Test> {
    tests![
        [OwnStack] a_project_in_a_subfolder_is_the_one_that_compose_makes,
        [OwnStack] a_login_in_files_that_only_the_container_has_is_no_obstacle,
        [OwnStack] a_build_that_answers_is_the_database_and_not_a_job_of_postgres_image,
        [OwnStack] a_database_that_an_application_makes_beside_the_default_one_is_not_overlooked,
        [OwnStack] a_server_that_trusts_everybody_needs_no_password,
        [Compose] a_database_in_several_containers_is_refused_before_it_is_started,
        [OwnStack] a_server_whose_configuration_moves_it_is_said_to_be_where_it_is,
    ]
}

/// The first file of `COMPOSE_FILE`; the database is in another one, in a profile that is not active, and needs what only
/// the process environment says.
const WEB: &str = "
include: [db/db.yaml]
services:
  web:
    image: IMAGE/other:shape
    entrypoint: [sleep, infinity]
    stop_grace_period: 0s
    depends_on: [db]
    environment: {DATABASE_URL: 'postgres://app@db/${POSTGRES_DB:?needed}'}
";
const DB: &str = "
services:
  db:
    image: IMAGE/postgres:shape
    profiles: [data]
    env_file: [db.env]
    environment: {POSTGRES_DB: '${POSTGRES_DB:?needed}', POSTGRES_PASSWORD: '${OF_PROJECT:?}', MARK: '${OF_ROOT:?}'}
    volumes: ['data:/var/lib/postgresql/data', './db.env:/inside:ro']
volumes: {data: {}}
";

fn a_project_in_a_subfolder_is_the_one_that_compose_makes() {
    let _images = Images::tagged(&["other:shape", "postgres:shape"]);
    let name = format!("{PREFIX}{}-subfolder", std::process::id());
    let mut stack = stack("services: {wrong: {image: 'postgres:16'}}\n", "");
    stack.sandbox.project.clone_from(&name);
    let write = |path: &str, text: &str| stack.sandbox.write(format!("{name}/{path}"), text);
    write("compose.yaml", &WEB.replace("IMAGE/", &image("")));
    write("db/db.yaml", &DB.replace("IMAGE/", &image("")));
    write("db/db.env", "POSTGRES_USER=app\n");
    write(".env", "OF_PROJECT=secret\nOF_ROOT=not this one\n");
    stack.sandbox.write(".env", format!("COMPOSE_FILE={name}/compose.yaml\nOF_ROOT=mark\n"));
    let run = |words: &[&'static str]| stack.xtask(words.iter().copied()).env("POSTGRES_DB", "appdb").run();
    // As the team starts it.
    let up = stack.xtask(["compose", "--profile", "data", "up", "--detach"]).program("docker");
    up.env("POSTGRES_DB", "appdb").run().ok();
    let containers = [stack.container_of("db"), stack.container_of("web")];

    let up = run(&["up"]);
    up.ok().stderr_has("service db (target compose, database appdb, user app)").stderr_lacks("Compose recreates");
    run(&["up", "--all"]).ok().stderr_lacks("Compose recreates");
    assert_eq!([stack.container_of("db"), stack.container_of("web")], containers, "these are the team's own");
    write("db/db.env", "POSTGRES_USER=app\nMORE=1\n");
    run(&["up"]).ok().stderr_has("Compose recreates containers, because their settings or images changed: db\n");

    let health = Health::of(stack.xtask([]).env("POSTGRES_DB", "appdb"), &["--only", "postgres", "service"]);
    health.fails_only(&[]).says("postgres", "ok", "database appdb", "").says("service/web", "ok", "", "");
    run(&["db-backup"]).ok();
    run(&["db-restore", "--yes"]).ok().stderr_has("web");
    let other = run(&["--database", "postgres", "db-shell", "--", "-Atc", "SELECT current_database()"]);
    other.ok().prints("postgres");
    // Without what the files need, the running container tells it.
    stack.xtask(["db-shell", "--", "-Atc", "SELECT current_database()"]).run().ok().prints("appdb");

    run(&["down"]).ok().stderr_has("keep running: web");
    run(&["down", "--all"]).ok();
    let left =
        stack.docker(&["ps", "--all", "--quiet", "--filter", &format!("label=com.docker.compose.project={name}")]);
    assert_eq!(left, "");
}

/// User and database are in a config without a file on this host.
const IN_FILES: &str = "
services:
  main:
    image: IMAGE/postgres:files
    network_mode: none
    configs: [{source: user, target: /user}]
    secrets: [word]
    environment: {POSTGRES_USER_FILE: /user, POSTGRES_DB_FILE: /mounted/db, POSTGRES_PASSWORD_FILE: /run/secrets/word}
    volumes: ['./mounted:/mounted:ro', 'data:/var/lib/postgresql/data']
configs: {user: {content: app}}
secrets: {word: {environment: WORD}}
volumes: {data: {}}
";

fn a_login_in_files_that_only_the_container_has_is_no_obstacle() {
    let _images = Images::tagged(&["postgres:files"]);
    let stack = stack(IN_FILES, "WORD=hunter2\n");
    stack.sandbox.write("mounted/db", "appdb\n");
    let up = stack.xtask(["up"]).run();
    up.ok().stderr_has("Starting compose service main (target compose, database appdb, user postgres)");
    up.stderr_has("⚠ POSTGRES_USER_FILE of the service main names /user, which cannot be read");
    up.stderr_has("PostgreSQL").stderr_lacks("hunter2");
    let who = stack.xtask(["db-shell", "--", "-Atc", "SELECT current_user, current_database()"]).run();
    who.ok().prints("app|appdb").stderr_lacks("⚠");
    // In no network, it is reached from inside alone.
    let health = Health::of(stack.xtask([]), &["--only", "postgres"]);
    health.fails_only(&[]).says("postgres", "ok", "database appdb", "");
}

fn a_database_in_several_containers_is_refused_before_it_is_started() {
    let _images = Images::tagged(&["postgres:twice"]);
    let yaml = |scale: &str| {
        let image = "image: 'IMAGE/postgres:twice', entrypoint: [sleep, infinity], stop_grace_period: 0s";
        format!("services: {{postgres: {{{image}{scale}}}}}")
    };
    for scale in [", scale: 2", ", deploy: {replicas: 2}"] {
        let stack = stack(&yaml(scale), "");
        let refused = stack.xtask(["up"]).run();
        refused.code(1).stderr_has("The postgres service would run in 2 containers").stderr_has("deploy.replicas");
        refused.stderr_lacks("✓");
    }
    let stack = stack(&yaml(""), "");
    stack.xtask(["compose", "up", "--detach", "--scale", "postgres=2"]).program("docker").run().ok();
    for command in ["up", "db-backup"] {
        let refused = stack.xtask([command]).run();
        refused.code(1).stderr_has("The postgres service runs in more than one container").stderr_lacks("✓");
    }
    // Compose would find no project where the user stands.
    let outside = stack.xtask(["db-backup"]).here(&stack.sandbox.home).run();
    let there = format!("see them with: cd {} && docker compose ps", stack.sandbox.root.display());
    outside.code(1).stderr_has(&there);
    // Who names the checkout by its whole path, as a scheduled run does, may be read elsewhere.
    let inside = |root: &Path| stack.xtask(["db-backup", "--root"]).args([root]).run();
    inside(&stack.sandbox.root).code(1).stderr_has(&there);
    inside(Path::new(".")).code(1).stderr_has("see them with: docker compose ps");
    let health = Health::of(stack.xtask([]), &["--only", "postgres", "service/postgres"]);
    let both = "the database runs in 2 containers, and must be in one";
    health.says("postgres", "fail", both, "--scale postgres=1").says("service/postgres", "fail", both, "");
}

/// The server's files are moved, and with them port, socket and rules of login.
const MOVED: &str = "
services:
  db:
    image: IMAGE/postgres:moved
    command: [postgres, -c, config_file=/etc/pg/postgresql.conf]
    environment: {POSTGRES_PASSWORD: secret, POSTGRES_DB: app, PG}
    volumes: ['./pg:/etc/pg:ro', 'data:/var/lib/postgresql/data']
volumes: {data: {}}
";

fn a_server_whose_configuration_moves_it_is_said_to_be_where_it_is() {
    let _images = Images::tagged(&["postgres:moved"]);
    let yaml = |more: &str| MOVED.replace("PG}", more).replace("IMAGE/", &image(""));
    let stack = stack(&yaml("A: a}"), "");
    let write = |path: &str, text: &str| stack.sandbox.write(path, text);
    let settled = || {
        let words = "listening on Unix socket \"/var/run/postgresql/.s.PGSQL.5433";
        let log = || stack.xtask(["compose", "logs", "db"]).program("docker").run().text().contains(words);
        crate::harness::wait_until("the server has started", log);
    };
    let anew = || stack.xtask(["compose", "up", "--detach", "--force-recreate"]).program("docker").run();
    let health = || Health::of(stack.xtask([]), &["--only", "postgres"]);
    write("pg/postgresql.conf", "listen_addresses = '*'\nport = 5433\nhba_file = '/etc/pg/rules'\n");
    write("pg/rules", "local all all trust\nhost all all all scram-sha-256\n");
    anew().ok();
    settled();
    let backup = stack.xtask(["db-backup"]).run();
    let place = "/var/run/postgresql/.s.PGSQL.5433";
    backup.code(4).prints_nothing().stderr_has(&format!("PostgreSQL of db listens at {place}, not at "));
    backup.stderr_has(": its configuration file moves it").stderr_has("where its clients look: PGPORT: \"5433\";");
    health().says("postgres", "fail", place, "PGPORT: \"5433\"");
    // What is said to be done helps.
    write("compose.yaml", &yaml("PGPORT: '5433'}"));
    anew().ok();
    settled();
    stack.xtask(["db-backup"]).run().ok();
    health().says("postgres", "ok", "database app", "");

    write("pg/postgresql.conf", "listen_addresses = ''\nport = 5433\nhba_file = '/etc/pg/rules'\n");
    anew().ok();
    settled();
    health().says("postgres", "fail", "accepts no TCP connections at port 5433", "listen_addresses = '*'");
    write("pg/postgresql.conf", "listen_addresses = '*'\nport = 5433\nhba_file = '/etc/pg/rules'\n");
    for (rule, said, hint) in [
        ("local all all reject", "pg_hba.conf rejects user postgres from this host", "hba_file names"),
        ("host all all all trust", "pg_hba.conf rejects user postgres from this host", "hba_file names"),
        ("local all all ident map=none", "refuses the login of user postgres: pg_hba.conf asks for", "hba_file"),
    ] {
        write("pg/rules", &format!("{rule}\n"));
        anew().ok();
        settled();
        stack.xtask(["db-backup"]).run().code(4).stderr_has(said).stderr_has(hint).stderr_lacks("does not answer");
    }
}

/// A build of the team's own, and a nightly job that has PostgreSQL's image for its programs.
const BUILT: &str = "
services:
  database:
    image: IMAGE/database:local
    environment: {POSTGRES_PASSWORD: secret, POSTGRES_DB: app}
  nightly: {image: 'IMAGE/postgres:job', entrypoint: [sleep, infinity], stop_grace_period: 0s}
";

fn a_build_that_answers_is_the_database_and_not_a_job_of_postgres_image() {
    let _images = Images::tagged(&["database:local", "postgres:job"]);
    let stack = stack(BUILT, "");
    let run = |words: &[&'static str]| stack.xtask(words.iter().copied()).run();
    let doubt = "The service nightly is taken for PostgreSQL: it has the image ";
    let way = "if another service is PostgreSQL: XTASK_POSTGRES_SERVICE=database, in .env or in the environment (it may be: database)";
    run(&["db-backup"]).code(4).stderr_has(doubt).stderr_has(way).stderr_lacks("✓");
    let named = stack.xtask(["up"]).env("XTASK_POSTGRES_SERVICE", "database").run();
    named.ok().stderr_has("service database (target compose, database app").stderr_lacks(doubt);
    stack.xtask(["compose", "up", "--detach"]).program("docker").run().ok();

    let backup = run(&["db-backup"]);
    backup.ok().stderr_has("PostgreSQL is the service database (its port answers)").stderr_lacks("nightly");
    Health::of(stack.xtask([]), &["--only", "postgres"]).fails_only(&[]).says("postgres", "ok", "database app", "");
    // Where only what runs can be asked, too.
    stack.sandbox.write("compose.override.yaml", "services: {nightly: {env_file: [missing.env]}}\n");
    let shell = run(&["db-shell", "--", "-Atc", "SELECT current_database()"]);
    shell.ok().prints("app").stderr_has("the running service database is taken for its database");
    std::fs::remove_file(stack.sandbox.path("compose.override.yaml")).unwrap();

    stack.docker(&["stop", "--time", "0", &stack.container_of("database")]);
    run(&["db-backup"]).code(4).stderr_has(doubt).stderr_has(way);
}

/// Nothing names the database that the application makes.
const UNNAMED: &str = "
services:
  events_db: {image: 'IMAGE/postgres:unnamed', environment: [POSTGRES_PASSWORD=postgres]}
";

fn a_database_that_an_application_makes_beside_the_default_one_is_not_overlooked() {
    let _images = Images::tagged(&["postgres:unnamed"]);
    let stack = stack(UNNAMED, "");
    let run = |words: &[&'static str]| stack.xtask(words.iter().copied()).run();
    run(&["up"]).ok();
    run(&["db-backup"]).ok().stderr_has("Database:  postgres").stderr_lacks("has no tables");
    run(&["db-shell", "--", "-qc", "CREATE DATABASE \"it's\""]).ok();
    let empty = run(&["db-backup"]);
    empty.ok().stderr_has("⚠ The database postgres has no tables; the server also has: it's\n");
    empty.stderr_has("  back that up: cargo xtask db-backup --database 'it'\\''s'\n");
    empty.stderr_has("or all of them: cargo xtask db-backup --all");
    run(&["db-backup", "--database", "postgres"]).ok().stderr_lacks("has no tables");
    stack.xtask(["db-backup"]).env("XTASK_BACKUP_EXCLUDE", "it's").run().ok().stderr_lacks("has no tables");
}

const TRUSTING: &str = "
services:
  pg: {image: 'IMAGE/postgres:trusting', environment: {POSTGRES_HOST_AUTH_METHOD: trust, POSTGRES_DB: app, POSTGRES_USER: me}}
  mysql: {image: 'mysql:8', profiles: [other]}
";

fn a_server_that_trusts_everybody_needs_no_password() {
    let _images = Images::tagged(&["postgres:trusting"]);
    let stack = stack(TRUSTING, "");
    let run = |words: &[&'static str]| stack.xtask(words.iter().copied()).run();
    run(&["up"]).ok().stderr_has("service pg (target compose, database app, user me)").stderr_lacks("password");
    let told = run(&["--verbose", "db-shell", "--", "-qAtc", "CREATE TABLE t AS SELECT 1; SELECT current_user"]);
    told.ok().prints("me").stderr_has("POSTGRES_PASSWORD=(not set) (the service has none)");
    run(&["db-backup"]).ok();
    run(&["db-restore", "--yes"]).ok().stderr_has("Restoring compose service pg");
    for password in ["", "anything"] {
        let health =
            Health::of(stack.xtask([]).env("POSTGRES_PASSWORD", password), &["--only", "postgres", "service/pg"]);
        health.fails_only(&[]).says("postgres", "ok", "database app", "");
    } // A database that was stopped is no one-shot that is done, whatever its file says of it.
    stack.docker(&["stop", "--time", "10", &stack.container_of("pg")]);
    let stopped = Health::of(stack.xtask([]), &["--only", "postgres", "service/pg"]);
    stopped.says("service/pg", "fail", "it is stopped (exit code 0", "cargo xtask up");
}
