//! Statements by the synopses of PostgreSQL's manual that the reader of dumps lets pass, run on a server: what all
//! databases share stays as it was. The unit tests hold that the others do not pass.

#[path = "../../src/postgres/dump/tests/generator.rs"]
mod generator;

use crate::harness::dice::cases;
use crate::harness::forge::dump;
use crate::harness::{Local, Test};
use generator::{Generator, Truth, synopses};
use std::path::PathBuf;

pub fn tests() -> Vec<Test> {
    tests![[Postgres] what_passes_of_the_manual_changes_nothing_that_databases_share]
}

/// What the statements name.
const OBJECTS: &str = "CREATE SCHEMA app; CREATE SCHEMA a; CREATE TABLE t (a text, b integer, copy integer, rolname integer);
    CREATE TABLE app.t (a text, b integer); CREATE TABLE u (a text, b integer) PARTITION BY LIST (b);
    CREATE TABLE \"we ird\" (a text); CREATE TABLE app.copy (b integer);
    CREATE FUNCTION f() RETURNS integer LANGUAGE sql AS 'SELECT 1'; CREATE FUNCTION f(integer) RETURNS integer LANGUAGE sql AS 'SELECT 1';
    CREATE FUNCTION app.g() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
    CREATE SEQUENCE s; CREATE MATERIALIZED VIEW app.u AS SELECT 1 AS a; SELECT lo_create(1);
    CREATE FOREIGN DATA WRAPPER a; CREATE SERVER t FOREIGN DATA WRAPPER a; CREATE PUBLICATION a";

/// All that databases share, but for what changes by itself and for subscriptions, which are the database's own.
const SHARED: &str = "SELECT md5(pg_catalog.concat(
    (SELECT string_agg((to_jsonb(d) - 'datfrozenxid' - 'datminmxid')::text, ' ' ORDER BY d.oid) FROM pg_database AS d),
    (SELECT string_agg(a::text, ' ' ORDER BY a.oid) FROM pg_authid AS a),
    (SELECT string_agg(m::text, ' ' ORDER BY m.roleid, m.member) FROM pg_auth_members AS m),
    (SELECT string_agg(s::text, ' ' ORDER BY s.setdatabase, s.setrole) FROM pg_db_role_setting AS s),
    (SELECT string_agg(t::text, ' ' ORDER BY t.oid) FROM pg_tablespace AS t),
    (SELECT string_agg(c::text, ' ' ORDER BY c.classoid, c.objoid) FROM pg_shdescription AS c),
    (SELECT string_agg(l::text, ' ' ORDER BY l.classoid, l.objoid) FROM pg_shseclabel AS l),
    (SELECT string_agg(o::text, ' ' ORDER BY o.roident) FROM pg_replication_origin AS o WHERE o.roname !~ '^pg_[0-9]+$')))";

fn what_passes_of_the_manual_changes_nothing_that_databases_share() {
    let local = Local::new();
    local.up();
    local.sql("openfga", "CREATE ROLE villain SUPERUSER; CREATE ROLE owner; CREATE ROLE database");
    local.sql("openfga", OBJECTS);
    let before = local.sql("openfga", SHARED);

    let mut generator = Generator::new(cases(1) as u64, true);
    let local_ones = synopses().into_iter().filter(|synopsis| synopsis.truth == Truth::Local);
    let statements: Vec<String> = local_ones
        .flat_map(|synopsis| (0..cases(4)).map(|_| generator.statement(synopsis)).collect::<Vec<_>>())
        .collect();
    let ended = |statement: &str| format!("{statement};\n{}", if statement.starts_with("COPY") { "\\.\n" } else { "" });
    let files: Vec<PathBuf> = (statements.iter().enumerate())
        .map(|(number, statement)| local.sandbox.write(format!("files/{number}.sql"), dump(ended(statement))))
        .collect();
    let judged = local.xtask(["db-verify", "--json"]).args(&files).run().code(3).json();
    let judged = judged["files"].as_array().unwrap();
    assert_eq!(judged.len(), statements.len());
    let passed = statements.iter().zip(judged).filter(|(_, entry)| entry["reason"].is_null());

    // Each by itself, whichever role the one before gave the session: one that fails stops no other.
    let mut script = String::new();
    let mut count = 0;
    for (statement, _) in passed {
        count += 1;
        script += &format!("RESET SESSION AUTHORIZATION; RESET ROLE;\n{}", ended(statement));
    }
    let (printed, errors) = local.client("openfga", &["psql", "-X"], script.as_bytes());
    let printed = String::from_utf8(printed.unwrap_or_else(|| panic!("{errors}"))).unwrap();
    let done = printed.lines().filter(|line| *line != "RESET").count();
    assert!(count > 150 && done > 80, "{done} of {count} of {} ran\n{errors}", statements.len());
    assert_eq!(local.sql("openfga", SHARED), before, "what databases share has changed:\n{script}");
}
