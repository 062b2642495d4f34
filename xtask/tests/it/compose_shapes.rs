//! Shapes of other people's Compose projects: where the files are, what they want from outside, and what of them is active.

use crate::compose_stacks::{Images, image, stack};
use crate::harness::sandbox::PREFIX;
use crate::harness::{Health, Test};

pub fn tests() -> Vec<Test> {
    tests![
        [OwnStack] a_project_in_a_subfolder_is_the_one_that_compose_makes,
        [OwnStack] a_login_in_files_that_only_the_container_has_is_no_obstacle,
        [Compose] a_database_in_several_containers_is_refused_before_it_is_started,
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
    outside.code(1).stderr_has(&format!("see them with: cd {} && docker compose ps", stack.sandbox.root.display()));
    let health = Health::of(stack.xtask([]), &["--only", "postgres", "service/postgres"]);
    let both = "the database runs in 2 containers, and must be in one";
    health.says("postgres", "fail", both, "--scale postgres=1").says("service/postgres", "fail", both, "");
}
