//! Small Compose files: service, database and user are those that `docker compose config` gives.

use crate::compose_resolved::RESOLVED;
use crate::compose_stacks::stack;
use crate::harness::{Sandbox, Stack, Test};
use serde_json::Value;

pub fn tests() -> Vec<Test> {
    tests![[Compose] files_of_every_form_are_resolved_as_compose_does]
}

/// A Compose file, `.env`, and what `down` then says that it stops: service, database, user.
const MORE: [(&str, &str, [&str; 3]); 17] = [
    // Several files, of which later ones take back and replace.
    (
        "services: {db: {image: 'postgres:16', environment: {POSTGRES_DB: first, POSTGRES_USER: kept}}}",
        "COMPOSE_FILE=compose.yaml:later.yaml\n",
        ["db", "later", "kept"],
    ),
    (
        "services: {db: {image: 'postgres:16', environment: {POSTGRES_DB: kept, POSTGRES_USER: gone}}}",
        "COMPOSE_FILE=compose.yaml:reset.yaml\n",
        ["db", "kept", "postgres"],
    ),
    (
        "services: {db: {image: 'postgres:16', environment: {POSTGRES_DB: gone, POSTGRES_USER: gone}}}",
        "COMPOSE_FILE=compose.yaml,override.yaml\nCOMPOSE_PATH_SEPARATOR=,\n",
        ["db", "only", "postgres"],
    ),
    // Names, numbers of containers, digests.
    (
        "services: {db: {image: 'docker.io/library/postgres:16@sha256:ALL', container_name: xtask-test-own-name, environment: {POSTGRES_DB: 2024}}}",
        "",
        ["db", "2024", "postgres"],
    ),
    (
        "services: {db: {image: 'postgres:16', scale: 1}, web: {image: web, scale: 2, depends_on: [db]}}",
        "",
        ["db", "postgres", "postgres"],
    ),
    // Of other services and files.
    (
        "services: {base: {image: base, environment: {POSTGRES_DB: base, POSTGRES_USER: base}}, db: {extends: base, image: 'postgres:16', environment: {POSTGRES_DB: own}}}",
        "",
        ["db", "own", "base"],
    ),
    ("services: {db: {extends: {file: second.yaml, service: second}}}", "", ["db", "extended", "second"]),
    (
        "include: [{path: part/part.yaml, env_file: part/part.env}]\nservices: {web: {image: web}}",
        "PART_USER=outer\n",
        ["part", "of_part", "outer"],
    ),
    // Secrets and configs of files.
    (
        "services: {db: {image: 'postgres:16', environment: {POSTGRES_USER_FILE: /run/secrets/who}, secrets: [{source: u, target: who}]}}\nsecrets: {u: {file: ./user.txt}}",
        "",
        ["db", "filed", "filed"],
    ),
    (
        "services: {db: {image: 'postgres:16', environment: {POSTGRES_DB_FILE: /etc/who}, configs: [{source: u, target: /etc/who}]}}\nconfigs: {u: {file: ./user.txt}}",
        "",
        ["db", "filed", "postgres"],
    ),
    // Variables.
    (
        "services: {db: {image: 'postgres:16', env_file: [{path: none.env, required: false}, {path: quoted.env}]}}",
        "",
        ["db", "a b", "q$r"],
    ),
    (
        "services: {db: {image: 'postgres:16', environment: [POSTGRES_USER, 'POSTGRES_DB=${MISSING:-${DEEP:-deep}}']}}",
        "POSTGRES_USER=passed\n",
        ["db", "deep", "passed"],
    ),
    (
        "services: {db: {image: 'postgres:16', environment: {POSTGRES_USER: '${SET:+is_set}', POSTGRES_DB: '${SET-x}'}}}",
        "SET=a$$b\n",
        ["db", "a$b", "is_set"],
    ),
    (
        "services: {db: {image: 'postgres:${MAJOR:?needed}', environment: {POSTGRES_DB: \"it's\"}}}",
        "MAJOR=16\n",
        ["db", "it's", "postgres"],
    ),
    // Profiles.
    (
        "services: {a: {image: 'postgres:16', profiles: [one]}, b: {image: 'postgres:16', profiles: [two], environment: {POSTGRES_DB: b}}}",
        "COMPOSE_PROFILES=two\n",
        ["b", "b", "postgres"],
    ),
    (
        "services: {a: {image: 'postgres:16', profiles: [test]}, b: {image: 'timescale/timescaledb-ha:pg16', environment: {POSTGRES_DB: b}}}",
        "",
        ["b", "b", "postgres"],
    ),
    // Anchors of whole services.
    (
        "x-db: &db {image: 'postgres:16', environment: &e {POSTGRES_USER: anchor}}\nservices: {db: {<<: *db, environment: {<<: *e, POSTGRES_DB: more}}}",
        "",
        ["db", "more", "anchor"],
    ),
];

const FILES: [(&str, &str); 11] = [
    ("one.env", "POSTGRES_DB=one\nPOSTGRES_USER=one\n"),
    ("two.env", "POSTGRES_USER=two\n"),
    ("quoted.env", "POSTGRES_DB=\"a b\"\nPOSTGRES_USER='q$r'\n"),
    ("user.txt", "filed\n"),
    ("base.yaml", "services: {base: {image: 'postgres:16', environment: {POSTGRES_DB: extended}}}\n"),
    (
        "second.yaml",
        "services: {second: {extends: {file: base.yaml, service: base}, environment: {POSTGRES_USER: second}}}\n",
    ),
    ("later.yaml", "services: {db: {environment: {POSTGRES_DB: later}}}\n"),
    ("reset.yaml", "services: {db: {environment: {POSTGRES_USER: !reset null}}}\n"),
    ("override.yaml", "services: {db: {environment: !override {POSTGRES_DB: only}}}\n"),
    (
        "part/part.yaml",
        "services: {part: {image: 'postgres:16', environment: {POSTGRES_DB: '${PART_DB}', POSTGRES_USER: '${PART_USER}'}}}\n",
    ),
    ("part/part.env", "PART_DB=of_part\nPART_USER=inner\n"),
];

fn files_of_every_form_are_resolved_as_compose_does() {
    let stack = stack("services: {}", "");
    FILES.iter().for_each(|(path, text)| drop(stack.sandbox.write(path, text)));
    let write = |yaml: &str, env: &str| {
        let sandbox: &Sandbox = &stack.sandbox;
        sandbox.write("compose.yaml", yaml.replace("ALL", &"0".repeat(64)));
        sandbox.write(".env", format!("COMPOSE_PROJECT_NAME={}\n{env}", sandbox.project));
    };
    for (yaml, env, [service, database, user]) in MORE {
        write(yaml, env);
        let named = format!("Stopping compose service {service} (target compose, database {database}, user {user})");
        stack.xtask(["down"]).run().stderr_has(&named).ok();
    }
    for (yaml, env, told) in RESOLVED.into_iter().chain(MORE) {
        write(yaml, env);
        agrees_with_compose(&stack, told);
    }
}

/// What is expected is what Compose itself says, wherever it says it.
#[track_caller]
fn agrees_with_compose(stack: &Stack, [service, database, user]: [&str; 3]) {
    let config = stack.xtask(["compose", "config", "--format", "json"]).program("docker").run();
    let config = config.ok().json();
    let found = &config["services"][service];
    assert!(found.is_object(), "{service} is a service: {config:#}");
    let value = |name: &str| found["environment"][name].as_str().map(|value| value.replace("$$", "$"));
    let by_file = |name: &str| value(&format!("{name}_FILE")).is_some();
    let said = value("POSTGRES_USER");
    if !by_file("POSTGRES_USER") {
        assert_eq!(said.as_deref().unwrap_or("postgres"), user, "{config:#}");
    }
    // OpenFGA's datastore comes first.
    let services = config["services"].as_object().unwrap();
    let is_openfga = |(name, service): (&String, &Value)| {
        name == "openfga" || service["image"].as_str().is_some_and(|image| image.contains("openfga/openfga"))
    };
    if !by_file("POSTGRES_DB") && !by_file("POSTGRES_USER") && !services.iter().any(is_openfga) {
        assert_eq!(value("POSTGRES_DB").as_deref().unwrap_or(user), database, "{config:#}");
    }
}
