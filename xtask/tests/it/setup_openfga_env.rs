//! `setup-openfga` and `.env`: what people wrote stays, what cannot be written stops it before anything is changed.

use crate::harness::{Test, shared};
use std::fs;
use std::os::unix::fs::PermissionsExt;

pub fn tests() -> Vec<Test> {
    tests![
        [Stack, Openfga] every_other_byte_stays,
        [Stack, Openfga] a_file_that_cannot_be_written_stops_it_first,
        [Stack, Openfga] a_missing_file_gets_the_ids_and_nothing_of_the_example,
        [Stack, Openfga] services_that_use_the_ids_are_named,
        [Stack, Openfga] a_dry_run_says_that_the_ids_are_missing,
    ]
}

fn every_other_byte_stays() {
    let shop = shared().shop();
    shop.tuples(&[("user:a", "viewer", "doc:1")]);
    let project = &shop.stack.sandbox.project;
    let text = format!(
        "# mine\r\nexport OPENFGA_STORE_ID='old' # the store\r\nCOMPOSE_PROJECT_NAME={project}\r\nA=\"b # c\"\r\n\r\n# OPENFGA_MODEL_ID=\r\nLAST=x"
    );
    let path = shop.sandbox.write(".env", &text);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    shop.setup([]).run().ok();
    let written = fs::read_to_string(&path).unwrap();
    let (store, model) = (shop.ids().pop().unwrap(), newest_model(&shop));
    let expected = text
        .replace("'old'", &store)
        .replace("# OPENFGA_MODEL_ID=\r\n", &format!("# OPENFGA_MODEL_ID=\r\nOPENFGA_MODEL_ID={model}\r\n"));
    assert_eq!(written, expected);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(
        fs::read_dir(&shop.sandbox.root)
            .unwrap()
            .filter(|entry| { entry.as_ref().unwrap().file_name().to_string_lossy().starts_with(".env.xtask") })
            .count(),
        0
    );
}

fn newest_model(shop: &crate::harness::store::Shop<'_>) -> String {
    let sql = format!("SELECT authorization_model_id FROM authorization_model WHERE store = '{}'", shop.ids()[0]);
    shop.stack.psql("openfga", &sql)
}

fn a_file_that_cannot_be_written_stops_it_first() {
    let shop = shared().shop();
    shop.tuples(&[("user:a", "viewer", "doc:1")]);
    let path = shop.sandbox.path(".env");
    let before = fs::read_to_string(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    shop.setup([]).run().code(1).stderr_has(".env cannot be changed").stderr_has("the file is read-only");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let project = &shop.stack.sandbox.project;
    fs::write(&path, format!("{before}B=\"never closed\n")).unwrap();
    let open = shop.setup([]).env("COMPOSE_PROJECT_NAME", project).run();
    open.code(1)
        .stderr_has("Docker Compose cannot read this project")
        .stderr_has(".env line 2: the quote is never closed");
    assert!(shop.ids().is_empty(), "nothing should have been made");
}

/// The stack runs: a placeholder password would have its containers recreated.
fn a_missing_file_gets_the_ids_and_nothing_of_the_example() {
    let shop = shared().shop();
    shop.tuples(&[("user:a", "viewer", "doc:1")]);
    let path = shop.sandbox.path(".env");
    fs::remove_file(&path).unwrap();
    shop.sandbox.write(".env.example", "POSTGRES_PASSWORD=placeholder\n");
    shop.setup([]).env("COMPOSE_PROJECT_NAME", &shop.stack.sandbox.project).run().ok();
    let (store, model) = (shop.ids().pop().unwrap(), newest_model(&shop));
    let expected = format!("OPENFGA_STORE_ID={store}\nOPENFGA_MODEL_ID={model}\n");
    assert_eq!(fs::read_to_string(&path).unwrap(), expected);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

fn services_that_use_the_ids_are_named() {
    let shop = shared().shop();
    shop.tuples(&[("user:a", "viewer", "doc:1")]);
    let yaml = "services:\n  api:\n    image: none\n    environment:\n      STORE: ${OPENFGA_STORE_ID:-}\n  worker:\n    image: none\n    \
                environment:\n      OPENFGA_MODEL_ID: fixed\n  other:\n    image: none\n    environment:\n      SECRET: hunter2\n";
    shop.sandbox.write("docker-compose.override.yml", yaml);
    let run = shop.setup([]).run();
    run.ok().stderr_has("api, worker use the ids (a restart is not enough): docker compose up -d api worker\n");
    run.stderr_lacks("hunter2").stderr_lacks("other");
    shop.setup([]).run().ok().stderr_lacks("use the ids");
}

fn a_dry_run_says_that_the_ids_are_missing() {
    let shop = shared().shop();
    shop.tuples(&[("user:a", "viewer", "doc:1")]);
    shop.setup(["--no-env"]).run().ok();
    let before = fs::read(shop.sandbox.path(".env")).unwrap();
    let dry = shop.setup(["--dry-run"]).run();
    dry.ok().stdout_has("would change").stdout_has(".env:    OPENFGA_STORE_ID and OPENFGA_MODEL_ID to be written");
    let json = shop.setup(["--dry-run", "--json"]).run().ok().json();
    assert_eq!((&json["changed"], &json["env_written"]), (&true.into(), &true.into()));
    shop.setup(["--dry-run", "--no-env"]).run().ok().stdout_has("no changes");
    assert_eq!(fs::read(shop.sandbox.path(".env")).unwrap(), before);
    shop.setup([]).run().ok();
    shop.setup(["--dry-run"]).run().ok().stdout_has("no changes").stdout_lacks(".env:");
}
