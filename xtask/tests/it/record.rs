//! The record of the databases that this role's runs made: when it is there, whom it is trusted from, what it proves.

use super::db_verify::scratch_databases;
use crate::harness::restore::paused;
use crate::harness::stack::Database;
use crate::harness::{Health, Test, UrlDatabase, shared_for_restores, wait_until};
use rustix::process::Signal;

pub fn tests() -> Vec<Test> {
    tests![
        [Postgres] it_is_there_only_while_there_is_something_to_record,
        [Postgres] a_live_database_that_is_gone_is_never_said_to_be_well,
        [Postgres] one_of_another_role_is_not_trusted,
        [Postgres] one_that_others_may_use_is_not_trusted,
        [Compose] a_scratch_database_that_was_not_recorded_any_more_is_dropped_by_the_next_drill,
        [Compose] a_record_that_was_being_made_is_finished,
    ]
}

/// No other role may connect; it goes with the last entry; those who only look never make it.
fn it_is_there_only_while_there_is_something_to_record() {
    let database = UrlDatabase::new();
    database.own("CREATE TABLE t AS SELECT 1 AS i");
    let file = database.xtask(["db-backup", "--quiet"]).run().ok().text().trim_end().to_owned();
    for words in [
        &["db-restore", "--dry-run"][..],
        &["db-reset", "--dry-run"],
        &["db-list"],
        &["db-verify"],
        &["health-check", "--only", "leftovers"],
        &["db-restore", "--repair"],
        &["db-verify", "--restore"],
    ] {
        database.xtask(words.iter().copied()).run().ok();
        assert!(!database.has_record(), "{words:?} left a record");
    }
    database.xtask(["db-restore", "--undo", "--yes"]).run().code(1);
    assert!(!database.has_record());
    database.xtask(["db-restore", "--yes", &file]).run().ok();
    let record = database.record_name();
    let facts = format!(
        "SELECT pg_get_userbyid(datdba), pg_encoding_to_char(encoding), has_database_privilege('public', oid, 'CONNECT'), \
         has_database_privilege('public', oid, 'TEMPORARY') FROM pg_database WHERE datname = '{record}'"
    );
    assert_eq!(database.admin(&facts), format!("{}|UTF8|f|f", database.role));
    let entries = || database.server.sql(&record, "SELECT purpose, name, oid::regclass IS NULL FROM xtask.databases");
    let kept = database.beside("before");
    assert!(kept.len() == 1 && entries().starts_with(&format!("before|{}|", kept[0])), "{}", entries());
    let ascii = database.server.sql(&record, "SELECT bool_and(details ~ '^[ -~]*$') FROM xtask.databases");
    assert_eq!(ascii, "t");
    // The next restore keeps nothing: then there is nothing to record.
    database.xtask(["db-restore", "--yes", "--keep-old", "0", &file]).run().ok();
    assert!(database.beside("before").is_empty() && !database.has_record());
    a_person_who_is_connected_keeps_it_until_the_next_run(&database, &file);
}

fn a_person_who_is_connected_keeps_it_until_the_next_run(database: &UrlDatabase, file: &str) {
    database.xtask(["db-restore", "--yes", file]).run().ok();
    let record = database.record_name();
    let url = database.address("127.0.0.1", database.server.port(), &record);
    let holder = database.xtask(["db-shell", "--", "-c", "SELECT pg_sleep(60)"]).env("DATABASE_URL", url).spawn();
    let there = format!("SELECT count(*) FROM pg_stat_activity WHERE datname = '{record}'");
    wait_until("a session is connected to the record", || database.admin(&there) != "0");
    database.xtask(["db-restore", "--yes", "--keep-old", "0", file]).run().ok();
    let entries = database.server.sql(&record, "SELECT purpose, name FROM xtask.databases");
    assert!(database.has_record() && entries.is_empty(), "{entries}");
    holder.signal(Signal::KILL);
    drop(holder);
    database.admin(&format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{record}'"));
    database.xtask(["db-restore", "--repair"]).run().ok().stderr_has("✓ Nothing to repair");
    assert!(!database.has_record());
}

fn a_live_database_that_is_gone_is_never_said_to_be_well() {
    let database = UrlDatabase::new();
    database.own("CREATE TABLE t AS SELECT 1 AS i");
    database.xtask(["db-backup"]).run().ok();
    database.xtask(["db-restore", "--yes"]).run().ok();
    let repair = || database.xtask(["db-restore", "--repair"]).run();
    repair().ok().stderr_has("✓ Nothing to repair");
    let absent = format!("There is no database {} on this server", database.name);
    database.admin("DROP DATABASE @name");
    let run = repair();
    run.code(1).stderr_has(&absent).stderr_has("cargo xtask db-restore\n").stderr_lacks("✓");
    run.stderr_has(&format!("{} is kept: cargo xtask db-restore --undo", database.beside("before")[0]));
    // A drill needs no live database, and does not let it be taken for one.
    database.xtask(["db-verify", "--restore"]).run().ok().stdout_has("restored and compared").stderr_has(&absent);
    // What was repaired is said, and that a person must look.
    let file = database.sandbox.backups().pop().unwrap();
    let killed = paused(database.xtask(["db-restore", "--yes", &format!("backups/{file}")]), "created");
    killed.signal(Signal::KILL);
    killed.wait();
    let run = repair();
    run.code(6)
        .stderr_has("✓ Repaired: ")
        .stderr_has("was left behind")
        .stderr_has(&absent)
        .stderr_lacks("Nothing to repair");
    database.xtask(["db-restore", "--undo", "--yes"]).run().ok().stderr_has("✓ Restore undone");
    assert_eq!(database.sql("SELECT i FROM t"), "1");
    repair().ok().stderr_has("✓ Nothing to repair");
}

/// Every command that would need it stops before anything is made; those that only look say it.
#[track_caller]
fn is_refused(database: &UrlDatabase, words: &str) {
    let record = database.record_name();
    database.sandbox.migration(1, "one", "CREATE TABLE one (a int);", None);
    for command in [
        &["db-restore", "--yes"][..],
        &["db-restore", "--undo", "--yes"],
        &["db-restore", "--repair"],
        &["db-reset", "--yes"],
        &["db-verify", "--restore"],
        &["db-migrate", "verify"],
    ] {
        let run = database.xtask(command.iter().copied()).run();
        run.code(1).stderr_has(&record).stderr_has(words).stderr_lacks("✓ Database").stderr_lacks("✓ Repaired");
    }
    for looks in [&["db-backup"][..], &["db-list"], &["db-restore", "--dry-run"]] {
        database.xtask(looks.iter().copied()).run().ok().stderr_has("⚠").stderr_has(words);
    }
    Health::of(database.xtask([]), &["--only", "leftovers"]).says("leftovers", "warn", words, &record);
    assert!(database.beside("staging").is_empty() && database.beside("verify").is_empty());
}

fn one_of_another_role_is_not_trusted() {
    let database = UrlDatabase::new();
    database.own("CREATE TABLE t AS SELECT 1 AS i");
    database.xtask(["db-backup"]).run().ok();
    let record = database.record_name();
    let other = format!("other_{}", database.name);
    database.admin(&format!("CREATE ROLE {other}"));
    database.admin(&format!("CREATE DATABASE \"{record}\" TEMPLATE template0 OWNER {other}"));
    let target = format!("{}_before_20250101_000000", database.name);
    database.server.sql(&record, &format!(
        "CREATE SCHEMA xtask; CREATE TABLE xtask.databases AS SELECT 1 AS id, 'before' AS purpose, '{}' AS live, '{target}' AS name",
        database.name
    ));
    is_refused_as_others(&database, &other);
    let there = database.server.sql(&record, "SELECT count(*) FROM xtask.databases");
    assert_eq!(there, "1", "it is never touched");
    database.admin(&format!("DROP DATABASE \"{record}\""));
    database.admin(&format!("DROP ROLE {other}"));
    database.xtask(["db-restore", "--yes"]).run().ok();
}

#[track_caller]
fn is_refused_as_others(database: &UrlDatabase, other: &str) {
    is_refused(database, &format!("belongs to {other}"));
}

fn one_that_others_may_use_is_not_trusted() {
    let database = UrlDatabase::new();
    database.own("CREATE TABLE t AS SELECT 1 AS i");
    database.xtask(["db-backup"]).run().ok();
    database.xtask(["db-restore", "--yes"]).run().ok();
    database.xtask(["db-backup"]).run().ok();
    let record = database.record_name();
    database.admin(&format!("GRANT CONNECT ON DATABASE \"{record}\" TO PUBLIC"));
    is_refused(&database, "can be used by other roles");
    database.admin(&format!("REVOKE CONNECT ON DATABASE \"{record}\" FROM PUBLIC"));
    database.admin(&format!("ALTER DATABASE \"{record}\" SET search_path TO evil"));
    is_refused(&database, "has settings");
    database.admin(&format!("ALTER DATABASE \"{record}\" RESET ALL"));
    // The owner of the table could write anything.
    database.server.sql(&record, "ALTER TABLE xtask.databases OWNER TO postgres");
    let run = database.xtask(["db-restore", "--undo", "--yes"]).run();
    run.code(1).stderr_has("was made by another role: it is not trusted");
    database.xtask(["db-restore", "--yes"]).run().code(1).stderr_has("it is not trusted").stderr_lacks("✓ Database");
    database.server.sql(&record, &format!("ALTER TABLE xtask.databases OWNER TO \"{}\"", database.role));
    database.xtask(["db-restore", "--undo", "--yes"]).run().ok();
}

/// Killed between the making of the database and the record of its OID, and before it was made.
fn a_scratch_database_that_was_not_recorded_any_more_is_dropped_by_the_next_drill() {
    let database = shared_for_restores().database();
    let states = database.backed_up_and_changed();
    for (point, left) in [("unmarked", 1), ("named", 0)] {
        paused(database.xtask(["db-verify", "--restore"]), point).ended_by(Signal::KILL);
        let names = scratch_databases(&database);
        assert_eq!(names.len(), left, "{point}");
        wait_until("its sessions have ended", || dead(&database));
        let run = database.xtask(["db-verify", "--restore"]).run();
        run.ok().stdout_has("restored and compared");
        for name in &names {
            run.stderr_has(&format!("Dropped {name}"));
        }
        assert_eq!(scratch_databases(&database), [""; 0], "{point}");
        assert_eq!(entries(&database), "", "{point}");
    }
    assert_eq!(database.dump(), states.old);
}

/// What the record holds of this database.
pub fn entries(database: &Database<'_>) -> String {
    let exists = "SELECT count(*) FROM pg_database WHERE datname = 'xtask_record_postgres'";
    if database.stack.admin(exists) == "0" {
        return String::new();
    }
    database.in_record(&format!("SELECT purpose, name FROM xtask.databases WHERE live = '{}'", database.name))
}

/// Whether no session of the runs that made its entries is left.
pub fn dead(database: &Database<'_>) -> bool {
    let sql = "SELECT count(*) FROM xtask.databases AS e JOIN pg_stat_activity AS a ON a.application_name = e.run WHERE e.live = ";
    database.in_record(&format!("{sql}'{}'", database.name)) == "0"
}

/// Of a run that was killed while it made it. No other session was in there.
fn a_record_that_was_being_made_is_finished() {
    let stack = shared_for_restores();
    let database = stack.database();
    let states = database.backed_up_and_changed();
    let role = format!("maker_{}", database.name);
    stack.admin(&format!("CREATE ROLE {role} LOGIN SUPERUSER"));
    let record = format!("xtask_record_{role}");
    stack.admin(&format!("SET ROLE {role};\nCREATE DATABASE {record} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C' ALLOW_CONNECTIONS false;\nRESET ROLE"));
    let run = |words: &[&'static str]| database.xtask(words.iter().copied()).env("POSTGRES_USER", &role).run();
    run(&["db-restore", "--yes"]).ok();
    assert_eq!(database.dump(), states.restored);
    let open =
        "SELECT has_database_privilege('public', oid, 'CONNECT'), datallowconn FROM pg_database WHERE datname = ";
    assert_eq!(stack.admin(&format!("{open}'{record}'")), "f|t");
    run(&["db-restore", "--undo", "--yes"]).ok();
    run(&["db-restore", "--yes", "--keep-old", "0"]).ok();
    assert_eq!(stack.admin(&format!("SELECT count(*) FROM pg_database WHERE datname = '{record}'")), "0");
    stack.admin(&format!("REASSIGN OWNED BY {role} TO postgres; DROP ROLE {role}"));
}
