//! What is missing or broken around the program: each fault is named, with its exit code and what to type next.

use crate::harness::{Fakes, Sandbox, Test, Xtask, needs, shared};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;

pub fn tests() -> Vec<Test> {
    tests![
        [] a_missing_docker_stops_every_command,
        [Docker] a_silent_engine_stops_every_command,
        [Docker, Root] an_engine_that_may_not_be_used_is_named,
        [Compose] a_service_that_has_not_been_started_is_named,
        [Stack] a_database_that_does_not_exist_is_named,
        [Stack] a_user_that_does_not_exist_is_named,
        [Stack] a_refused_password_is_named_by_the_server,
        [Stack] a_database_that_accepts_no_connections_is_named,
        [Docker, OldCompose] an_old_compose_is_named_with_the_needed_version,
        [] a_missing_compose_is_named_with_where_to_get_it,
        [Stack] answers_without_end_are_cut_off,
        [Docker] a_broken_compose_file_stops_every_command,
        [] a_target_that_is_none_is_refused,
        [] a_folder_that_is_no_checkout_is_refused,
        [] a_setting_that_compose_could_not_use_is_refused,
        [Stack] a_project_of_another_checkout_is_refused,
        [] an_unknown_command_is_refused,
    ]
}

/// Commands that need the server, and their arguments.
const COMMANDS: &[&[&str]] = &[&["up"], &["down"], &["db-shell", "--", "-c", "SELECT 1"]];

fn a_missing_docker_stops_every_command() {
    let sandbox = Sandbox::new();
    let empty = sandbox.beside("empty");
    fs::create_dir(&empty).unwrap();
    for args in COMMANDS {
        let run = Xtask::new(&sandbox).args(*args).env("PATH", &empty).run();
        run.code(4).prints_nothing().stderr_has("docker").stderr_has("not installed").stderr_has("--target local");
    }
}

fn a_silent_engine_stops_every_command() {
    let sandbox = Sandbox::new();
    let socket = sandbox.beside("dead.sock");
    drop(UnixListener::bind(&socket).unwrap());
    for args in COMMANDS {
        let run = Xtask::new(&sandbox).args(*args).env("DOCKER_HOST", format!("unix://{}", socket.display())).run();
        run.code(4).prints_nothing().stderr_has("The Docker engine does not answer").stderr_has("start Docker");
    }
}

fn an_engine_that_may_not_be_used_is_named() {
    let sandbox = Sandbox::new();
    let socket = sandbox.beside("private.sock");
    let _listener = UnixListener::bind(&socket).unwrap();
    fs::set_permissions(&socket, fs::Permissions::from_mode(0o600)).unwrap();
    // Nobody must reach the binary, wherever the checkout lies.
    let binary = sandbox.beside("xtask");
    fs::copy(env!("CARGO_BIN_EXE_xtask"), &binary).unwrap();
    for args in COMMANDS {
        let run = Xtask::new(&sandbox).args(*args).env("DOCKER_HOST", format!("unix://{}", socket.display()));
        let run = run.program(&binary).through(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]).run();
        run.code(4).prints_nothing().stderr_has("No permission").stderr_has("docker group");
    }
}

fn a_service_that_has_not_been_started_is_named() {
    let sandbox = Sandbox::new();
    let run = Xtask::new(&sandbox).args(["db-shell", "--", "-c", "SELECT 1"]).run();
    run.code(4).prints_nothing().stderr_has("has not been started").stderr_has("cargo xtask up");
}

fn a_database_that_does_not_exist_is_named() {
    let run = shared().xtask(["db-shell", "--", "-c", "SELECT 1"]).env("POSTGRES_DB", "nosuch").run();
    run.code(2).prints_nothing().stderr_has("database \"nosuch\" does not exist");
}

fn a_user_that_does_not_exist_is_named() {
    let run = shared().xtask(["db-shell", "--", "-c", "SELECT 1"]).env("POSTGRES_USER", "nosuch").run();
    run.code(2).prints_nothing().stderr_has("role \"nosuch\" does not exist");
}

fn a_refused_password_is_named_by_the_server() {
    let stack = shared();
    stack.admin("CREATE ROLE with_password LOGIN PASSWORD 'another'");
    let line = "local all with_password scram-sha-256";
    let (done, errors) = stack.exec(&["sh", "-ec", "sed -i \"1i $0\" \"$PGDATA/pg_hba.conf\"", line], "");
    assert!(done.is_some(), "{errors}");
    stack.admin("SELECT pg_reload_conf()");
    let session = || stack.xtask(["db-shell", "--", "-c", "SELECT 1"]).env("POSTGRES_USER", "with_password").run();
    crate::harness::wait_until("the server has read pg_hba.conf", || session().code != Some(0));
    session().code(2).prints_nothing().stderr_has("password authentication failed");
}

fn a_database_that_accepts_no_connections_is_named() {
    let database = shared().database();
    database.stack.admin(&format!("ALTER DATABASE {} ALLOW_CONNECTIONS false", database.name));
    let run = database.xtask(["db-shell", "--", "-c", "SELECT 1"]).run();
    run.code(2).prints_nothing().stderr_has("not currently accepting connections");
}

fn an_old_compose_is_named_with_the_needed_version() {
    let sandbox = Sandbox::new();
    let old = needs::old_compose().unwrap();
    for args in COMMANDS {
        let run = Xtask::new(&sandbox).args(*args).env("XTASK_COMPOSE", &old).run();
        run.code(4).prints_nothing().stderr_has("2.7 or newer is needed").stderr_has("XTASK_COMPOSE");
        run.stderr_has("docs.docker.com/compose/install");
    }
    // Found by itself, where it is the only one there.
    let version = format!("case \"$*\" in *version*) exec '{}' version --short;; esac; exit 1", old.display());
    let fakes = Fakes::new(&sandbox).program("docker-compose", &version);
    let fakes =
        fakes.program("docker", "case \"$*\" in compose*) echo \"unknown command\" >&2; exit 125;; esac; echo 20.10");
    let run = fakes.over(Xtask::new(&sandbox)).env("DOCKER_CONFIG", &sandbox.home).args(["up"]).run();
    if !["/usr/lib", "/usr/libexec", "/usr/local/lib", "/usr/local/libexec"]
        .iter()
        .any(|folder| std::path::Path::new(folder).join("docker/cli-plugins/docker-compose").exists())
    {
        run.code(4).prints_nothing().stderr_has("2.7 or newer is needed");
    }
}

fn a_missing_compose_is_named_with_where_to_get_it() {
    let sandbox = Sandbox::new();
    let body =
        "case \"$*\" in compose*) echo \"docker: 'compose' is not a docker command.\" >&2; exit 1;; esac; echo 20.10";
    let fakes = Fakes::new(&sandbox).program("docker", body);
    let run = fakes.instead_of_path(Xtask::new(&sandbox)).env("DOCKER_CONFIG", &sandbox.home).args(["up"]).run();
    run.code(4)
        .prints_nothing()
        .stderr_has("Docker Compose is not installed")
        .stderr_has("docs.docker.com/compose/install");
    assert!(fakes.calls().iter().all(|call| call[0] == "docker"));
}

/// Neither the engine nor a server decides how much memory a run takes.
fn answers_without_end_are_cut_off() {
    let database = shared().database();
    let docker = needs::on_path("docker").unwrap();
    let ps = format!("case \"$1\" in ps) exec yes;; esac; exec '{}' \"$@\"", docker.display());
    let fakes = Fakes::new(&database.sandbox).program("docker", &ps);
    let run = fakes.over(database.xtask(["db-backup"])).run();
    run.code(4).prints_nothing().stderr_has("docker wrote more than 64 MiB, and was stopped");

    let fakes =
        Fakes::new(&database.sandbox).docker_but("psql", &format!("real \"$@\" && exec yes '{}'", "1".repeat(1000)));
    let run = fakes.over(database.xtask(["db-backup"])).run();
    run.code(1).prints_nothing().stderr_has("wrote more than 64 MiB, and was stopped");
    assert!(database.sandbox.backups().is_empty());
}

fn a_broken_compose_file_stops_every_command() {
    let sandbox = Sandbox::new();
    sandbox.write("docker-compose.yml", "name: mcp-server-langgraph\nservices: [this is no map\n");
    // Compose takes a project down by its containers' labels, without its file.
    for args in COMMANDS.iter().filter(|args| **args != ["down"]) {
        let run = Xtask::new(&sandbox).args(*args).run();
        run.prints_nothing()
            .stderr_has("docker-compose.yml")
            .holds(matches!(run.code, Some(1 | 4)), "exit code 1 or 4");
    }
}

fn a_target_that_is_none_is_refused() {
    let sandbox = Sandbox::new();
    for args in COMMANDS {
        let run = Xtask::new(&sandbox).args(*args).env("XTASK_TARGET", "nonsense").run();
        run.code(2).prints_nothing().stderr_has("XTASK_TARGET").stderr_has("nonsense").stderr_has("compose");
    }
    sandbox.set("XTASK_TARGET", "also-nonsense");
    Xtask::new(&sandbox).args(["up"]).run().code(2).stderr_has("also-nonsense");
    Xtask::new(&sandbox).args(["--target", "nonsense", "up"]).run().code(2).stderr_has("--target");
}

fn an_unknown_command_is_refused() {
    let sandbox = Sandbox::new();
    Xtask::new(&sandbox).args(["db-shel"]).run().code(2).prints_nothing().stderr_has("db-shell");
    Xtask::new(&sandbox).run().code(2).prints_nothing().stderr_has("Usage: cargo xtask");
}

fn a_folder_that_is_no_checkout_is_refused() {
    let sandbox = Sandbox::new();
    let elsewhere = sandbox.beside("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let commands = COMMANDS.iter().copied().chain([&["db-backup"][..], &["db-list"], &["setup-env", "--yes"]]);
    for args in commands {
        for (root, target) in [(elsewhere.clone(), "compose"), ("/no/such/checkout".into(), "local")] {
            let run = Xtask::new(&sandbox).args(args).env("XTASK_ROOT", &root).env("XTASK_TARGET", target).run();
            run.code(2).prints_nothing().stderr_has("XTASK_ROOT").stderr_has(root.to_str().unwrap());
        }
    }
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0, "nothing is made there");
    // Where Docker's files are elsewhere, the workspace still tells.
    fs::remove_file(sandbox.path("docker-compose.yml")).unwrap();
    Xtask::new(&sandbox).args(["db-list"]).run().code(2);
    sandbox.write("xtask/Cargo.toml", "");
    Xtask::new(&sandbox).args(["db-list"]).run().ok();
}

fn a_setting_that_compose_could_not_use_is_refused() {
    let sandbox = Sandbox::new();
    for (name, value) in [
        ("XTASK_COMPOSE", "no-such-compose --flag"),
        ("COMPOSE_PROJECT_NAME", "Not a Name"),
        ("COMPOSE_ENV_FILES", "other.env"),
        ("COMPOSE_DISABLE_ENV_FILE", "1"),
    ] {
        for args in COMMANDS.iter().copied().chain([&["db-backup"][..]]) {
            let run = Xtask::new(&sandbox).args(args).env(name, value).run();
            run.code(2).prints_nothing().stderr_has(&format!("✗ {name} is ")).stderr_has("→");
        }
    }
}

fn a_project_of_another_checkout_is_refused() {
    let stack = shared();
    let sandbox = Sandbox::new();
    sandbox.write(".env", format!("POSTGRES_IMAGE={}\n", needs::postgres_image()));
    let yaml = fs::read_to_string(sandbox.path("docker-compose.yml")).unwrap();
    let project = &stack.sandbox.project;
    sandbox.write("docker-compose.yml", yaml.replace("name: mcp-server-langgraph", &format!("name: {project}")));
    let before = stack.container_of("postgres");
    let both = [&sandbox.root, &stack.sandbox.root].map(|root| root.display().to_string());
    // Whether this program finds the project's name or Compose has to be asked for it.
    for (setting, value) in
        [("UNUSED", ""), ("COMPOSE_FILE", "docker-compose.yml"), ("XTASK_COMPOSE", "docker compose")]
    {
        for args in COMMANDS.iter().copied().chain([&["db-backup"][..], &["setup-env", "--yes"]]) {
            let run = Xtask::new(&sandbox).args(args).env(setting, value).run();
            run.code(2).prints_nothing().stderr_has(&format!("The Compose project {project} belongs to"));
            run.stderr_has(&both[0])
                .stderr_has(&both[1])
                .stderr_has("COMPOSE_PROJECT_NAME=")
                .stderr_lacks("✓ PostgreSQL");
        }
    }
    assert_eq!(before, stack.container_of("postgres"));
    assert!(sandbox.backups().is_empty());
    // Who names the project means it.
    let named = Xtask::new(&sandbox).env("COMPOSE_PROJECT_NAME", project).args(["db-shell", "--", "-Atc", "SELECT 1"]);
    named.run().ok().prints("1");
}
