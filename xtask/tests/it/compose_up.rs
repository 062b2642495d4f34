//! What `up` starts and `down` stops in a stack of other people, and how OpenFGA's tables come to be there without a
//! service that migrates them.

use crate::compose_stacks::{Images, stack};
use crate::harness::sandbox::free_port;
use crate::harness::{Outcome, Sandbox, Stack, Test, Xtask, needs};
use std::fs;

pub fn tests() -> Vec<Test> {
    tests![
        [OwnStack, Openfga] an_openfga_without_a_one_shot_is_migrated_by_its_own_image,
        [OwnStack] up_starts_the_database_alone_where_there_is_no_openfga,
        [OwnStack] settings_and_migrations_of_others_are_left_alone,
        [Compose] any_compose_file_makes_a_root_but_never_a_parents,
    ]
}

/// No one-shot that migrates, but one that makes the database; the datastore in flags, behind an entry point that takes
/// no command.
const WITHOUT_ONE_SHOT: &str = "
services:
  db:
    image: ${POSTGRES_IMAGE}
    environment: {POSTGRES_USER: fga, POSTGRES_PASSWORD: s3cret/pw, POSTGRES_DB: other}
    volumes: ['data:/var/lib/postgresql/data']
  fga:
    image: ${OPENFGA_IMAGE}
    entrypoint: [/openfga, run]
    command: [--datastore-engine, postgres, '--datastore-uri=postgres://fga:s3cret%2F${PW:-pw}@db:5432/authz?sslmode=disable']
    environment: {OPENFGA_TIMEOUT: 2s}
    restart: unless-stopped
    ports: ['127.0.0.1:${FGA_PORT}:8080']
    depends_on: {db: {condition: service_started}, make-db: {condition: service_completed_successfully}}
  make-db:
    image: IMAGE/app:1
    entrypoint: [sh, -c, 'until psql -d other -l; do sleep 0.2; done; psql -d authz -l || createdb authz']
    environment: {PGHOST: db, PGUSER: fga, PGPASSWORD: s3cret/pw}
    depends_on: [db]
  web: {image: 'IMAGE/app:1', entrypoint: [sleep, infinity], depends_on: [fga], stop_grace_period: 0s}
  crashing: {image: 'IMAGE/app:1', entrypoint: [sh, -c, exit 3]}
  looping: {image: 'IMAGE/app:1', entrypoint: [sh, -c, sleep 0.3], restart: always}
  missing: {image: '127.0.0.1:1/nosuch:1'}
volumes: {data: {}}
";

/// The services whose containers run, but for the one that is restarted over and over.
fn running(stack: &Stack) -> Vec<String> {
    let project = format!("label=com.docker.compose.project={}", stack.sandbox.project);
    let format = "{{.Label \"com.docker.compose.service\"}}";
    let listed = stack.docker(&["ps", "--filter", &project, "--format", format]);
    let mut names: Vec<String> = listed.lines().filter(|name| *name != "looping").map(str::to_owned).collect();
    names.sort();
    names
}

fn an_openfga_without_a_one_shot_is_migrated_by_its_own_image() {
    let _images = Images::tagged(&["app:1"]);
    let stack = stack(WITHOUT_ONE_SHOT, "");
    stack.sandbox.set("POSTGRES_IMAGE", &needs::postgres_image());
    stack.sandbox.set("OPENFGA_IMAGE", &needs::openfga_image());
    stack.sandbox.set("FGA_PORT", &stack.openfga_port.to_string());
    stack.sandbox.copy_folder("openfga");
    let run = |words: &[&'static str]| stack.xtask(words.iter().copied()).run();

    let up = run(&["--verbose", "up"]);
    up.ok().stderr_has("✓ PostgreSQL").stderr_has("✓ OpenFGA").stderr_lacks("s3cret").stderr_lacks("Compose recreates");
    assert_eq!(running(&stack), ["db", "fga"], "only what is needed is started");
    let again = run(&["up"]);
    again.ok().stderr_lacks("Compose recreates");

    // Its tables come back with each swap, and its server answers.
    run(&["setup-openfga", "--yes"]).ok();
    run(&["db-backup"]).ok();
    run(&["db-reset", "--yes"]).ok();
    assert_eq!(stack.openfga().request("/stores", None).1["stores"].as_array().map(Vec::len), Some(0));
    run(&["db-restore", "--yes"]).ok();
    assert_eq!(stack.openfga().request("/stores", None).1["stores"].as_array().map(Vec::len), Some(1));
    run(&["db-restore", "--undo", "--yes"]).ok();
    assert_eq!(stack.openfga().request("/stores", None).1["stores"].as_array().map(Vec::len), Some(0));

    others_fail(&stack);
    down_leaves_others(&stack);

    // It cannot log in: the service is named, with where its log is; the database stays up.
    let wrong = stack.xtask(["up"]).env("PW", "wr0ng").run();
    wrong
        .code(1)
        .stderr_has("Compose recreates containers, because their settings or images changed: fga")
        .stderr_lacks("wr0ng");
    wrong.stderr_has("The fga service cannot migrate its tables").stderr_has("docker compose logs fga");
    wrong.stderr_lacks("✓ OpenFGA");
    assert_eq!(running(&stack), ["db", "fga"], "what ran goes on running");
    run(&["up"]).ok().stderr_has("✓ OpenFGA");
}

fn others_fail(stack: &Stack) {
    let all = stack.xtask(["up", "--all"]).run();
    all.code(6).stderr_has("✓ PostgreSQL").stderr_has("✓ OpenFGA").stderr_lacks("web did not start");
    all.stderr_has("crashing did not start: it ended (exit code 3)").stderr_has("missing did not start: ");
    all.stderr_has("looping did not start: it ends, and Docker restarts it");
    all.stderr_has("docker compose logs --tail 20");
    assert_eq!(running(stack), ["db", "fga", "web"], "what does not fail stays up");
}

fn down_leaves_others(stack: &Stack) {
    let down = stack.xtask(["down"]).run();
    down.ok().stderr_has("depend on a stopped service, and keep running: web").stderr_has("cargo xtask down --all");
    assert_eq!(running(stack), ["web"]);
    let all = stack.xtask(["down", "--all"]).run();
    all.ok().stderr_has("✓ Stopped; the data is kept");
    assert_eq!(running(stack), [""; 0]);
    stack.xtask(["up"]).run().ok();
}

fn up_starts_the_database_alone_where_there_is_no_openfga() {
    let _images = Images::tagged(&["other:alone", "postgres:alone"]);
    let yaml = "services: {db: {image: 'IMAGE/postgres:alone', environment: {POSTGRES_DB: app, POSTGRES_PASSWORD: x, MARK: '${MARK:-1}', PGDATA: '${PLACE:-/var/lib/postgresql/data}'}, depends_on: [setup]}, setup: {image: 'IMAGE/other:alone', entrypoint: ['true']}, web: {image: 'IMAGE/other:alone', entrypoint: [sleep, infinity], depends_on: [db]}}";
    let stack = stack(yaml, "");
    let run = |words: &[&'static str]| stack.xtask(words.iter().copied()).run();
    run(&["up"]).ok().stderr_has("No service of this project is OpenFGA: only the database is started");
    assert_eq!(running(&stack), ["db"]);
    run(&["db-shell", "--", "-qc", "CREATE TABLE kept AS SELECT 42 AS answer"]).ok();

    // The data is in a volume that has no name: a new container would not find it again.
    let refused = run(&["down", "--all"]);
    refused.code(1).stderr_has("which no other container finds").stderr_has("cargo xtask down").stderr_lacks("✓");
    run(&["down"]).ok().stderr_lacks("depend on a stopped service");
    assert_eq!(running(&stack), [""; 0]);
    let renewed = stack.xtask(["up"]).env("MARK", "2").run();
    renewed.ok().stderr_has("Compose recreates containers, because their settings or images changed: db");
    run(&["db-shell", "--", "-Atc", "SELECT answer FROM kept"]).ok().prints("42");

    // The data is in the container itself: that it is stopped saves nothing.
    let inside = |words: &[&'static str], mark| {
        stack.xtask(words.iter().copied()).env("PLACE", "/inside").env("MARK", mark).run()
    };
    inside(&["up"], "2").ok();
    inside(&["down"], "2").ok();
    let refused = inside(&["up"], "3");
    refused.code(1).stderr_has("inside of its container, in no volume").stderr_has("cargo xtask db-backup");
    inside(&["up"], "2").ok();
}

const MOUNTED: &str = "
name: PROJECT
services:
  db:
    image: IMAGE/postgres:left
    environment: {POSTGRES_PASSWORD: '${PW:-right}', POSTGRES_DB: app}
    volumes: ['data:/var/lib/postgresql/data', './migrations:/docker-entrypoint-initdb.d:ro']
volumes: {data: {}}
";

/// A stack with migrations that its container runs itself, beside folders of other tools' and of ours.
struct Mounted {
    stack: Stack,
    /// Free ports for what the file does not publish.
    ports: [(&'static str, String); 4],
}

impl Mounted {
    fn new() -> Self {
        let stack = stack(MOUNTED, "");
        let sandbox = &stack.sandbox;
        let yaml = fs::read_to_string(sandbox.path("compose.yaml")).unwrap();
        sandbox.write("compose.yaml", yaml.replace("PROJECT", &sandbox.project));
        fs::remove_file(sandbox.path(".env")).unwrap();
        sandbox.write(".env.example", "PW=placeholder\n");
        sandbox.write("migrations/1_a.down.sql", "DROP TABLE IF EXISTS theirs;");
        sandbox.write("migrations/1_a.up.sql", "CREATE TABLE IF NOT EXISTS theirs (i int);");
        sandbox.write("own/1_b.up.sql", "CREATE TABLE ours (i int);");
        sandbox.write("own/1_b.down.sql", "DROP TABLE ours;");
        sandbox.write("goose/1_c.sql", "-- +goose Up\nCREATE TABLE g (i int);\n-- +goose Down\nDROP TABLE g;");
        let names = ["POSTGRES_PORT", "OPENFGA_HTTP_PORT", "OPENFGA_GRPC_PORT", "OPENFGA_METRICS_PORT"];
        let ports = names.map(|name| (name, free_port().to_string()));
        Self { stack, ports }
    }

    fn xtask(&self, words: &[&str]) -> Xtask {
        let run = self.stack.xtask(words.iter().copied());
        self.ports.iter().fold(run, |run, (name, port)| run.env(name, port))
    }

    /// With this folder of migrations.
    fn run_with(&self, folder: &str, words: &[&str]) -> Outcome {
        self.xtask(words).env("XTASK_MIGRATIONS", folder).run()
    }

    fn sql(&self, sql: &str) -> String {
        self.xtask(&["db-shell", "--", "-qAtc", sql]).run().ok().text().trim().to_owned()
    }

    fn has_ledger(&self) -> bool {
        self.sql("SELECT count(*) FROM pg_class WHERE relname = '_sqlx_migrations'") == "1"
    }
}

fn settings_and_migrations_of_others_are_left_alone() {
    let _images = Images::tagged(&["postgres:left"]);
    let mounted = Mounted::new();
    mounted.xtask(&["up"]).run().ok();
    let before = mounted.stack.container_of("db");
    let set_up = mounted.xtask(&["setup-env", "--yes"]).run();
    set_up.ok().stderr_has(".env keeps its settings").stderr_has("The migrations are left out: ");
    set_up.stderr_has("migrations/ is mounted at /docker-entrypoint-initdb.d of the service db");
    assert!(!mounted.stack.sandbox.path(".env").exists(), "the example's password is not this stack's");
    assert_eq!(before, mounted.stack.container_of("db"));
    assert!(!mounted.has_ledger());
    let run = mounted.xtask(&["db-migrate"]).run();
    run.code(1).stderr_has("Nothing is applied: ").stderr_has("of the service db");
    run.stderr_has("XTASK_MIGRATIONS=FOLDER");
    mounted.xtask(&["db-restore", "--dry-run"]).run().ok().stderr_lacks("Migrations that will be pending");

    let goose = mounted.run_with("goose", &["db-migrate"]);
    goose.code(1).stderr_has("goose/1_c.sql is goose's: its files are not run here");
    let nosuch = mounted.run_with("nosuch", &["db-migrate"]);
    nosuch.code(2).stderr_has("XTASK_MIGRATIONS is \"nosuch\", which is not a folder");
    mounted.run_with("none", &["db-migrate"]).ok().stderr_has("Nothing to do");
    mounted.run_with("none", &["db-migrate", "new", "x"]).code(2).stderr_has("XTASK_MIGRATIONS is none");
    a_database_of_another_tool_or_with_data_is_left_alone(&mounted);
}

fn a_database_of_another_tool_or_with_data_is_left_alone(mounted: &Mounted) {
    mounted.sql("CREATE TABLE alembic_version AS SELECT 'a'");
    let theirs = mounted.run_with("own", &["db-migrate"]);
    let of_another_tool = "database app is migrated by another tool (its ledger: alembic_version)";
    theirs.code(1).stderr_has(&format!("Nothing is applied: {of_another_tool}"));
    let set_up = mounted.run_with("own", &["setup-env", "--yes"]);
    set_up.ok().stderr_has("The migrations are left out: database app is migrated by");
    mounted.sql("DROP TABLE alembic_version; CREATE TABLE data AS SELECT 1");
    let asked = mounted.run_with("own", &["setup-env"]);
    asked.code(1).stderr_has("Database app holds data, and none of the 1 migration of own is applied");
    asked.stderr_has("--yes");
    assert!(!mounted.has_ledger());
    let applied = mounted.run_with("own", &["setup-env", "--yes"]);
    applied.ok().stderr_has("Backup: backups/app_pre_migration_").stderr_has("✓ 1 b");
}

/// Where files of Compose are, and what the checkout is then; `Err`: the message where there is none.
fn any_compose_file_makes_a_root_but_never_a_parents() {
    let sandbox = Sandbox::new();
    fs::remove_file(sandbox.path("docker-compose.yml")).unwrap();
    let down = |root: &str| Xtask::new(&sandbox).env("XTASK_ROOT", sandbox.path(root)).args(["down"]).run();
    let yaml = |name: &str| format!("services: {{{name}: {{image: 'postgres:16'}}}}");
    let env = format!("COMPOSE_PROJECT_NAME={}\n", sandbox.project);
    for (number, name) in ["compose.yaml", "compose.yml", "docker-compose.yaml"].into_iter().enumerate() {
        let root = format!("root{number}");
        sandbox.write(format!("{root}/.env"), &env);
        sandbox.write(format!("{root}/{name}"), yaml("main"));
        down(&root).ok().stderr_has("Stopping compose service main (");
        sandbox.write(format!("{root}/{name}"), "services: [this is no map\n");
        down(&root).stderr_has(&format!("fix {name}, an override or .env"));
    }
    // Elsewhere, and several.
    sandbox.write("named/deploy/a.yml", yaml("first"));
    sandbox.write("named/b.yml", "services: {first: {environment: {POSTGRES_DB: second}}}");
    sandbox.write("named/.env", format!("{env}COMPOSE_FILE=deploy/a.yml:b.yml\n"));
    down("named").ok().stderr_has("service first (target compose, database second,");
    sandbox.write("named/.env", format!("{env}COMPOSE_FILE=deploy/a.yml:none.yml\n"));
    down("named").code(2).stderr_has("COMPOSE_FILE names ").stderr_has("none.yml, which is not a file");
    // Compose would take that of the folder above.
    sandbox.write("compose.yaml", yaml("above"));
    sandbox.write("package/xtask/Cargo.toml", "");
    fs::create_dir(sandbox.path("empty")).unwrap();
    let above = format!("Docker Compose would take {}", sandbox.path("compose.yaml").display());
    for root in ["package", "empty"] {
        down(root).code(2).prints_nothing().stderr_has("no Compose file").stderr_has(&above);
    }
}
