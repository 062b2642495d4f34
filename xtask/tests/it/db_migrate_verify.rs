//! `db-migrate verify`, and what files change outside of the scratch database in which they are tried.

use crate::harness::migrations::{migrate, versions};
use crate::harness::{Test, UrlDatabase};
use serde_json::{Value, json};
use std::time::Duration;

pub fn tests() -> Vec<Test> {
    tests![
        [Postgres] verify_goes_on_after_a_failure_and_its_report_is_whole,
        [Postgres] the_order_of_columns_alone_is_no_failure,
        [Postgres] verify_can_start_at_what_is_pending,
        [Postgres] a_role_that_files_leave_on_the_server_is_named,
        [Postgres] a_role_that_a_file_drops_is_named_with_the_way_back,
        [Postgres] a_role_of_an_applied_file_is_in_the_way_of_the_next_try,
        [Postgres] a_right_that_is_granted_and_revoked_is_no_change,
        [Postgres] grants_on_the_live_database_are_left_out,
        [Postgres] statements_that_reach_the_whole_server_are_left_out,
        [Postgres] files_programs_and_rows_of_the_whole_server_are_left_out,
        [Postgres] what_stands_in_strings_lists_and_loops_of_a_block_is_left_out,
        [Postgres] of_a_block_whole_statements_are_left_out_and_a_wrong_one_is_refused_by_the_server,
        [Postgres] the_down_file_undoes_what_code_changed_on_the_server,
        [Postgres] settings_of_the_scratch_database_are_no_change,
        [Postgres] settings_of_the_live_database_are_named_beside_the_report,
    ]
}

fn verify_goes_on_after_a_failure_and_its_report_is_whole() {
    let database = UrlDatabase::new();
    database.sandbox.tables(1);
    // The way back fails, a way up fails, the second up fails, one leaves half of itself, one is refused.
    database.sandbox.migration(2, "back", "CREATE TABLE t2 (a int);", Some("DROP TABLE nothing;"));
    database.sandbox.migration(3, "up", "SELECT nothing;", None);
    database.sandbox.migration(4, "again", "CREATE TABLE t4 (a int);", Some("SELECT 1;"));
    database.sandbox.migration(5, "half", "-- no-transaction\nCREATE TABLE half (a int);\nSELECT nothing;", None);
    database.sandbox.migration(6, "refused", "SELECT 1;\nCOMMIT;\nSELECT 2;", None);
    database.sandbox.migration(
        7,
        "well",
        "ALTER TABLE t4 ADD b int; ALTER TABLE t2 ADD b int; CREATE TABLE half (a int);",
        Some("ALTER TABLE t4 DROP b; ALTER TABLE t2 DROP b; DROP TABLE half;"),
    );
    let run = migrate(&database, &["verify", "--json"]);
    run.code(1).stderr_has("✗ 5 migrations have a file that fails");
    run.stderr_has("→ fix the file; the later files were tried without it\n");
    run.stderr_has("fix the .down.sql of 4: something that it leaves behind").stderr_lacks(".down.sql of 2");
    run.stderr_lacks("enum");
    let document = run.json();
    let found: Vec<(i64, bool)> = document["migrations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|verdict| (verdict["version"].as_i64().unwrap(), verdict["error"].is_string()))
        .collect();
    assert_eq!(found, [(1, false), (2, true), (3, true), (4, true), (5, true), (6, true), (7, false)]);
    assert_eq!(document["migrations"][6]["reversible"], true);
    assert_eq!(database.beside("verify").len(), 0);
}

fn the_order_of_columns_alone_is_no_failure() {
    let database = UrlDatabase::new();
    database.sandbox.migration(1, "table", "CREATE TABLE t (a int, b text, c int);", Some("DROP TABLE t;"));
    database.sandbox.migration(2, "column", "ALTER TABLE t DROP b;", Some("ALTER TABLE t ADD b text;"));
    let run = migrate(&database, &["verify"]);
    run.ok().stderr_has("⚠ 2 column: the columns have a different order after down: CREATE TABLE public.t");
    run.stdout_has("✓ 2 column: up, down, up").stderr_has("✓ 2 migrations verified");
    let run = migrate(&database, &["verify", "--json"]);
    assert_eq!(versions(&run), [1, 2]);
    let verdict = &run.json()["migrations"][1];
    assert_eq!((&verdict["reversible"], verdict["column_order"].as_array().unwrap().len()), (&true.into(), 1));
}

fn verify_can_start_at_what_is_pending() {
    let database = UrlDatabase::new();
    database.sandbox.tables(3);
    // Its way back would fail: it is not tried.
    database.sandbox.write("migrations/1_make a table.down.sql", "DROP TABLE nothing;");
    migrate(&database, &["up", "2"]).ok();
    let run = migrate(&database, &["verify", "--pending"]);
    run.ok().stdout_has("✓ 3 make a table: up, down, up").stdout_lacks("1 make").stderr_has("✓ 1 migration verified");
    migrate(&database, &["verify"]).code(1);
}

const REACHED: &str = "✗ The migrations were tried in a scratch database, and objects outside of it changed meanwhile";

/// A role that the database's own may make, and the text of a file that makes it.
fn role_of_a_file(database: &UrlDatabase) -> (String, String) {
    database.admin("ALTER ROLE @role CREATEROLE");
    let role = format!("{}_made", database.name);
    let made = format!("CREATE ROLE {role}; CREATE TABLE t (a int); GRANT SELECT ON t TO {role};");
    (role, made)
}

fn a_role_that_files_leave_on_the_server_is_named() {
    let database = UrlDatabase::new();
    let _alone = database.alone();
    let (role, made) = role_of_a_file(&database);
    let is_there = || database.admin(&format!("SELECT count(*) FROM pg_roles WHERE rolname = '{role}'")) == "1";
    database.sandbox.migration(1, "role", &made, None);
    let run = migrate(&database, &["verify"]);
    run.code(6).stderr_has(REACHED).stderr_lacks("✓");
    run.stderr_has(&format!("role {role}: new (migrations/1_role.up.sql:1)")).stderr_lacks("does not record which");
    run.stderr_has(&format!("DROP ROLE \"{role}\";")).stderr_has("undo it before the next try: ");
    run.stderr_has("DO $$BEGIN IF NOT EXISTS").stdout_has("1 role: up; it cannot be reverted");
    database.admin(&format!("DROP ROLE {role}"));
    // What the file's own .down.sql removes does not stay.
    let dropped = format!("DROP TABLE t; DROP ROLE {role};");
    database.sandbox.migration(1, "role", &made, Some(&dropped));
    database.sandbox.migration(2, "more", "ALTER TABLE t ADD b int;", Some("ALTER TABLE t DROP b;"));
    for args in [&["verify"][..], &["verify", "--pending"]] {
        migrate(&database, args).ok().stderr_has("✓ 2 migrations verified").stderr_lacks("role");
        assert!(!is_there());
    }
    // Also where a later file fails. If that is not rolled back, a second database makes the role again.
    let later = database.sandbox.migration(4, "later", "ALTER TABLE t ADD c int;", Some("ALTER TABLE t DROP c;"));
    for wrong in ["SELECT nothing;", "-- no-transaction\nCREATE TABLE half (a int);\nSELECT nothing;"] {
        let wrong = database.sandbox.migration(3, "wrong", wrong, None);
        let run = migrate(&database, &["verify"]);
        run.code(1).stderr_has("✗ 1 migration has a file that fails").stderr_lacks(REACHED);
        assert!(!is_there());
        std::fs::remove_file(wrong).unwrap();
    }
    std::fs::remove_file(later.with_file_name("4_later.down.sql")).unwrap();
    std::fs::remove_file(later).unwrap();
}

fn a_role_that_a_file_drops_is_named_with_the_way_back() {
    let database = UrlDatabase::new();
    let _alone = database.alone();
    let role = format!("{}_old", database.name);
    let create = format!("CREATE ROLE \"{role}\";");
    database.admin(&format!("ALTER ROLE @role CREATEROLE; {create} GRANT \"{role}\" TO @role WITH ADMIN OPTION"));
    database.sandbox.tables(1);
    migrate(&database, &["up"]).ok();
    // A role that was there before is not dropped by a trial.
    let drop = format!("DROP ROLE IF EXISTS \"{role}\";");
    database.sandbox.migration(2, "drop", &format!("CREATE TABLE more (a int);\n{drop}"), None);
    let run = migrate(&database, &["verify", "--pending"]);
    run.ok().stderr_has(
        "⚠ migrations/2_drop.up.sql:2: DROP ROLE may reach beyond the scratch database: it is left out there",
    );
    run.stdout_has("✓ 2 drop: up; it cannot be reverted, without 1 statement").stderr_lacks(REACHED);
    let is_there = || database.admin(&format!("SELECT count(*) FROM pg_roles WHERE rolname = '{role}'"));
    assert_eq!(is_there(), "1");
    migrate(&database, &["up", "--no-backup"]).ok();
    assert_eq!(is_there(), "0");
    // Where no statement of a file is seen to do it, another session may have.
    database.admin(&format!("{create} GRANT \"{role}\" TO @role WITH ADMIN OPTION"));
    let hidden = |statement: &str| format!("DO $$BEGIN EXECUTE pg_catalog.format('{statement} %I', '{role}'); END$$;");
    database.sandbox.migration(3, "hidden", &hidden("DROP ROLE"), None);
    let run = migrate(&database, &["verify", "--pending"]);
    run.code(6).stderr_has(REACHED).stderr_has(&format!("role {role}: gone\n")).stderr_has("does not record which");
    run.stderr_has("unless it says DROP ROLE IF EXISTS").stderr_has("db-restore --globals FILE").stderr_has(&create);
    database.sandbox.migration(3, "hidden", &hidden("CREATE ROLE"), None);
    let run = migrate(&database, &["verify", "--pending"]);
    run.code(6).stderr_has(&format!("role {role}: new\n")).stderr_has("PostgreSQL does not record which");
    database.admin(&format!("DROP ROLE \"{role}\""));
}

fn a_role_of_an_applied_file_is_in_the_way_of_the_next_try() {
    let database = UrlDatabase::new();
    let _alone = database.alone();
    let (role, made) = role_of_a_file(&database);
    database.sandbox.migration(1, "role", &made, Some(&format!("DROP TABLE t; DROP ROLE {role};")));
    database.sandbox.migration(2, "more", "ALTER TABLE t ADD b int;", Some("ALTER TABLE t DROP b;"));
    migrate(&database, &["up"]).ok();
    // Once it is applied the role is there, and the file cannot be applied beside it as it is.
    let run = migrate(&database, &["status", "--drift"]);
    run.code(1).stderr_has("✗ 1 role cannot be applied to an empty database").stderr_has("already exists");
    run.stderr_has("accept the changed file: cargo xtask db-migrate repair 1");
    let run = migrate(&database, &["verify"]);
    run.code(1).stderr_has("let the file make it only where it is missing").stderr_has("db-migrate repair 1\n");
    let missing = format!("DO $$BEGIN IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = '{role}') THEN ");
    let again =
        made.replacen(&format!("CREATE ROLE {role};"), &format!("{missing}CREATE ROLE {role}; END IF; END$$;"), 1);
    database.sandbox.migration(1, "role", &again, Some("DROP TABLE t;"));
    migrate(&database, &["repair", "1", "--yes"]).ok();
    migrate(&database, &["status", "--drift", "--check"]).ok().stderr_has("✓ The schema matches the applied files");
    migrate(&database, &["verify"]).ok().stderr_has("✓ 2 migrations verified");
    // Any other error has nothing to do with roles.
    database.sandbox.migration(2, "more", "ALTER TABLE gone ADD b int;", None);
    let run = migrate(&database, &["verify"]);
    run.code(1).stderr_has("relation \"gone\" does not exist").stderr_lacks("makes a role");
    database.drop_databases();
    database.admin(&format!("DROP ROLE {role}"));
}

/// A statement that no reader of the file sees: its text is put together.
fn composed(statement: &str) -> String {
    let reversed: String = statement.chars().rev().collect();
    format!("DO $$BEGIN EXECUTE pg_catalog.reverse('{reversed}'); END$$;")
}

/// A database whose rights were never granted has them written out afterwards.
fn a_right_that_is_granted_and_revoked_is_no_change() {
    let database = UrlDatabase::new();
    let _alone = database.alone();
    let name = &database.name;
    let right = |verb: &str, way: &str| composed(&format!("{verb} CONNECT ON DATABASE {name} {way} pg_monitor"));
    let (grant, revoke) = (right("GRANT", "TO"), right("REVOKE", "FROM"));
    let rights = format!("SELECT datacl IS NULL FROM pg_database WHERE datname = '{name}'");
    assert_eq!(database.sql(&rights), "t");
    database.sandbox.migration(1, "grant", &format!("CREATE TABLE t (a int); {grant} {revoke}"), Some("DROP TABLE t;"));
    migrate(&database, &["verify"]).ok().stderr_has("✓ 1 migration verified").stderr_lacks(REACHED);
    assert_eq!(database.sql(&rights), "f");
    database.sandbox.migration(1, "grant", &format!("CREATE TABLE t (a int); {grant}"), Some("DROP TABLE t;"));
    migrate(&database, &["verify"]).code(6).stderr_has(&format!("database {name}: changed (grants)"));
    database.own(&format!("REVOKE CONNECT ON DATABASE {name} FROM pg_monitor"));
}

/// All of the whole server that the files below name.
fn state(database: &UrlDatabase) -> String {
    database.admin(
        "SELECT concat_ws('|', d.datacl, d.datconnlimit, shobj_description(d.oid, 'pg_database'), \
         shobj_description(r.oid, 'pg_authid'), (SELECT array_agg(s.setconfig) FROM pg_db_role_setting AS s WHERE \
         s.setdatabase = d.oid OR s.setrole = r.oid), r.rolcanlogin, (SELECT count(*) FROM pg_auth_members)) \
         FROM pg_database AS d, pg_roles AS r WHERE d.datname = '@name' AND r.oid = '@role'::regrole",
    )
}

/// As the JSON of a trial has it.
fn entry(file: &str, line: u64, what: &str) -> Value {
    json!({ "file": file, "line": line, "what": what })
}

/// What is changed there is the live server's own: a trial that did so would be no trial.
fn grants_on_the_live_database_are_left_out() {
    let database = UrlDatabase::new();
    let _alone = database.alone();
    let (before, name) = (state(&database), &database.name);
    let up = format!("CREATE TABLE t (a int); GRANT CONNECT ON DATABASE {name} TO pg_monitor;");
    let down = format!("REVOKE CONNECT ON DATABASE {name} FROM pg_monitor; DROP TABLE t;");
    database.sandbox.migration(1, "grant", &up, Some(&down));
    let run = migrate(&database, &["verify"]);
    run.ok().stdout_has("✓ 1 grant: up, down, up, without 2 statements").stderr_lacks(REACHED);
    run.stderr_has("⚠ migrations/1_grant.up.sql:1: GRANT … ON DATABASE may reach beyond the scratch database");
    run.stderr_has("⚠ migrations/1_grant.down.sql:1: REVOKE … ON DATABASE may reach beyond the scratch database");
    assert_eq!(state(&database), before);
    let up = format!("REVOKE CONNECT, TEMPORARY ON DATABASE {name} FROM PUBLIC;");
    let down = format!("\nGRANT CONNECT, TEMPORARY ON DATABASE {name} TO PUBLIC;");
    database.sandbox.migration(2, "public", &up, Some(&down));
    let run = migrate(&database, &["verify", "--json"]);
    let left_out = &run.ok().json()["migrations"][1]["left_out"];
    assert_eq!(left_out[1], entry("migrations/2_public.down.sql", 2, "GRANT … ON DATABASE"), "{left_out}");
    assert_eq!(state(&database), before);
}

fn statements_that_reach_the_whole_server_are_left_out() {
    let database = UrlDatabase::new();
    let _alone = database.alone();
    let (before, name, role) = (state(&database), &database.name, format!("\"{}\"", database.role));
    let all = format!(
        "ALTER DATABASE {name}\n  CONNECTION LIMIT 7; CREATE TABLE u (a int);\nALTER ROLE {role} SET work_mem = '7MB'; \
         ALTER ROLE {role} IN DATABASE {name} SET work_mem = '7MB'; COMMENT ON DATABASE {name} IS 'a;b';\n\
         COMMENT ON ROLE {role} IS $$c;$$; GRANT pg_monitor TO {role}; DROP OWNED BY {role}; ALTER ROLE {role} NOLOGIN;\n\
         DO $$BEGIN\n  IF true THEN ALTER DATABASE {name} SET work_mem = '7MB'; END IF;\n  \
         EXECUTE 'REVOKE CONNECT ON DATABASE {name} FROM PUBLIC'; CREATE TABLE v (a int);\nEND$$;\n\
         DO 'BEGIN ALTER DATABASE {name} SET work_mem = ''7MB''; ALTER ROLE {role} NOLOGIN; END';"
    );
    database.sandbox.migration(3, "all", &all, Some("DROP TABLE u; DROP TABLE v;"));
    let run = migrate(&database, &["verify", "--json"]);
    let left_out = run.json()["migrations"][0]["left_out"].clone();
    run.ok().stderr_has("✓ 1 migration verified").stderr_has("migrations/3_all.up.sql:6: ALTER DATABASE in a DO block");
    assert_eq!(left_out.as_array().map(Vec::len), Some(11), "{left_out}");
    assert_eq!(left_out[10], entry("migrations/3_all.up.sql", 9, "a DO block with ALTER DATABASE and ALTER ROLE"));
    assert_eq!(state(&database), before);
    // The ways that run the files of applied versions are bounded, too.
    database.own("CREATE TABLE u (a int); CREATE TABLE v (a int)");
    let run = migrate(&database, &["baseline", "3", "--yes"]);
    run.ok().stderr_has("migrations/3_all.up.sql:1: ALTER DATABASE may reach beyond the scratch database");
    migrate(&database, &["status", "--drift", "--check"]).ok().stderr_has("it is left out there");
    migrate(&database, &["verify", "--pending"]).ok();
    assert_eq!(state(&database), before);
}

/// In a trial a file of the server's host would get the rows of the scratch database.
fn files_programs_and_rows_of_the_whole_server_are_left_out() {
    let database = UrlDatabase::new();
    let _alone = database.alone();
    let (before, name) = (state(&database), &database.name);
    let file = format!(
        "CREATE TABLE t (a int);\nCOPY t TO '/nosuch/t.csv';\nCOPY (SELECT a FROM t) TO PROGRAM 'false';\n\
         COPY t FROM PROGRAM 'false';\nUPDATE pg_database SET datconnlimit = 7 WHERE datname = '{name}';\n\
         DO $$BEGIN\nDELETE FROM pg_catalog.pg_auth_members WHERE member = 0 AND CASE WHEN true THEN true END;\nEND$$;\n\
         SELECT pg_terminate_backend(0);\nGRANT CONNECT ON DATABASE {name} TO pg_monitor\nINSERT INTO t VALUES (1);\n"
    );
    database.sandbox.migration(1, "all", &file, Some("DROP TABLE t;"));
    let of = |line: u64, what: &str| entry("migrations/1_all.up.sql", line, what);
    let expected = json!([
        of(2, "COPY … TO a file"),
        of(3, "COPY … TO PROGRAM"),
        of(4, "COPY … FROM PROGRAM"),
        of(5, "UPDATE on pg_database"),
        of(7, "DELETE on pg_auth_members in a DO block"),
        of(9, "pg_terminate_backend()"),
        of(10, "GRANT … ON DATABASE"),
    ]);
    let run = migrate(&database, &["verify", "--json"]);
    assert_eq!(run.ok().json()["migrations"][0]["left_out"], expected);
    run.stderr_has(
        "⚠ migrations/1_all.up.sql:11: this line begins as a statement does, and is left out with the one of line 10",
    );
    database.own("CREATE TABLE t (a int)");
    migrate(&database, &["baseline", "1", "--yes"])
        .ok()
        .stderr_has("1_all.up.sql:2: COPY … TO a file may reach beyond");
    let run = migrate(&database, &["status", "--drift", "--json"]);
    assert_eq!(run.ok().json()["drift"]["left_out"], expected);
    assert_eq!(state(&database), before);
}

fn what_stands_in_strings_lists_and_loops_of_a_block_is_left_out() {
    let database = UrlDatabase::new();
    let _alone = database.alone();
    let (before, role) = (state(&database), &database.role);
    let filler = "PERFORM 1; ".repeat(60);
    let is_limited = format!("EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}' AND rolconnlimit = 5)");
    let file = format!(
        "DO 'BEGIN {filler}ALTER ROLE \"{role}\" SET work_mem = ''7MB''; END';\n\
         DO $$BEGIN EXECUTE E'ALTER ROLE \"{role}\"\\nSET work_mem = \\'7MB\\''; END$$;\n\
         DO $$BEGIN EXECUTE 'CREATE TABLE t (a int);{filler}; ALTER ROLE \"{role}\" NOLOGIN'; END$$;\n\
         DO $$BEGIN WHILE NOT {is_limited} LOOP ALTER ROLE \"{role}\" CONNECTION LIMIT 5; END LOOP; END$$;\n\
         DO $$BEGIN EXECUTE format('DROP ROLE IF EXISTS \"{role}\", %I', 'nosuch'); END$$;\n"
    );
    database.sandbox.migration(1, "all", &file, None);
    let run = migrate(&database, &["verify", "--json"]);
    let of = |line: u64, what: &str| entry("migrations/1_all.up.sql", line, what);
    let expected = json!([
        of(1, "a DO block with a long string"),
        of(2, "ALTER ROLE in a DO block"),
        of(3, "ALTER ROLE in a DO block"),
        of(4, "a DO block with ALTER ROLE"),
        of(5, "DROP ROLE in a DO block"),
    ]);
    assert_eq!(run.ok().json()["migrations"][0]["left_out"], expected);
    run.stderr_lacks(REACHED);
    assert_eq!(state(&database), before);
}

fn of_a_block_whole_statements_are_left_out_and_a_wrong_one_is_refused_by_the_server() {
    let database = UrlDatabase::new();
    let _alone = database.alone();
    let (before, name) = (state(&database), &database.name);
    let whole = format!(
        "DO $$BEGIN CREATE TABLE t (a int);\n\
         EXECUTE 'ALTER DATABASE {name} SET work_mem = ' || CASE WHEN true THEN '''9MB''' ELSE '''1MB''' END;\n\
         EXECUTE $q$COMMENT ON DATABASE {name} IS 'x'$q$; EXECUTE $q$CREATE TABLE u (a int)$q$; END$$;\nDROP TABLE u;"
    );
    database.sandbox.migration(1, "whole", &whole, Some("DROP TABLE t;"));
    let run = migrate(&database, &["verify"]);
    run.ok().stdout_has("✓ 1 whole: up, down, up, without 2 statements").stderr_lacks(REACHED);
    run.stderr_has("✓ 1 migration verified, without 2 statements");
    // What is left out may be what the file needs.
    let needs = format!("DROP ROLE IF EXISTS {role}; CREATE ROLE {role};", role = format!("\"{}\"", database.role));
    let file = database.sandbox.migration(3, "needs", &needs, None);
    let run = migrate(&database, &["verify"]);
    run.code(1).stderr_has("or the file needs what the trial leaves out: see the warnings above");
    std::fs::remove_file(file).unwrap();
    // No semicolon ends the statement: the block's closing quote stands behind it.
    let wrong = format!("DO $$BEGIN ALTER DATABASE {name} SET work_mem = '1MB' END$$;");
    database.sandbox.migration(2, "wrong", &wrong, Some("SELECT 1;"));
    let run = migrate(&database, &["verify"]);
    run.code(1).stderr_has("migrations/2_wrong.up.sql:1 failed").stderr_has("unexpected end of function definition");
    run.within(Duration::from_secs(60), "it should end at once");
    assert_eq!(state(&database), before);
}

/// What a file composes is seen by nobody; where its way back takes it back, it does not stay.
fn the_down_file_undoes_what_code_changed_on_the_server() {
    let database = UrlDatabase::new();
    let _alone = database.alone();
    let name = &database.name;
    let limit = || database.admin("SELECT datconnlimit FROM pg_database WHERE datname = '@name'");
    let set = |limit: &str| composed(&format!("ALTER DATABASE {name} CONNECTION LIMIT {limit}"));
    database.sandbox.migration(1, "limit", &format!("CREATE TABLE t (a int); {}", set("7")), Some("DROP TABLE t;"));
    let run = migrate(&database, &["verify"]);
    run.code(6).stderr_has(REACHED).stderr_has(&format!("database {name}: changed (connection limit)"));
    assert_eq!(limit(), "7");
    database.own(&format!("ALTER DATABASE {name} CONNECTION LIMIT -1"));
    let back = format!("{} DROP TABLE t;", set("-1"));
    database.sandbox.write("migrations/1_limit.down.sql", &back);
    migrate(&database, &["verify"]).ok().stderr_has("✓ 1 migration verified").stderr_lacks(REACHED);
    assert_eq!(limit(), "-1");
}

/// What a file changes of the database that it runs in goes with the scratch database.
fn settings_of_the_scratch_database_are_no_change() {
    let database = UrlDatabase::new();
    let _alone = database.alone();
    let execute = |statement: &str| {
        format!("DO $$BEGIN EXECUTE pg_catalog.format('{statement}', pg_catalog.current_database()); END$$;")
    };
    let (set, reset) = ("ALTER DATABASE %I SET timezone TO UTC", "ALTER DATABASE %I RESET timezone");
    database.sandbox.migration(1, "set", &execute(set), Some(&execute(reset)));
    database.sandbox.migration(2, "comment", &execute("COMMENT ON DATABASE %I IS $c$x$c$"), None);
    migrate(&database, &["verify"]).ok().stderr_has("✓ 2 migrations verified");
    migrate(&database, &["up"]).ok();
    migrate(&database, &["status", "--drift", "--check"]).ok().stderr_has("✓ The schema matches the applied files");
}

fn settings_of_the_live_database_are_named_beside_the_report() {
    let database = UrlDatabase::new();
    let _alone = database.alone();
    let name = &database.name;
    let settings = || {
        database.admin(
            "SELECT count(*) FROM pg_db_role_setting AS s JOIN pg_database AS d \
        ON d.oid = s.setdatabase WHERE d.datname = '@name'",
        )
    };
    let reset = || database.own(&format!("ALTER DATABASE {name} RESET statement_timeout"));
    let named = format!("settings of database {name}: new");
    let set = composed(&format!("ALTER DATABASE {name} SET statement_timeout TO 300000"));
    database.sandbox.migration(1, "set", &format!("CREATE TABLE t (a int); {set}"), None);
    migrate(&database, &["verify", "--pending"]).code(6).stderr_has(REACHED).stderr_has(&named).stderr_lacks("✓");
    assert_eq!(settings(), "1");
    reset();
    database.own("CREATE TABLE t (a int)");
    let run = migrate(&database, &["baseline", "1", "--yes"]);
    run.code(6).stderr_has(REACHED).stderr_has(&named).stderr_lacks("✓");
    assert_eq!(database.sql("SELECT to_regclass('_sqlx_migrations') IS NULL"), "t");
    // What a file sets that is set already is no change.
    migrate(&database, &["baseline", "1", "--yes"]).ok().stderr_has("✓ 1 migration recorded as applied");
    reset();
    database.own("CREATE TABLE by_hand (a int)");
    let run = migrate(&database, &["status", "--drift"]);
    run.code(6).stderr_has(REACHED).stderr_has(&named).stdout_has("applied").stderr_lacks("✓");
    run.stderr_has("⚠ only the database has: CREATE TABLE public.by_hand ( a integer );");
    reset();
    let run = migrate(&database, &["status", "--drift", "--json"]);
    let drift = run.code(6).stderr_has(&named).json()["drift"].clone();
    assert_eq!(drift["extra"].as_array().unwrap().len(), 1);
    migrate(&database, &["status", "--drift"]).ok().stderr_lacks("meanwhile");
}
