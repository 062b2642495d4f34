//! `health-check` and a team's own services: each in another trouble, in one stack; and strangers on a port.

use crate::harness::health::until;
use crate::harness::{Health, Sandbox, Stack, Test, Xtask, needs, shared, wait_until};
use std::net::TcpListener;

pub fn tests() -> Vec<Test> {
    tests![
        [OwnStack] services_of_every_kind,
        [Compose] a_stack_that_was_never_started,
        [Stack] a_strangers_container_on_the_port,
    ]
}

/// Answers each connection with what `perl` prints; the image of PostgreSQL has perl.
fn server(port: u16, answer: &str) -> String {
    let text = format!(
        "use IO::Socket::INET; my $s = IO::Socket::INET->new(LocalPort => {port}, Listen => 9, ReuseAddr => 1); \
         while (my $c = $s->accept) {{ sysread($c, my $x, 999); syswrite($c, \"{answer}\"); close $c }}"
    );
    format!("[perl, -e, '{text}']")
}

fn services_of_every_kind() {
    let stack = Stack::of(Sandbox::new());
    let image = needs::postgres_image();
    let port = crate::harness::sandbox::free_port;
    let [redis, locked, web, broken, dead, silent] = [port(), port(), port(), port(), port(), port()];
    let (first, second, cache) = (port(), port(), port());
    // An image by the name of a program that is known, whatever its port is.
    let known = format!("{}/redis:1", stack.sandbox.project);
    stack.docker(&["tag", &image, &known]);
    let service = |name: &str, lines: &[String]| {
        let lines: Vec<String> = lines.iter().map(|line| format!("    {line}\n")).collect();
        format!("  {name}:\n    image: {image}\n    init: true\n    entrypoint: []\n{}", lines.concat())
    };
    let line = |text: &str| text.to_owned();
    let ports = |host: u16, inside: &str| format!("ports: [\"127.0.0.1:{host}:{inside}\"]");
    let sleep = || line("command: [sleep, infinity]");
    let web_ports =
        |host: u16| format!("ports: [{{target: 8000, published: \"{host}\", host_ip: 127.0.0.1, app_protocol: http}}]");
    let text = [
        line("services:\n  openfga:\n    profiles: [unused]\n  openfga-migrate:\n    profiles: [unused]\n"),
        // Its data in memory: little room, and a server that listens to few.
        line("  postgres:\n    command: [postgres, -c, max_connections=13, -c, superuser_reserved_connections=3]\n"),
        line("    environment:\n      PGDATA: /small/data\n    tmpfs: [\"/small:size=300m,mode=1777\"]\n"),
        service("redis", &[ports(redis, "6379"), format!("command: {}", server(6379, "+PONG\\r\\n"))]),
        service("locked-redis", &[ports(locked, "6379"), format!("command: {}", server(6379, "-NOAUTH\\r\\n"))]),
        service("web", &[web_ports(web), format!("command: {}", server(8000, "HTTP/1.1 204 No\\r\\n\\r\\n"))]),
        service(
            "broken-web",
            &[web_ports(broken), format!("command: {}", server(8000, "HTTP/1.1 503 No\\r\\n\\r\\n"))],
        ),
        // Docker's proxy accepts for it, but nobody listens.
        service("dead", &[ports(dead, "7000"), sleep()]),
        service(
            "silent",
            &[
                ports(silent, "7000"),
                format!(
                    "command: {}",
                    "[perl, -e, 'use IO::Socket::INET; my $s = IO::Socket::INET->new(LocalPort => 7000, Listen => 9); my @c; while (1) { push @c, $s->accept }']"
                ),
            ],
        ),
        service(
            "looping",
            &[
                line("command: [sh, -c, \"echo the key is hunter2-$TEAM_SECRET; exit 7\"]"),
                line("environment: {TEAM_SECRET: planted-secret}"),
                line("restart: always"),
            ],
        ),
        service(
            "sick",
            &[
                sleep(),
                line("healthcheck: {test: [CMD, sh, -c, \"echo out of order; exit 1\"], interval: 300ms, retries: 1}"),
            ],
        ),
        service("well", &[sleep(), line("healthcheck: {test: [CMD, \"true\"], interval: 300ms}")]),
        service("slow", &[sleep(), line("healthcheck: {test: [CMD, \"true\"], interval: 600s}")]),
        service("done", &[line("command: [\"true\"]")]),
        service("failed", &[line("command: [\"false\"]")]),
        service("retried", &[line("command: [\"true\"]"), line("restart: on-failure")]),
        service("given-up", &[line("command: [\"false\"]"), line("restart: \"on-failure:1\"")]),
        service("datagrams", &[ports(port(), "6831/udp"), sleep()]),
        service(
            "twice",
            &[
                format!("ports: [\"127.0.0.1:{first}:6379\", \"127.0.0.1:{second}:6379\"]"),
                format!("command: {}", server(6379, "+PONG\\r\\n")),
            ],
        ),
        service("cache", &[ports(cache, "7001"), format!("command: {}", server(7001, "+PONG\\r\\n"))])
            .replace(&image, &known),
        // Published nowhere: its own client asks.
        service(
            "inner",
            &[line(
                "command: [sh, -c, \"f=/usr/local/bin/redis-cli; printf '#!/bin/sh\\\\necho PONG\\\\n' > $f; chmod +x $f; exec sleep 999\"]",
            )],
        )
        .replace(&image, &known),
        service("paused", &[sleep()]),
        service("stopped", &[sleep(), line("restart: unless-stopped")]),
        service("idle", &[sleep(), line("profiles: [extra]")]),
        service("none", &[sleep(), line("deploy: {replicas: 0}")]),
        service(
            "moved",
            &[ports(port(), "7000"), sleep(), line("healthcheck: {test: [CMD, \"true\"], interval: 300ms}")],
        ),
    ];
    // `$` is Compose's own.
    let text = text.concat().replace('$', "$$");
    stack.override_with(&text);
    let up = stack.xtask(["up", "--all"]).run();
    up.code(6).stderr_has("failed did not start: it ended (exit code 1)").stderr_has("; the others are up");
    let labels = [("project", stack.sandbox.project.as_str()), ("service", "idle"), ("oneoff", "False")];
    let labels = labels.map(|(name, value)| format!("--label=com.docker.compose.{name}={value}"));
    let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
    let left = stack.docker(&[&["create"], &labels[..], &[image.as_str(), "true"]].concat());
    stack.docker(&["pause", &stack.container_of("paused")]);
    // Docker calls it unhealthy until it is looked at again.
    stack.docker(&["pause", &stack.container_of("slow")]);
    stack.docker(&["unpause", &stack.container_of("slow")]);
    stack.docker(&["stop", "--time", "0", &stack.container_of("stopped")]);
    // The settings change after the container was made.
    let moved = port();
    let text = text.replace("  moved:\n", &format!("  moved:\n    labels: [\"{moved}\"]\n"));
    let at = text.find("  moved:\n").unwrap();
    let (before, after) = text.split_at(at);
    let (head, tail) = after.split_once("127.0.0.1:").unwrap();
    let (_, tail) = tail.split_once(':').unwrap();
    stack.override_with(&format!("{before}{head}127.0.0.1:{moved}:{tail}"));

    let look = || Health::of(stack.xtask([]), &["--only", "service"]);
    let health = until(&look, "service/sick", "fail");
    for (name, status, detail, hint) in [
        ("openfga", "skipped", "profile unused is not active", ""),
        ("redis", "ok", "PONG at 127.0.0.1:", ""),
        ("locked-redis", "ok", "requires a password", ""),
        ("web", "ok", "HTTP 204 at", ""),
        ("broken-web", "fail", "HTTP 503", "docker compose logs --tail 20 broken-web"),
        ("dead", "fail", "nothing is behind the port", "docker compose logs"),
        ("silent", "ok", "the port is open", ""),
        ("looping", "fail", " restarts, last exit code 7)", "docker compose logs"),
        ("sick", "fail", "unhealthy: out of order", "docker compose logs"),
        ("well", "ok", "healthy", ""),
        ("slow", "fail", "still starting", "--wait"),
        ("done", "ok", "done, exit code 0", ""),
        ("failed", "fail", "the one-shot ended with exit code 1", "docker compose logs"),
        ("retried", "ok", "done, exit code 0", ""),
        ("given-up", "fail", "the one-shot ended with exit code 1", "docker compose logs"),
        ("datagrams", "ok", "running for", ""),
        ("twice", "ok", &format!("PONG at 127.0.0.1:{}", first.max(second)), ""),
        ("cache", "ok", "PONG at 127.0.0.1:", ""),
        ("inner", "ok", "PONG", ""),
        ("paused", "fail", "it is paused", "docker unpause"),
        ("stopped", "fail", "it is stopped (exit code", "cargo xtask up"),
        ("idle", "skipped", "profile extra is not active", ""),
        ("none", "skipped", "scaled to 0", ""),
        ("moved", "fail", &format!("the settings say {moved}"), "cargo xtask up"),
        ("postgres", "ok", "PostgreSQL answers", ""),
    ] {
        health.says(&format!("service/{name}"), status, detail, hint);
    }
    stack.docker(&["rm", &left]);
    stack.docker(&["rmi", "--force", &known]);
    let logs = stack.xtask(["--verbose", "health-check", "--only", "service/looping"]).run();
    logs.code(1).stdout_has("| the key is hunter2-***").stdout_lacks("planted-secret").stderr_lacks("planted-secret");

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
    drop((sessions, more));

    // It comes back with an empty disk: while the image makes a new cluster, a passing server answers on the socket.
    stack.exec(&["sh", "-c", "kill -INT $(head -1 /small/data/postmaster.pid)"], "");
    until(&look, "postgres", "fail").says("postgres", "fail", "", "");
    until(&look, "postgres", "ok").says("postgres", "ok", "", "");
    let (answer, errors) = stack.exec(&["psql", "-h", "127.0.0.1", "-XAtc", "SELECT 1"], "");
    assert_eq!(answer.as_deref(), Some(&b"1\n"[..]), "{errors}");
    // Starting the stack does not wake what is paused.
    stack.docker(&["pause", stack.postgres()]);
    let paused = Health::of(stack.xtask([]), &["--only", "postgres"]);
    paused.says("postgres", "fail", "its container is paused (see service/postgres)", "docker unpause ");
    stack.docker(&["unpause", stack.postgres()]);
    stack.docker(&["stop", "--time", "1", stack.postgres()]);
    let stopped = Health::of(stack.xtask([]), &["--only", "postgres", "service/postgres", "connections", "leftovers"]);
    stopped.says("service/postgres", "fail", "it is stopped", "cargo xtask up");
    stopped.says("postgres", "fail", "its container is exited (see service/postgres)", "cargo xtask up");
    stopped.says("leftovers", "skipped", "not asked", "").says("connections", "skipped", "not asked", "");
    // Somebody else comes to the port meanwhile, healthy and all.
    let _stranger = TcpListener::bind(("127.0.0.1", stack.postgres_port)).unwrap();
    let taken = Health::of(stack.xtask([]), &["--only", "service/postgres"]);
    taken.says("service/postgres", "fail", &format!("its port {} is taken by ", stack.postgres_port), "setup-env");
    let hint = Health::of(stack.xtask([]), &["--only", "postgres"]);
    hint.says("postgres", "fail", "(see service/postgres)", "another port: cargo xtask setup-env");
}

fn a_stack_that_was_never_started() {
    let stack = Stack::postgres_only();
    let health = Health::of(stack.xtask([]), &[]);
    health.says("service/postgres", "fail", "has not been started", "cargo xtask up");
    health.says("postgres", "fail", "its container is missing", "cargo xtask up");
    health.fails_only(&["service/postgres", "postgres"]);
    let listener = TcpListener::bind(("127.0.0.1", stack.postgres_port)).unwrap();
    let health = Health::of(stack.xtask([]), &["--only", "service/postgres"]);
    health.says("service/postgres", "fail", "is taken by ", "setup-env");
    drop(listener);
}

fn a_strangers_container_on_the_port() {
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
