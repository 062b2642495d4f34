//! `health-check` and what can be wrong with OpenFGA: its key, its tables, the ids in `.env`, the model.

use crate::harness::health::{until, until_said};
use crate::harness::sandbox::checkout;
use crate::harness::{Health, Stack, Test};
use std::fs;
use std::time::Duration;

pub fn tests() -> Vec<Test> {
    tests![
        [OwnStack, Openfga] each_fault_of_openfga_is_reported_with_the_next_command,
    ]
}

const KEY: &str = "a-preshared-key";

/// A whole stack with the project's own store file and migrations.
fn stack() -> Stack {
    let stack = Stack::new();
    for folder in ["openfga", "migrations"] {
        fs::create_dir_all(stack.sandbox.path(folder)).unwrap();
        for entry in fs::read_dir(checkout().join(folder)).unwrap().map(Result::unwrap) {
            if entry.path().is_file() {
                fs::copy(entry.path(), stack.sandbox.path(folder).join(entry.file_name())).unwrap();
            }
        }
    }
    for (name, value) in
        [("OPENFGA_AUTHN_METHOD", "preshared"), ("OPENFGA_AUTHN_PRESHARED_KEYS", KEY), ("OPENFGA_API_TOKEN", KEY)]
    {
        stack.sandbox.set(name, value);
    }
    stack.up();
    stack
}

fn each_fault_of_openfga_is_reported_with_the_next_command() {
    let stack = stack();
    of_openfga(&stack)
        .says("openfga/store", "warn", "OPENFGA_STORE_ID is not set", "run setup-openfga")
        .fails_only(&[]);
    for command in [&["db-migrate", "--no-backup"][..], &["setup-openfga", "--yes"], &["db-backup"]] {
        stack.xtask(command.iter().copied()).run().ok();
    }
    // Everything as it should be: not even a warning.
    let well = Health::of(stack.xtask([]), &["--strict"]);
    well.outcome.ok().says_nothing();
    well.says("migrations", "ok", "none pending", "").says("openfga", "ok", "key accepted", "");
    well.says("openfga/model", "ok", "as in the file", "").says("backups", "ok", "whole", "");

    a_wrong_key(&stack);
    wrong_ids(&stack);
    a_service_that_keeps_other_ids(&stack);
    a_model_that_differs(&stack);
    missing_tables(&stack);
    a_paused_service(&stack);
    stopped_services(&stack);
    services_that_are_unhealthy_or_crash(&stack);
}

fn of_openfga(stack: &Stack) -> Health {
    Health::of(stack.xtask([]), &["--only", "openfga"])
}

/// The same with another value of a setting.
fn with(stack: &Stack, name: &str, value: &str) -> Health {
    Health::of(stack.xtask([]).env(name, value), &["--only", "openfga"])
}

fn a_wrong_key(stack: &Stack) {
    let wrong = with(stack, "OPENFGA_API_TOKEN", "hunter2");
    wrong.says("openfga", "fail", "key refused", "OPENFGA_API_TOKEN").says("openfga/store", "skipped", "not asked", "");
    wrong.fails_only(&["openfga"]).outcome.stdout_lacks("hunter2");
}

/// A container keeps the ids of its start: its application asks another store than the commands do.
fn a_service_that_keeps_other_ids(stack: &Stack) {
    let app = |id: &str| {
        stack.override_with(&format!(
            "services:\n  app:\n    image: '${{POSTGRES_IMAGE}}'\n    entrypoint: [sleep, infinity]\n    \
             stop_signal: SIGKILL\n    environment: {{OPENFGA_STORE_ID: '{id}'}}\n"
        ));
        stack.xtask(["up", "--all"]).run().ok();
    };
    app("01OTHER");
    let kept = "service app was started with OPENFGA_STORE_ID=01OTHER";
    of_openfga(stack).says("openfga/store", "warn", kept, "docker compose up -d app").fails_only(&[]);
    for command in
        [&["setup-openfga", "--yes"][..], &["test-auth"], &["debug-auth", "user:alice", "executor", "tool:chat"]]
    {
        let run = stack.xtask(command.iter().copied()).run();
        run.ok().stderr_has(&format!("⚠ The {kept}; this command asks store 01")).stderr_has(", model 01");
        run.stderr_has("give the ids of .env to app (a restart is not enough): docker compose up -d app\n");
    }
    a_label_of_a_container_is_no_command(stack);
    app("${OPENFGA_STORE_ID}");
    of_openfga(stack).says("openfga/store", "ok", "", "");
    stack.xtask(["test-auth"]).run().ok().stderr_lacks("was started with");
    stack.docker(&["rm", "--force", "--volumes", &stack.container_of("app")]);
    stack.override_with("services: {}\n");
}

fn wrong_ids(stack: &Stack) {
    let api = stack.openfga().with_key(KEY);
    let other = api.create_store("another-ones");
    let model = api.write_model(&other);
    for (name, id, said) in [
        ("OPENFGA_STORE_ID", other.as_str(), "\"another-ones\""),
        ("OPENFGA_MODEL_ID", &model, "names no model of the store"),
        ("OPENFGA_STORE_ID", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "names no store"),
    ] {
        with(stack, name, id).says("openfga/store", "fail", said, "setup-openfga");
    }
    let deleted = ureq::delete(format!("http://127.0.0.1:{}/stores/{other}", stack.openfga_port));
    deleted.header("Authorization", format!("Bearer {KEY}")).call().unwrap();
    let run = stack.xtask([]).env("OPENFGA_STORE_ID", &other);
    Health::of(run, &["--only", "openfga/model"]).says("openfga/model", "fail", "names no store", "setup-openfga");
    let gone = with(stack, "OPENFGA_STORE_ID", &other);
    gone.says("openfga/store", "fail", "deleted", "setup-openfga");
    gone.says("openfga/model", "skipped", "openfga/store", "");
}

/// A user who may start containers chooses their labels.
fn a_label_of_a_container_is_no_command(stack: &Stack) {
    let label = |name: &str, value: &str| format!("com.docker.compose.{name}={value}");
    let image = crate::harness::needs::postgres_image();
    let labels = [
        label("project", &stack.sandbox.project),
        label("service", "x; touch hunter #"),
        label("oneoff", "False"),
        label("project.working_dir", &stack.sandbox.root.display().to_string()),
    ];
    let mut words = vec!["run", "--detach", "--rm", "--env", "OPENFGA_STORE_ID=zzz", "--entrypoint", "sleep"];
    words.extend(labels.iter().flat_map(|label| ["--label", label]));
    words.extend([image.as_str(), "infinity"]);
    let id = stack.docker(&words);
    let run = stack.xtask(["test-auth"]).run();
    run.ok().stderr_has("⚠ The service x; touch hunter # was started with OPENFGA_STORE_ID=zzz");
    run.stderr_has(" (a restart is not enough): docker compose up -d app\n");
    stack.docker(&["rm", "--force", "--volumes", &id]);
}

/// Another one in the file, then a newer one in the store.
fn a_model_that_differs(stack: &Stack) {
    let file = stack.sandbox.path("openfga/model.fga");
    let text = fs::read_to_string(&file).unwrap();
    let warns = |detail: &str, hint: &str| {
        of_openfga(stack).says("openfga/model", "warn", detail, hint).fails_only(&[]);
    };
    fs::write(&file, format!("{text}\ntype planted\n")).unwrap();
    warns("it differs from the file: 1 difference", "setup-openfga");
    fs::write(&file, "nonsense").unwrap();
    warns("cannot be compared", "test-auth");
    fs::write(&file, text).unwrap();
    let env = fs::read_to_string(stack.sandbox.path(".env")).unwrap();
    let store = env.lines().rev().find_map(|line| line.strip_prefix("OPENFGA_STORE_ID=")).unwrap();
    stack.openfga().with_key(KEY).write_model(store.trim_matches(['"', '\'']));
    warns("is not the newest of its store", "setup-openfga");
}

/// SERVING says nothing about its tables.
fn missing_tables(stack: &Stack) {
    let after = |sql: &str| {
        stack.psql("openfga", sql);
        of_openfga(stack)
    };
    let old = after("DELETE FROM goose_db_version WHERE version_id > 5");
    old.says("openfga/schema", "warn", "revision 5, 6 is the newest", "setup-openfga");
    let too_old = after("DELETE FROM goose_db_version WHERE version_id > 4");
    too_old
        .says("openfga/schema", "fail", "at least 5 is needed", "setup-openfga")
        .says("openfga", "ok", "serving", "");
    let empty = after("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    empty.says("openfga/schema", "fail", "has no OpenFGA tables", "setup-openfga");
    empty.says("openfga", "fail", "healthy but refuses a request", "");
}

fn a_paused_service(stack: &Stack) {
    stack.docker(&["pause", &stack.container_of("openfga")]);
    let paused = Health::of(stack.xtask([]), &["--only", "openfga", "service/openfga"]);
    let setup = stack.xtask(["setup-openfga"]).run();
    let stats = stack.xtask(["db-stats"]).run();
    let up = stack.xtask(["up"]).run();
    up.code(4)
        .stderr_has("The openfga service is paused")
        .stderr_has("→ resume it with: docker compose unpause openfga");
    stack.docker(&["unpause", &stack.container_of("openfga")]);
    stats.ok().stdout_has("OpenFGA's requests are not known: The openfga service is paused\n");
    stats.stdout_has("→ resume it with: docker compose unpause openfga\n").stdout_lacks("OPENFGA_METRICS_ENABLED");
    setup.code(4).stderr_has("The openfga service is paused").stderr_has("docker compose unpause openfga");
    setup.within(Duration::from_secs(10), "it is reported at once");
    paused.says("service/openfga", "fail", "it is paused", "docker unpause");
    paused.says("openfga", "fail", "its container is paused (see service/openfga)", "docker unpause ");
    // Without its database it does not serve: that is said, and not waited for.
    stack.docker(&["pause", stack.postgres()]);
    let test = stack.xtask(["test-auth"]).run();
    stack.docker(&["unpause", stack.postgres()]);
    test.code(4).prints_nothing().stderr_has("does not serve: its database does not answer\n");
    test.stderr_has("The postgres service is paused").stderr_has("→ resume it with: docker compose unpause postgres\n");
    test.within(Duration::from_secs(18), "it is not waited for");
}

/// Its database first, then OpenFGA itself.
fn stopped_services(stack: &Stack) {
    stack.docker(&["stop", "--time", "1", stack.postgres()]);
    let without = || Health::of(stack.xtask([]), &["--only", "openfga", "postgres"]);
    let without = until(&without, "openfga", "fail");
    without.says("postgres", "fail", "its container is stopped", "cargo xtask up");
    without.says("openfga", "fail", "its database does not answer (see postgres)", "cargo xtask up");
    stack.docker(&["kill", &stack.container_of("openfga")]);
    let look = || Health::of(stack.xtask([]), &["--only", "service/openfga"]);
    let killed = until(&look, "service/openfga", "fail");
    killed.says("service/openfga", "fail", "it is stopped (exit code 137", "cargo xtask up");
}

fn services_that_are_unhealthy_or_crash(stack: &Stack) {
    let sick = "    healthcheck: {test: [CMD, /nosuch], interval: 300ms, retries: 1, start_period: 0s}\n";
    for (lines, detail) in [(sick, "it is unhealthy"), ("    command: [nonsense]\n", "it keeps crashing")] {
        stack.override_with(&format!("services:\n  postgres:\n{lines}  openfga:\n{lines}"));
        let root = stack.sandbox.root.to_str().unwrap();
        // Without Compose's patience for what others depend on.
        stack.docker(&["compose", "--project-directory", root, "create", "postgres", "openfga"]);
        stack.docker(&["start", &stack.container_of("postgres"), &stack.container_of("openfga")]);
        let look = || Health::of(stack.xtask([]), &["--only", "service/postgres", "service/openfga"]);
        for (service, log) in [("service/postgres", "--tail 20 postgres"), ("service/openfga", "--tail 20 openfga")] {
            until_said(&look, service, detail).says(service, "fail", detail, log);
        }
    }
}
