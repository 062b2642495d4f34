//! `db-migrate repair` and `baseline`: why a version is not as it should be, and the ledger repaired.

use crate::harness::stack::Database;
use crate::harness::{Test, shared, shared_for_restores};
use std::fs;

pub fn tests() -> Vec<Test> {
    tests![
        [Stack] a_checksum_that_differs_is_explained,
        [Stack] a_row_without_a_file_is_removed_only_by_name,
        [Stack] a_file_that_was_renamed_and_changed_is_named_before_it_runs_twice,
        [Script, Stack] each_repair_is_asked_for,
        [Compose] a_restore_names_what_will_be_pending,
        [Stack] baseline_records_versions_without_running_them,
    ]
}

/// Changes an applied file; what `status` and `repair` say of it, and that nothing else works meanwhile.
#[track_caller]
fn explained(database: &Database<'_>, change: impl FnOnce(&str) -> String, words: &str) {
    let path = database.sandbox.path("migrations/1_make a table.up.sql");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, change(&text)).unwrap();
    database.migrate(["status"]).run().ok().stderr_has(&format!("⚠ 1 make a table: {words}"));
    database.migrate([]).run().code(1).stderr_has("✗ Changed since it was applied: 1 make a table");
    let run = database.migrate(["repair", "--yes"]).run();
    run.ok().stderr_has(&format!("⚠ 1 make a table: {words}")).stderr_has("✓ 1 version repaired");
    database.migrate(["status", "--check"]).run().ok();
}

fn a_checksum_that_differs_is_explained() {
    let database = shared().database();
    database.sandbox.tables(1);
    database.migrate([]).run().ok();
    explained(&database, |text| text.replace('\n', "\r\n"), "only its line endings changed");
    explained(&database, |text| text.replace("\r\n", "\n"), "only its line endings changed");
    explained(&database, |text| format!("{text}\n\n"), "only white space at line ends or at the file's end changed");
    explained(&database, |text| text.replace("int", "text"), "its content changed");
    explained(&database, |text| format!("\u{feff}{text}"), "only a byte order mark was added or removed");
    database.migrate(["repair", "--yes"]).run().ok().stderr_has("✓ Nothing to repair");
}

fn a_row_without_a_file_is_removed_only_by_name() {
    let database = shared().database();
    database.sandbox.tables(3);
    database.migrate([]).run().ok();
    for name in ["2_make a table.up.sql", "2_make a table.down.sql"] {
        fs::remove_file(database.sandbox.path("migrations").join(name)).unwrap();
    }
    assert_eq!(database.states(), ["applied", "missing_file", "applied"]);
    let run = database.migrate([]).run();
    run.code(1).stderr_has("✗ The ledger has versions without a file here: 2 make a table");
    run.stderr_has("→ get the checkout that has them; if the versions are another program's: --ignore-missing");
    database.migrate(["down", "2", "--yes"]).run().code(6).stderr_has("✗ Stopped at 2: it cannot be reverted");
    let run = database.migrate(["down", "--yes"]).run();
    run.code(1).stderr_has("✗ 2 cannot be reverted: it has no file here");
    // Another file has its words: its row goes only where it is named.
    let run = database.migrate(["repair", "--yes"]).run();
    run.code(1).stderr_has("its row is removed only if you name it: cargo xtask db-migrate repair 2");
    database.migrate(["repair", "2", "--yes"]).run().ok();
    assert_eq!(database.ledger(), "1");
}

fn each_repair_is_asked_for() {
    let database = shared().database();
    database.sandbox.tables(2);
    database.migrate([]).run().ok();
    for version in [1, 2] {
        database.sandbox.migration(version, "make a table", "SELECT 1;", None);
    }
    let run = database.migrate(["repair"]).run();
    run.code(1).stderr_has("There is no terminal to ask on").stderr_has("→ answer yes on the command line: --yes");
    let mut terminal = database.migrate(["repair"]).terminal();
    terminal.shows("1 make a table: its content changed").types("n\n");
    terminal.shows("2 make a table: its content changed").types("y\n");
    terminal.wait().code(1).stdout_has("1 version repaired").stdout_has("1 version stays as it is");
    assert_eq!(database.states(), ["changed", "applied"]);
}

fn a_restore_names_what_will_be_pending() {
    let database = shared_for_restores().database();
    database.sandbox.tables(8);
    database.migrate(["up", "2"]).run().ok();
    database.backup();
    database.migrate(["--no-backup"]).run().ok();
    let run = database.xtask(["db-restore", "--dry-run"]).run();
    let named: Vec<String> = (3..=7).map(|version| format!("{version} make a table")).collect();
    run.ok().stderr_has(&format!("Migrations that will be pending: {} and 1 more", named.join(", ")));
    let run = database.xtask(["db-restore", "--dry-run", "--json"]).run();
    assert_eq!(run.json()["pending_migrations"].as_array().unwrap().len(), 6);
    database.restore([]).run().ok();
    assert_eq!(database.ledger(), "1 2");
    database.migrate(["--no-backup"]).run().ok();
    let run = database.xtask(["db-reset", "--yes", "--no-safety-backup"]).run();
    run.ok();
    assert_eq!(
        (database.ledger(), database.tables()),
        ("1 2 3 4 5 6 7 8".to_owned(), "t1 t2 t3 t4 t5 t6 t7 t8".to_owned())
    );
}

fn baseline_records_versions_without_running_them() {
    let database = shared().database();
    database.sql("CREATE TABLE t1 (a int); CREATE TABLE t2 (a int)");
    database.sandbox.tables(3);
    database.migrate(["baseline", "9", "--yes"]).run().code(2).stderr_has("✗ There is no file of version 9");
    database.migrate(["baseline", "2"]).run().code(1).stderr_has("There is no terminal to ask on");
    let run = database.migrate(["baseline", "2", "--yes"]).run();
    run.ok().stderr_has("✓ 2 migrations recorded as applied");
    assert_eq!(database.states(), ["applied", "applied", "pending"]);
    let run = database.migrate(["baseline", "2", "--yes"]).run();
    run.code(1).stderr_has("✗ The database has a ledger already, up to version 2");
    database.migrate([]).run().ok();
    assert_eq!(database.tables(), "t1 t2 t3");
}

fn a_file_that_was_renamed_and_changed_is_named_before_it_runs_twice() {
    let database = shared().database();
    database.sandbox.migration(1, "one", "CREATE TABLE t (n int);\nINSERT INTO t VALUES (1);\n", None);
    let bonus = database.sandbox.migration(2, "bonus", "UPDATE t SET n = n + 1;\n", None);
    database.migrate([]).run().ok();
    fs::remove_file(bonus).unwrap();
    let renamed = database.sandbox.migration(5, "bonus", "-- once\nUPDATE t SET n = n + 1;\n", None);
    let hint = "migrations/5_bonus.up.sql has the description of version 2 and other content: if it is the same change, give \
        the file its old version 2 back; as version 5 its changes are made twice";
    let run = database.migrate(["up"]).run();
    run.code(1).stderr_has("✗ The ledger has versions without a file here: 2 bonus").stderr_has(&format!("→ {hint}\n"));
    // It comes before the ways that run it.
    let place = |words: &str| run.stderr.find(words).unwrap_or_default();
    run.holds(place(hint) < place("--ignore-missing"), "the way that runs nothing twice comes first");
    let run = database.migrate(["up", "--ignore-missing", "--dry-run"]).run();
    run.ok().stderr_has(
        "⚠ 5 bonus has the description of version 2, which is applied and has no file here: if it is the same",
    );
    let run = database.migrate(["repair"]).run();
    run.code(1).stderr_has(hint).stderr_has("its row is removed only if you name it: cargo xtask db-migrate repair 2");
    let run = database.migrate(["repair", "2"]).run();
    run.code(1).stderr_has(hint).stderr_has("There is no terminal to ask on");
    // What the hint says.
    fs::rename(renamed, database.sandbox.path("migrations/2_bonus.up.sql")).unwrap();
    database.migrate(["repair", "--yes"]).run().ok();
    database.migrate([]).run().ok();
    assert_eq!(database.sql("SELECT n FROM t"), "2");
    // Another change of the same name.
    fs::remove_file(database.sandbox.path("migrations/2_bonus.up.sql")).unwrap();
    database.sandbox.migration(5, "bonus", "UPDATE t SET n = n + 10;\n", None);
    database.migrate(["repair", "2", "--yes"]).run().ok().stderr_has("5_bonus.up.sql has the description of version 2");
    database.migrate([]).run().ok();
    assert_eq!(database.sql("SELECT n FROM t"), "12");
    // Under other words, byte for byte.
    let words = database.sandbox.path("migrations/6_for_all.up.sql");
    fs::rename(database.sandbox.path("migrations/5_bonus.up.sql"), words).unwrap();
    let run = database.migrate(["up", "--ignore-missing", "--dry-run"]).run();
    run.ok().stderr_has("⚠ 6 for all has the same bytes as 5 bonus, which is applied");
}
