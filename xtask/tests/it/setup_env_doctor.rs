//! What `setup-env` finds out about a host before it changes anything, what it offers, and how it ends.

use crate::harness::{Fakes, Local, Sandbox, Stack, Test, Xtask, needs};
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

pub fn tests() -> Vec<Test> {
    tests![
        [OwnStack] a_newcomer_sees_what_stands_in_the_way_and_where_everything_is,
        [Docker, OldCompose] an_old_compose_stops_it_before_any_change,
        [Postgres, OpenfgaBin] go_builds_openfga_where_there_is_none,
        [Postgres] without_go_and_openfga_it_goes_on,
    ]
}

fn a_newcomer_sees_what_stands_in_the_way_and_where_everything_is() {
    let stack = Stack::postgres_only();
    let sandbox = &stack.sandbox;
    sandbox.set("XTASK_TARGET", "compose");
    sandbox.write("migrations/20250101000000_a.up.sql", "CREATE TABLE a (i int);\r\n");
    sandbox.write("migrations/20250101000000_a.down.sql", "DROP TABLE a;\n");
    let old = Fakes::new(sandbox).program("rustc", "echo 'rustc 1.70.0 (old 2023-01-01)'");
    let run = old.over(stack.xtask(["setup-env", "--yes"])).run();
    run.ok().prints_nothing();
    run.stderr_has("rust: rustc 1.70.0")
        .stderr_has("rustup update")
        .stderr_has("docker: engine ")
        .stderr_has("compose: Compose ");
    run.stderr_has(&format!("✓ ports: {} free, or this stack's own", stack.postgres_port));
    run.stderr_has("line endings: CRLF in migrations/20250101000000_a.up.sql")
        .stderr_has("core.autocrlf")
        .stderr_has("clock: ");
    run.stderr_has("health-check: ").stderr_has(&format!("postgres     127.0.0.1:{}", stack.postgres_port));
    // Again: nothing is done twice, and everything is looked at.
    let slept = Fakes::new(sandbox).docker_but("{{.SystemTime}}", "echo 2020-01-01T00:00:00Z");
    let again = slept.over(stack.xtask(["setup-env", "--yes"])).run();
    again.stderr_has("clock: the Docker engine's clock is ").stderr_has("set the clock");
    again.ok().stderr_has("There is a backup").stderr_has("health-check: ").stderr_lacks("First backup");
    assert_eq!(sandbox.backups().len(), 1);
}

fn an_old_compose_stops_it_before_any_change() {
    let sandbox = Sandbox::new();
    let before = fs::read_to_string(sandbox.path(".env")).unwrap();
    let run =
        Xtask::new(&sandbox).args(["setup-env", "--yes"]).env("XTASK_COMPOSE", needs::old_compose().unwrap()).run();
    run.code(4).prints_nothing().stderr_has("2.7 or newer is needed");
    assert_eq!(fs::read_to_string(sandbox.path(".env")).unwrap(), before);
}

/// A host with this program of Go, and no openfga anywhere.
fn with_go(local: &Local, go: &str) -> (Fakes, Xtask) {
    let fakes = Fakes::new(&local.sandbox).program("go", go);
    let bin = local.sandbox.beside("gobin");
    let run = fakes.over(local.xtask([])).env("GOBIN", bin).unset("XTASK_OPENFGA_BIN");
    (fakes, run)
}

fn go_builds_openfga_where_there_is_none() {
    let local = Local::new();
    let real = needs::openfga_program().unwrap();
    let (fakes, run) = with_go(&local, &format!("mkdir -p \"$GOBIN\" && cp '{}' \"$GOBIN/openfga\"", real.display()));
    // Nobody to ask, and no consent: nothing is installed.
    let declined = run.clone().args(["setup-env"]).run();
    declined.ok().stderr_has("OpenFGA is not started").stderr_has("setup-env --yes");
    // Nothing that is not there is called the next step.
    declined.stderr_has("cargo xtask db-shell ").stderr_lacks("cargo xtask setup-openfga");
    assert!(fakes.calls().is_empty(), "{:?}", fakes.calls());
    let installed = run.clone().args(["setup-env", "--yes"]).run();
    installed
        .ok()
        .stderr_has("OpenFGA is installed")
        .stderr_has("OpenFGA answers at")
        .stderr_has("openfga      http://127.0.0.1:");
    assert_eq!(fakes.calls(), [["go", "install", "github.com/openfga/openfga/cmd/openfga@v1.18.1"]]);
    run.args(["setup-env", "--yes"]).run().ok().stderr_lacks("OpenFGA is installed");
    assert_eq!(fakes.calls().len(), 1);
}

fn without_go_and_openfga_it_goes_on() {
    let local = Local::new();
    let (_, run) = with_go(&local, "echo 'no such module' >&2; exit 1");
    let failed = run.args(["setup-env", "--yes"]).run();
    failed
        .ok()
        .stderr_has("OpenFGA could not be built")
        .stderr_has("no such module")
        .stderr_has("OpenFGA is not started");
    failed.stderr_has("health-check: ");

    // Neither of them; and a clock that was set back.
    let file = fs::File::options().append(true).open(local.sandbox.path("docker-compose.yml")).unwrap();
    file.set_modified(SystemTime::now() + Duration::from_secs(7_200)).unwrap();
    let path = std::env::var_os("PATH").unwrap();
    let lacks = |folder: &PathBuf| !folder.join("go").exists() && !folder.join("openfga").exists();
    let path = std::env::join_paths(std::env::split_paths(&path).filter(lacks)).unwrap();
    let programs = needs::server_programs().unwrap().canonicalize().unwrap();
    let bin = local.sandbox.beside("gobin");
    let bare = local.xtask(["setup-env"]).unset("XTASK_OPENFGA_BIN").env("GOBIN", bin).env("PATH", path);
    let bare = bare.env("XTASK_PG_BIN", programs).run();
    bare.ok()
        .stderr_has("No openfga program and no Go on this host: OpenFGA is not started")
        .stderr_has("health-check: ");
    let said = bare.stderr.matches("OpenFGA is not started").count();
    bare.holds(said == 1, "what is not started is said once");
    bare.stderr_has("clock: the file times of the checkout are ").stderr_has("set the clock");
}
