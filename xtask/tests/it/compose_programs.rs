//! Which of Docker's programs a command starts: Compose only for what Docker alone cannot do or say.

use crate::harness::fakes::Fakes;
use crate::harness::stack::{self, Database};
use crate::harness::{Stack, Test};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

pub fn tests() -> Vec<Test> {
    tests![
        [Stack] files_are_read_by_the_plugin_itself_where_it_is_certain_which_it_is,
        [OwnStack] what_a_service_waits_for_works_again_before_it_starts,
    ]
}

/// A `docker` that notes its calls.
fn noted(database: &Database<'_>) -> Fakes {
    Fakes::new(&database.sandbox).docker_but("nothing", "exit 1")
}

/// How often Compose was called with this word.
fn compose_calls(fakes: &Fakes, word: &str) -> usize {
    let is_it = |call: &&Vec<String>| call.iter().any(|said| said == "compose") && call.iter().any(|said| said == word);
    fakes.calls().iter().filter(is_it).count()
}

/// A folder in which Docker looks for plugins, and finds Compose.
fn plugins() -> PathBuf {
    let own = std::env::var_os("DOCKER_CONFIG").map(PathBuf::from);
    let own = own.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".docker")));
    let shared = ["/usr/local/lib/docker", "/usr/local/libexec/docker", "/usr/lib/docker", "/usr/libexec/docker"];
    let folders = own.into_iter().chain(shared.map(PathBuf::from)).map(|folder| folder.join("cli-plugins"));
    folders.into_iter().find(|folder| folder.join("docker-compose").exists()).expect("Compose is a plugin of Docker")
}

fn files_are_read_by_the_plugin_itself_where_it_is_certain_which_it_is() {
    let database = stack::shared().database();
    database.sandbox.copy_folder("migrations");
    let fakes = noted(&database);
    let status = fakes.over(database.xtask(["db-migrate", "status"])).run();
    assert_eq!(compose_calls(&fakes, "config"), 0, "{:?}", fakes.calls());
    // Docker's settings name folders of plugins, which come first: only Docker knows which file it starts.
    let folder = serde_json::json!({ "cliPluginsExtraDirs": [plugins()] }).to_string();
    database.sandbox.write("docker/config.json", folder);
    let config = database.sandbox.path("docker");
    let by_docker = fakes.over(database.xtask(["db-migrate", "status"])).env("DOCKER_CONFIG", &config).run();
    assert_eq!(compose_calls(&fakes, "config"), 1, "{:?}", fakes.calls());
    // `.env` names no program.
    std::fs::remove_dir_all(&config).unwrap();
    let file = database.sandbox.write("docker/cli-plugins/docker-compose", "#!/bin/sh\n: >\"$0.started\"\n");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    database.sandbox.set("DOCKER_CONFIG", &config.display().to_string());
    fakes.over(database.xtask(["db-migrate", "status"])).unset("DOCKER_CONFIG").run();
    assert!(!file.with_extension("started").exists());
    for run in [status, by_docker] {
        run.ok().stdout_has("create sessions");
    }
}

/// Docker alone starts the services again, unless Compose would do more than that.
fn what_a_service_waits_for_works_again_before_it_starts() {
    let stack = Stack::postgres_only();
    stack.with_a_client();
    let file = stack.sandbox.path("docker-compose.override.yml");
    let mut services = std::fs::read_to_string(&file).unwrap();
    services += "  prepare:\n    image: ${POSTGRES_IMAGE}\n    entrypoint: ['true']\n";
    services += "  worker:\n    image: ${POSTGRES_IMAGE}\n    entrypoint: [sleep, infinity]\n    stop_signal: SIGKILL\n    \
                 depends_on:\n      postgres: {condition: service_healthy}\n      \
                 prepare: {condition: service_completed_successfully}\n";
    stack.override_with(&services);
    stack.up();
    let database = stack.database();
    database.sandbox.write("docker-compose.override.yml", &services);
    database.backed_up_and_changed();
    let prepared = || stack.docker(&["inspect", "--format", "{{.State.StartedAt}}", &stack.container_of("prepare")]);
    let first = prepared();
    let fakes = noted(&database);
    let restore = || fakes.over(database.restore([])).run();

    restore().ok().stderr_has("Services:  stopped for ");
    assert!(stack.runs("client") && stack.runs("worker"));
    assert_ne!(prepared(), first, "its work may be missing in the database that was restored");
    assert_eq!(compose_calls(&fakes, "start"), 1, "{:?}", fakes.calls());

    stack.docker(&["stop", &stack.container_of("worker")]);
    let second = prepared();
    restore().ok().stderr_has("Services:  stopped for ");
    assert!(stack.runs("client") && !stack.runs("worker"));
    assert_eq!(prepared(), second);
    for (word, calls) in [("start", 1), ("stop", 0)] {
        assert_eq!(compose_calls(&fakes, word), calls, "{word}: {:?}", fakes.calls());
    }
}
