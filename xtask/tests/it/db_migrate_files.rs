//! `db-migrate` and its files: what `new` writes, what is read, what is refused before anything is sent.

use crate::harness::sandbox::checkout;
use crate::harness::{Outcome, Sandbox, Test, UrlDatabase, Xtask, shared};
use std::fs;

pub fn tests() -> Vec<Test> {
    tests![
        [Stack] what_is_refused_is_never_sent,
        [Stack] a_hidden_command_is_refused_by_psql_itself,
        [Stack] an_empty_folder_needs_nothing_to_be_done,
        [Stack] every_quoting_form_of_sql_is_applied,
        [] new_makes_both_files,
        [Postgres] what_sqlx_skips_is_a_warning_and_what_it_refuses_stops,
        [] line_ends_are_kept_in_every_checkout,
        [Stack] what_many_files_share_is_one_warning_with_their_number,
    ]
}

fn what_is_refused_is_never_sent() {
    let database = shared().database();
    database.sandbox.tables(1);
    database.sandbox.migration(2, "two", "SELECT 1;\nCOMMIT;\nSELECT 2;\n", None);
    database.sandbox.migration(3, "three", "\\! touch /tmp/xtask-was-here\n", None);
    database.sandbox.migration(4, "four", "CREATE INDEX CONCURRENTLY i ON t1 (a);", None);
    let run = database.migrate([]).run();
    run.code(1).stderr_has("✗ 3 files are refused; nothing was sent").stderr_lacks("make a table");
    run.stderr_has("migrations/2_two.up.sql:2: COMMIT in a file that runs in one transaction");
    run.stderr_has("migrations/3_three.up.sql:1: a backslash outside of quotes");
    run.stderr_has("migrations/4_four.up.sql:1: CONCURRENTLY cannot run in a transaction");
    assert_eq!(database.tables(), "");
    database.sandbox.write("migrations/4_five.sql", "SELECT 1;");
    let run = database.migrate([]).run();
    run.code(1).stderr_has("✗ Version 4 is claimed by two files: migrations/4_five.sql and migrations/4_four.up.sql");
}

/// What psql takes for a quote can be changed in ways that no reader of the file sees.
fn a_hidden_command_is_refused_by_psql_itself() {
    let database = shared().database();
    let hidden = "SELECT set_config('standard_' || 'conforming_strings', 'off', false);\n\
                  SELECT 'a\\''; \\! touch /tmp/xtask-was-here #';\n";
    for text in [hidden.to_owned(), format!("-- no-transaction\n{hidden}")] {
        let line = text.lines().count();
        database.sandbox.migration(1, "hidden", &text, None);
        let run = database.migrate([]).run();
        run.stderr_has(&format!("✗ migrations/1_hidden.up.sql:{line} failed")).stderr_lacks("✓ 1");
        run.stderr_has("error: backslash commands are restricted; only \\unrestrict is allowed");
        database.migrate(["repair", "--yes"]).run().ok();
    }
    assert_eq!(database.sql("SELECT count(*) FROM pg_ls_dir('/tmp') AS name WHERE name = 'xtask-was-here'"), "0");
    // What can be seen is refused before anything is sent; what pg_dump begins its files with is not.
    database.sandbox.migration(1, "hidden", "SET client_encoding TO 'SJIS';\n", None);
    database.migrate([]).run().code(1).stderr_has("nothing was sent").stderr_has(":1: it changes client_encoding");
    let plain = "SET client_encoding = 'UTF8';\nSET standard_conforming_strings = on;\nSELECT 'a\\';\n";
    database.sandbox.migration(1, "hidden", plain, None);
    database.sql(&format!("ALTER DATABASE {} SET standard_conforming_strings TO off", database.name));
    database.migrate([]).run().ok();
}

fn an_empty_folder_needs_nothing_to_be_done() {
    let database = shared().database();
    database.migrate([]).run().ok().stderr_has("✓ Nothing to do");
    database.sandbox.write("migrations/README.md", "not a migration");
    database.migrate(["status", "--check"]).run().ok().prints_nothing().stderr_has("No migrations; make one with");
    assert_eq!(database.sql("SELECT to_regclass('_sqlx_migrations') IS NULL"), "t");
}

fn every_quoting_form_of_sql_is_applied() {
    let database = shared().database();
    let up = "CREATE TABLE \"odd \"\"; COMMIT; name\" (a text);\n\
           INSERT INTO \"odd \"\"; COMMIT; name\" VALUES ('it''s; \\'), (E'a\\'; \\\\! b'), ($$COMMIT; :USER$$), ($x$ $$ \\! $x$),\n\
           (U&'\\0041;'), ('a'\n'b;'), ('é ü 日本 :HOST'); -- \\! not a command; 'open\n\
           /* /* COMMIT; */ ' */ SELECT '{1,2,3}'::int[], (ARRAY[1,2,3])[1:2], B'01';\n\
           CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT CASE WHEN true THEN 2 END; END;\n\
           DO $do$ BEGIN PERFORM 1; EXCEPTION WHEN others THEN NULL; END $do$;\n\
           COPY \"odd \"\"; COMMIT; name\" FROM stdin;\n\\\\! :USER; COMMIT;\n\\.\n\
           SELECT f() -- no semicolon, no newline";
    database.sandbox.migration(1, "odd it's", up, None);
    database.migrate([]).run().ok();
    let rows = database.sql("SELECT a FROM \"odd \"\"; COMMIT; name\"");
    assert_eq!(
        rows.lines().collect::<Vec<_>>(),
        ["it's; \\", "a'; \\! b", "COMMIT; :USER", " $$ \\! ", "A;", "ab;", "é ü 日本 :HOST", "\\! :USER; COMMIT;"]
    );
    assert_eq!(database.sql("SELECT description FROM _sqlx_migrations"), "odd it's");
}

fn new_makes_both_files() {
    let sandbox = Sandbox::new();
    let run = Xtask::new(&sandbox).args(["db-migrate", "new", "Add user's", "names"]).run();
    run.ok().stderr_has("Write the SQL of the change into the .up.sql");
    let text = run.text();
    let paths: Vec<&str> = text.lines().collect();
    assert!(paths.len() == 2 && paths[0].ends_with("_add_user_s_names.up.sql"), "{paths:?}");
    assert_eq!(paths[1], paths[0].replace(".up.", ".down."));
    let version = paths[0].trim_start_matches("migrations/").split('_').next().unwrap();
    assert!(version.len() == 14 && version.starts_with("20"), "{version}");
    assert!(fs::read_to_string(sandbox.path(paths[0])).unwrap().starts_with("-- Runs in one transaction"));
    let again = Xtask::new(&sandbox).args(["db-migrate", "new", "again"]).run();
    again.ok().holds(again.text() > text, "a second one of the same second is newer");
    Xtask::new(&sandbox).args(["db-migrate", "new", "!!"]).run().code(2).stderr_has("must have letters");
    let long = "x".repeat(300);
    let run = Xtask::new(&sandbox).args(["db-migrate", "new", &long]).run();
    run.code(2).stderr_has("✗ The words are 300 bytes long").stderr_has("→ at most 200 bytes: say it in fewer words");
}

/// What sqlx passes over is a remark; what it refuses stops an `up`, and nothing else.
fn what_sqlx_skips_is_a_warning_and_what_it_refuses_stops() {
    let database = UrlDatabase::new();
    let migrate = |args: &[&str]| database.xtask(["db-migrate"]).args(args.iter().copied()).run();
    for name in ["1_a.sql", "1_a.down.sql", "2_gone.down.sql", "schema.sql"] {
        let text = if name == "1_a.sql" { "CREATE TABLE a (a int);" } else { "DROP TABLE a;" };
        database.sandbox.write(format!("migrations/{name}"), text);
    }
    let run = migrate(&["up"]);
    run.ok().stderr_has("✓ 1 migration applied");
    run.stderr_has("⚠ migrations/schema.sql is skipped: its name does not begin with <version>_");
    run.stderr_has("⚠ migrations/2_gone.down.sql has no .up.sql file beside it");
    run.stderr_has("⚠ migrations/1_a.down.sql reverts migrations/1_a.sql, as under sqlx");
    migrate(&["status", "--check"]).ok().stdout_has("1        a            applied");
    migrate(&["down", "--yes"]).ok().stderr_has("✓ 1 migration reverted");
    // Two files of one version: the applied one is recognised by its checksum, what is pending must be clear.
    database.sandbox.write("migrations/3_b.sql", "SELECT 3;");
    database.sandbox.write("migrations/3_c.up.sql", "SELECT 33;");
    let run = migrate(&["up", "--no-backup"]);
    run.code(1).stderr_has("✗ Version 3 is claimed by two files: migrations/3_b.sql and migrations/3_c.up.sql");
    migrate(&["up", "1", "--no-backup"]).ok();
    migrate(&["repair"]).ok().stderr_has("Nothing to repair");
    // sqlx refuses the folder.
    fs::remove_file(database.sandbox.path("migrations/3_c.up.sql")).unwrap();
    database.sandbox.write("migrations/O4_d.sql", "SELECT 4;");
    migrate(&["status"]).ok().stderr_has("⚠ migrations/O4_d.sql: its name has no number before the first _");
    migrate(&["status", "--check"]).code(1);
    let run = migrate(&["verify"]);
    run.ok().stderr_has("⚠ db-migrate up refuses the folder: migrations/O4_d.sql: its name has no number");
    run.stderr_has("→ name each file <version>_<words>.up.sql").stderr_has("verified");
    migrate(&["baseline", "4"]).code(1).stderr_has("✗ There is no file of version 4: migrations/O4_d.sql: its name");
    migrate(&["new", "five"]).ok();
    let run = migrate(&["up", "--no-backup"]);
    run.code(1)
        .stderr_has("✗ Nothing is applied: migrations/O4_d.sql: its name has no number")
        .stderr_has("→ name each file <version>_<words>.up.sql");
    folders_of_other_tools_are_named(&database);
}

fn folders_of_other_tools_are_named(database: &UrlDatabase) {
    let migrate = |args: &[&str]| database.xtask(["db-migrate"]).args(args.iter().copied()).run();
    fs::remove_dir_all(database.sandbox.path("migrations")).unwrap();
    database.sandbox.write("migrations/2024-01-01-000000_create/up.sql", "SELECT 1;");
    migrate(&["up"]).code(1).stderr_has("as Diesel makes them");
    let run = migrate(&["verify"]);
    run.code(1).stderr_has("✗ There is no migration to verify: migrations/ has folders with an up.sql, as Diesel");
    run.stderr_has("→ keep this program's migrations in a folder of their own");
    fs::remove_dir_all(database.sandbox.path("migrations")).unwrap();
    database.sandbox.write("migrations/V1__a.sql", "SELECT 1;");
    migrate(&["verify"]).code(1).stderr_has("There is no migration to verify: migrations/V1__a.sql");
}

fn line_ends_are_kept_in_every_checkout() {
    let attributes = fs::read_to_string(checkout().join(".gitattributes")).unwrap();
    assert!(attributes.lines().any(|line| line == "migrations/*.sql text eol=lf"), "{attributes}");
}

/// A checkout on Windows has CR LF in every file.
fn what_many_files_share_is_one_warning_with_their_number() {
    let database = shared().database();
    for version in 1..=6 {
        let up = format!("SET search_path TO public;\r\nCREATE TABLE t{version} (a int);\r\n");
        database.sandbox.migration(version, "table", &up, Some(&format!("DROP TABLE t{version};\r\n")));
    }
    let files = |run: &Outcome| run.stderr.lines().filter(|line| line.contains("CR LF")).count();
    let dry = database.migrate(["up", "--dry-run"]).run();
    dry.ok().stderr_has("⚠ migrations/6_table.up.sql:1: its lines end in CR LF");
    assert_eq!(files(&dry), 6, "{}", dry.stderr);
    let run = database.migrate([]).run();
    run.ok().stderr_has("⚠ 6 files, each: its lines end in CR LF: a copy with LF has a different checksum");
    run.stderr_has(
        "checksum (migrations/1_table.up.sql, migrations/2_table.up.sql, migrations/3_table.up.sql and 3 more)",
    );
    run.stderr_has("⚠ 6 files, each: it sets search_path to \"public\" for its session");
    assert_eq!(run.stderr.lines().filter(|line| line.starts_with('⚠')).count(), 2, "{}", run.stderr);
    // Each file that loses rows has a line of its own.
    for version in 1..=3 {
        database.sandbox.migration(version + 6, "less", &format!("DROP TABLE t{version};"), Some("SELECT 1;"));
    }
    let losses = database.migrate([]).run();
    losses.ok().stderr_has("⚠ migrations/7_less.up.sql:1: ").stderr_has("⚠ migrations/9_less.up.sql:1: ");
}
