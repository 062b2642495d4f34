//! `health-check` and a team's own services: each in another trouble, in one stack; and strangers on a port.

mod kinds;

use crate::harness::health::until;
use crate::harness::{Health, Sandbox, Stack, Test, Xtask, needs, shared, wait_until};
use std::net::TcpListener;
use std::time::{Duration, Instant};

pub fn tests() -> Vec<Test> {
    tests![
        [OwnStack] each_service_of_a_team_is_reported_in_its_own_trouble,
        [Compose] a_stack_that_was_never_started_says_so,
        [Stack] a_strangers_container_on_the_port_is_named,
    ]
}

/// A container of a service that Compose has not started: of a run under other settings.
pub fn left_behind(stack: &Stack, service: &str) -> String {
    let labels = [("project", stack.sandbox.project.as_str()), ("service", service), ("oneoff", "False")];
    let labels = labels.map(|(name, value)| format!("--label=com.docker.compose.{name}={value}"));
    let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
    stack.docker(&[&["create"], &labels[..], &[needs::postgres_image().as_str(), "true"]].concat())
}

fn each_service_of_a_team_is_reported_in_its_own_trouble() {
    let stack = Stack::of(Sandbox::new());
    let known_image = format!("{}/redis:1", stack.sandbox.project);
    stack.docker(&["tag", &needs::postgres_image(), &known_image]);
    let mut services = kinds::of_every_kind();
    stack.override_with(&kinds::compose_file(&services, &known_image));
    let up = stack.xtask(["up", "--all"]).run();
    let crashed = Instant::now();
    up.code(6).stderr_has("failed did not start: it ended (exit code 1)").stderr_has("; the others are up");
    let left = left_behind(&stack, "idle");
    stack.docker(&["pause", &stack.container_of("paused")]);
    // Docker calls it unhealthy until it is looked at again.
    stack.docker(&["pause", &stack.container_of("slow")]);
    stack.docker(&["unpause", &stack.container_of("slow")]);
    stack.docker(&["stop", "--time", "0", &stack.container_of("stopped")]);
    let moved = services.iter_mut().find(|service| service.name == "moved").unwrap();
    *moved = kinds::moved();
    stack.override_with(&kinds::compose_file(&services, &known_image));

    let look = || Health::of(stack.xtask([]), &["--only", "service"]);
    let health = until(&look, "service/sick", "fail");
    health.says("service/openfga", "skipped", "profile unused is not active", "");
    health.says("service/postgres", "ok", "PostgreSQL answers", "");
    // How often one has crashed by now is Docker's affair: it is looked at below.
    for service in services.iter().filter(|service| service.name != "crashed") {
        health.says(&format!("service/{}", service.name), service.status, &service.detail, service.hint);
    }
    stack.docker(&["rm", "--volumes", &left]);
    stack.docker(&["rmi", "--force", &known_image]);
    let logs = stack.xtask(["--verbose", "health-check", "--only", "service/looping"]).run();
    logs.code(1).stdout_has("| the key is hunter2-***").stdout_lacks("planted-secret").stderr_lacks("planted-secret");

    little_room_and_no_free_connection_are_reported(&stack);
    a_server_that_makes_its_cluster_is_not_well_yet(&stack);
    a_server_that_is_paused_or_stopped_is_reported(&stack);
    a_stranger_on_the_port_of_a_stopped_server_is_reported(&stack);
    restarts_of_the_last_minutes_are_a_warning(&stack, crashed);
}

/// A service that fails each time after half a minute is not well in between.
fn restarts_of_the_last_minutes_are_a_warning(stack: &Stack, crashed: Instant) {
    std::thread::sleep(Duration::from_secs(25).saturating_sub(crashed.elapsed()));
    let health = Health::of(stack.xtask([]), &["--only", "service/crashed"]);
    health.says("service/crashed", "warn", ", 3 restarts", "docker compose logs");
}

fn little_room_and_no_free_connection_are_reported(stack: &Stack) {
    Health::of(stack.xtask([]), &["--only", "disk"]).says("disk/postgres", "warn", "less than", "room");
    let mut sessions: Vec<_> = (0..10).map(|_| stack.session("postgres")).collect();
    sessions.iter_mut().for_each(|session| drop(session.sql("SELECT 1")));
    let look = || Health::of(stack.xtask([]), &["--only", "connections", "postgres"]);
    // The last ones are for superusers, as we are one.
    look().says("connections", "fail", "no connection left", "max_connections").says("postgres", "ok", "", "");
    // Its own sessions end a moment after it.
    let count = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'";
    wait_until("only the test's own sessions are left", || sessions[0].sql(count) == "10");
    let mut more: Vec<_> = (0..3).map(|_| stack.session("postgres")).collect();
    more.iter_mut().for_each(|session| drop(session.sql("SELECT 1")));
    look().says("postgres", "fail", "no free connection", "max_connections");
}

/// It comes back with an empty disk: while the image makes a new cluster, a passing server answers on the socket.
fn a_server_that_makes_its_cluster_is_not_well_yet(stack: &Stack) {
    let look = || Health::of(stack.xtask([]), &["--only", "connections", "postgres"]);
    stack.exec(&["sh", "-c", "kill -INT $(head -1 /small/data/postmaster.pid)"], "");
    until(&look, "postgres", "fail").says("postgres", "fail", "", "");
    until(&look, "postgres", "ok").says("postgres", "ok", "", "");
    let (answer, errors) = stack.exec(&["psql", "-h", "127.0.0.1", "-XAtc", "SELECT 1"], "");
    assert_eq!(answer.as_deref(), Some(&b"1\n"[..]), "{errors}");
}

fn a_server_that_is_paused_or_stopped_is_reported(stack: &Stack) {
    // Starting the stack does not wake what is paused.
    stack.docker(&["pause", stack.postgres()]);
    let paused = Health::of(stack.xtask([]), &["--only", "postgres"]);
    paused.says("postgres", "fail", "its container is paused (see service/postgres)", "docker unpause ");
    stack.docker(&["unpause", stack.postgres()]);
    stack.docker(&["stop", "--time", "1", stack.postgres()]);
    let stopped = Health::of(stack.xtask([]), &["--only", "postgres", "service/postgres", "connections", "leftovers"]);
    stopped.says("service/postgres", "fail", "it is stopped", "cargo xtask up");
    stopped.says("postgres", "fail", "its container is stopped (see service/postgres)", "cargo xtask up");
    stopped.says("leftovers", "skipped", "not asked", "").says("connections", "skipped", "not asked", "");
}

/// Another server comes to the port meanwhile, healthy and all.
fn a_stranger_on_the_port_of_a_stopped_server_is_reported(stack: &Stack) {
    let _stranger = TcpListener::bind(("127.0.0.1", stack.postgres_port)).unwrap();
    let taken = Health::of(stack.xtask([]), &["--only", "service/postgres"]);
    taken.says("service/postgres", "fail", &format!("its port {} is taken by ", stack.postgres_port), "setup-env");
    let hint = Health::of(stack.xtask([]), &["--only", "postgres"]);
    hint.says("postgres", "fail", "(see service/postgres)", "another port: cargo xtask setup-env");
}

fn a_stack_that_was_never_started_says_so() {
    let stack = Stack::postgres_only();
    let health = Health::of(stack.xtask([]), &[]);
    health.says("service/postgres", "fail", "has not been started", "cargo xtask up");
    health.says("postgres", "fail", "its container is missing", "cargo xtask up");
    health.fails_only(&["service/postgres", "postgres"]);
    // One that `up` leaves alone may be meant to be down, unless it is asked for by its name.
    stack.postgres_only_with("    stop_grace_period: 1s\n  web: {image: nosuch}\n");
    let health = Health::of(stack.xtask([]), &["--only", "service"]);
    health.says("service/web", "warn", "web has not been started", "cargo xtask up --all");
    health.fails_only(&["service/postgres"]);
    let health = Health::of(stack.xtask([]), &["--only", "service/web"]);
    health.says("service/web", "fail", "web has not been started", "cargo xtask up --all");
    let made = left_behind(&stack, "web");
    let health = Health::of(stack.xtask([]), &["--only", "service"]);
    health.says("service/web", "fail", "it was created but not started", "cargo xtask up --all");
    stack.docker(&["rm", "--volumes", &made]);
    let listener = TcpListener::bind(("127.0.0.1", stack.postgres_port)).unwrap();
    let health = Health::of(stack.xtask([]), &["--only", "service/postgres"]);
    health.says("service/postgres", "fail", "is taken by ", "setup-env");
    drop(listener);
}

fn a_strangers_container_on_the_port_is_named() {
    let stranger = shared();
    let sandbox = Sandbox::new();
    sandbox.set("POSTGRES_PORT", &stranger.postgres_port.to_string());
    let health = Health::of(Xtask::new(&sandbox), &["--only", "service/postgres", "postgres"]);
    let name = format!("taken by container {}-postgres-1", stranger.sandbox.project);
    health.says("service/postgres", "fail", &name, "setup-env").says("postgres", "fail", "is missing", "setup-env");
    // Their OpenFGA is not ours because its address is the one that ours would have.
    sandbox.set("OPENFGA_HTTP_PORT", &stranger.openfga_port.to_string());
    let named = Xtask::new(&sandbox).env("OPENFGA_API_URL", format!("http://127.0.0.1:{}", stranger.openfga_port));
    let health = Health::of(named, &["--only", "openfga"]);
    health.says("openfga", "fail", "its container is missing", "");

    // Ours is published elsewhere, and a stranger is where the setting says that it is.
    let database = stranger.database();
    let file = format!("services: {{postgres: {{image: x, ports: ['127.0.0.1:{}:5432']}}}}\n", stranger.postgres_port);
    database.sandbox.write("plain.yml", &file);
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = held.local_addr().unwrap().port().to_string();
    let moved = database.xtask([]).env("COMPOSE_FILE", "plain.yml").env("POSTGRES_PORT", &port);
    let health = Health::of(moved, &["--only", "service/postgres"]);
    health.says(
        "service/postgres",
        "fail",
        &format!("POSTGRES_PORT is {port}, but that port is taken by "),
        "set POSTGRES_PORT",
    );
}
