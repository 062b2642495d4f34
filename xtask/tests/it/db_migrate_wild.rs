//! Folders, files and checkouts as people have them: `sqlx.toml`, renamed files, a transaction around a file, settings
//! that last, two programs in one database.

use crate::harness::migrations::migrate;
use crate::harness::{Test, UrlDatabase};
use std::fs;

pub fn tests() -> Vec<Test> {
    tests![
        [Postgres] sqlx_toml_says_where_ledger_and_files_are,
        [Postgres] a_folder_of_sqlx_toml_that_is_not_there_stops_everything,
        [Postgres] a_sqlx_toml_that_is_not_understood_stops_everything,
        [Postgres] another_databases_variable_is_refused,
        [Postgres] a_renamed_file_is_not_run_twice,
        [Postgres] an_older_checkout_takes_no_newer_row_out,
        [Postgres] a_transaction_around_a_file_is_ours,
        [Postgres] an_applied_file_that_ends_its_transaction_is_tried_as_sqlx_ran_it,
        [Postgres] a_setting_that_lasts_under_sqlx_is_reported,
        [Postgres] an_empty_ledger_beside_a_full_one_is_refused,
        [Postgres] two_programs_share_a_ledger_by_ignore_missing,
        [Postgres] a_version_finished_by_hand_is_looked_at,
        [Postgres] a_pipe_among_the_files_stops_nothing,
        [Postgres] a_version_below_zero_is_typed_as_any_other,
    ]
}

fn sqlx_toml_says_where_ledger_and_files_are() {
    let database = UrlDatabase::new();
    let text = "[common]\ndatabase-url-var = \"DATABASE_URL\"\n[migrate]\ntable-name = \"ledger.\\\"Done\\\"\"\n\
        create-schemas = [\"ledger\"]\nmigrations-dir = \"db/steps\"\nignored-chars = [\"\\r\", \" \"]\n";
    database.sandbox.write("sqlx.toml", text);
    database.sandbox.write("db/steps/1_bonus.sql", "CREATE TABLE t (a int);\n");
    migrate(&database, &["status"]).ok().stdout_has("1        bonus        pending");
    migrate(&database, &["up"]).ok().stderr_has("✓ 1 migration applied");
    assert_eq!(database.sql("SELECT version FROM ledger.\"Done\""), "1");
    assert_eq!(database.sql("SELECT to_regclass('public._sqlx_migrations') IS NULL"), "t");
    // Letters that do not count: the file is the same one with other line ends.
    database.sandbox.write("db/steps/1_bonus.sql", "CREATE  TABLE t (a int);\r\n");
    migrate(&database, &["status", "--check"]).ok();
    migrate(&database, &["up"]).ok().stderr_has("✓ Nothing to do").stderr_has("(at 1)");
    let run = migrate(&database, &["new", "two"]);
    run.ok().stdout_has("db/steps/");
    database.xtask(["health-check", "--only", "migrations"]).run().stdout_lacks("not migrated");
}

fn a_folder_of_sqlx_toml_that_is_not_there_stops_everything() {
    let database = UrlDatabase::new();
    database.sandbox.tables(1);
    for folder in ["db/stesp", "./nope/../migrations", "sqlx.toml"] {
        database.sandbox.write("sqlx.toml", format!("[migrate]\nmigrations-dir = '{folder}'\n"));
        let makes_it = folder == "db/stesp";
        let actions = [&["up"][..], &["status"], &["new", "words"]];
        for args in &actions[..if makes_it { 2 } else { 3 }] {
            let run = migrate(&database, args);
            run.code(2).stderr_has(&format!("✗ sqlx.toml names migrations-dir = \"{folder}\", which is not a folder"));
            run.stderr_has("→ fix the name, or make the folder").prints_nothing();
        }
    }
    // The first migration makes the folder, where that is inside the checkout.
    let outside = database.sandbox.beside("outside");
    std::fs::create_dir(&outside).unwrap();
    std::os::unix::fs::symlink(&outside, database.sandbox.path("link")).unwrap();
    for folder in ["../outside/deep", "link/deep"] {
        database.sandbox.write("sqlx.toml", format!("[migrate]\nmigrations-dir = '{folder}'\n"));
        migrate(&database, &["new", "words"]).code(2).stderr_has("which is not a folder");
    }
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
    database.sandbox.write("sqlx.toml", "[migrate]\nmigrations-dir = 'db/steps'\n");
    migrate(&database, &["new", "words"]).ok().stdout_has("db/steps/");
    // The setting wins over the file.
    database.xtask(["db-migrate", "status"]).env("XTASK_MIGRATIONS", "migrations").run().ok().stdout_has("pending");
    database.sandbox.write("sqlx.toml", "[migrate]\nmigrations-dir = './migrations'\n");
    migrate(&database, &["up"]).ok().stderr_has("✓ 1 migration applied");
}

fn a_sqlx_toml_that_is_not_understood_stops_everything() {
    let database = UrlDatabase::new();
    database.sandbox.tables(1);
    for (text, words) in [
        ("[migrate]\ntable = 'x'\n", "sqlx.toml cannot be used"),
        ("[migrate]\ntable-name = 'a; b'\n", "migrate.table-name is \"a; b\", which is not a name in SQL"),
        ("[migrate\n", "sqlx.toml cannot be used"),
    ] {
        database.sandbox.write("sqlx.toml", text);
        for action in ["status", "up"] {
            migrate(&database, &[action]).code(2).stderr_has(words).prints_nothing();
        }
    }
    assert_eq!(database.sql("SELECT to_regclass('_sqlx_migrations') IS NULL"), "t");
    // A restore's preview goes on.
    database.xtask(["db-backup"]).run().ok();
    database
        .xtask(["db-restore", "--dry-run"])
        .run()
        .ok()
        .stderr_has("The migrations that will be pending are not known");
}

fn another_databases_variable_is_refused() {
    let database = UrlDatabase::new();
    database.sandbox.tables(1);
    database.sandbox.write("sqlx.toml", "[common]\ndatabase-url-var = 'OTHER_URL'\n");
    let run = migrate(&database, &["up"]);
    run.code(2).stderr_has("✗ sqlx.toml says that the database's address is in OTHER_URL, which is not set");
    let with = |url: &str| database.xtask(["db-migrate"]).env("OTHER_URL", url).run();
    let other = database.url("").replace(&format!("/{}", database.name), "/other");
    with(&other).code(2).stderr_has("which names database other at ").stderr_lacks("p%40ss");
    with(&database.url("")).ok().stderr_has("✓ 1 migration applied");
}

/// The public repro: the file of an applied version gets a newer one, as a hint had said.
fn a_renamed_file_is_not_run_twice() {
    let database = UrlDatabase::new();
    database.own("CREATE TABLE account (balance int); INSERT INTO account VALUES (100)");
    database.sandbox.write("migrations/11_bonus.sql", "UPDATE account SET balance = balance + 10;\n");
    database.sandbox.write("migrations/12_note.sql", "SELECT 12;\n");
    migrate(&database, &["up", "--no-backup"]).ok();
    let rename = |from: &str, to: &str| {
        fs::rename(database.sandbox.path("migrations").join(from), database.sandbox.path("migrations").join(to))
            .unwrap();
    };
    rename("11_bonus.sql", "13_bonus.sql");
    let run = migrate(&database, &["up", "--no-backup"]);
    run.code(1).stderr_has("✗ Applied under another version: 11 bonus is 13 now").stderr_has("db-migrate repair");
    migrate(&database, &["status"]).ok().stdout_has("renamed").stderr_has("its file has version 13 now, byte for byte");
    migrate(&database, &["repair"]).code(1).stderr_has("Change its row to version 13?");
    migrate(&database, &["repair", "--yes"]).ok().stderr_has("✓ 1 version repaired");
    migrate(&database, &["up", "--no-backup"]).ok().stderr_has("✓ Nothing to do");
    // The same with a harmless change on the way, and with other words.
    rename("13_bonus.sql", "14_bonus_for_all.sql");
    database.sandbox.write("migrations/14_bonus_for_all.sql", "UPDATE account SET balance = balance + 10;\r\n");
    migrate(&database, &["repair", "--yes"]).ok().stderr_has("only its line endings changed");
    migrate(&database, &["up", "--no-backup"]).ok().stderr_has("✓ Nothing to do");
    assert_eq!(
        database.sql("SELECT string_agg(version || ' ' || description, ', ' ORDER BY version) FROM _sqlx_migrations"),
        "12 note, 14 bonus for all"
    );
    // With another content it may be another change: no row goes unless it is named.
    rename("14_bonus_for_all.sql", "15_bonus_for_all.sql");
    database.sandbox.write("migrations/15_bonus_for_all.sql", "UPDATE account SET balance = balance + 20;\n");
    let run = migrate(&database, &["repair", "--yes"]);
    run.code(1).stderr_has("15 has the same description and other content").stderr_has("db-migrate repair 14");
    assert_eq!(database.sql("SELECT balance FROM account"), "110");
    migrate(&database, &["repair", "14", "--yes"]).ok();
    migrate(&database, &["repair", "99"]).code(2).stderr_has("✗ There is no version 99");
}

fn an_older_checkout_takes_no_newer_row_out() {
    let database = UrlDatabase::new();
    database.sandbox.tables(3);
    migrate(&database, &["up"]).ok();
    for name in ["3_make a table.up.sql", "3_make a table.down.sql"] {
        fs::remove_file(database.sandbox.path("migrations").join(name)).unwrap();
    }
    let run = migrate(&database, &["up"]);
    run.code(1).stderr_has("→ the database is newer than this checkout: get the newer checkout").stderr_lacks("repair");
    let run = migrate(&database, &["repair", "--yes"]);
    run.code(1).stderr_has("this checkout is older than the database").stderr_has("✗ 1 version stays as it is");
    assert_eq!(database.sql("SELECT count(*) FROM _sqlx_migrations"), "3");
}

fn a_transaction_around_a_file_is_ours() {
    let database = UrlDatabase::new();
    let text = "-- Backfill.\nBEGIN;\n    CREATE TABLE t (a int);\nCOMMIT;\n";
    database.sandbox.migration(1, "enclosed", text, Some("BEGIN;\nDROP TABLE t;\nCOMMIT;\n"));
    database.sandbox.migration(2, "fails", "BEGIN;\nCREATE TABLE u (a int);\nSELECT nothing;\nEND;\n", None);
    migrate(&database, &["verify"]).code(1).stdout_has("✓ 1 enclosed: up, down, up");
    let run = migrate(&database, &["up"]);
    run.code(6).stderr_has("⚠ migrations/1_enclosed.up.sql:2: BEGIN and COMMIT around the file are not sent");
    // All or nothing, and the line is the file's own.
    run.stderr_has("✗ migrations/2_fails.up.sql:3 failed; 1 of 2 were applied");
    assert_eq!(database.sql("SELECT to_regclass('t') IS NOT NULL, to_regclass('u') IS NULL"), "t|t");
    fs::remove_file(database.sandbox.path("migrations/2_fails.up.sql")).unwrap();
    migrate(&database, &["status", "--check"]).ok();
    migrate(&database, &["down", "--yes"]).ok();
    let modes = "START TRANSACTION ISOLATION LEVEL SERIALIZABLE;\nCREATE TABLE t AS SELECT current_setting('transaction_isolation') AS level;\nCOMMIT;";
    database.sandbox.migration(1, "enclosed", modes, None);
    migrate(&database, &["up"]).ok();
    assert_eq!(database.sql("SELECT level FROM t"), "serializable");
}

fn an_applied_file_that_ends_its_transaction_is_tried_as_sqlx_ran_it() {
    let database = UrlDatabase::new();
    // What sqlx began before the file makes SET LOCAL hold, and what it commits after the file is what a last BEGIN began.
    let text = "CREATE SCHEMA app;\nSET LOCAL search_path TO app;\nCREATE TABLE a (x int);\nCOMMIT;\nBEGIN;\n\
        CREATE TABLE b (x int);\n";
    database.sandbox.migration(1, "split", text, None);
    let refused = "migrations/1_split.up.sql:4: COMMIT in a file that runs in one transaction";
    for args in [&["up"][..], &["verify"]] {
        migrate(&database, args).code(1).stderr_has(refused);
    }
    database.own(&format!("BEGIN;\n{text}COMMIT;"));
    let told = format!("⚠ {refused} with its row in the ledger; it is tried as sqlx ran it");
    migrate(&database, &["baseline", "1", "--yes"]).ok().stderr_has(&told);
    let run = migrate(&database, &["verify"]);
    run.ok().stdout_has("✓ 1 split: up; it cannot be reverted").stderr_has(&told);
    run.holds(run.stderr.matches("it is tried").count() == 1, "it is reported once");
    database.sandbox.migration(2, "more", "CREATE TABLE c (x int);", Some("DROP TABLE c;"));
    migrate(&database, &["verify", "--pending"]).ok().stdout_has("✓ 2 more: up, down, up").stderr_has(&told);
    migrate(&database, &["status", "--drift"]).ok().stderr_has(&told);
    // What psql itself would run is refused as before.
    database.sandbox.migration(1, "split", &format!("{text}\\! true\n"), None);
    migrate(&database, &["verify"]).code(1).stderr_lacks("it is tried");
    // Another role needs a right to read the ledger.
    let taken = "ALTER TABLE _sqlx_migrations OWNER TO CURRENT_USER; REVOKE ALL ON _sqlx_migrations FROM";
    database.sql(&format!("{taken} \"{}\"", database.role));
    let run = migrate(&database, &["status"]);
    run.code(1).stderr_has("may not read the ledger \"public\".\"_sqlx_migrations\"").stderr_has("GRANT SELECT ON ");
}

fn a_setting_that_lasts_under_sqlx_is_reported() {
    let database = UrlDatabase::new();
    database.sandbox.migration(1, "away", "CREATE SCHEMA app;\nSET search_path TO app;\n", None);
    database.sandbox.migration(
        2,
        "role",
        "SET LOCAL search_path TO app;\nSET statement_timeout TO 0;\nRESET ROLE;",
        None,
    );
    database.sandbox.migration(3, "table", "CREATE TABLE t (a int);\nCREATE TABLE app.u (a int);", None);
    // What sets the path itself, for its transaction alone, means what sqlx means; the next file does not.
    for (version, sets) in [
        (4, "SET LOCAL search_path = app"),
        (5, "SELECT set_config('search_path', 'app', true)"),
        (6, "DO $$BEGIN PERFORM set_config('search_path', 'app', true); END$$"),
    ] {
        let text = format!("CREATE TABLE before_{version} (a int);\n{sets};\nCREATE TABLE local_{version} (a int);");
        database.sandbox.migration(version, "local", &text, None);
    }
    let run = migrate(&database, &["up"]);
    run.ok().stderr_has("⚠ migrations/1_away.up.sql:2: it sets search_path to \"app\" for its session");
    run.stderr_has("⚠ migrations/3_table.up.sql:1: here table t is created on the configured search_path; sqlx");
    run.stderr_lacks("2_role.up.sql:1").stderr_lacks("table u").stderr_lacks("statement_timeout");
    assert_eq!(database.sql("SELECT to_regclass('public.t') IS NOT NULL"), "t");
    for version in [4, 5, 6] {
        run.stderr_has(&format!("here table before_{version} is created"))
            .stderr_lacks(&format!("table local_{version}"));
        assert_eq!(database.sql(&format!("SELECT to_regclass('app.local_{version}') IS NOT NULL")), "t");
    }
}

/// Found in a library's own files: each sets the path to a schema with a ledger of its own, so that under sqlx the rows
/// go there, and a second run applies everything again.
fn an_empty_ledger_beside_a_full_one_is_refused() {
    let database = UrlDatabase::new();
    let text = "CREATE SCHEMA IF NOT EXISTS app;\nSET LOCAL search_path TO app;\n\
        CREATE TABLE IF NOT EXISTS app._sqlx_migrations (LIKE public._sqlx_migrations INCLUDING ALL);\n\
        CREATE TABLE IF NOT EXISTS app.t (a int);\nINSERT INTO app.t VALUES (1);\n";
    database.sandbox.migration(1, "own schema", text, None);
    // Here the row stands where sqlx-cli looks for it.
    migrate(&database, &["up"]).ok();
    migrate(&database, &["status", "--check"]).ok();
    database.own(
        "INSERT INTO app._sqlx_migrations SELECT * FROM public._sqlx_migrations; DELETE FROM public._sqlx_migrations;",
    );
    for action in ["status", "up"] {
        let run = migrate(&database, &[action]);
        run.code(1)
            .stderr_has("✗ The ledger on the search_path is empty, and \"app\".\"_sqlx_migrations\" has 1 version");
        run.stderr_has(
            "→ name the right one in sqlx.toml: table-name = \"app._sqlx_migrations\" under [migrate]; if that one is \
             another program's: table-name = \"public._sqlx_migrations\" under [migrate]",
        );
    }
    assert_eq!(database.sql("SELECT count(*) FROM app.t"), "1");
    database.sandbox.write("sqlx.toml", "[migrate]\ntable-name = \"\\\"app\\\".\\\"_sqlx_migrations\\\"\"\n");
    migrate(&database, &["status", "--check"]).ok();
}

fn two_programs_share_a_ledger_by_ignore_missing() {
    let database = UrlDatabase::new();
    database.sandbox.tables(2);
    migrate(&database, &["up"]).ok();
    database.own("INSERT INTO _sqlx_migrations VALUES (9, 'another program''s', now(), true, 'x', 1)");
    database.sandbox.migration(5, "five", "CREATE TABLE five (a int);", Some("DROP TABLE five;"));
    migrate(&database, &["up"]).code(1).stderr_has("--ignore-missing");
    migrate(&database, &["up", "--ignore-missing", "--no-backup"]).ok().stderr_has("✓ 5 five (");
    migrate(&database, &["status", "--check", "--ignore-missing"]).ok().stdout_has("ignored");
    migrate(&database, &["status", "--check"]).code(1);
    migrate(&database, &["down", "--ignore-missing", "--yes", "--no-backup"]).ok().stderr_has("Reverted: 5 five");
    // It exists on the command line only.
    database.xtask(["db-migrate"]).env("XTASK_IGNORE_MISSING", "1").run().code(1);
}

fn a_version_finished_by_hand_is_looked_at() {
    let database = UrlDatabase::new();
    database.own("CREATE TABLE t (a int); INSERT INTO t VALUES (1), (1)");
    let up = "-- no-transaction\nCREATE UNIQUE INDEX CONCURRENTLY once ON t (a);\n";
    database.sandbox.migration(1, "unique", up, None);
    migrate(&database, &["up", "--no-backup"]).code(6);
    let run = migrate(&database, &["repair", "--applied", "--yes"]);
    run.code(6).stderr_has("Invalid indexes are left: public.once").stderr_has("DROP INDEX CONCURRENTLY public.once;");
    database.own("DROP INDEX once");
    let run = migrate(&database, &["repair", "--applied", "--yes"]);
    run.code(1).stderr_has("✗ 1 unique is not finished: index once is missing");
    database.own("DELETE FROM t; CREATE UNIQUE INDEX once ON t (a)");
    migrate(&database, &["repair", "--applied", "--yes"]).ok();
    migrate(&database, &["status", "--check"]).ok();
}

/// sqlx, too, passes over what is no file.
fn a_pipe_among_the_files_stops_nothing() {
    let database = UrlDatabase::new();
    database.sandbox.tables(1);
    let pipe = |name: &str| {
        let path = database.sandbox.path(name);
        let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success(), "{name}");
    };
    ["migrations/2_pipe.sql", "migrations/3_pipe.up.sql", "migrations/schema.sql"].iter().for_each(|name| pipe(name));
    let mut running = database.xtask(["db-migrate", "up"]).spawn();
    crate::harness::wait_until("it has ended", || !running.is_running());
    let run = running.wait();
    run.ok()
        .stderr_has("⚠ migrations/2_pipe.sql is skipped: it is not a regular file")
        .stderr_has("✓ 1 migration applied");
    // A store file may come through one; while nobody writes to it, Ctrl-C ends the run.
    pipe("store.fga.yaml");
    let mut waiting = database.xtask(["setup-openfga", "--dry-run", "--file", "store.fga.yaml"]).spawn();
    crate::harness::wait_until("it has begun", || waiting.stderr().contains("Setting up OpenFGA"));
    waiting.signal(rustix::process::Signal::INT);
    crate::harness::wait_until("it has ended", || !waiting.is_running());
    waiting.wait().code(130);
}

/// sqlx runs them, too.
fn a_version_below_zero_is_typed_as_any_other() {
    let database = UrlDatabase::new();
    for version in [-7, -5] {
        database.sandbox.migration(
            version,
            "below",
            &format!("CREATE TABLE t{} (a int);", -version),
            Some("DROP TABLE t5;"),
        );
    }
    migrate(&database, &["up", "--to", "-7"]).ok().stderr_has("(at -7)");
    migrate(&database, &["up", "--no-backup"]).ok().stderr_has("(at -5)");
    migrate(&database, &["down", "--to", "-7", "--yes", "--no-backup"]).ok().stderr_has("(at -7)");
    migrate(&database, &["repair", "-7"]).ok();
    database.own("DELETE FROM _sqlx_migrations");
    migrate(&database, &["baseline", "-7", "--yes"]).ok();
    migrate(&database, &["status"]).ok().stdout_has("-7       below        applied");
}
