//! `db-migrate`: up, down, status, verify, and what they say.

use crate::harness::migrations::versions;
use crate::harness::sandbox::checkout;
use crate::harness::{Fakes, Sandbox, Test, Xtask, shared};
use std::fs;

pub fn tests() -> Vec<Test> {
    tests![
        [Stack] up_and_down_change_tables_and_ledger_together,
        [Stack] a_part_of_the_pending_versions_can_be_applied,
        [Stack] a_dry_run_prints_the_files,
        [Stack] an_error_is_reported_by_file_line_and_statement,
        [Stack] a_backup_comes_first_where_there_is_data,
        [Stack] a_version_without_a_down_file_stops_a_down,
        [Stack] a_version_out_of_order_needs_consent,
        [Stack] verify_finds_a_way_back_that_leads_elsewhere,
        [Stack] the_first_migrations_are_verified,
        [Stack] a_missing_right_is_reported_and_nothing_is_applied,
        [Script, Stack] down_reverts_only_after_a_yes,
        [Script, Stack] a_narrow_terminal_shows_paragraphs,
        [Make] make_passes_action_and_arguments_on,
    ]
}

fn up_and_down_change_tables_and_ledger_together() {
    let database = shared().database();
    database.sandbox.tables(3);
    assert_eq!(database.states(), ["pending"; 3]);
    let run = database.migrate([]).run();
    run.ok().prints_nothing().stderr_has("Migrating compose service postgres (target compose, database t_");
    run.stderr_has("✓ 1 make a table (").stderr_has("✓ 3 migrations applied").stderr_has(" (at 3)");
    run.stderr_lacks("Backup");
    assert_eq!((database.ledger(), database.tables()), ("1 2 3".to_owned(), "t1 t2 t3".to_owned()));
    let status = database.migrate(["status", "--check"]).run();
    let expected = "VERSION  DESCRIPTION   STATE    APPLIED";
    status.ok().says_nothing().stdout_has(expected).stdout_has("3        make a table  applied  20").stdout_has(" ms");
    database.migrate([]).run().ok().stderr_has("✓ Nothing to do");
    let run = database.migrate(["down", "--yes"]).run();
    run.ok().stderr_has("✓ Reverted: 3 make a table (").stderr_has("✓ 1 migration reverted").stderr_has("(at 2)");
    assert_eq!((database.ledger(), database.tables()), ("1 2".to_owned(), "t1 t2".to_owned()));
    let check = database.migrate(["status", "--check"]).run();
    check.code(1).stdout_has("pending").stderr_has("✗ 1 version is not applied as the files say");
    let run = database.migrate(["down", "--to", "0", "--yes", "--json"]).run();
    assert_eq!((versions(&run), &run.json()["newest"]), (vec![2, 1], &serde_json::Value::Null));
    assert_eq!(database.tables(), "");
    database.migrate(["down", "--yes"]).run().ok().stderr_has("✓ Nothing to do");
}

fn a_part_of_the_pending_versions_can_be_applied() {
    let database = shared().database();
    database.sandbox.tables(5);
    assert_eq!(versions(&database.migrate(["up", "1", "--json"]).run()), [1]);
    assert_eq!(versions(&database.migrate(["up", "--to", "3", "--json"]).run()), [2, 3]);
    database.migrate(["up", "--to", "9"]).run().code(2).stderr_has("✗ There is no version 9");
    assert_eq!(versions(&database.migrate(["--json"]).run()), [4, 5]);
    assert_eq!(versions(&database.migrate(["down", "2", "--yes", "--json"]).run()), [5, 4]);
    assert_eq!(versions(&database.migrate(["down", "--to", "1", "--yes", "--json"]).run()), [3, 2]);
    assert_eq!(database.ledger(), "1");
    database.migrate(["stauts"]).run().code(2).stderr_has("stauts");
}

fn a_dry_run_prints_the_files() {
    let database = shared().database();
    database.sandbox.tables(2);
    let printed = "-- migrations/1_make a table.up.sql\nCREATE TABLE t1 (a int);\n\n\
                   -- migrations/2_make a table.up.sql\nCREATE TABLE t2 (a int);\n";
    database.migrate(["--dry-run"]).run().ok().prints(printed);
    assert_eq!(database.sql("SELECT to_regclass('_sqlx_migrations') IS NULL"), "t", "no ledger is made");
    database.migrate([]).run().ok();
    database.migrate(["down", "2", "--dry-run"]).run().ok().prints(
        "-- migrations/2_make a table.down.sql\nDROP TABLE t2;\n\n-- migrations/1_make a table.down.sql\nDROP TABLE t1;\n",
    );
    assert_eq!(database.tables(), "t1 t2");
}

fn an_error_is_reported_by_file_line_and_statement() {
    let database = shared().database();
    database.sandbox.tables(2);
    let text = "SELECT 1;\n\n-- a comment\nINSERT INTO t1\nVALUES\n  (1), ('x');\nSELECT 2;\n";
    database.sandbox.migration(3, "wrong", text, None);
    let run = database.migrate([]).run();
    run.code(6)
        .stderr_has("✗ migrations/3_wrong.up.sql:6 failed; 2 of 3 were applied, this one and those after it were not");
    run.stderr_has("ERROR:  invalid input syntax for type integer: \"x\"");
    run.stderr_has("STATEMENT:  INSERT INTO t1 VALUES (1), ('x');").stderr_has("→ fix the file, then run it again");
    assert_eq!((database.ledger(), database.sql("SELECT count(*) FROM t1")), ("1 2".to_owned(), "0".to_owned()));
    // The first of a run: nothing is applied. A row of COPY has its statement's line.
    database.sandbox.migration(3, "wrong", "SELECT 1;\nCOPY t1 FROM stdin;\n1\nx\n\\.\n", None);
    let run = database.migrate([]).run();
    run.code(1).stderr_has("✗ migrations/3_wrong.up.sql:2 failed; nothing was applied").stderr_has("COPY t1, line 2");
    // What fails at COMMIT only.
    let deferred = "CREATE TABLE d (a int PRIMARY KEY, b int REFERENCES d DEFERRABLE INITIALLY DEFERRED);\nINSERT INTO d VALUES (1, 2);";
    database.sandbox.migration(3, "wrong", deferred, None);
    let run = database.migrate([]).run();
    run.code(1).stderr_has("✗ migrations/3_wrong.up.sql failed at COMMIT; nothing was applied");
    run.stderr_has("\n  ERROR:  insert or update on table \"d\" violates foreign key constraint \"d_b_fkey\"\n  DETAIL:  Key (b)=(2) ");
    run.stderr_lacks("psql");
    database.sandbox.migration(3, "wrong", "SET TRANSACTION READ ONLY;", None);
    let run = database.migrate([]).run();
    run.code(1).stderr_has("✗ migrations/3_wrong.up.sql failed when its row in the ledger was written; nothing was");
    run.stderr_has("ERROR:  cannot execute INSERT in a read-only transaction").stderr_has("STATEMENT:  INSERT INTO");
    database.sandbox.migration(3, "wrong", &format!("REINDEX DATABASE {};", database.name), None);
    let run = database.migrate([]).run();
    run.code(1).stderr_has("→ give the statement a file of its own whose first line is: -- no-transaction");
    assert_eq!((database.ledger(), database.tables()), ("1 2".to_owned(), "t1 t2".to_owned()));
    // Many words before the error do not hide it.
    let talkative = "DO $$ BEGIN FOR i IN 1..3000 LOOP RAISE WARNING '% %', i, repeat('x', 100); END LOOP; END $$;\nSELECT nothing;";
    database.sandbox.migration(3, "wrong", talkative, None);
    database
        .migrate([])
        .run()
        .code(1)
        .stderr_has("3_wrong.up.sql:2 failed")
        .stderr_has("column \"nothing\" does not exist");
}

fn a_backup_comes_first_where_there_is_data() {
    let database = shared().database();
    database.sandbox.tables(3);
    database.migrate(["up", "1"]).run().ok().stderr_lacks("Backup");
    database.sql("INSERT INTO t1 VALUES (7)");
    let run = database.migrate(["up", "1", "--json"]).run();
    let backup = run.json()["backup"].as_str().unwrap().to_owned();
    assert_eq!(
        database.restored_from(backup.as_ref()).sql("SELECT (SELECT a FROM t1), to_regclass('t2') IS NULL"),
        "7|t"
    );
    database.migrate(["--no-backup"]).run().ok().stderr_lacks("Backup");
    database.migrate(["down", "--yes", "--no-backup"]).run().ok().stderr_lacks("Backup");
    let run = database.migrate(["down", "--yes"]).run();
    run.ok().stderr_has("✓ Backup: backups/t_").stderr_has("Backup:    backups/t_");
    assert_eq!(database.sandbox.backups().len(), 2);
    // It has its own word in the list, no rule removes it soon, and a restore takes it as the newest.
    database.xtask(["db-list"]).run().ok().stdout_has("complete, before a migration");
    database.xtask(["db-backup", "--keep-last", "1"]).run().ok().stderr_lacks("Removed");
    assert_eq!(database.sandbox.backups().len(), 3);
    let newest = database.sandbox.backups().into_iter().find(|name| !name.contains("pre_migration"));
    std::fs::remove_file(database.sandbox.root.join("backups").join(newest.unwrap())).unwrap();
    database.xtask(["db-restore", "--dry-run"]).run().ok().stderr_has("_pre_migration_");
}

fn a_version_without_a_down_file_stops_a_down() {
    let database = shared().database();
    database.sandbox.tables(1);
    database.sandbox.write("migrations/2_for_good.sql", "CREATE TABLE t2 (a int);");
    database.sandbox.migration(3, "three", "CREATE TABLE t3 (a int);", None);
    let run = database.migrate(["--allow-out-of-order"]).run();
    run.ok().stderr_lacks("2_for_good");
    let run = database.migrate(["down", "--yes"]).run();
    run.code(1).stderr_has("✗ 3 cannot be reverted: migrations/3_three.up.sql has no .down.sql file");
    database.sandbox.write("migrations/3_three.down.sql", "DROP TABLE t3;");
    let run = database.migrate(["down", "3", "--yes"]).run();
    run.code(6)
        .stderr_has("⚠ It stops there: 2 cannot be reverted")
        .stderr_has("✗ Stopped at 2: it cannot be reverted");
    assert_eq!((database.ledger(), database.tables()), ("1 2".to_owned(), "t1 t2".to_owned()));
}

fn a_version_out_of_order_needs_consent() {
    let database = shared().database();
    database.sandbox.tables(1);
    database.sandbox.migration(3, "three", "SELECT 3;", None);
    database.migrate([]).run().ok();
    database.sandbox.migration(2, "late", "CREATE TABLE late (a int);", None);
    assert_eq!(database.states(), ["applied", "out_of_order", "applied"]);
    let run = database.migrate([]).run();
    run.code(1).stderr_has("✗ Pending below the newest applied version 3: 2 late").stderr_has("--allow-out-of-order");
    // What weakens safety is taken from the command line only.
    database.migrate([]).env("XTASK_ALLOW_OUT_OF_ORDER", "1").run().code(1);
    database.migrate(["--allow-out-of-order"]).run().ok();
    assert_eq!(database.ledger(), "1 2 3");
}

fn verify_finds_a_way_back_that_leads_elsewhere() {
    let database = shared().database();
    database.sandbox.tables(1);
    let down = "ALTER TABLE t1 DROP COLUMN b;";
    database.sandbox.migration(2, "column", "ALTER TABLE t1 ADD b int;\nCREATE INDEX i ON t1 (a);", Some(down));
    database.sandbox.write("migrations/3_only.sql", "CREATE VIEW v AS SELECT 1 AS one;");
    let run = database.migrate(["verify"]).run();
    run.code(1).stdout_has("✓ 1 make a table: up, down, up").stderr_lacks("verified");
    run.stderr_has("2_column.up.sql:2 failed").stderr_has("relation \"i\" already exists");
    database.sandbox.migration(
        2,
        "column",
        "ALTER TABLE t1 ADD b int;\nCREATE INDEX IF NOT EXISTS i ON t1 (a);",
        Some(down),
    );
    let run = database.migrate(["verify"]).run();
    run.code(1).stdout_has("✓ 3 only: up; it cannot be reverted").stderr_has("✗ 2 column");
    run.stderr_has("after down left over: CREATE INDEX i ON public.t1 USING btree (a);");
    run.stderr_has("✗ 1 migration is not reverted by the .down.sql file");
    database.sandbox.migration(2, "column", "ALTER TABLE t1 ADD b int;", Some(down));
    let run = database.migrate(["verify", "--json"]).run();
    assert_eq!((versions(&run), run.json()["migrations"][1]["reversible"].as_bool()), (vec![1, 2, 3], Some(true)));
    assert_eq!(database.tables(), "", "the database itself is not touched");
    let left = format!("SELECT count(*) FROM pg_database WHERE datname LIKE '{}_verify_%'", database.name);
    assert_eq!(database.stack.admin(&left), "0");
}

fn the_first_migrations_are_verified() {
    let database = shared().database();
    for entry in fs::read_dir(checkout().join("migrations")).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("migrations/{}", path.file_name().unwrap().to_str().unwrap());
        database.sandbox.write(name, fs::read(path).unwrap());
    }
    database.migrate(["verify"]).run().ok().stderr_has("✓ 2 migrations verified").stderr_lacks("⚠");
    database.migrate([]).run().ok();
    database.sql("INSERT INTO app.session (id, user_id, expires_at) VALUES ('s', 'alice', now() + interval '1 h')");
    database.sql("INSERT INTO app.state (namespace, key, value) VALUES ('thread_1', 'cursor', '7')");
    database.migrate(["down", "--to", "0", "--yes"]).run().ok().stderr_has("Backup");
    assert_eq!(database.sql("SELECT count(*) FROM pg_namespace WHERE nspname = 'app'"), "0");
}

fn a_missing_right_is_reported_and_nothing_is_applied() {
    let database = shared().database();
    let role = format!("weak_{}", database.name);
    database.sql(&format!("CREATE ROLE {role} LOGIN PASSWORD 'weak'; REVOKE CREATE ON SCHEMA public FROM PUBLIC"));
    database.sandbox.tables(1);
    let run = database.migrate(["--no-backup"]).env("POSTGRES_USER", &role).run();
    database.sql(&format!("DROP ROLE {role}"));
    run.code(1).stderr_has("ERROR:  permission denied for schema public").stderr_lacks("✓ 1");
    assert_eq!(database.tables(), "");
}

fn a_narrow_terminal_shows_paragraphs() {
    let database = shared().database();
    database.sandbox.tables(1);
    let narrow = ["sh", "-c", "stty columns 40; exec \"$@\"", "sh"];
    let run = database.migrate(["status"]).through(narrow).terminal().wait();
    let text = run.text().replace("\r\n", "\n");
    assert!(text.starts_with("1\n  DESCRIPTION  make a table\n  STATE        pending\n"), "{text}");
}

fn down_reverts_only_after_a_yes() {
    let database = shared().database();
    database.sandbox.tables(1);
    database.migrate([]).run().ok();
    database.migrate(["down"]).run().code(1).stderr_has("There is no terminal to ask on").stderr_has("--yes");
    let mut terminal = database.migrate(["down"]).terminal();
    terminal.shows("Revert 1 migration of compose service postgres").types("n\n");
    terminal.wait().code(1).stdout_has("Declined; nothing was changed");
    let mut terminal = database.migrate(["down"]).terminal();
    terminal.shows("(y/n)").types("\x03");
    terminal.wait().code(130);
    assert_eq!(database.tables(), "t1");
    let mut terminal = database.migrate(["down"]).terminal();
    terminal.shows("(y/n)").types("y\n");
    terminal.wait().ok().stdout_has("1 migration reverted");
    assert_eq!(database.tables(), "");
}

fn make_passes_action_and_arguments_on() {
    let sandbox = Sandbox::new();
    let fakes = Fakes::new(&sandbox).program("cargo", "");
    for (words, expected) in [
        (&["db-migrate"][..], &["cargo", "xtask", "db-migrate"][..]),
        (&["db-migrate", "ARGS=up 1 --no-backup"], &["cargo", "xtask", "db-migrate", "up", "1", "--no-backup"]),
        (&["db-migrate", "ARGS=new 'add names'"], &["cargo", "xtask", "db-migrate", "new", "add names"]),
    ] {
        fakes.over(Xtask::new(&sandbox).program("make").args(words)).run().ok();
        assert_eq!(fakes.calls().last().unwrap(), expected);
    }
}
