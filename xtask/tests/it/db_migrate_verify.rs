//! `db-migrate verify`, `baseline` and `status --drift`: what files make, compared with what is there.

use crate::harness::migrations::versions;
use crate::harness::{Outcome, Test, UrlDatabase};

pub fn tests() -> Vec<Test> {
    tests![
        [Postgres] verify_goes_on_after_a_failure_and_its_report_is_whole,
        [Postgres] the_order_of_columns_alone_is_no_failure,
        [Postgres] verify_can_start_at_what_is_pending,
        [Postgres] baseline_compares_before_it_records,
        [Postgres] drift_is_told_in_both_directions,
        [Postgres] the_order_of_statements_in_a_body_counts,
    ]
}

fn migrate(database: &UrlDatabase, args: &[&str]) -> Outcome {
    database.xtask(["db-migrate"]).args(args.iter().copied()).run()
}

fn verify_goes_on_after_a_failure_and_its_report_is_whole() {
    let database = UrlDatabase::new();
    database.sandbox.tables(1);
    // The way back fails, a way up fails, the second up fails, one leaves half of itself, one is refused.
    database.sandbox.migration(2, "back", "CREATE TABLE t2 (a int);", Some("DROP TABLE nothing;"));
    database.sandbox.migration(3, "up", "SELECT nothing;", None);
    database.sandbox.migration(4, "again", "CREATE TABLE t4 (a int);", Some("SELECT 1;"));
    database.sandbox.migration(5, "half", "-- no-transaction\nCREATE TABLE half (a int);\nSELECT nothing;", None);
    database.sandbox.migration(6, "refused", "SELECT 1;\nCOMMIT;\nSELECT 2;", None);
    database.sandbox.migration(
        7,
        "well",
        "ALTER TABLE t4 ADD b int; ALTER TABLE t2 ADD b int; CREATE TABLE half (a int);",
        Some("ALTER TABLE t4 DROP b; ALTER TABLE t2 DROP b; DROP TABLE half;"),
    );
    let run = migrate(&database, &["verify", "--json"]);
    run.code(1).stderr_has("✗ 5 migrations have a file that fails");
    let document = run.json();
    let found: Vec<(i64, bool)> = document["migrations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|verdict| (verdict["version"].as_i64().unwrap(), verdict["error"].is_string()))
        .collect();
    assert_eq!(found, [(1, false), (2, true), (3, true), (4, true), (5, true), (6, true), (7, false)]);
    assert_eq!(document["migrations"][6]["reversible"], true);
    assert_eq!(database.beside("verify").len(), 0);
}

fn the_order_of_columns_alone_is_no_failure() {
    let database = UrlDatabase::new();
    database.sandbox.migration(1, "table", "CREATE TABLE t (a int, b text, c int);", Some("DROP TABLE t;"));
    database.sandbox.migration(2, "column", "ALTER TABLE t DROP b;", Some("ALTER TABLE t ADD b text;"));
    let run = migrate(&database, &["verify"]);
    run.ok().stderr_has("⚠ 2 column: the columns have a different order after down: CREATE TABLE public.t");
    run.stdout_has("✓ 2 column: up, down, up").stderr_has("✓ 2 migrations verified");
    let run = migrate(&database, &["verify", "--json"]);
    assert_eq!(versions(&run), [1, 2]);
    let verdict = &run.json()["migrations"][1];
    assert_eq!((&verdict["reversible"], verdict["column_order"].as_array().unwrap().len()), (&true.into(), 1));
}

fn verify_can_start_at_what_is_pending() {
    let database = UrlDatabase::new();
    database.sandbox.tables(3);
    // Its way back would fail: it is not tried.
    database.sandbox.write("migrations/1_make a table.down.sql", "DROP TABLE nothing;");
    migrate(&database, &["up", "2"]).ok();
    let run = migrate(&database, &["verify", "--pending"]);
    run.ok().stdout_has("✓ 3 make a table: up, down, up").stdout_lacks("1 make").stderr_has("✓ 1 migration verified");
    migrate(&database, &["verify"]).code(1);
}

fn baseline_compares_before_it_records() {
    let database = UrlDatabase::new();
    database.sandbox.tables(2);
    database.own("CREATE TABLE t1 (a int)");
    let run = migrate(&database, &["baseline", "2", "--yes"]);
    run.code(1).stderr_has("✗ The schema differs from the one that these files make; nothing was recorded");
    run.stderr_has("⚠ only the files make: CREATE TABLE public.t2 ( a integer );").stderr_has("--no-compare");
    assert_eq!(database.sql("SELECT to_regclass('_sqlx_migrations') IS NULL"), "t");
    // What it has beside that, and the order of columns, stop nothing.
    database.own("CREATE TABLE more (a int)");
    migrate(&database, &["baseline", "1", "--yes"]).ok().stderr_has("✓ 1 migration recorded as applied");
    database.own("DROP TABLE _sqlx_migrations");
    migrate(&database, &["baseline", "2", "--yes", "--no-compare"]).ok().stderr_has("✓ 2 migrations recorded");
}

fn drift_is_told_in_both_directions() {
    let database = UrlDatabase::new();
    database.sandbox.tables(2);
    migrate(&database, &["up"]).ok();
    migrate(&database, &["status", "--drift", "--check"]).ok().stderr_has("✓ The schema matches the applied files");
    database.own("ALTER TABLE t1 ADD by_hand int; CREATE INDEX i ON t2 (a)");
    let run = migrate(&database, &["status", "--drift"]);
    run.ok().stderr_has("⚠ only the files make: CREATE TABLE public.t1 ( a integer );");
    run.stderr_has("⚠ only the database has: CREATE INDEX i ON public.t2 USING btree (a);");
    migrate(&database, &["status", "--drift", "--check"])
        .code(1)
        .stderr_has("✗ The schema differs from the applied files");
    let run = migrate(&database, &["status", "--drift", "--json"]);
    let drift = run.ok().json()["drift"].clone();
    assert_eq!((drift["missing"].as_array().unwrap().len(), drift["extra"].as_array().unwrap().len()), (1, 2));
    migrate(&database, &["status", "--json"]).ok().stdout_lacks("drift");
}

/// The steps of a function in this order, each below a comment.
fn function(steps: &[&str]) -> String {
    let lines: String = steps.iter().map(|step| format!("-- {step}\nINSERT INTO log VALUES ('{step}');\n")).collect();
    format!("CREATE OR REPLACE FUNCTION pay() RETURNS void LANGUAGE plpgsql AS $$\nBEGIN\n{lines}-- done\nEND\n$$;")
}

fn the_order_of_statements_in_a_body_counts() {
    let database = UrlDatabase::new();
    let [first, second] = [["check", "book", "notify"], ["book", "notify", "check"]].map(|steps| function(&steps));
    database.sandbox.migration(1, "a", &format!("CREATE TABLE log (w text); {first}"), None);
    database.sandbox.migration(2, "b", &second, Some("-- PostgreSQL cannot revert it"));
    let run = migrate(&database, &["verify"]);
    run.code(1).stderr_has("✗ 1 migration is not reverted by the .down.sql file");
    run.stderr_has("after down missing: CREATE FUNCTION public.pay()");
    migrate(&database, &["up"]).ok();
    migrate(&database, &["status", "--drift", "--check"]).ok().stderr_has("✓ The schema matches the applied files");
    database.own(&function(&["notify", "check", "book"]));
    let run = migrate(&database, &["status", "--drift", "--check"]);
    run.code(1).stderr_has("⚠ only the files make: CREATE FUNCTION public.pay()");
    run.stderr_has("⚠ only the database has: CREATE FUNCTION public.pay()");
    // A step that is there twice is not there once.
    database.own(&function(&["book", "notify", "check", "check"]));
    migrate(&database, &["status", "--drift", "--check"]).code(1);
}
