//! `setup-env`: from a fresh checkout to a running stack with a proven first backup; the second time nothing changes.

use crate::harness::sandbox::checkout;
use crate::harness::{Fakes, Local, Outcome, Sandbox, Stack, Test, Xtask, needs, wait_until};
use crate::health_services::left_behind;
use rustix::process::Signal;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

pub fn tests() -> Vec<Test> {
    tests![
        [OwnStack, Openfga, Make] on_compose_one_run_sets_up_everything,
        [OwnStack] an_interrupted_run_is_completed_and_the_settings_file_kept,
        [Postgres, Make] without_docker_one_run_sets_up_everything,
        [OwnStack, Git] a_missing_env_example_and_an_env_that_git_does_not_ignore_are_named,
        [OwnStack] another_teams_stack_needs_its_example_and_keeps_its_ports,
        [Docker] an_image_that_is_not_there_is_reported_in_composes_words,
    ]
}

/// A stack whose checkout has no `.env` yet; what that said goes into the process environment.
struct Fresh {
    stack: Stack,
    settings: Vec<(String, String)>,
}

impl Fresh {
    fn of(stack: Stack) -> Self {
        let file = stack.sandbox.path(".env");
        let text = fs::read_to_string(&file).unwrap();
        fs::remove_file(file).unwrap();
        let settings = text.lines().filter_map(|line| line.split_once('='));
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self { stack, settings }
    }

    fn xtask(&self, args: &[&'static str]) -> Xtask {
        let run = Xtask::new(&self.stack.sandbox).args(args);
        self.settings.iter().fold(run, |run, (name, value)| run.env(name, value))
    }
}

/// `.env` is `.env.example` with one line more, and the ids of OpenFGA's store, for its owner only.
fn made_from_example(sandbox: &Sandbox, target: &str) {
    let example = fs::read_to_string(checkout().join(".env.example")).unwrap();
    let made = fs::read_to_string(sandbox.path(".env")).unwrap();
    let line = format!("XTASK_TARGET={target}\n");
    assert_eq!(made.lines().filter(|made| *made == line.trim_end()).count(), 1, "{made}");
    let is_id = |line: &&str| line.starts_with("OPENFGA_STORE_ID=01") || line.starts_with("OPENFGA_MODEL_ID=01");
    let rest: Vec<&str> = made.lines().filter(|made| !is_id(made) && *made != line.trim_end()).collect();
    assert_eq!(rest, example.lines().collect::<Vec<_>>());
    assert_eq!(fs::metadata(sandbox.path(".env")).unwrap().permissions().mode() & 0o777, 0o600);
}

fn ends_with_what_to_type_next(run: &Outcome) {
    run.ok().prints_nothing();
    let next = run.stderr.rsplit("Next:\n").next().unwrap().to_owned();
    run.holds(next.len() < run.stderr.len(), "it should say what is next");
    for line in next.lines() {
        run.holds(line.starts_with("  cargo xtask "), "the last lines should be commands to type");
    }
    for command in ["db-shell", "db-backup", "down", "help"] {
        run.holds(next.contains(&format!("cargo xtask {command} ")), command);
    }
}

fn whole_backups(list: Xtask) -> usize {
    list.run().ok().text().lines().filter(|line| line.ends_with("  whole")).count()
}

/// `make db-backup`, with a `cargo` that starts the built program as `cargo xtask` would.
fn make_db_backup(run: Xtask, sandbox: &Sandbox) {
    let cargo = format!("shift; exec '{}' \"$@\"", env!("CARGO_BIN_EXE_xtask"));
    let fakes = Fakes::new(sandbox).program("cargo", &cargo);
    let made = fakes.over(run.program("make")).args(["db-backup"]).run();
    made.ok().stdout_has("backups/openfga_backup_").stderr_has("✓ Backup created in backups/");
    assert_eq!(fakes.calls(), [["cargo", "xtask", "db-backup"]]);
}

/// The crontab of `docs/scheduling.md`, as cron runs it: without the user's environment, in their home.
fn cron_lines_work(sandbox: &Sandbox) {
    let page = fs::read_to_string(checkout().join("docs/scheduling.md")).unwrap();
    let lines = page.lines().filter_map(|line| line.split_once("/srv/app/target/debug/xtask "));
    let commands: Vec<&str> = lines.map(|(_, command)| command).collect();
    let begins = commands.first().is_some_and(|command| command.starts_with("db-backup"));
    assert!(begins, "the crontab of docs/scheduling.md: {commands:?}");
    for command in commands {
        let line = format!("exec '{}' {command}", env!("CARGO_BIN_EXE_xtask"));
        let root = format!("XTASK_ROOT={}", sandbox.root.display());
        let home = format!("HOME={}", sandbox.home.display());
        let words = ["-i", "PATH=/usr/bin:/bin", &root, &home, "/bin/sh", "-c", &line];
        let run = Xtask::bare(&sandbox.home, &sandbox.home).program("/usr/bin/env").args(words).run();
        // cron mails whatever a job says.
        run.ok().says_nothing().prints_nothing();
    }
}

fn on_compose_one_run_sets_up_everything() {
    let fresh = Fresh::of(Stack::new());
    let sandbox = &fresh.stack.sandbox;
    ["openfga", "migrations"].iter().for_each(|folder| sandbox.copy_folder(folder));
    // `up` leaves it alone.
    fresh.stack.override_with("services: {web: {image: '${POSTGRES_IMAGE}'}}\n");
    let first = fresh.xtask(&["setup-env"]).run();
    ends_with_what_to_type_next(&first);
    first.stderr_has("⚠ service/web: web has not been started").stderr_has("cargo xtask up --all");
    first
        .stderr_has("✓ 20251021140100 create application state")
        .stderr_has("✓ OpenFGA's store langgraph-agent-store is set up (10 tuples, ");
    first.stderr_has("Target compose: a Docker engine answers").stderr_has("✓ PostgreSQL").stderr_has("✓ OpenFGA");
    first.stderr_has("First backup: backups/openfga_backup_");
    made_from_example(sandbox, "compose");
    assert_eq!(whole_backups(fresh.xtask(&["db-list", "--check"])), 1);

    let now = || {
        let ids = ["postgres", "openfga"].map(|service| fresh.stack.container_of(service));
        (fs::read(sandbox.path(".env")).unwrap(), sandbox.backups(), ids)
    };
    let before = now();
    // Nor does one that a person made, and that does not run.
    let made = left_behind(&fresh.stack, "web");
    let second = fresh.xtask(&["setup-env"]).here(sandbox.path("backups")).run();
    ends_with_what_to_type_next(&second);
    second.stderr_has("⚠ service/web: it was created but not started");
    fresh.stack.docker(&["rm", "--volumes", &made]);
    second
        .stderr_has("✓ OpenFGA's store is chosen: 01")
        .stderr_has("There is a backup: openfga_backup_")
        .stderr_lacks("Wrote")
        .stderr_lacks("is taken");
    assert_eq!(now(), before, "the second run changed something");

    make_db_backup(fresh.xtask(&[]), sandbox);
    // cron has nothing but .env.
    fresh.settings.iter().for_each(|(name, value)| sandbox.set(name, value));
    cron_lines_work(sandbox);
    assert_eq!(whole_backups(fresh.xtask(&["db-list", "--check"])), sandbox.backups().len());
}

fn an_interrupted_run_is_completed_and_the_settings_file_kept() {
    let stack = Stack::postgres_only();
    let sandbox = &stack.sandbox;
    // Images and ports come from .env here, as an editor of Windows wrote it.
    let text = fs::read_to_string(sandbox.path(".env")).unwrap().replace('\n', "\r\n");
    let text = format!("# Ours  \r\n\r\n{text}export OTHER='a \"b\"' # why\r\n# the end");
    sandbox.write(".env", &text);
    fs::set_permissions(sandbox.path(".env"), fs::Permissions::from_mode(0o640)).unwrap();
    let setup = || Xtask::new(sandbox).args(["setup-env"]);

    let run = setup().spawn();
    let label = format!("label=com.docker.compose.project={}", sandbox.project);
    wait_until("a container is made", || !stack.docker(&["ps", "--all", "--quiet", "--filter", &label]).is_empty());
    run.signal(Signal::INT);
    let interrupted = run.wait();
    interrupted.code(130).prints_nothing().stderr_has("Ctrl-C").stderr_lacks("First backup");
    assert!(sandbox.backups().is_empty());

    ends_with_what_to_type_next(&setup().run());
    assert_eq!(fs::read_to_string(sandbox.path(".env")).unwrap(), format!("{text}\r\nXTASK_TARGET=compose\r\n"));
    assert_eq!(fs::metadata(sandbox.path(".env")).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(whole_backups(Xtask::new(sandbox).args(["db-list", "--check"])), 1);
}

fn without_docker_one_run_sets_up_everything() {
    let local = Local::new();
    let sandbox = &local.sandbox;
    fs::remove_file(sandbox.path(".env")).unwrap();
    let programs = needs::server_programs().unwrap();
    let xtask = |args: &[&'static str]| {
        local.xtask(args.iter().copied()).env("XTASK_PG_BIN", &programs).env("DOCKER_HOST", "unix:///nosuch.sock")
    };
    let first = xtask(&["setup-env"]).run();
    ends_with_what_to_type_next(&first);
    first.stderr_has("Target local: ").stderr_has("✓ PostgreSQL").stderr_has("Wrote XTASK_TARGET=local to .env");
    first.stderr_has("First backup: backups/openfga_backup_");
    made_from_example(sandbox, "local");
    local.proven(1);

    let now = || (fs::read(sandbox.path(".env")).unwrap(), sandbox.backups(), local.pid());
    let before = now();
    // With no docker at all, from a subdirectory.
    let empty = sandbox.beside("empty");
    fs::create_dir(&empty).unwrap();
    let second = xtask(&["setup-env"]).env("PATH", &empty).here(sandbox.path("backups")).run();
    ends_with_what_to_type_next(&second);
    second.stderr_has("already runs").stderr_has("There is a backup: ").stderr_lacks("Wrote").stderr_lacks("is taken");
    assert_eq!(now(), before, "the second run changed something");

    make_db_backup(xtask(&[]), sandbox);
    cron_lines_work(sandbox);
    local.proven(sandbox.backups().len());

    // The choice was made once: a Docker engine that answers now changes nothing.
    let fakes = Fakes::new(&Sandbox::new()).program("docker", "exit 0");
    fakes.over(local.xtask(["setup-env"])).unset("DOCKER_HOST").run().ok().stderr_has("as XTASK_TARGET says (.env)");
    assert_eq!(now().0, before.0);
}

fn a_missing_env_example_and_an_env_that_git_does_not_ignore_are_named() {
    let fresh = Fresh::of(Stack::postgres_only());
    let sandbox = &fresh.stack.sandbox;
    fs::remove_file(sandbox.path(".env.example")).unwrap();
    let git = |words: &[&str]| {
        let run = std::process::Command::new("git").arg("-C").arg(&sandbox.root).args(words).output().unwrap();
        assert!(run.status.success(), "{words:?}: {}", String::from_utf8_lossy(&run.stderr));
        String::from_utf8(run.stdout).unwrap()
    };
    git(&["init", "--quiet"]);
    let first = fresh.xtask(&["setup-env", "--yes"]).run();
    first
        .ok()
        .stderr_has("✓ Made .env, readable by you only; there is no .env.example\n")
        .stderr_lacks("Made .env from");
    first.stderr_has(
        "⚠ git does not ignore .env, which holds passwords\n  → keep it out of commits: printf '\\n/.env\\n' >> .gitignore\n",
    );
    assert!(git(&["status", "--porcelain"]).contains("?? .env\n"));
    let again = fresh.xtask(&["setup-env", "--yes"]).run();
    again
        .ok()
        .stderr_has("✓ .env keeps its settings: this stack has containers")
        .stderr_has("⚠ git does not ignore .env");
    sandbox.write(".gitignore", "/.env\n");
    fresh.xtask(&["setup-env", "--yes"]).run().ok().stderr_lacks("git does not ignore");
    // A file that is committed is committed on purpose.
    sandbox.write(".gitignore", "");
    git(&["add", ".env"]);
    fresh.xtask(&["setup-env", "--yes"]).run().ok().stderr_lacks("git does not ignore");
}

/// Its files need a variable of `.env.example`, and publish no port that a setting of this project names.
fn another_teams_stack_needs_its_example_and_keeps_its_ports() {
    let stack = Stack::of(Sandbox::new());
    let sandbox = &stack.sandbox;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listener.local_addr().unwrap().port();
    let names = ["POSTGRES_PORT", "OPENFGA_HTTP_PORT", "OPENFGA_GRPC_PORT", "OPENFGA_METRICS_PORT"];
    let ports = names.map(|name| format!("{name}={taken}\n")).concat();
    let own = fs::read_to_string(sandbox.path(".env")).unwrap();
    let own: String = own.lines().filter(|line| !line.contains("_PORT=")).map(|line| format!("{line}\n")).collect();
    let example = format!("{own}{ports}DB_PORT={}\nWIKI_PASSWORD=ch4nge\n", stack.postgres_port);
    sandbox.write(".env.example", &example);
    fs::remove_file(sandbox.path(".env")).unwrap();
    sandbox.write(
        "docker-compose.yml",
        "services:\n  db:\n    image: '${POSTGRES_IMAGE}'\n    ports: ['127.0.0.1:${DB_PORT}:5432']\n    \
         environment: {POSTGRES_DB: wiki, POSTGRES_PASSWORD: '${WIKI_PASSWORD:?}'}\n",
    );
    let run = stack.xtask(["setup-env", "--yes"]).run();
    run.ok().stderr_has("Setting up compose service db").stderr_has("✓ Made .env").stderr_has("✓ PostgreSQL");
    run.stderr_has("First backup: backups/wiki_backup_").stderr_lacks("is taken");
    drop(listener);
    let made = fs::read_to_string(sandbox.path(".env")).unwrap();
    assert_eq!(made, format!("{example}XTASK_TARGET=compose\n"));
}

fn an_image_that_is_not_there_is_reported_in_composes_words() {
    let stack = Stack::postgres_only();
    let run = stack.xtask(["setup-env"]).env("POSTGRES_IMAGE", "127.0.0.1:1/nosuch:1").run();
    run.prints_nothing().holds(matches!(run.code, Some(1 | 4)), "exit code 1 or 4 was expected");
    run.stderr_has("127.0.0.1:1").stderr_has("POSTGRES_IMAGE").stderr_lacks("Next:").stderr_lacks("✓ PostgreSQL");
    assert!(stack.sandbox.backups().is_empty());
}
