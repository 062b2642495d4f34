//! What a load says of other servers, and what a file makes ours say, is never taken for a fault of our own connection.

use crate::harness::forge::{Forged, dump};
use crate::harness::restore::shared_for_restores;
use crate::harness::url::UrlDatabase;
use crate::harness::{Sandbox, Test, Xtask, sandbox, shared, shared_local};
use chrono::Local;

pub fn tests() -> Vec<Test> {
    tests![
        [Stack] what_another_server_says_is_not_said_of_ours,
        [Postgres] what_another_server_says_is_not_said_of_ours_on_any_target,
        [Stack] a_restore_that_another_server_fails_leaves_all_as_it_was,
    ]
}

/// A materialized view, filled from another server while the file loads.
fn by_dblink(connection: &str) -> String {
    format!(
        "CREATE EXTENSION IF NOT EXISTS dblink WITH SCHEMA public;\n\
         CREATE MATERIALIZED VIEW public.m AS SELECT d.a FROM public.dblink('{connection}'::text, 'SELECT 1'::text) d(a int) WITH NO DATA;\n\
         REFRESH MATERIALIZED VIEW public.m;\n"
    )
}

fn by_foreign_table(options: &str, login: &str) -> String {
    format!(
        "CREATE EXTENSION IF NOT EXISTS postgres_fdw WITH SCHEMA public;\n\
         CREATE SERVER elsewhere FOREIGN DATA WRAPPER postgres_fdw OPTIONS ({options});\n\
         CREATE USER MAPPING FOR postgres SERVER elsewhere OPTIONS ({login});\n\
         CREATE FOREIGN TABLE public.f (a int) SERVER elsewhere;\n\
         CREATE MATERIALIZED VIEW public.m AS SELECT a FROM public.f WITH NO DATA;\n\
         REFRESH MATERIALIZED VIEW public.m;\n"
    )
}

/// A check that raises what its author likes, line ends included.
fn by_a_check(raised: &str) -> String {
    format!(
        "CREATE FUNCTION public.f(a int) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN RAISE {raised}; END$$;\n\
         CREATE TABLE public.t (a int, CHECK (public.f(a)));\nCOPY public.t (a) FROM stdin;\n1\n\\.\n"
    )
}

fn forgeries() -> Vec<String> {
    let own = [
        "psql: error: connection to server at \"127.0.0.1\", port 5432 failed: FATAL:  role \"postgres\" does not exist",
        "psql: error: connection to server at \"127.0.0.1\", port 5432 failed: FATAL:  password authentication failed for user \"x\"",
        "psql:<stdin>:9: server closed the connection unexpectedly\npsql:<stdin>:9: error: connection to server was lost",
        "connection to server at \"127.0.0.1\", port 5432 failed: Connection refused",
    ];
    let raised = own.iter().flat_map(|words| {
        let words = words.replace('\n', "\\n");
        [
            format!("EXCEPTION USING message = E'no\\n{words}'"),
            format!("EXCEPTION 'no' USING detail = E'{words}', hint = E'\\n{words}'"),
            format!("NOTICE E'no\\n{words}'; RAISE EXCEPTION E'{words}'"),
        ]
    });
    raised.map(|raised| by_a_check(&raised)).collect()
}

/// Every one of these fails by itself, and says why.
#[track_caller]
fn fail_by_themselves(verify: Xtask, sandbox: &Sandbox, bodies: &[String]) {
    let write = |(number, body): (usize, &String)| {
        Forged::of(dump(body)).write(sandbox, &format!("load-{number}.sql")).display().to_string()
    };
    let files: Vec<String> = bodies.iter().enumerate().map(write).collect();
    let run = verify.args(["--json"]).args(&files).run();
    let report = run.code(1).json();
    assert_eq!(report["files"].as_array().unwrap().len(), files.len());
    for entry in report["files"].as_array().unwrap() {
        let (file, reason) = (entry["file"].as_str().unwrap(), entry["reason"].as_str().unwrap());
        run.holds(reason.starts_with(&format!("{file} cannot be loaded: psql failed (exit code 3)")), reason);
    }
}

fn what_another_server_says_is_not_said_of_ours() {
    let database = shared().database();
    let port = sandbox::free_port();
    let mut bodies = vec![
        by_dblink(&format!("host=127.0.0.1 port={port}")),
        by_dblink("host=127.0.0.1 dbname=postgres user=nosuch"),
        by_dblink("host=127.0.0.1 dbname=nosuch user=postgres"),
        by_dblink("host=nowhere.invalid"),
        by_foreign_table(&format!("host '127.0.0.1', port '{port}'"), "user 'x', password 'y'"),
        by_foreign_table("host '127.0.0.1', dbname 'nosuch'", "user 'postgres'"),
    ];
    bodies.extend(forgeries());
    fail_by_themselves(database.xtask(["db-verify", "--restore"]), &database.sandbox, &bodies);
}

fn what_another_server_says_is_not_said_of_ours_on_any_target() {
    let (local, url) = (shared_local(), UrlDatabase::new());
    fail_by_themselves(url.xtask(["db-verify", "--restore"]), &url.sandbox, &forgeries());
    let bodies = [by_dblink(&format!("host=127.0.0.1 port={}", sandbox::free_port())), forgeries().remove(0)];
    // Its checkout is others', too.
    let sandbox = Sandbox::new();
    fail_by_themselves(local.xtask(["db-verify", "--restore"]), &sandbox, &bodies);
}

fn a_restore_that_another_server_fails_leaves_all_as_it_was() {
    let database = shared_for_restores().database();
    database.sql("CREATE TABLE t AS SELECT 1 AS a");
    let body = by_dblink("host=127.0.0.1 dbname=postgres user=nosuch");
    Forged::of(dump(body)).taken(&database.name, Local::now()).write(&database.sandbox, "foreign.sql");
    let run = database.restore(["backups/foreign.sql"]).run();
    run.code(1).stderr_has("cannot be loaded").stderr_has("role \"nosuch\" does not exist");
    run.stderr_lacks("has no user").stderr_lacks("✓ Database restored");
    assert_eq!(database.sql("SELECT a FROM t"), "1");
    assert_eq!((database.beside("staging").len(), database.beside("before").len()), (0, 0));
}
