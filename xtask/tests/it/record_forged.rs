//! What a file, a manifest, a comment or another role says of a database decides nothing: nothing is dropped, swapped
//! or renamed by it.

use super::db_verify::scratch_databases;
use crate::harness::backup::manifest;
use crate::harness::forge::{Forged, dump};
use crate::harness::stack::Database;
use crate::harness::{Test, UrlDatabase, shared_for_restores};
use chrono::Local;
use serde_json::json;
use std::path::PathBuf;

pub fn tests() -> Vec<Test> {
    tests![
        [Compose] comments_that_a_body_makes_drop_nothing,
        [Postgres] a_correct_comment_from_a_check_drops_nothing,
        [Compose] a_comment_in_a_manifest_drops_nothing_and_is_not_carried_over,
        [Compose] a_kept_database_that_is_backed_up_is_restored_like_any_other,
        [Compose] a_database_of_another_role_is_never_swapped_in,
        [Compose] a_drill_that_loses_the_live_database_is_no_success,
        [Compose] a_name_of_a_session_keeps_no_run_alive,
    ]
}

/// A comment as version 0.1.0 made them.
fn mark(r#use: &str, live: &str) -> String {
    let at = Local::now().to_rfc3339();
    format!("xtask {}", json!({ "use": r#use, "database": live, "run": "xtask-0123456789ab", "at": at }))
}

/// A body whose CHECK runs this PL/pgSQL while it is loaded.
fn body_that_runs(statement: &str) -> String {
    format!(
        "CREATE FUNCTION public.runs() RETURNS boolean LANGUAGE plpgsql AS $f$ BEGIN {statement}; RETURN true; END $f$;\n\
         CREATE TABLE public.t (a integer, CHECK (public.runs()));\nCOPY public.t (a) FROM stdin;\n1\n\\.\n"
    )
}

fn forged(database: &Database<'_>, body: &str) -> PathBuf {
    Forged::of(dump(body)).with("database", database.name.as_str()).write(&database.sandbox, "forged.sql")
}

/// The first example: two drills, each with ✓, and the live database was gone.
fn comments_that_a_body_makes_drop_nothing() {
    let database = shared_for_restores().database();
    let other = shared_for_restores().database();
    let _alone = database.stack.alone();
    let states = database.backed_up_and_changed();
    let comments = [(&database.name, "verify"), (&database.name, "staging"), (&other.name, "staging")];
    for (named, r#use) in comments {
        let mark = mark(r#use, &database.name);
        let body = body_that_runs(&format!("COMMENT ON DATABASE {named} IS '{mark}'"));
        let file = forged(&database, &body);
        for _ in 0..2 {
            let run = database.xtask(["db-verify", "--restore"]).args([&file]).run();
            run.stderr_lacks("Dropped").holds(scratch_databases(&database).is_empty(), "no scratch database stays");
        }
        assert!(database.repair().contains("✓ Nothing to repair"));
        database.restore([states.backup.to_str().unwrap()]).run().ok().stderr_lacks("Repaired");
        database.restore(["--undo"]).run().ok();
        assert!(database.dump() == states.old, "{named} as {use}");
        assert_eq!(other.sql("SELECT 1"), "1");
    }
}

/// By a role that is no superuser, but owns the database and knows its OID.
fn a_correct_comment_from_a_check_drops_nothing() {
    let database = UrlDatabase::new();
    let _alone = database.alone();
    database.own("CREATE TABLE t AS SELECT 1 AS i");
    database.xtask(["db-backup"]).run().ok();
    let live = database.dump();
    let oid = database.admin("SELECT oid FROM pg_database WHERE datname = '@name'");
    let mark = json!({
        "use": "verify", "purpose": "verify", "database": database.name, "live": database.name, "name": database.name,
        "oid": oid.parse::<u32>().unwrap(), "run": "xtask-0123456789ab", "at": Local::now().to_rfc3339()
    });
    let body = body_that_runs(&format!("COMMENT ON DATABASE {} IS 'xtask {mark}'", database.name));
    let file = Forged::of(dump(body)).with("database", database.name.as_str()).write(&database.sandbox, "forged.sql");
    for _ in 0..2 {
        let run = database.xtask(["db-verify", "--restore"]).args([&file]).run();
        run.stderr_lacks("Dropped");
    }
    assert_eq!(database.admin("SELECT count(*) FROM pg_database WHERE datname ~ '^@name_verify_'"), "0");
    database.xtask(["db-restore", "--repair"]).run().ok().stderr_has("✓ Nothing to repair");
    database.xtask(["db-restore", "--undo", "--yes"]).run().code(1);
    assert!(database.dump() == live && !database.has_record());
}

fn a_comment_in_a_manifest_drops_nothing_and_is_not_carried_over() {
    let database = shared_for_restores().database();
    let backup = database.backup();
    let (stack, name) = (database.stack, &database.name);
    let mut properties = manifest(&backup)["properties"].clone();
    properties["comment"] = mark("staging", name).into();
    let comment = format!("SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = '{name}'");
    let file = Forged::small().with("properties", properties).with("database", name.as_str());
    let file = file.write(&database.sandbox, "forged.sql");
    // The first restore takes everything from the manifest.
    stack.admin(&format!("DROP DATABASE {name}"));
    for _ in 0..2 {
        database.restore([file.to_str().unwrap()]).run().ok().stderr_lacks("Repaired");
        assert_eq!((database.sql("SELECT count(*) FROM t"), stack.admin(&comment)), ("2".to_owned(), String::new()));
    }
    // One that version 0.1.0 left on the server is no person's.
    stack.admin(&format!("COMMENT ON DATABASE {name} IS '{}'", mark("before", "openfga")));
    assert_eq!(manifest(&database.backup())["properties"]["comment"], json!(null));
    database.restore([]).run().ok();
    assert_eq!(stack.admin(&comment), "");
}

/// The honest example: the second restore said ✓, and no such database was there.
fn a_kept_database_that_is_backed_up_is_restored_like_any_other() {
    let database = shared_for_restores().database();
    let states = database.backed_up_and_changed();
    database.restore([]).run().ok();
    let kept = database.only_beside("before");
    let of_kept = database.xtask(["db-backup", "--quiet"]).env("POSTGRES_DB", &kept).run();
    let file = of_kept.ok().text().trim_end().to_owned();
    for _ in 0..2 {
        database.restore([file.as_str()]).run().ok().stderr_has("✓ Database restored").stderr_lacks("Repaired");
        assert_eq!(database.dump(), states.old);
    }
    assert!(database.repair().contains("✓ Nothing to repair"));
    // And into the kept one itself, which another run takes for the live one.
    let kept = database.only_beside("before");
    let run = database.xtask(["db-restore", "--yes", states.backup.to_str().unwrap()]).env("POSTGRES_DB", &kept).run();
    run.ok().stderr_has("✓ Database restored");
    assert_eq!((database.stack.dump_of(&kept), database.dump()), (states.restored, states.old));
    // It is another database than the recorded one now.
    database.restore(["--undo"]).run().code(1).stderr_has("There is no previous");
    database.stack.admin(&format!("DROP DATABASE {kept}"));
    for name in
        database.stack.admin(&format!("SELECT datname FROM pg_database WHERE starts_with(datname, '{kept}_')")).lines()
    {
        database.stack.admin(&format!("DROP DATABASE {name}"));
    }
}

fn a_database_of_another_role_is_never_swapped_in() {
    let database = shared_for_restores().database();
    let states = database.backed_up_and_changed();
    let stack = database.stack;
    let role = format!("mallory_{}", database.name);
    let theirs = format!("{}_before_20991231_235959", database.name);
    stack.admin(&format!("CREATE ROLE {role} CREATEDB"));
    stack.admin(&format!("SET ROLE {role};\nCREATE DATABASE {theirs} TEMPLATE template0;\nRESET ROLE"));
    let later = json!({ "use": "before", "database": database.name, "run": "xtask-0", "at": "2099-12-31T23:59:59Z" });
    stack.admin(&format!("COMMENT ON DATABASE {theirs} IS 'xtask {later}'"));
    let run = database.restore(["--undo"]).run();
    run.code(1).stderr_has("There is no previous").stderr_lacks("✓");
    run.stderr_has("ask its owner what it is").stderr_lacks("ALTER DATABASE");
    run.stderr_has(&format!(
        "{theirs} (owner {role}) is named like a database of this program, but there is no record"
    ));
    database.restore([]).run().ok().stderr_lacks(&theirs);
    let kept =
        stack.admin(&format!("SELECT datname FROM pg_database WHERE datname ~ '^{}_before_20[2-8]'", database.name));
    let listed = database.xtask(["db-list", "--json"]).run();
    let document = listed.ok().json();
    let names = |key: &str| -> Vec<String> {
        let entries =
            document[key].as_array().unwrap().iter().filter(|entry| entry["database"] == database.name.as_str());
        entries.map(|entry| entry["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!((names("kept_on_server"), names("not_recorded")), (vec![kept.clone()], vec![theirs.clone()]));
    let run = database.restore(["--undo"]).run();
    run.ok().stderr_has(&format!("the previous database is {kept}"));
    assert_eq!(database.dump(), states.old);
    assert_eq!(stack.admin(&format!("SELECT count(*) FROM pg_database WHERE datname = '{theirs}'")), "1");
    stack.admin(&format!("DROP DATABASE {theirs}"));
    stack.admin(&format!("DROP ROLE {role}"));
}

/// A superuser's drill runs whatever the body's routines do: even then ✓ is only said while the live database is there.
fn a_drill_that_loses_the_live_database_is_no_success() {
    let database = shared_for_restores().database();
    let _alone = database.stack.alone();
    database.sql("CREATE TABLE kept AS SELECT 1 AS i");
    let away = format!("{}_elsewhere", database.name);
    let body = body_that_runs(&format!("ALTER DATABASE {} RENAME TO {away}", database.name));
    let run = database.xtask(["db-verify", "--restore"]).args([forged(&database, &body)]).run();
    run.code(6).prints_nothing().stderr_has(&database.name);
    assert_eq!(scratch_databases(&database), [""; 0]);
    assert_eq!(database.stack.psql(&away, "SELECT i FROM kept"), "1");
    database.stack.admin(&format!("ALTER DATABASE {away} RENAME TO {}", database.name));
    // The same with all sessions of the run ended but the one that loads.
    let body = body_that_runs(&format!(
        "ALTER DATABASE {} RENAME TO {away}; PERFORM pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity \
         WHERE application_name || '-load' = pg_catalog.current_setting('application_name')",
        database.name
    ));
    let run = database.xtask(["db-verify", "--restore"]).args([forged(&database, &body)]).run();
    run.code(6).prints_nothing().stderr_has(&format!("database {away}: changed (name)"));
    database.stack.forget_sessions();
    database.stack.admin(&format!("ALTER DATABASE {away} RENAME TO {}", database.name));
    database.repair();
}

/// Any role may give its sessions any name: what a killed run left is not kept by that.
fn a_name_of_a_session_keeps_no_run_alive() {
    let database = shared_for_restores().database();
    let states = database.backed_up_and_changed();
    let running = database.restore_paused_at("created");
    let run = database.in_record(&format!("SELECT run FROM xtask.databases WHERE live = '{}'", database.name));
    let role = format!("namesake_{}", database.name);
    database.stack.admin(&format!("CREATE ROLE {role} LOGIN"));
    let mut namesake = crate::harness::Session::new(database.stack.postgres(), &role, "postgres");
    namesake.sql(&format!("SET application_name = '{run}'"));
    running.ended_by(rustix::process::Signal::KILL);
    crate::harness::restore::whole_and_repaired(&database, &states, false, "namesake");
    assert_eq!(namesake.sql("SELECT 1"), "1", "a session of another role is not ended");
    drop(namesake);
    database.stack.admin(&format!("DROP ROLE {role}"));
}
