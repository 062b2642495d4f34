//! What `up` starts and `down` stops in a stack of other people, and how OpenFGA's tables come to be there without a
//! service that migrates them.

use crate::compose_stacks::{Images, stack};
use crate::harness::{Stack, Test, needs};

pub fn tests() -> Vec<Test> {
    tests![
        [OwnStack, Openfga] an_openfga_without_a_one_shot_is_migrated_by_its_own_image,
        [OwnStack] up_starts_the_database_alone_where_there_is_no_openfga,
    ]
}

/// No one-shot; the datastore in flags, behind an entry point that takes no command.
const WITHOUT_ONE_SHOT: &str = "
services:
  db:
    image: ${POSTGRES_IMAGE}
    environment: {POSTGRES_USER: fga, POSTGRES_PASSWORD: s3cret/pw, POSTGRES_DB: authz}
    volumes: ['data:/var/lib/postgresql/data']
  fga:
    image: ${OPENFGA_IMAGE}
    entrypoint: [/openfga, run]
    command: [--datastore-engine, postgres, '--datastore-uri=postgres://fga:s3cret%2F${PW:-pw}@db:5432/authz?sslmode=disable']
    environment: {OPENFGA_TIMEOUT: 2s}
    restart: unless-stopped
    ports: ['127.0.0.1:${FGA_PORT}:8080']
    depends_on: [db]
  web: {image: 'IMAGE/app:1', entrypoint: [sleep, infinity], depends_on: [fga], stop_grace_period: 0s}
  crashing: {image: 'IMAGE/app:1', entrypoint: [sh, -c, exit 3]}
  missing: {image: '127.0.0.1:1/nosuch:1'}
volumes: {data: {}}
";

/// The services whose containers run.
fn running(stack: &Stack) -> Vec<String> {
    let project = format!("label=com.docker.compose.project={}", stack.sandbox.project);
    let format = "{{.Label \"com.docker.compose.service\"}}";
    let listed = stack.docker(&["ps", "--filter", &project, "--format", format]);
    let mut names: Vec<String> = listed.lines().map(str::to_owned).collect();
    names.sort();
    names
}

fn an_openfga_without_a_one_shot_is_migrated_by_its_own_image() {
    let _images = Images::tagged(&["app:1"]);
    let stack = stack(WITHOUT_ONE_SHOT, "");
    stack.sandbox.set("POSTGRES_IMAGE", &needs::postgres_image());
    stack.sandbox.set("OPENFGA_IMAGE", &needs::openfga_image());
    stack.sandbox.set("FGA_PORT", &stack.openfga_port.to_string());
    stack.sandbox.copy_folder("openfga");
    let run = |words: &[&'static str]| stack.xtask(words.iter().copied()).run();

    let up = run(&["--verbose", "up"]);
    up.ok().stderr_has("✓ PostgreSQL").stderr_has("✓ OpenFGA").stderr_lacks("s3cret").stderr_lacks("anew");
    assert_eq!(running(&stack), ["db", "fga"], "only what is needed is started");
    let again = run(&["up"]);
    again.ok().stderr_lacks("anew");

    // Its tables come back with each swap, and its server answers.
    run(&["setup-openfga", "--yes"]).ok();
    run(&["db-backup"]).ok();
    run(&["db-reset", "--yes"]).ok();
    assert_eq!(stack.openfga().request("/stores", None).1["stores"].as_array().map(Vec::len), Some(0));
    run(&["db-restore", "--yes"]).ok();
    assert_eq!(stack.openfga().request("/stores", None).1["stores"].as_array().map(Vec::len), Some(1));
    run(&["db-restore", "--undo", "--yes"]).ok();
    assert_eq!(stack.openfga().request("/stores", None).1["stores"].as_array().map(Vec::len), Some(0));

    others_fail(&stack);
    down_leaves_others(&stack);

    // It cannot log in: the service is named, with where its log is; the database stays up.
    let wrong = stack.xtask(["up"]).env("PW", "wr0ng").run();
    wrong
        .code(1)
        .stderr_has("Compose makes containers anew, because their settings or images changed: fga")
        .stderr_lacks("wr0ng");
    wrong.stderr_has("The fga service cannot migrate its tables").stderr_has("docker compose logs fga");
    wrong.stderr_lacks("✓ OpenFGA");
    assert_eq!(running(&stack), ["db", "fga"], "what ran goes on running");
    run(&["up"]).ok().stderr_has("✓ OpenFGA");
}

fn others_fail(stack: &Stack) {
    let all = stack.xtask(["up", "--all"]).run();
    all.code(6).stderr_has("✓ PostgreSQL").stderr_has("✓ OpenFGA").stderr_lacks("web did not start");
    all.stderr_has("crashing did not start: it ended (exit code 3)").stderr_has("missing did not start: ");
    all.stderr_has("docker compose logs --tail 20");
    assert_eq!(running(stack), ["db", "fga", "web"], "what does not fail stays up");
}

fn down_leaves_others(stack: &Stack) {
    let down = stack.xtask(["down"]).run();
    down.ok().stderr_has("need what is stopped, and keep running: web").stderr_has("cargo xtask down --all");
    assert_eq!(running(stack), ["web"]);
    let all = stack.xtask(["down", "--all"]).run();
    all.ok().stderr_has("✓ Stopped; the data is kept");
    assert_eq!(running(stack), [""; 0]);
    stack.xtask(["up"]).run().ok();
}

fn up_starts_the_database_alone_where_there_is_no_openfga() {
    let _images = Images::tagged(&["other:1", "postgres:alone"]);
    let yaml = "services: {db: {image: 'IMAGE/postgres:alone', environment: {POSTGRES_DB: app, POSTGRES_PASSWORD: x, MARK: '${MARK:-1}'}, depends_on: [setup]}, setup: {image: 'IMAGE/other:1', entrypoint: ['true']}, web: {image: 'IMAGE/other:1', entrypoint: [sleep, infinity], depends_on: [db]}}";
    let stack = stack(yaml, "");
    let run = |words: &[&'static str]| stack.xtask(words.iter().copied()).run();
    run(&["up"]).ok().stderr_has("No service of this project is OpenFGA: only the database is started");
    assert_eq!(running(&stack), ["db"]);
    run(&["db-shell", "--", "-qc", "CREATE TABLE kept AS SELECT 42 AS answer"]).ok();

    // The data is in a volume that has no name: a new container would not find it again.
    let refused = run(&["down", "--all"]);
    refused.code(1).stderr_has("which no other container finds").stderr_has("cargo xtask down").stderr_lacks("✓");
    run(&["down"]).ok().stderr_lacks("need what is stopped");
    assert_eq!(running(&stack), [""; 0]);
    let renewed = stack.xtask(["up"]).env("MARK", "2").run();
    renewed.ok().stderr_has("Compose makes containers anew, because their settings or images changed: db");
    run(&["db-shell", "--", "-Atc", "SELECT answer FROM kept"]).ok().prints("42");
}
