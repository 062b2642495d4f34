//! `db-reset`: an empty database in the live one's place, its properties kept, and the way back.

use crate::harness::forge::Forged;
use crate::harness::stack::Database;
use crate::harness::{Outcome, Stack, Test, shared_for_restores};
use chrono::Local;

pub fn tests() -> Vec<Test> {
    tests![
        [OwnStack, Openfga] openfga_is_migrated_and_serves_again,
        [Compose] a_reset_database_is_empty_and_can_be_undone,
        [Compose] a_preview_changes_nothing,
        [Compose, Script] only_the_name_typed_out_goes_on,
        [Compose] a_reset_makes_a_database_that_is_not_there,
        [Compose] a_server_that_does_not_answer_is_not_reset,
    ]
}

const TABLES: &str = "SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')";

fn filled() -> Database<'static> {
    let database = shared_for_restores().database();
    database.sql(
        "CREATE TABLE t AS SELECT i FROM generate_series(1, 1234) AS i; CREATE SCHEMA s; CREATE TABLE s.u (a text)",
    );
    database
}

/// Nothing was made, renamed or written.
#[track_caller]
fn nothing_changed(database: &Database<'_>, old: &[u8], run: &Outcome) {
    run.holds(database.dump() == old, "the live database should be as it was");
    run.holds(database.beside("before").is_empty() && database.beside("staging").is_empty(), "no other database");
    run.holds(database.safety_backups().is_empty(), "no safety backup").stderr_lacks("✓ Database reset");
}

fn a_reset_database_is_empty_and_can_be_undone() {
    let database = filled();
    let name = database.quoted();
    database.stack.admin(&format!("COMMENT ON DATABASE {name} IS 'ours'"));
    database.stack.admin(&format!("ALTER DATABASE {name} SET work_mem TO '5MB'"));
    let old = database.dump();
    let run = database.xtask(["db-reset", "--yes"]).run();
    run.ok().prints_nothing().stderr_has("✓ Database reset\n").stderr_has("unreachable for 0.");
    run.holds(
        run.stderr.starts_with("Resetting compose service postgres (target compose, database "),
        "the target first",
    );
    run.stderr_has(&format!("Previous:  kept on the server as {}\n", database.only_beside("before")));
    run.stderr_has("Undo:      cargo xtask db-restore --undo");
    assert_eq!(database.sql(TABLES), "0");
    assert_eq!(database.sql("SHOW work_mem"), "5MB");
    let comment = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database()";
    assert_eq!(database.sql(comment), "ours");
    let safety = database.safety_backups();
    assert_eq!(safety.len(), 1);
    assert_eq!(database.restored_from(&safety[0]).dump(), old);
    database.restore(["--undo"]).run().ok();
    assert_eq!(database.dump(), old);
    assert_eq!(database.sql(comment), "ours");

    let run = database.xtask(["db-reset", "--yes", "--json", "--quiet", "--no-safety-backup"]).run();
    let report = run.ok().json();
    assert_eq!((&report["version"], &report["database"]), (&1.into(), &database.name.clone().into()));
    assert!(report["safety_backup"].is_null() && report["database_outage_seconds"].as_f64().unwrap() < 1.0);
    // The only way back is never dropped by itself.
    let kept = report["before"].as_str().unwrap();
    database.xtask(["db-reset", "--yes", "--keep-old", "0"]).run().ok();
    database.xtask(["db-reset", "--yes", "--keep-old", "0"]).run().ok();
    assert_eq!(database.beside("before"), [kept]);
    assert_eq!(database.stack.dump_of(kept), old);
}

fn a_preview_changes_nothing() {
    let database = filled();
    let old = database.dump();
    let run = database.xtask(["db-reset", "--dry-run"]).run();
    run.ok().prints_nothing().stderr_has("AFTERWARDS").stderr_has("public.t").stderr_has("1,234").stderr_has("s.u");
    nothing_changed(&database, &old, &run);
    let run = database.xtask(["db-reset", "--dry-run", "--json"]).run();
    let table = run.ok().json()["plan"]["tables"]
        .as_array()
        .unwrap()
        .iter()
        .find(|table| table["table"] == "t")
        .unwrap()
        .clone();
    assert!(table["now"] == 1234 && table["backup"].is_null(), "{table}");
    nothing_changed(&database, &old, &run);
    let run = database.xtask(["db-reset"]).run();
    run.code(1).stderr_has("There is no terminal to ask on").stderr_has("--yes");
    nothing_changed(&database, &old, &run);
    database.xtask(["db-reset"]).env("XTASK_YES", "1").env("YES", "1").stdin("yes\n").run().code(1);
}

fn only_the_name_typed_out_goes_on() {
    let database = filled();
    let old = database.dump();
    for (keys, code) in [("y\n", 1), ("yes\n", 1), ("\n", 1), ("postgres\n", 1), ("\x04", 1), ("\x03", 130)] {
        let mut terminal = database.xtask(["db-reset"]).terminal();
        terminal.shows("type its name:").types(keys);
        let run = terminal.wait();
        run.code(code).stdout_has("nothing was changed").stdout_has("user postgres)");
        nothing_changed(&database, &old, &run);
    }
    let mut terminal = database.xtask(["db-reset"]).terminal();
    terminal.shows(&format!("To reset {}, type its name:", database.name)).types(&format!("{}\n", database.name));
    terminal.wait().ok().stdout_has("Database reset");
    assert_eq!(database.sql(TABLES), "0");
}

fn a_reset_makes_a_database_that_is_not_there() {
    let database = filled();
    let name = format!("{}_new", database.name);
    let words = format!("⚠ PostgreSQL has no database {name}: an empty one will be made, which belongs to postgres; ");
    let run = database.xtask(["db-reset", "--dry-run"]).env("POSTGRES_DB", &name).run();
    run.ok().stderr_has(&words).stderr_lacks("is kept on the server");
    let run = database.xtask(["db-reset", "--yes"]).env("POSTGRES_DB", &name).run();
    run.ok()
        .stderr_has(&words)
        .stderr_lacks("is kept on the server")
        .stderr_has("✓ Database reset")
        .stderr_lacks("Undo:");
    assert_eq!(database.stack.psql(&name, TABLES), "0");
    database.stack.admin(&format!("DROP DATABASE {name} WITH (FORCE)"));
}

fn a_server_that_does_not_answer_is_not_reset() {
    let stack = Stack::postgres_only();
    let run = stack.xtask(["db-reset", "--yes"]).run();
    run.code(4).prints_nothing().stderr_has("nothing was reset").stderr_has("has not been started");
    run.stderr_has("there is no backup of openfga in backups").stderr_lacks("docker volume rm");
    let file = "backups/openfga_backup_20250101_000000.sql";
    stack.sandbox.write(file, Forged::small().taken("openfga", Local::now()).bytes());
    let run = stack.xtask(["db-reset", "--yes"]).run();
    run.code(4).prints_nothing().stderr_has("nothing was reset").stderr_has("has not been started");
    let volume = format!("docker volume rm {}_postgres_data", stack.sandbox.project);
    let steps = ["docker compose down", &volume, "cargo xtask up", &format!("cargo xtask db-restore {file}")];
    let at: Vec<usize> = steps.iter().map(|step| run.stderr.rfind(step).unwrap_or_else(|| run.fail(step))).collect();
    assert!(at.is_sorted(), "{}", run.stderr);
    // A login that is refused is no dead server.
    let database = filled();
    let run = database.xtask(["db-reset", "--yes"]).env("POSTGRES_USER", "nobody").run();
    run.code(4).stderr_lacks("docker volume rm");
}

fn openfga_is_migrated_and_serves_again() {
    let stack = Stack::new();
    stack.up();
    stack.openfga().seed("acme");
    let rows = "SELECT count(*) FROM tuple";
    let run = stack.xtask(["db-reset", "--yes"]).run();
    run.ok().stderr_has("OpenFGA store disappears: ").stderr_has(" acme").stderr_has("Services:  stopped for ");
    assert_eq!(stack.psql("openfga", rows), "0");
    assert!(stack.psql("openfga", "SELECT max(version_id) FROM goose_db_version").parse::<u32>().unwrap() >= 6);
    let stores = || stack.openfga().request("/stores", None).1["stores"].as_array().unwrap().len();
    assert_eq!(stores(), 0);
    stack.xtask(["db-restore", "--undo", "--yes"]).run().ok();
    assert_eq!(stack.psql("openfga", rows), "10");
    assert_eq!(stores(), 1);
}
