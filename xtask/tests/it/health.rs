//! `health-check` where things are well, how its report looks, and where there is no Docker.

use crate::harness::{Fakes, Health, Local, Sandbox, Test, Xtask, needs, sandbox, shared};
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::time::Duration;

pub fn tests() -> Vec<Test> {
    tests![
        [Stack, Openfga] everything_is_asked_side_by_side,
        [Stack] only_what_is_wanted_is_asked,
        [Stack, Script] a_narrow_terminal_cuts_no_line,
        [Stack] the_report_follows_colour_locale_and_a_closed_pipe,
        [Postgres] the_local_target_needs_no_docker,
        [] the_url_target_asks_what_can_be_reached,
        [Postgres] one_silence_is_distinguished_from_another,
        [] a_missing_docker_is_named_as_the_cause,
        [Docker] a_silent_engine_is_named_as_the_cause,
        [Docker, Root] an_engine_that_may_not_be_used_is_the_cause,
        [Docker, OldCompose] an_old_compose_is_named_as_the_cause,
        [Docker] a_broken_compose_file_is_named_as_the_cause,
    ]
}

fn everything_is_asked_side_by_side() {
    let stack = shared();
    stack.openfga();
    // The databases of other tests would be asked whether they hold rows.
    let others = stack.psql("postgres", "SELECT string_agg(datname, ',') FROM pg_database WHERE datname !~ '[ ,]'");
    let health = Health::of(stack.xtask([]).env("XTASK_BACKUP_EXCLUDE", others), &[]);
    health.fails_only(&[]).outcome.ok().says_nothing();
    let names = health.names();
    let expected =
        ["docker", "service/openfga", "service/openfga-migrate", "service/postgres", "postgres", "connections"];
    assert!(names.starts_with(&expected), "{names:?}");
    health.says("docker", "ok", "engine ", "").says("service/openfga-migrate", "ok", "exit code 0", "");
    health.says("service/postgres", "ok", &format!("PostgreSQL answers at 127.0.0.1:{}", stack.postgres_port), "");
    health.says("service/openfga", "ok", "HTTP 200", "").says("openfga", "ok", "serving at http://127.0.0.1:", "");
    health.says("postgres", "ok", "database openfga", "").says("connections", "ok", "of 100 used", "");
    health.says("indexes", "ok", "", "").says("openfga/schema", "ok", "revision 6", "").says(
        "leftovers",
        "ok",
        "none",
        "",
    );
    health.says("openfga/store", "warn", "OPENFGA_STORE_ID is not set", "run setup-openfga");
    health.says("openfga/model", "skipped", "no ids", "").says("migrations", "skipped", "none", "");
    // The probes run beside each other. A busy machine makes all of them slow, so only their times are compared.
    let sum = health.one_after_the_other();
    health.outcome.holds(health.outcome.took < sum / 2, &format!("one after the other they would take {sum:?}"));
    // A warning counts where it was asked for.
    let strict = Health::of(stack.xtask([]), &["--strict", "--only", "openfga/store"]);
    strict.outcome.code(1).stderr_has("✗ 1 warning\n");
}

fn only_what_is_wanted_is_asked() {
    let database = shared().database();
    let health = Health::of(database.xtask([]), &["--only", "postgres", "disk"]);
    assert_eq!(health.names(), ["postgres", "disk", "disk/postgres"]);
    let service = Health::of(database.xtask([]), &["--only", "service/postgres"]);
    assert_eq!(service.names(), ["service/postgres"]);
    let run = database.xtask(["health-check", "--only", "nonsense"]).run();
    run.code(2).prints_nothing().stderr_has("no check nonsense").stderr_has("openfga/model");
    database.xtask(["health-check", "--timeout", "3"]).run().code(2).stderr_has("--wait");
    let ages = database.xtask(["health-check", "--wait", "--timeout", "18446744073709551615"]).run();
    ages.code(2).prints_nothing().stderr_has("--timeout").stderr_lacks("panicked");
    // Waiting makes no typing mistake right, whatever else fails meanwhile.
    let run = database.xtask(["health-check", "--wait", "--timeout", "50", "--only", "postgres", "nonsense"]);
    let mistaken = run.env("POSTGRES_DB", "nosuch").run();
    mistaken.code(2).prints_nothing().stderr_has("no check nonsense");
    mistaken.within(Duration::from_secs(40), "it does not wait");
    let run = database.xtask(["health-check", "--only", "postgres", "--wait", "--timeout", "1"]);
    let late = run.env("POSTGRES_DB", "nosuch").run();
    late.code(1).stdout_has("no database nosuch").stderr_has("1 check failed");
}

fn a_narrow_terminal_cuts_no_line() {
    let database = shared().database();
    let run = database.xtask(["health-check", "--only", "postgres", "service", "connections"]);
    let line = format!("stty columns 40; exec '{}' \"$@\"", env!("CARGO_BIN_EXE_xtask"));
    let mut terminal = run.program("sh").through(["sh", "-c", &line]).terminal();
    terminal.shows("connections");
    let screen = terminal.wait();
    let text = screen.text().replace("\u{1b}[32m", "").replace("\u{1b}[0m", "").replace("\u{1b}[2m", "");
    let text = text.replace("\u{1b}[33m", "").replace("\u{1b}[31m", "");
    let text: Vec<&str> =
        text.split(['\r', '\n']).filter(|line| line.contains("postgres") || line.contains(" ms")).collect();
    screen.holds(!text.is_empty() && text.iter().all(|line| line.chars().count() <= 40), "lines of at most 40 letters");
}

fn the_report_follows_colour_locale_and_a_closed_pipe() {
    let database = shared().database();
    let run = || database.xtask(["health-check", "--only", "postgres"]);
    let plain = run().run();
    plain.ok().stdout_has("✓ postgres").stdout_lacks("\u{1b}").says_nothing();
    run().env("NO_COLOR", "1").run().ok().stdout_lacks("\u{1b}");
    run().env("CLICOLOR_FORCE", "1").run().ok().stdout_has("\u{1b}[32m✓");
    let ascii = run().env("LANG", "C").run();
    ascii.ok().stdout_has("OK:      postgres").holds(ascii.stdout.is_ascii(), "nothing but ASCII");
    let failed = run().env("LANG", "C").env("POSTGRES_DB", "nosuch").run();
    failed
        .code(1)
        .stdout_has("ERROR:   postgres")
        .stdout_has("-> ")
        .holds(failed.stdout.is_ascii(), "nothing but ASCII");
    run().stdout_closed().run().ok().says_nothing();
    run()
        .stdout_closed()
        .env("POSTGRES_DB", "nosuch")
        .run()
        .code(1)
        .stderr_has("1 check failed")
        .stderr_lacks("panicked");
}

fn the_local_target_needs_no_docker() {
    let local = Local::new();
    let without_docker = |words: &[&str]| Health::of(local.xtask([]).env("DOCKER_HOST", "unix:///nowhere"), words);
    let before = without_docker(&[]);
    before.says("postgres", "fail", "no local server yet", "cargo xtask up").says(
        "docker",
        "skipped",
        "target local",
        "",
    );
    before.says("disk", "ok", "free", "");
    if needs::has(crate::harness::Need::OpenfgaBin) {
        local.sandbox.set_openfga_program();
    }
    local.up();
    without_docker(&["--only", "service"]).says("service", "skipped", "this target has none", "").outcome.code(0);
    let health = without_docker(&[]);
    health.fails_only(&[]).says("postgres", "ok", "database openfga", "").says("docker", "skipped", "target local", "");
    health.says("disk/postgres", "ok", "free for the server", "");
    if needs::has(crate::harness::Need::OpenfgaBin) {
        health.says("openfga", "ok", "serving at", "").says("openfga/schema", "ok", "revision 6", "");
    } else {
        health.says("openfga", "skipped", "no OpenFGA", "");
    }
    local.xtask(["down"]).run().ok();
    without_docker(&[]).says("postgres", "fail", "not running", "cargo xtask up --target local");
}

fn the_url_target_asks_what_can_be_reached() {
    let sandbox = Sandbox::new();
    let run =
        Xtask::new(&sandbox).env("XTASK_TARGET", "url").env("DATABASE_URL", "postgres://u:hunter2@127.0.0.1:1/app");
    let health = Health::of(run, &[]);
    health.fails_only(&["postgres"]).says("docker", "skipped", "target url", "").says(
        "openfga",
        "skipped",
        "no OpenFGA",
        "",
    );
    health.outcome.stdout_lacks("hunter2").stderr_lacks("hunter2");
}

fn one_silence_is_distinguished_from_another() {
    const STARTING: &[u8] = b"E\0\0\0\x3eSFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0";
    let sandbox = Sandbox::new();
    let refused = sandbox::free_port();
    let look = |port: u16, words: &[&str]| {
        let address = format!("postgres://u:p@127.0.0.1:{port}/app?connect_timeout=30");
        Health::of(Xtask::new(&sandbox).env("XTASK_TARGET", "url").env("DATABASE_URL", address), words)
    };
    let says = |port: u16, detail: &str| {
        look(port, &["--only", "postgres"]).says("postgres", "fail", detail, "");
    };
    says(refused, "cannot be reached: Connection refused");
    says(answering(&[b"N", STARTING]), "is starting or stopping: the database system is starting up");
    says(answering(&[b"HTTP/1.1 400 Bad Request\r\n\r\n"]), "another program answers there, not PostgreSQL");
    says(answering(&[]), "server closed the connection");
    // Who is silent is not waited for longer than was said, whatever the address says.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let hung = look(port, &["--only", "postgres", "migrations", "--wait", "--timeout", "3"]);
    hung.says("postgres", "fail", "does not answer", "").says("migrations", "skipped", "not asked", "");
    hung.outcome.within(Duration::from_secs(9), "it does not wait");
}

/// A server that answers each connection's messages so, and then hangs up; its port.
fn answering(answers: &'static [&'static [u8]]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let heard = |stream: &mut TcpStream| stream.read(&mut [0; 1024]).unwrap_or(0) > 0;
            let _ = answers.iter().all(|answer| heard(&mut stream) && stream.write_all(answer).is_ok());
        }
    });
    port
}

/// A checkout whose Docker is broken: everything that needs it is named once, the rest is reported all the same.
#[track_caller]
fn without_docker(run: Xtask, detail: &str, hint: &str) -> Health {
    let health = Health::of(run, &[]);
    health.says("docker", "fail", detail, hint);
    health.says("connections", "skipped", "not asked", "").says("disk", "ok", "free", "");
    health.outcome.within(Duration::from_secs(30), "it does not wait");
    health
}

fn a_missing_docker_is_named_as_the_cause() {
    let sandbox = Sandbox::new();
    let empty = sandbox.beside("empty");
    fs::create_dir(&empty).unwrap();
    without_docker(Xtask::new(&sandbox).env("PATH", &empty), "docker command is not installed", "--target local");
}

fn a_silent_engine_is_named_as_the_cause() {
    let sandbox = Sandbox::new();
    let socket = sandbox.beside("dead.sock");
    drop(UnixListener::bind(&socket).unwrap());
    let run = Xtask::new(&sandbox).env("DOCKER_HOST", format!("unix://{}", socket.display()));
    without_docker(run.clone(), "engine does not answer", "start Docker");
    // A service that cannot be seen now is no typing mistake.
    let service = Health::of(run.clone(), &["--only", "service/redis"]);
    service.says("service", "fail", "engine does not answer", "");
    // Silence must not pass for health: who asks for one check alone hears the cause from it.
    for name in ["postgres", "migrations", "openfga/store"] {
        let alone = Health::of(run.clone(), &["--only", name]);
        alone.says(name, "fail", "does not answer: The Docker engine does not answer", "start Docker");
    }
}

fn an_engine_that_may_not_be_used_is_the_cause() {
    let sandbox = Sandbox::new();
    let socket = sandbox.beside("private.sock");
    let _listener = UnixListener::bind(&socket).unwrap();
    fs::set_permissions(&socket, fs::Permissions::from_mode(0o600)).unwrap();
    let binary = sandbox.beside("xtask");
    fs::copy(env!("CARGO_BIN_EXE_xtask"), &binary).unwrap();
    let run = Xtask::new(&sandbox).env("DOCKER_HOST", format!("unix://{}", socket.display()));
    let run = run.program(&binary).through(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]);
    without_docker(run, "No permission", "docker group");
}

fn an_old_compose_is_named_as_the_cause() {
    let sandbox = Sandbox::new();
    let run = Xtask::new(&sandbox).env("XTASK_COMPOSE", needs::old_compose().unwrap());
    without_docker(run, "2.7 or newer is needed", "docs.docker.com/compose/install");
}

fn a_broken_compose_file_is_named_as_the_cause() {
    let sandbox = Sandbox::new();
    sandbox.write("docker-compose.yml", "name: mcp-server-langgraph\nservices: [this is no map\n");
    let health = Health::of(Xtask::new(&sandbox), &["--only", "service"]);
    health.says("service", "fail", "cannot read this project: yaml: ", "docker compose --profile '*' config --quiet");
    // Compose's own last line names what is missing, without the secrets that it repeats.
    let wanted = "name: mcp-server-langgraph\nservices: {db: {image: 'postgres:16', environment: ['A=SAYS']}}\n";
    let said = |value: &str, env: &str| {
        sandbox.write("docker-compose.yml", wanted.replace("SAYS", value));
        sandbox.write(".env", env);
        let health = Health::of(Xtask::new(&sandbox), &["--only", "service"]);
        health.outcome.code(1).stdout_lacks("hunter2").stdout_lacks("\u{9b}");
        health
    };
    let missing = "cannot read this project: error while interpolating services.db.environment.[]: required variable \
                   WIKI_PASSWORD is missing a value: hunted";
    said("${WIKI_PASSWORD:?hunted}", "").says("service", "fail", missing, "docker compose");
    said("${WIKI:?hunter2}", "WIKI_PASSWORD=hunter2\n").says("service", "fail", "WIKI is missing a value: ***", "");
    said("x", "X='hunter2zz\n").says("service", "fail", "unterminated quoted value", "");
    let restore = Xtask::new(&sandbox).args(["db-restore", "--yes"]).run();
    restore.code(1).stderr_has("Docker Compose cannot read this project").stderr_lacks("no full backup");
    let long = said(&format!("${{WIKI:?\\u009b{}}}", "x".repeat(9000)), "");
    long.says("service", "fail", "WIKI is missing a value: ", "");
    assert!(long.outcome.stdout.len() < 2000, "it is bounded: {}", long.outcome.text());
    // A frozen program ends with the probe's time.
    let fakes = Fakes::new(&sandbox).program("docker", "sleep 60");
    let frozen = Health::of(fakes.over(Xtask::new(&sandbox)), &["--only", "disk", "docker"]);
    frozen.outcome.within(Duration::from_secs(20), "it does not wait");
    frozen.says("docker", "fail", "did not answer within", "").says("disk", "ok", "", "");
}
