//! `up`: exit 0 only when every part really answers. `down`: what is stopped.

use crate::harness::openfga::Api;
use crate::harness::{Fakes, Stack, Test, Watch, Xtask, shared, wait_until};
use rustix::process::Signal;
use std::time::Duration;

pub fn tests() -> Vec<Test> {
    tests![
        [OwnStack, Openfga] a_preshared_key_is_tried_and_no_secret_is_in_any_argument,
        [OwnStack] a_database_that_crashes_is_not_called_started,
        [OwnStack, Openfga] an_openfga_that_crashes_is_not_called_started,
        [OwnStack, Openfga] a_migration_that_fails_is_named,
        [OwnStack, Openfga] a_volume_keeps_what_it_was_made_with,
        [OwnStack] a_paused_database_is_reported_how_to_wake,
        [OwnStack] an_image_that_does_not_exist_is_named,
        [OwnStack] down_keeps_the_data,
        [OwnStack] a_stop_that_is_ended_says_what_is_stopped,
        [OwnStack] a_taken_port_is_named,
        [Stack, Openfga] both_parts_answer_when_it_ends,
        [Stack] a_second_run_changes_nothing,
        [Stack] containers_that_another_run_makes_meanwhile_are_reported_as_such,
    ]
}

fn both_parts_answer_when_it_ends() {
    let stack = shared();
    assert_eq!(stack.psql("openfga", "SELECT 1"), "1");
    let (status, stores) = stack.openfga().request("/stores", None);
    assert_eq!(status, 200, "{stores}");
}

fn a_second_run_changes_nothing() {
    let stack = shared();
    let before = stack.container_of("postgres");
    let outcome = stack.up();
    outcome.prints_nothing().stderr_has("✓ PostgreSQL");
    assert_eq!(before, stack.container_of("postgres"));
    let first = outcome.stderr.lines().next().unwrap();
    for named in ["compose", "openfga", "postgres"] {
        assert!(first.contains(named), "the first line should name target, database and user: {first}");
    }
    stack.xtask(["up", "--quiet"]).run().ok().prints_nothing().says_nothing();
}

/// As Docker says it to the second of two runs on a fresh clone.
fn containers_that_another_run_makes_meanwhile_are_reported_as_such() {
    let stack = shared();
    let fails = |id: &str| {
        let words = format!(
            "Error response from daemon: Conflict. The container name \"/x\" is already in use by container \"{id}\". \
             You have to remove (or rename) that container to be able to reuse that name."
        );
        let fakes = Fakes::new(&stack.sandbox).docker_but("up", &format!("echo '{words}' >&2; false"));
        fakes.over(stack.xtask(["up"])).run()
    };
    let ours = stack.docker(&["inspect", "--format", "{{.Id}}", &stack.container_of("postgres")]);
    let run = fails(&ours);
    run.code(1).stderr_has("✗ Another run makes this project's containers at the same time");
    run.stderr_has("→ wait until it has ended, then run it again").stderr_lacks("docker compose logs");
    // A container of no run of this project stays in the way.
    fails(&"0".repeat(64)).code(1).stderr_has("✗ docker compose failed").stderr_lacks("Another run");
}

fn a_preshared_key_is_tried_and_no_secret_is_in_any_argument() {
    const PASSWORD: &str = "s3cret-of-the-database";
    const KEYS: &str = "first-s3cret-key,second-s3cret-key";
    let stack = Stack::new();
    stack.sandbox.set("POSTGRES_PASSWORD", PASSWORD);
    stack.sandbox.set("OPENFGA_AUTHN_METHOD", "preshared");
    stack.sandbox.set("OPENFGA_AUTHN_PRESHARED_KEYS", KEYS);
    let watch = Watch::start();
    let with_key = |args: [&'static str; 2], key: &str| stack.xtask(args).env("OPENFGA_API_TOKEN", key).run();
    let right = with_key(["--verbose", "up"], "second-s3cret-key");
    right.ok().stderr_has("✓ OpenFGA").stderr_lacks("s3cret");
    let url = format!("http://127.0.0.1:{}", stack.openfga_port);
    assert_eq!(Api::at(&url).with_key("first-s3cret-key").request("/stores", None).0, 200);
    assert_eq!(Api::at(&url).request("/stores", None).0, 401);

    let wrong = with_key(["--verbose", "up"], "wr0ng-s3cret");
    wrong.code(4).stderr_has("OPENFGA_API_TOKEN").stderr_has("OPENFGA_AUTHN_PRESHARED_KEYS").stderr_lacks("s3cret");
    wrong.stderr_lacks("✓ OpenFGA");
    let none = stack.xtask(["up"]).run();
    // Where no token is set, the first of the server's own keys is taken.
    none.ok().stderr_has("✓ OpenFGA").stderr_lacks("s3cret");

    stack.xtask(["--verbose", "db-shell", "--", "-Atc", "SELECT pg_sleep(0.5)"]).run().ok().stderr_lacks("s3cret");
    watch.finish(&["s3cret"]);
}

fn a_database_that_crashes_is_not_called_started() {
    let stack = Stack::postgres_only();
    stack.override_with(
        "services:\n  openfga: {profiles: [unused]}\n  openfga-migrate: {profiles: [unused]}\n  \
         postgres: {command: [postgres, -c, nosuch_setting=1]}\n",
    );
    let outcome = stack.xtask(["up"]).run();
    outcome.code(4).stderr_has("PostgreSQL").stderr_has("docker compose logs").stderr_lacks("✓");
    outcome.within(Duration::from_secs(60), "a server that keeps crashing should be reported within a minute");
}

fn an_openfga_that_crashes_is_not_called_started() {
    let stack = Stack::new();
    stack.override_with("services: {openfga: {command: [run, --nosuch-option]}}\n");
    let outcome = stack.xtask(["up"]).run();
    outcome.code(4).stderr_has("OpenFGA").stderr_has("docker compose logs").stderr_lacks("✓ OpenFGA");
    outcome.within(Duration::from_secs(60), "a server that keeps crashing should be reported within a minute");
}

fn a_migration_that_fails_is_named() {
    let stack = Stack::new();
    stack.override_with("services: {openfga-migrate: {command: [nosuch]}}\n");
    let outcome = stack.xtask(["up"]).run();
    outcome.stderr_has("openfga-migrate").stderr_has("docker compose logs").stderr_lacks("✓");
    outcome.holds(matches!(outcome.code, Some(1 | 4)), "exit code 1 or 4 was expected");
}

fn an_image_that_does_not_exist_is_named() {
    let stack = Stack::postgres_only();
    let outcome = stack.xtask(["up"]).env("POSTGRES_IMAGE", "127.0.0.1:1/nosuch:1").run();
    outcome.holds(matches!(outcome.code, Some(1 | 4)), "exit code 1 or 4 was expected");
    outcome.stderr_has("127.0.0.1:1").stderr_has("POSTGRES_IMAGE").stderr_lacks("✓");
    let outcome = stack.xtask(["up"]).env("POSTGRES_IMAGE", "Not An Image").run();
    outcome.holds(matches!(outcome.code, Some(1 | 2 | 4)), "a failure was expected");
    outcome.stderr_has("POSTGRES_IMAGE").stderr_lacks("✓");
}

fn down_keeps_the_data() {
    let stack = Stack::postgres_only();
    stack.up();
    stack.psql("openfga", "CREATE TABLE kept AS SELECT 42 AS answer");
    stack.xtask(["down"]).run().ok().prints_nothing().stderr_has("✓");
    let running = format!("label=com.docker.compose.project={}", stack.sandbox.project);
    assert_eq!(stack.docker(&["ps", "--quiet", "--filter", &running]), "");
    let shell = stack.xtask(["db-shell", "--", "-c", "SELECT 1"]).run();
    shell.code(4).stderr_has("cargo xtask up");
    stack.up();
    stack.xtask(["db-shell", "--", "-Atc", "SELECT answer FROM kept"]).run().ok().prints("42");
    stack.docker(&["stop", "--time", "0", &stack.container_of("postgres")]);
    let stopped = stack.xtask(["db-shell", "--", "-c", "SELECT 1"]).run();
    stopped.code(4).stderr_has("is not running").stderr_has("cargo xtask up");
}

fn a_taken_port_is_named() {
    let stack = Stack::postgres_only();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let outcome = Xtask::new(&stack.sandbox).env("POSTGRES_PORT", &port).args(["up"]).run();
    outcome.holds(matches!(outcome.code, Some(1 | 4)), "exit code 1 or 4 was expected");
    outcome.stderr_has(&port).stderr_has("POSTGRES_PORT").stderr_lacks("✓");
}

fn a_volume_keeps_what_it_was_made_with() {
    // A login that is refused stays so: this ends the wait for it, and leaves a busy host time to start the server.
    const CHECK: &str = "  postgres: {healthcheck: {start_period: 1s, interval: 1s, retries: 12}}\n";
    let stack = Stack::new();
    stack.up();
    stack.override_with(&format!("services:\n{CHECK}"));
    let up = |name: &str, value: &str| {
        let run = stack.xtask(["up"]).env(name, value).run();
        run.code(4).prints_nothing().stderr_has(name).stderr_has("that it was made with").stderr_lacks("✓");
        run.stderr_lacks("POSTGRES_IMAGE").stderr_lacks("another-one-s3cret");
        run
    };
    let refused = "PostgreSQL refuses the password of user postgres";
    up("POSTGRES_PASSWORD", "another-one-s3cret").stderr_has(refused).stderr_has("\\password");
    // With nobody beside it who would stumble.
    let unused = "  openfga: {profiles: [unused]}\n  openfga-migrate: {profiles: [unused]}\n";
    stack.override_with(&format!("services:\n{CHECK}{unused}"));
    up("POSTGRES_PASSWORD", "another-one-s3cret").stderr_has(refused);
    up("POSTGRES_USER", "another").stderr_has("PostgreSQL has no user another");
    up("POSTGRES_DB", "another")
        .stderr_has("PostgreSQL has no database another")
        .stderr_has("or make it: cargo xtask db-shell -- -d postgres -c 'CREATE DATABASE \"another\"'");
}

fn a_paused_database_is_reported_how_to_wake() {
    let stack = Stack::postgres_only();
    stack.up();
    stack.docker(&["pause", stack.postgres()]);
    for args in [&["up"][..], &["db-backup"], &["db-shell", "--", "-c", "SELECT 1"]] {
        let run = stack.xtask(args.iter().copied()).run();
        run.code(4).prints_nothing().stderr_has("The postgres service is paused");
        run.stderr_has("docker compose unpause postgres").stderr_lacks("cargo xtask up").stderr_lacks("✓");
    }
    stack.docker(&["unpause", stack.postgres()]);
    stack.up();
}

fn a_stop_that_is_ended_says_what_is_stopped() {
    let stack = Stack::postgres_only();
    stack.up();
    let (container, begun) = (stack.postgres().to_owned(), stack.sandbox.beside("begun"));
    let waits = format!("touch '{}'; sleep 60", begun.display());
    for (stops, said) in [
        (String::new(), "✗ Ended by Ctrl-C (SIGINT); run it again to complete the stop"),
        (
            format!("real stop --time 0 {container} >/dev/null; "),
            "✗ Ended by Ctrl-C (SIGINT); stopped so far: postgres; run it again to complete the stop",
        ),
    ] {
        let _ = std::fs::remove_file(&begun);
        let fakes = Fakes::new(&stack.sandbox).docker_but("stop", &format!("{stops}{waits}"));
        let running = fakes.over(stack.xtask(["down"])).spawn();
        wait_until("the stop has begun", || begun.exists());
        running.signal(Signal::INT);
        running.wait().code(130).stderr_has(said).stderr_lacks("nothing was changed").stderr_lacks("✓");
    }
    stack.xtask(["down"]).run().ok();
}
