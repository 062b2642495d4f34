//! Which service and login Compose resolves, and what is refused where that is doubtful.

use crate::compose_stacks::stack;
use crate::harness::Test;

pub fn tests() -> Vec<Test> {
    tests![
        [Compose] service_and_login_are_those_that_compose_resolves,
        [Compose] a_doubt_is_refused_with_the_services_that_there_are,
        [Compose] a_profile_that_is_not_active_is_named,
    ]
}

/// A Compose file, `.env`, and what `down` then says that it stops: service, database, user.
pub const RESOLVED: [(&str, &str, [&str; 3]); 20] = [
    ("services: {db: {image: 'postgres:16'}}", "POSTGRES_USER=x\nPOSTGRES_DB=y\n", ["db", "postgres", "postgres"]),
    (
        "services: {db: {image: 'postgres:16', environment: {POSTGRES_USER: bar}}}",
        "POSTGRES_USER=app\n",
        ["db", "bar", "bar"],
    ),
    (
        "services: {db: {image: 'postgres:16', environment: ['POSTGRES_USER=${POSTGRES_USER:-u}', 'POSTGRES_DB=d$$d']}}",
        "POSTGRES_USER=app\n",
        ["db", "d$d", "app"],
    ),
    ("services: {postgres: {build: .}, db: {image: 'postgres:16'}}", "", ["postgres", "postgres", "postgres"]),
    ("services: {postgres: {image: 'mysql:8'}, db: {image: 'postgres:16'}}", "", ["db", "postgres", "postgres"]),
    (
        "services: {db: {image: 'registry.example.com:5000/team/postgres@sha256:ALL'}}",
        "",
        ["db", "postgres", "postgres"],
    ),
    (
        "services: {a: {image: 'x/timescaledb:1'}, b: {image: 'prometheuscommunity/postgres-exporter'}}",
        "",
        ["a", "postgres", "postgres"],
    ),
    ("services: {a: {image: 'x'}, b: {image: 'y'}}", "XTASK_POSTGRES_SERVICE=b\n", ["b", "postgres", "postgres"]),
    ("services: {db: {image: 'postgres:16', env_file: [one.env, two.env]}}", "", ["db", "one", "two"]),
    (
        "services: {db: {image: 'postgres:16', env_file: [one.env, two.env], environment: {POSTGRES_DB: last}}}",
        "",
        ["db", "last", "two"],
    ),
    (
        "x-e: &e {POSTGRES_DB: anchor}\nservices: {db: {image: 'postgres:16', environment: {<<: *e}}}",
        "",
        ["db", "anchor", "postgres"],
    ),
    ("services: {db: {extends: {file: base.yaml, service: base}}}", "", ["db", "extended", "postgres"]),
    ("include: [base.yaml]\nservices: {web: {image: web}}", "", ["base", "extended", "postgres"]),
    (
        "services: {db: {image: 'postgres:16', environment: {POSTGRES_USER_FILE: /run/secrets/u}, secrets: [u]}}\nsecrets: {u: {file: ./user.txt}}",
        "",
        ["db", "filed", "filed"],
    ),
    // OpenFGA's datastore, where it is in this server.
    (
        "services: {db: {image: 'postgres:16', environment: {POSTGRES_DB: own}}, fga: {image: 'openfga/openfga', environment: {OPENFGA_DATASTORE_URI: 'postgres://u:p@db:5432/${POSTGRES_DB:-fga}?sslmode=disable'}}}",
        "",
        ["db", "fga", "postgres"],
    ),
    (
        "services: {db: {image: 'postgres:16'}, fga: {image: 'openfga/openfga', environment: {OPENFGA_DATASTORE_URI: 'postgres://u:p@db:5432/${POSTGRES_DB:-fga}?sslmode=disable'}}}",
        "POSTGRES_DB=of-the-file\n",
        ["db", "of-the-file", "postgres"],
    ),
    (
        "services: {db: {image: 'postgres:16', networks: {n: {aliases: [pg.internal]}}}, openfga: {build: ., networks: [n], command: [run, --datastore-engine, postgres, --datastore-uri, 'postgres://u:p@pg.internal/fga']}}\nnetworks: {n: {}}",
        "",
        ["db", "fga", "postgres"],
    ),
    (
        "services: {db: {image: 'postgres:16'}, fga: {image: 'openfga/openfga', environment: {OPENFGA_DATASTORE_URI: 'postgres://u:p@db.example.com/fga'}}}",
        "",
        ["db", "postgres", "postgres"],
    ),
    (
        "services: {db: {image: 'postgres:16'}, fga: {image: 'openfga/openfga', environment: {OPENFGA_DATASTORE_ENGINE: mysql, OPENFGA_DATASTORE_URI: 'postgres://u:p@db/fga'}}}",
        "",
        ["db", "postgres", "postgres"],
    ),
    (
        "services: {db: {image: 'postgres:16'}, a: {image: 'openfga/openfga', environment: {OPENFGA_DATASTORE_URI: 'postgres://db/one'}}, b: {image: 'openfga/openfga', environment: {OPENFGA_DATASTORE_URI: 'postgres://db/two'}}}",
        "XTASK_OPENFGA_SERVICE=b\n",
        ["db", "two", "postgres"],
    ),
];

fn service_and_login_are_those_that_compose_resolves() {
    let stack = stack("services: {}", "");
    let sandbox = &stack.sandbox;
    sandbox.write("one.env", "POSTGRES_DB=one\nPOSTGRES_USER=one\n");
    sandbox.write("two.env", "POSTGRES_USER=two\n");
    sandbox.write("user.txt", "filed\n");
    sandbox.write("base.yaml", "services: {base: {image: 'postgres:16', environment: {POSTGRES_DB: extended}}}\n");
    for (yaml, env, [service, database, user]) in RESOLVED {
        sandbox.write("compose.yaml", yaml.replace("ALL", &"0".repeat(64)));
        sandbox.write(".env", format!("COMPOSE_PROJECT_NAME={}\n{env}", sandbox.project));
        let named = format!("Stopping compose service {service} (target compose, database {database}, user {user})");
        stack.xtask(["down"]).run().stderr_has(&named).ok();
    }
    // What is typed or set for the process wins over the service.
    let given = || stack.xtask(["down"]).env("POSTGRES_USER", "me").env("POSTGRES_DB", "mine");
    given().run().ok().stderr_has("(target compose, database mine, user me)");
    let typed = given().args(["--database", "typed one"]).run();
    typed.ok().stderr_has("(target compose, database typed one, user me)");
    let long = given().env("POSTGRES_DB", "x".repeat(64)).run();
    long.code(2).stderr_has("the name of the database has 64 bytes; PostgreSQL takes at most 63");
}

fn a_doubt_is_refused_with_the_services_that_there_are() {
    let stack = stack("services: {}", "");
    for (yaml, setting, message) in [
        (
            "services: {a: {image: 'postgres:16'}, b: {image: 'pgvector/pgvector:pg16'}}",
            "",
            "PostgreSQL: a (postgres:16), b (pgvector/pgvector:pg16)",
        ),
        (
            "services: {postgres: {image: 'mysql:8'}, web: {build: .}}",
            "",
            "The service postgres is not PostgreSQL (its image is mysql:8)",
        ),
        ("services: {web: {image: 'nginx:1'}}", "", "No service of this project is PostgreSQL, by name or image"),
        ("services: {web: {image: 'nginx:1'}}", "", "this program looks after PostgreSQL, and no other database;"),
        ("services: {web: {image: 'team/app'}}", "", "it may be: web"),
        ("services: {db: {image: 'postgres:16'}}", "Db", "XTASK_POSTGRES_SERVICE is \"Db\", which is no service"),
    ] {
        stack.sandbox.write("compose.yaml", yaml);
        let run = stack.xtask(["up"]).env("XTASK_POSTGRES_SERVICE", setting).run();
        run.code(2).prints_nothing().stderr_has(message).stderr_lacks("Starting");
    }
    let fga = |name: &str, database: &str| {
        let uri = format!("OPENFGA_DATASTORE_URI: 'postgres://u:hunter2@db/{database}'");
        format!("{name}: {{image: 'openfga/openfga', environment: {{{uri}}}}}")
    };
    let (one, other) = (fga("openfga", "authorization"), fga("second", "it s"));
    stack.sandbox.write("compose.yaml", format!("services: {{db: {{image: 'postgres:16'}}, {one}, {other}}}"));
    let run = |words: &[&'static str]| stack.xtask(words.iter().copied()).run();
    let doubt = run(&["up"]);
    doubt.code(2).stderr_lacks("Starting").stderr_lacks("hunter2");
    doubt.stderr_has("OpenFGA services name databases of this server: openfga names authorization, second names it s");
    doubt.stderr_has("--database authorization").stderr_has("XTASK_OPENFGA_SERVICE=");
    run(&["down", "--database", "it s"]).ok().stderr_has("database it s, user postgres");
    let two = "services: {db: {image: 'postgres:16'}, a: {image: 'openfga/openfga'}, b: {image: 'openfga/openfga'}}";
    stack.sandbox.write("compose.yaml", two);
    stack.sandbox.copy_folder("openfga");
    let run = stack.xtask(["setup-openfga"]).run();
    run.code(2).stderr_has("Several services of this project are OpenFGA: a (openfga/openfga), b");
    let run = stack.xtask(["setup-openfga"]).env("XTASK_OPENFGA_SERVICE", "c").run();
    run.code(2).stderr_has("XTASK_OPENFGA_SERVICE is \"c\", which is no service").stderr_has("a (openfga/openfga), b");
}

fn a_profile_that_is_not_active_is_named() {
    let yaml = "services: {db: {image: 'postgres:16', profiles: [data]}, web: {image: web, depends_on: [db]}}";
    let stack = stack(yaml, "");
    let run = stack.xtask(["db-backup"]).run();
    run.code(4).stderr_has("The db service has not been started");
    run.stderr_has("COMPOSE_PROFILES=data cargo xtask up (the profile data is not active)");
    let active = stack.xtask(["db-backup"]).env("COMPOSE_PROFILES", "data").run();
    active.code(4).stderr_has("→ start it with: cargo xtask up").stderr_lacks("COMPOSE_PROFILES");
    stack.sandbox.write("compose.yaml", yaml.replace("[data]", "['a;touch PWN;']"));
    let run = stack.xtask(["db-backup"]).run();
    run.code(4).stderr_has("COMPOSE_PROFILES='a;touch PWN;' cargo xtask up");
}
