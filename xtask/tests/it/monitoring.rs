//! `monitoring-dashboard`: the containers beside the stack, the files for a Prometheus and Grafana elsewhere, what is said
//! without Docker. Grafana's image cannot be had here: one that reads its files and answers its health stands in for it.

use crate::harness::needs::{MONITORING_IMAGES, postgres_image};
use crate::harness::sandbox::{checkout, free_port};
use crate::harness::{Fakes, Sandbox, Stack, Test, Xtask};
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

pub fn tests() -> Vec<Test> {
    tests![
        [OwnStack, MonitoringImages] it_runs_beside_the_stack_and_shows_it,
        [Monitoring] each_alert_fires_and_stays_silent,
        [Monitoring] the_files_are_written_for_a_prometheus_elsewhere_and_over_nobodys_own,
        [] without_docker_it_says_what_else_there_is,
    ]
}

/// What Debian's exporter calls the collectors that would be asked in both of its logins.
const FLAGS: &str = "--no-collector.database --no-collector.bgwriter";
const PORTS: [&str; 4] = ["PROMETHEUS_PORT", "GRAFANA_PORT", "POSTGRES_EXPORTER_PORT", "NODE_EXPORTER_PORT"];

/// A stack that is not started, whose settings name the images that stand for Prometheus and the others.
fn watched() -> Stack {
    let stack = Stack::new();
    MONITORING_IMAGES.iter().for_each(|(name, image)| stack.sandbox.set(name, image));
    PORTS.iter().for_each(|name| stack.sandbox.set(name, &free_port().to_string()));
    stack.sandbox.set("POSTGRES_EXPORTER_FLAGS", &format!("'{FLAGS}'"));
    // A service that gets all of .env is recreated when that changes.
    stack.override_with(
        "services:\n  postgres: {command: [postgres, -c, shared_preload_libraries=pg_stat_statements]}\n  web: {image: '${POSTGRES_IMAGE}', env_file: [.env], entrypoint: [sleep, infinity], stop_grace_period: 0s}\n",
    );
    stack
}

/// What `docker ps` says of the dashboards' containers.
fn containers(stack: &Stack, format: &str) -> Vec<String> {
    let filter = format!("label=com.docker.compose.project={}-monitoring", stack.sandbox.project);
    let mut lines: Vec<String> =
        stack.docker(&["ps", "--filter", &filter, "--format", format]).lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

fn value_in_env(stack: &Stack, name: &str) -> String {
    let text = fs::read_to_string(stack.sandbox.path(".env")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    line.unwrap_or_else(|| panic!("{name} is not in .env")).to_owned()
}

fn it_runs_beside_the_stack_and_shows_it() {
    let stack = watched();
    let run = |words: &[&'static str]| stack.xtask(words.iter().copied()).run();
    without_an_image_nothing_is_made(&stack);
    a_role_that_another_run_makes_meanwhile_is_reported_as_such(&stack);
    let first = run(&["--verbose", "monitoring-dashboard", "--json"]);
    first.ok().stderr_has("✓ The role xtask_monitor");
    first.stderr_has("✓ Made the extension pg_stat_statements in the database postgres");
    first.stderr_has("recreates: web").stderr_has("✓ Wrote new passwords to .env");
    ["postgres_exporter", "node_exporter", "Prometheus", "Grafana"].iter().for_each(|part| {
        first.stderr_has(&format!("✓ {part} answers"));
    });
    let order = |text: &str| first.stderr.find(text).unwrap();
    first.holds(
        order("recreates: web") < order("✓ Wrote new passwords"),
        "who is concerned is named before .env changes",
    );
    let report = first.json();
    assert_eq!(report["dashboards"].as_array().unwrap().len(), 3, "{report}");
    no_secret_is_shown(&stack, &first.stderr);
    prometheus_has_the_stack(&stack);

    let (env, ids) = (fs::read(stack.sandbox.path(".env")).unwrap(), containers(&stack, "{{.ID}}"));
    assert_eq!(ids.len(), 4);
    run(&["up"]).ok();
    run(&["monitoring-dashboard"]).ok().stdout_has("/d/xtask-backups").stderr_lacks("passwords");
    assert_eq!(containers(&stack, "{{.ID}}"), ids, "what runs goes on running");
    assert_eq!(fs::read(stack.sandbox.path(".env")).unwrap(), env);
    run(&["health-check", "--only", "monitoring"])
        .ok()
        .stdout_has("postgres_exporter, node_exporter")
        .stdout_has("answer");
    what_is_wrong_is_named(&stack);

    run(&["down"]).ok().stderr_has("✓ Stopped the dashboards");
    assert_eq!(containers(&stack, "{{.ID}}"), [""; 0]);
    run(&["health-check", "--only", "monitoring"]).ok().stdout_has("not started");
    run(&["down", "--all"]).ok();
    let networks = stack.docker(&["network", "ls", "--filter", &format!("name={}", stack.sandbox.project), "--quiet"]);
    assert_eq!(networks, "", "no network is left");
}

/// One that cannot be pulled: its registry is not there.
fn without_an_image_nothing_is_made(stack: &Stack) {
    let env = fs::read(stack.sandbox.path(".env")).unwrap();
    let absent = stack.xtask(["monitoring-dashboard"]).env("GRAFANA_IMAGE", "127.0.0.1:1/grafana:1").run();
    absent
        .code(1)
        .stderr_has("✓ PostgreSQL")
        .stderr_has("✗ The image 127.0.0.1:1/grafana:1 of Grafana is not here and cannot be pulled");
    absent
        .stderr_has("→ name one that is here or can be pulled, in .env: GRAFANA_IMAGE=IMAGE")
        .stderr_lacks("✓ The role");
    assert_eq!(fs::read(stack.sandbox.path(".env")).unwrap(), env);
    assert_eq!(stack.psql("postgres", "SELECT count(*) FROM pg_roles WHERE rolname = 'xtask_monitor'"), "0");
    assert_eq!(containers(stack, "{{.ID}}"), [""; 0]);
}

fn a_role_that_another_run_makes_meanwhile_is_reported_as_such(stack: &Stack) {
    let env = fs::read(stack.sandbox.path(".env")).unwrap();
    let make = format!("real exec {} psql -U postgres -c 'CREATE ROLE xtask_monitor' >&2", stack.postgres());
    let relay = format!(
        "while IFS= read -r line || [ -n \"$line\" ]; do case $line in *'CREATE ROLE'*) {make} </dev/null;; esac; \
         printf '%s\\n' \"$line\"; done | real \"$@\""
    );
    let fakes = Fakes::new(&stack.sandbox).docker_but("psql", &relay);
    let run = fakes.over(stack.xtask(["monitoring-dashboard"])).run();
    run.code(1).stderr_has("✗ Another run made the role xtask_monitor at the same time");
    run.stderr_has("then run it again: cargo xtask monitoring-dashboard");
    stack.admin("DROP ROLE xtask_monitor");
    fs::write(stack.sandbox.path(".env"), env).unwrap();
}

/// The passwords are in `.env`, and in the environment of the containers that need them; nowhere else.
fn no_secret_is_shown(stack: &Stack, stderr: &str) {
    let project = format!("{}-monitoring", stack.sandbox.project);
    let filter = format!("label=com.docker.compose.project={project}");
    let ids = stack.docker(&["ps", "--quiet", "--filter", &filter]);
    let words: Vec<&str> = ["inspect", "--format", "{{json .Args}} {{json .HostConfig.PortBindings}}"]
        .into_iter()
        .chain(ids.lines())
        .collect();
    let made_of = stack.docker(&words);
    assert_eq!(made_of.matches("\"HostIp\":\"127.0.0.1\"").count(), 4, "{made_of}");
    for name in ["POSTGRES_EXPORTER_PASSWORD", "GRAFANA_ADMIN_PASSWORD"] {
        let password = value_in_env(stack, name);
        assert_eq!(password.len(), 48);
        assert!(!made_of.contains(&password) && !stderr.contains(&password), "{name}");
        let files = Command::new("grep").args(["-rl", &password]).arg(stack.sandbox.path(".xtask")).output().unwrap();
        assert!(files.stdout.is_empty(), "{}", String::from_utf8_lossy(&files.stdout));
    }
    let role = "SELECT rolsuper, pg_has_role(rolname, 'pg_monitor', 'member'), rolpassword ~ '^SCRAM-SHA-256' \
                FROM pg_authid WHERE rolname = 'xtask_monitor'";
    assert_eq!(stack.psql("postgres", role), "f|t|t");
}

fn prometheus_has_the_stack(stack: &Stack) {
    let port = value_in_env(stack, "PROMETHEUS_PORT");
    let asked = |query: &str| {
        let api = crate::harness::openfga::Api::at(&format!("http://127.0.0.1:{port}"));
        let (status, answer) = api.request(&format!("/api/v1/query?query={query}"), None);
        assert_eq!(status, 200, "{answer}");
        answer["data"]["result"].as_array().unwrap().clone()
    };
    let up = asked("up");
    assert!(up.len() == 3 && up.iter().all(|series| series["value"][1] == "1"), "{up:?}");
    assert_eq!(asked("xtask_pg_table_total_bytes%7Brelname%3D%22tuple%22%7D").len(), 1);
    assert_eq!(asked("pgxpool_max_conns").len(), 1, "the shipped Compose file has OpenFGA tell of its pool");
}

fn what_is_wrong_is_named(stack: &Stack) {
    let run = |words: &[&'static str]| stack.xtask(words.iter().copied()).run();
    let exporter = containers(stack, "{{.Names}}").into_iter().find(|name| name.contains("postgres-exporter")).unwrap();
    stack.docker(&["stop", "--time", "0", &exporter]);
    let sick = run(&["health-check", "--only", "monitoring"]);
    sick.code(1).stdout_has("postgres_exporter does not run").stdout_has("cargo xtask monitoring-dashboard");

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let refused = stack.xtask(["monitoring-dashboard"]).env("PROMETHEUS_PORT", &port).run();
    refused.code(1).stderr_has(&format!("Port {port} (PROMETHEUS_PORT)")).stderr_has("set another port in .env");
    stack.xtask(["monitoring-dashboard"]).env("GRAFANA_PORT", "0").run().code(2).stderr_has("is not a port");

    // A program that is not node_exporter: Docker restarts it again and again.
    let ends = stack.xtask(["monitoring-dashboard"]).env("NODE_EXPORTER_IMAGE", postgres_image()).run();
    ends.code(4).stderr_has(
        "node_exporter does not keep running: Docker restarts it again and again (exit code 1); its last line: ",
    );
    ends.stderr_has("→ see its log: docker logs --tail 20 ").stderr_lacks("✓ node_exporter");
    ends.stderr_lacks("POSTGRES_EXPORTER_FLAGS");
    // Each version of postgres_exporter has flags of its own.
    let flags = stack.xtask(["monitoring-dashboard"]).env("POSTGRES_EXPORTER_FLAGS", "--no-such-flag").run();
    flags
        .code(4)
        .stderr_has("postgres_exporter does not keep running")
        .stderr_has("in .env: POSTGRES_EXPORTER_FLAGS=FLAGS");
    ends.within(Duration::from_secs(60), "it is named at once");

    // The role may be another checkout's.
    let before = fs::read_to_string(stack.sandbox.path(".env")).unwrap();
    let without: String = before
        .lines()
        .filter(|line| !line.starts_with("POSTGRES_EXPORTER_PASSWORD"))
        .map(|line| format!("{line}\n"))
        .collect();
    fs::write(stack.sandbox.path(".env"), &without).unwrap();
    let refused = run(&["monitoring-dashboard"]);
    refused
        .code(1)
        .stderr_has("The role xtask_monitor is on this server already")
        .stderr_has("POSTGRES_EXPORTER_PASSWORD");
    assert_eq!(fs::read_to_string(stack.sandbox.path(".env")).unwrap(), without, "nothing was written");
    // A new password is given to the role and to the exporter.
    fs::write(stack.sandbox.path(".env"), format!("{without}POSTGRES_EXPORTER_PASSWORD='n@w,/pass'\n")).unwrap();
    run(&["monitoring-dashboard"]).ok().stderr_has("✓ postgres_exporter answers");
}

fn each_alert_fires_and_stays_silent() {
    let rules = fs::read_to_string(checkout().join("xtask/monitoring/prometheus/rules.yml")).unwrap();
    let cases = fs::read_to_string(checkout().join("xtask/tests/files/monitoring/rules_test.yml")).unwrap();
    let alerts = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: "));
    for alert in alerts {
        let of_alert: Vec<&str> =
            cases.split("eval_time").filter(|case| case.contains(&format!("alertname: {alert}"))).collect();
        let silent = of_alert.iter().filter(|case| case.contains("exp_alerts: []")).count();
        assert!(silent > 0 && silent < of_alert.len(), "{alert} has no firing case, or no silent one");
    }
    let folder = checkout().join("xtask/tests/files/monitoring");
    let output =
        Command::new("promtool").args(["test", "rules", "rules_test.yml"]).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

fn promtool(words: &[&str], path: &Path) {
    let output = Command::new("promtool").args(words).arg(path).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
}

fn the_files_are_written_for_a_prometheus_elsewhere_and_over_nobodys_own() {
    let sandbox = Sandbox::new();
    let print = || Xtask::new(&sandbox).args(["monitoring-dashboard", "--print", "out"]).run();
    let first = print();
    first.ok().says_nothing();
    let text = first.text();
    let listed: Vec<&str> = text.lines().collect();
    assert!(
        listed.contains(&"out/grafana/dashboards/openfga.json")
            && listed.contains(&"out/prometheus/targets/postgres.json")
    );
    assert!(listed.iter().all(|path| sandbox.path(path).is_file()));
    promtool(&["check", "config"], &sandbox.path("out/prometheus/prometheus.yml"));
    print().ok();
    // In a stack's folder it would be taken for the stack's own file.
    let here = Xtask::new(&sandbox).args(["monitoring-dashboard", "--print", "."]).run();
    here.ok().stdout_has("prometheus/prometheus.yml").stdout_lacks("compose.yml");
    assert!(!sandbox.path("compose.yml").exists() && !sandbox.path("out/compose.yml").exists());
    // A folder that was there keeps its mode; those that are made are for every user.
    let mode = |name: &str| fs::metadata(sandbox.path(name)).unwrap().permissions().mode() & 0o777;
    fs::create_dir_all(sandbox.path("own/prometheus")).unwrap();
    for name in ["own", "own/prometheus"] {
        fs::set_permissions(sandbox.path(name), fs::Permissions::from_mode(0o700)).unwrap();
    }
    Xtask::new(&sandbox).args(["monitoring-dashboard", "--print", "own"]).run().ok();
    assert_eq!(["own", "own/prometheus", "own/grafana", "out"].map(mode), [0o700, 0o700, 0o755, 0o755]);
    sandbox.write("out/prometheus/rules.yml", "groups: []\n");
    print().code(1).prints_nothing().stderr_has("out/prometheus/rules.yml is there and says something else");
    assert_eq!(fs::read_to_string(sandbox.path("out/prometheus/rules.yml")).unwrap(), "groups: []\n");
    // The folder that was named may be a link; one that stands in it leads to where another user chose.
    fs::create_dir_all(sandbox.path("real")).unwrap();
    fs::create_dir_all(sandbox.path("private")).unwrap();
    std::os::unix::fs::symlink("real", sandbox.path("linked")).unwrap();
    std::os::unix::fs::symlink("../private", sandbox.path("real/postgres")).unwrap();
    let print = || Xtask::new(&sandbox).args(["monitoring-dashboard", "--print", "linked"]).run();
    print().code(1).stderr_has("postgres is a symbolic link; nothing is written through it");
    assert!(fs::read_dir(sandbox.path("private")).unwrap().next().is_none());
    assert!(!sandbox.path("real/prometheus/rules.yml").exists(), "nothing is written before that is known");
    fs::remove_file(sandbox.path("real/postgres")).unwrap();
    print().ok().stdout_has("linked/postgres/role.sql");
}

fn without_docker_it_says_what_else_there_is() {
    let sandbox = Sandbox::new();
    let fakes = Fakes::new(&sandbox).program("prometheus", "");
    let run = fakes.instead_of_path(Xtask::new(&sandbox).args(["monitoring-dashboard"])).run();
    run.code(4).stderr_has("The docker command is not installed").stderr_has("cargo xtask db-stats --watch");
    run.stderr_has("(this host has Prometheus): write their files with").stderr_has("--print DIR");
    let silent = Xtask::new(&sandbox).args(["monitoring-dashboard"]).env("DOCKER_HOST", "tcp://127.0.0.1:1").run();
    silent.code(4).stderr_has("The Docker engine does not answer").stderr_has("start Docker");
    silent.stderr_has("cargo xtask db-stats --watch").stderr_has("--print DIR");
    let local = fakes.instead_of_path(Xtask::new(&sandbox).args(["monitoring-dashboard", "--target", "local"])).run();
    local
        .code(2)
        .stderr_has("The dashboards run in containers")
        .stderr_has("cargo xtask db-stats --target local --watch");
    assert!(!sandbox.path(".xtask/monitoring").exists());
}
