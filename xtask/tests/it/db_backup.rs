//! `db-backup`: what it publishes restores to the same database; what is not whole is not published.

use crate::harness::{Fakes, Test, shared};
use std::path::PathBuf;

pub fn tests() -> Vec<Test> {
    tests![
        [Stack, Openfga] what_openfga_wrote_comes_back_byte_for_byte,
        [Stack] a_stream_cut_with_exit_0_is_not_published,
        [Stack] extra_text_in_the_stream_is_not_published,
        [Stack] a_locked_table_is_named_with_its_holder,
    ]
}

fn what_openfga_wrote_comes_back_byte_for_byte() {
    let database = shared().openfga_database();
    let run = database.xtask(["db-backup"]).run();
    run.ok().stderr_lacks("⚠");
    let file = PathBuf::from(run.text().trim_end());
    let copy = database.restored_from(&database.sandbox.path(file));
    assert!(database.dump() == copy.dump(), "the restored database differs from the one that was backed up");
    assert_eq!(copy.sql("SELECT count(*) FROM tuple"), "10");
}

fn a_stream_cut_with_exit_0_is_not_published() {
    let database = shared().database();
    database.sql("CREATE TABLE t AS SELECT n, repeat('x', 100) FROM generate_series(1, 1000) n");
    let fakes = Fakes::new(&database.sandbox).docker_but("pg_dump", "real \"$@\" | head -c 50000; exit 0");
    let run = fakes.over(database.xtask(["db-backup"])).run();
    run.prints_nothing().holds(run.code == Some(1), "exit code 1 was expected");
    assert!(database.sandbox.backups().is_empty(), "{:?}", database.sandbox.backups());
    assert!(fakes.calls().iter().any(|call| call.iter().any(|word| word == "pg_dump")));
}

fn extra_text_in_the_stream_is_not_published() {
    for body in [
        "echo 'a notice of somebody'; real \"$@\"",
        "real \"$@\"; echo 'a word at the end'",
        "real \"$@\" | sed 's/$/\\r/'",
    ] {
        let database = shared().database();
        database.sql("CREATE TABLE t (a int); INSERT INTO t VALUES (1)");
        let fakes = Fakes::new(&database.sandbox).docker_but("pg_dump", body);
        let run = fakes.over(database.xtask(["db-backup"])).run();
        run.prints_nothing().holds(run.code == Some(1), "exit code 1 was expected");
        assert!(database.sandbox.backups().is_empty(), "{body}: {:?}", database.sandbox.backups());
    }
}

fn a_locked_table_is_named_with_its_holder() {
    let database = shared().database();
    database.sql("CREATE TABLE \"held fast\" (a int)");
    let mut session = database.session();
    session.sql("SET application_name = 'the holder'; BEGIN; LOCK TABLE \"held fast\" IN ACCESS EXCLUSIVE MODE;");
    let run = database.xtask(["db-backup"]).env("XTASK_LOCK_TIMEOUT", "1").run();
    run.code(1).prints_nothing().stderr_has("held fast").stderr_has("the holder");
    assert!(database.sandbox.backups().is_empty());
    session.sql("ROLLBACK;");
    database.xtask(["db-backup"]).run().ok();
}
