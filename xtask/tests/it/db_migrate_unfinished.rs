//! A file outside of a transaction that does not come to its end, up or down: what is said fits the way that it led.

use crate::harness::migrations::migrate;
use crate::harness::{Health, Test, UrlDatabase};

pub fn tests() -> Vec<Test> {
    tests![
        [Postgres] a_revert_that_fails_half_way_says_which_repair_fits_which_end,
        [Postgres] a_revert_that_is_undone_by_hand_keeps_its_row,
        [Postgres] a_way_up_that_fails_half_way_is_distinguished_from_a_revert,
        [Postgres] an_invalid_index_that_is_left_is_not_taken_for_undone,
    ]
}

const FINISHED: &str = "finish the revert by hand, then: cargo xtask db-migrate repair 2\n";
const UNDONE: &str = "or undo it by hand, so that 2 is whole again, then: cargo xtask db-migrate repair --applied 2";

/// A database whose second version added 1 to 100; its revert fails after it took the 1 away again.
fn half_reverted() -> UrlDatabase {
    let database = UrlDatabase::new();
    database.sandbox.migration(1, "bal", "CREATE TABLE bal AS SELECT 100 AS n;\n", None);
    let (up, down) = ("UPDATE bal SET n = n + 1;\n", "UPDATE bal SET n = n - 1;\nSELECT 1/0;\n");
    let marked = |text: &str| format!("-- no-transaction\n{text}");
    database.sandbox.migration(2, "bonus", &marked(up), Some(&marked(down)));
    migrate(&database, &["up"]).ok();
    // psql sends its statements one by one: the first of them stays.
    let run = migrate(&database, &["down", "--yes", "--no-backup"]);
    run.code(6).stderr_has("2_bonus.down.sql:3 failed; its changes up to that point stay");
    run.stderr_has(&format!("→ {FINISHED}  {UNDONE}")).stderr_lacks("undo it by hand, then");
    assert_eq!(database.sql("SELECT n FROM bal"), "100");
    database
}

fn a_revert_that_fails_half_way_says_which_repair_fits_which_end() {
    let database = half_reverted();
    for args in [&["up"][..], &["down", "--yes"]] {
        let run = migrate(&database, args);
        run.code(6).stderr_has("✗ Revert started outside a transaction and not finished: 2 bonus");
        run.stderr_has(&format!("→ check how much of it took effect; {FINISHED}  {UNDONE}"));
    }
    let run = migrate(&database, &["status"]);
    run.ok().stderr_has("⚠ 2 bonus: its revert was started outside a transaction and did not finish");
    run.stderr_has(&format!("  {FINISHED}  {UNDONE}"));
    assert_eq!(migrate(&database, &["status", "--json"]).ok().json()["migrations"][1]["unfinished"], "down");
    let health = Health::of(database.xtask([]), &["--only", "migrations"]);
    health.says("migrations", "fail", "dirty, revert started and not finished: 2 bonus", FINISHED);
    health.says("migrations", "fail", "dirty", UNDONE);
    let asked =
        "✗ Its revert was finished by hand: remove its row, so that `up` runs its file again? There is no terminal";
    migrate(&database, &["repair", "2"]).code(1).stderr_has(asked);
    // Finished by hand, as the first hint says: the version is pending, and its change comes once.
    migrate(&database, &["repair", "2", "--yes"]).ok().stderr_has("its revert was started");
    migrate(&database, &["up", "--no-backup"]).ok();
    assert_eq!(database.sql("SELECT n FROM bal"), "101");
}

fn a_revert_that_is_undone_by_hand_keeps_its_row() {
    let database = half_reverted();
    let row = "SELECT encode(checksum, 'hex') || execution_time FROM _sqlx_migrations WHERE version = 2";
    let before = database.sql(row);
    database.own("UPDATE bal SET n = n + 1");
    migrate(&database, &["repair", "--applied", "2", "--yes"]).ok().stderr_has("✓ 1 version repaired");
    assert_eq!(database.sql(row), before);
    migrate(&database, &["status", "--check"]).ok();
    migrate(&database, &["up", "--no-backup"]).ok().stderr_has("Nothing to do");
    assert_eq!(database.sql("SELECT n FROM bal"), "101");
}

fn a_way_up_that_fails_half_way_is_distinguished_from_a_revert() {
    let database = UrlDatabase::new();
    database.sandbox.migration(1, "half", "-- no-transaction\nCREATE TABLE half (a int);\nSELECT 1/0;\n", None);
    let undo = "undo it by hand, then: cargo xtask db-migrate repair 1\n";
    let finish = "or finish it by hand, then: cargo xtask db-migrate repair --applied 1";
    migrate(&database, &["up"]).code(6).stderr_has(&format!("→ {undo}  {finish}"));
    let run = migrate(&database, &["up"]);
    run.code(6).stderr_has("✗ Started outside a transaction and not finished: 1 half");
    run.stderr_has(&format!("→ check how much of it took effect; {undo}  {finish}"));
    let run = migrate(&database, &["status"]);
    run.ok().stderr_has("⚠ 1 half: it was started outside a transaction").stderr_has(&format!("  {undo}  {finish}"));
    assert_eq!(migrate(&database, &["status", "--json"]).ok().json()["migrations"][0]["unfinished"], "up");
    let health = Health::of(database.xtask([]), &["--only", "migrations"]);
    health.says("migrations", "fail", "dirty, started and not finished: 1 half", finish);
    // The person has the table by now, and the files have not.
    std::fs::remove_file(database.sandbox.path("migrations/1_half.up.sql")).unwrap();
    migrate(&database, &["repair", "--applied", "1", "--yes"]).ok();
    assert_eq!(database.sql("SELECT version || success::text FROM _sqlx_migrations"), "1true");
}

fn an_invalid_index_that_is_left_is_not_taken_for_undone() {
    let database = UrlDatabase::new();
    database.sandbox.migration(1, "t", "CREATE TABLE t (a int);", None);
    database.sandbox.migration(2, "tu", "-- no-transaction\nCREATE UNIQUE INDEX CONCURRENTLY tu ON t (a);\n", None);
    migrate(&database, &["up", "1"]).ok();
    database.own("INSERT INTO t VALUES (1), (1)");
    migrate(&database, &["up"]).code(6).stderr_has("is duplicated");
    database.own("DELETE FROM t");
    for args in [&["repair", "2", "--yes"][..], &["repair", "--applied", "2", "--yes"]] {
        let run = migrate(&database, args);
        run.code(6).stderr_has("✗ Invalid indexes are left: public.tu").stderr_lacks("✓");
        run.stderr_has("→ drop them: DROP INDEX CONCURRENTLY public.tu;");
    }
    assert_eq!(database.sql("SELECT count(*) FROM _sqlx_migrations WHERE version = 2"), "1");
    database.own("DROP INDEX tu");
    migrate(&database, &["repair", "2", "--yes"]).ok().stderr_has("✓ 1 version repaired");
    migrate(&database, &["up", "--no-backup"]).ok().stderr_has("✓ 1 migration applied");
}
