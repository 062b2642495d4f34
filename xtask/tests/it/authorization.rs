//! Authorization from end to end: what a backup brings back is who may do what; and the `local` target.

use crate::harness::store::MODEL;
use crate::harness::{Local, Stack, Test, Xtask, needs};
use std::fs;
use std::process::{Command, Stdio};

pub fn tests() -> Vec<Test> {
    tests![
        [OwnStack, Openfga] a_restore_brings_authorization_back,
        [Postgres, OpenfgaBin] openfga_of_the_local_server_takes_model_tuples_and_tests,
    ]
}

/// Another model and other tuples for the store of this name.
const OTHER: &str = "name: langgraph-agent-store\nmodel_file: model.fga\ntuples:\n  - {user: 'user:eve', relation: viewer, object: 'doc:1'}\n";

fn a_restore_brings_authorization_back() {
    let stack = Stack::new();
    stack.up();
    behind_and_back(&stack);
    stack.sandbox.copy_folder("openfga");
    let ours = |words: &[&'static str]| Xtask::new(&stack.sandbox).args(words.iter().copied());
    ours(&["setup-openfga"]).run().ok().stdout_has("12 assertions passed");
    ours(&["test-auth"]).run().ok().stdout_has("12 assertions passed");
    let model = env_of(&stack, "OPENFGA_MODEL_ID");
    ours(&["db-backup"]).run().ok();
    stack.sandbox.write("openfga/other/store.fga.yaml", OTHER);
    stack.sandbox.write("openfga/other/model.fga", MODEL);
    let prune = ours(&["setup-openfga", "--file", "openfga/other/store.fga.yaml", "--prune", "--yes"]).run();
    prune.ok().stdout_has("deleted: 10");
    assert_ne!(env_of(&stack, "OPENFGA_MODEL_ID"), model);
    // The other model has none of these types.
    ours(&["test-auth"]).run().code(1);
    ours(&["db-restore", "--yes"]).run().ok();
    // The id of .env names a model that is gone again; the newest one is asked.
    let back = ours(&["test-auth"]).run();
    back.ok().stdout_has(&format!("Model {model}\n")).stdout_has("\n12 assertions passed\n");
    ours(&["setup-openfga"]).run().ok().stdout_has(".env:");
    assert_eq!(env_of(&stack, "OPENFGA_MODEL_ID"), model);
    ours(&["setup-openfga"]).run().ok().stdout_has("no changes");
}

/// Tables of an older OpenFGA are migrated before anything else.
fn behind_and_back(stack: &Stack) {
    let newest = "SELECT max(version_id) FROM goose_db_version WHERE is_applied";
    let folder = stack.sandbox.root.to_str().unwrap();
    let words =
        ["compose", "--project-directory", folder, "run", "--rm", "--no-deps", "-T", "openfga-migrate", "migrate"];
    stack.docker(&[&words[..], &["--version", "4"]].concat());
    assert_eq!(stack.psql("openfga", newest), "4");
    stack.sandbox.write("openfga/model.fga", MODEL);
    stack.sandbox.write("openfga/store.fga.yaml", OTHER);
    let run = Xtask::new(&stack.sandbox).args(["setup-openfga", "--store", "behind", "--no-env"]).run();
    run.ok().stderr_has("✓ OpenFGA's tables were out of date; they are migrated now");
    assert_eq!(stack.psql("openfga", newest), "6");
    stack.psql("openfga", "UPDATE store SET deleted_at = now()");
}

fn env_of(stack: &Stack, name: &str) -> String {
    let text = fs::read_to_string(stack.sandbox.path(".env")).unwrap();
    text.lines().find_map(|line| line.strip_prefix(&format!("{name}="))).unwrap().to_owned()
}

fn openfga_of_the_local_server_takes_model_tuples_and_tests() {
    let local = Local::new();
    local.sandbox.set_openfga_program();
    local.sandbox.set("OPENFGA_AUTHN_METHOD", "preshared");
    local.sandbox.set("OPENFGA_AUTHN_PRESHARED_KEYS", "hunter2,hunter3");
    local.sandbox.set("OPENFGA_API_TOKEN", "hunter2");
    local.sandbox.copy_folder("openfga");
    let down = local.xtask(["setup-openfga"]).run();
    down.code(4).stderr_has("The local OpenFGA is not running").stderr_has("cargo xtask up --target local");
    local.up();
    let first = local.xtask(["setup-openfga", "--verbose"]).run();
    first.ok().stderr_has("target local").stdout_has("written: 10").stderr_lacks("hunter2");
    local.xtask(["setup-openfga"]).run().ok().stdout_has("no changes");
    local.xtask(["test-auth"]).run().ok().stdout_has("12 assertions passed");
    let wrong = local.xtask(["test-auth"]).env("OPENFGA_API_TOKEN", "hunter4").run();
    wrong.code(4).stderr_has("key refused").stderr_lacks("hunter4");
    // Tables behind are brought up to date by the program itself.
    let mut migrate = Command::new(needs::openfga_program().unwrap());
    migrate.args(["migrate", "--version", "5", "--datastore-engine", "postgres"]);
    migrate.env("OPENFGA_DATASTORE_URI", format!("postgres://127.0.0.1:{}/openfga?sslmode=disable", local.port()));
    migrate.env("OPENFGA_DATASTORE_USERNAME", "postgres").env("OPENFGA_DATASTORE_PASSWORD", local.password());
    let migrated = migrate.stdin(Stdio::null()).output().unwrap();
    assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
    let behind = local.xtask(["setup-openfga"]).run();
    behind.ok().stderr_has("OpenFGA's tables were out of date; they are migrated now").stdout_has("no changes");
}
