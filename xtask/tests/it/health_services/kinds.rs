//! The services of a team's stack: one of each kind, and what `health-check` says of it.

use crate::harness::needs;
use crate::harness::sandbox::free_port;

/// One service, and the check that `health-check` makes of it.
pub struct Service {
    pub name: &'static str,
    /// What stands below its name in the Compose file.
    lines: Vec<String>,
    /// Its image has the name of a program that is known, whatever its port is.
    has_known_image: bool,
    pub status: &'static str,
    pub detail: String,
    pub hint: &'static str,
}

impl Service {
    /// One of which nothing more is said than that it is well.
    fn new<L: Into<String>>(name: &'static str, lines: impl IntoIterator<Item = L>) -> Self {
        let lines = lines.into_iter().map(Into::into).collect();
        Self { name, lines, has_known_image: false, status: "ok", detail: String::new(), hint: "" }
    }

    fn is(self, status: &'static str, detail: impl Into<String>, hint: &'static str) -> Self {
        Self { status, detail: detail.into(), hint, ..self }
    }

    fn of_a_known_image(self) -> Self {
        Self { has_known_image: true, ..self }
    }
}

const SLEEP: &str = "command: [sleep, infinity]";
const WELL: &str = "healthcheck: {test: [CMD, \"true\"], interval: 300ms}";

fn published(host: u16, inside: &str) -> String {
    format!("ports: [\"127.0.0.1:{host}:{inside}\"]")
}

/// Runs this Perl with a socket `$s` that listens on the port; the image of PostgreSQL has perl.
fn listening(port: u16, then: &str) -> String {
    format!(
        "command: [perl, -e, 'use IO::Socket::INET; \
         my $s = IO::Socket::INET->new(LocalPort => {port}, Listen => 9, ReuseAddr => 1); {then}']"
    )
}

/// Answers each connection with this.
fn answering(port: u16, answer: &str) -> String {
    let then =
        format!("while (my $c = $s->accept) {{ sysread($c, my $x, 999); syswrite($c, \"{answer}\"); close $c }}");
    listening(port, &then)
}

fn of_redis() -> Vec<Service> {
    let redis = |name, lines: String, inside, answer| Service::new(name, [lines, answering(inside, answer)]);
    let (first, second) = (free_port(), free_port());
    let twice = format!("ports: [\"127.0.0.1:{first}:6379\", \"127.0.0.1:{second}:6379\"]");
    // Published nowhere: its own client asks.
    let client = "command: [sh, -c, \"f=/usr/local/bin/redis-cli; printf '#!/bin/sh\\\\necho PONG\\\\n' > $f; chmod +x $f; exec sleep 999\"]";
    vec![
        redis("redis", published(free_port(), "6379"), 6379, "+PONG\\r\\n").is("ok", "PONG at 127.0.0.1:", ""),
        redis("locked-redis", published(free_port(), "6379"), 6379, "-NOAUTH\\r\\n").is(
            "ok",
            "requires a password",
            "",
        ),
        redis("twice", twice, 6379, "+PONG\\r\\n").is("ok", format!("PONG at 127.0.0.1:{}", first.max(second)), ""),
        redis("cache", published(free_port(), "7001"), 7001, "+PONG\\r\\n").of_a_known_image().is(
            "ok",
            "PONG at 127.0.0.1:",
            "",
        ),
        Service::new("inner", [client]).of_a_known_image().is("ok", "PONG", ""),
    ]
}

fn with_ports() -> Vec<Service> {
    let web = |name, answer| {
        let host = free_port();
        let port = format!("{{target: 8000, published: \"{host}\", host_ip: 127.0.0.1, app_protocol: http}}");
        Service::new(name, [format!("ports: [{port}]"), answering(8000, answer)])
    };
    let mute = listening(7000, "my @c; while (1) { push @c, $s->accept }");
    vec![
        web("web", "HTTP/1.1 204 No\\r\\n\\r\\n").is("ok", "HTTP 204 at", ""),
        web("broken-web", "HTTP/1.1 503 No\\r\\n\\r\\n").is(
            "fail",
            "HTTP 503",
            "docker compose logs --tail 20 broken-web",
        ),
        // Docker's proxy accepts for it, but nothing listens.
        Service::new("dead", [&published(free_port(), "7000"), SLEEP]).is(
            "fail",
            "nothing is behind the port",
            "docker compose logs",
        ),
        Service::new("silent", [published(free_port(), "7000"), mute]).is("ok", "the port is open", ""),
        Service::new("datagrams", [&published(free_port(), "6831/udp"), SLEEP]).is("ok", "running for", ""),
    ]
}

fn with_health_checks() -> Vec<Service> {
    let sick = "healthcheck: {test: [CMD, sh, -c, \"echo out of order; exit 1\"], interval: 300ms, retries: 1}";
    let slow = "healthcheck: {test: [CMD, \"true\"], interval: 600s}";
    vec![
        Service::new("sick", [SLEEP, sick]).is("fail", "unhealthy: out of order", "docker compose logs"),
        Service::new("well", [SLEEP, WELL]).is("ok", "healthy", ""),
        Service::new("slow", [SLEEP, slow]).is("fail", "still starting", "--wait"),
    ]
}

fn that_end() -> Vec<Service> {
    let crash = "command: [sh, -c, \"echo the key is hunter2-$TEAM_SECRET; exit 7\"]";
    let looping = [crash, "environment: {TEAM_SECRET: planted-secret}", "restart: always"];
    let crashes = "for n in 1 2 3; do [ -e /tmp/$n ] || { touch /tmp/$n; exit 7; }; done; exec sleep infinity";
    let crashed = [format!("command: [sh, -c, '{crashes}']"), "restart: always".to_owned()];
    let (works, fails) = ("command: [\"true\"]", "command: [\"false\"]");
    let failed = "the one-shot ended with exit code 1";
    vec![
        Service::new("looping", looping).is("fail", " restarts, last exit code 7)", "docker compose logs"),
        Service::new("crashed", crashed),
        Service::new("done", [works]).is("ok", "done, exit code 0", ""),
        Service::new("failed", [fails]).is("fail", failed, "docker compose logs"),
        Service::new("retried", [works, "restart: on-failure"]).is("ok", "done, exit code 0", ""),
        Service::new("given-up", [fails, "restart: \"on-failure:1\""]).is("fail", failed, "docker compose logs"),
    ]
}

/// Those that the test pauses and stops, and those that Compose does not start.
fn that_do_not_run() -> Vec<Service> {
    vec![
        Service::new("paused", [SLEEP]).is("fail", "it is paused", "docker unpause"),
        Service::new("stopped", [SLEEP, "restart: unless-stopped"]).is(
            "fail",
            "it is stopped (exit code",
            "cargo xtask up",
        ),
        Service::new("idle", [SLEEP, "profiles: [extra]"]).is("skipped", "profile extra is not active", ""),
        Service::new("none", [SLEEP, "deploy: {replicas: 0}"]).is("skipped", "scaled to 0", ""),
    ]
}

/// The settings of `moved` change after its container is made.
pub fn moved() -> Service {
    let port = free_port();
    let label = format!("labels: [\"{port}\"]");
    Service::new("moved", [&published(port, "7000"), SLEEP, WELL, &label]).is(
        "fail",
        format!("the settings say {port}"),
        "cargo xtask up",
    )
}

pub fn of_every_kind() -> Vec<Service> {
    let kinds = [of_redis(), with_ports(), with_health_checks(), that_end(), that_do_not_run(), vec![moved()]];
    kinds.into_iter().flatten().collect()
}

/// An override of Compose's file with these services, without OpenFGA, and with a PostgreSQL that has its data in
/// memory: little room, and few connections.
pub fn compose_file(services: &[Service], known_image: &str) -> String {
    let mut text = "services:\n  openfga:\n    profiles: [unused]\n  openfga-migrate:\n    profiles: [unused]\n  \
         postgres:\n    command: [postgres, -c, max_connections=13, -c, superuser_reserved_connections=3]\n    \
         environment:\n      PGDATA: /small/data\n    tmpfs: [\"/small:size=300m,mode=1777\"]\n"
        .to_owned();
    let image = needs::postgres_image();
    for service in services {
        let image = if service.has_known_image { known_image } else { &image };
        text += &format!("  {}:\n    image: {image}\n    init: true\n    entrypoint: []\n", service.name);
        text.extend(service.lines.iter().map(|line| format!("    {line}\n")));
    }
    // `$` is Compose's own.
    text.replace('$', "$$")
}
