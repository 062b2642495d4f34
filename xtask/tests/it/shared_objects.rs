//! A file's functions run while it loads, with the loading role's rights: what they change outside of the loaded database is
//! found, named, and the file is not used.

use crate::harness::forge::{Forged, dump};
use crate::harness::url::UrlDatabase;
use crate::harness::{Local, Outcome, Test};
use chrono::Local as Clock;

pub fn tests() -> Vec<Test> {
    tests![
        [Postgres] what_a_drill_changes_outside_its_database_is_named,
        [Postgres] a_restore_that_changes_something_outside_is_not_swapped_in,
        [Postgres] a_restore_whose_code_changes_loaded_rows_is_not_swapped_in,
        [Postgres] a_restore_that_lacks_rows_of_the_file_is_not_swapped_in,
        [Postgres] rows_that_an_event_trigger_adds_are_warned_of,
        [Postgres] tables_that_cannot_be_counted_hide_no_other_one,
        [Postgres] what_another_session_changes_is_distinguished_only_where_a_file_has_no_code,
        [Postgres] a_role_without_rights_on_passwords_is_compared_too,
        [Postgres] what_a_file_does_to_the_next_sessions_of_its_role_is_named,
    ]
}

/// A check that does this while its table is filled.
fn by_a_check(statements: &str) -> String {
    format!(
        "CREATE FUNCTION public.f(a int) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN {statements} RETURN true; END$$;\n\
         CREATE TABLE public.t (a int, CHECK (public.f(a)));\nCOPY public.t (a) FROM stdin;\n1\n\\.\n"
    )
}

/// The same once the planner's statistics are made, and not before.
fn by_an_index(statements: &str) -> String {
    format!(
        "CREATE FUNCTION public.g() RETURNS void LANGUAGE plpgsql AS $$BEGIN {statements} END$$;\n\
         CREATE FUNCTION public.f(a int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$BEGIN \
         IF pg_catalog.current_query() ~ 'ANALYZE' THEN PERFORM public.g(); END IF; RETURN a; END$$;\n\
         CREATE TABLE public.t (a int);\nCOPY public.t (a) FROM stdin;\n1\n2\n\\.\n\
         CREATE INDEX i ON public.t USING btree (public.f(a));\n"
    )
}

/// A server of the test's own, with a live database and what belongs to the whole server.
pub fn server() -> Local {
    let local = Local::new();
    local.up();
    local.sql(
        "openfga",
        "CREATE TABLE kept AS SELECT 1 AS a; CREATE ROLE alice PASSWORD 'x'; CREATE ROLE bob; CREATE DATABASE other;
         COMMENT ON DATABASE other IS 'a person''s'; ALTER ROLE bob SET work_mem TO '1MB'",
    );
    local
}

pub fn verify(local: &Local, name: &str, body: &str) -> Outcome {
    let file = Forged::of(dump(body)).write(&local.sandbox, name);
    local.xtask(["db-verify", "--restore"]).args([&file]).run()
}

#[track_caller]
pub fn nothing_is_left(local: &Local) {
    let sql = "SELECT datname FROM pg_database WHERE datname ~ '_(verify|staging|before)_'";
    assert_eq!(local.sql("postgres", sql), "");
}

/// What a file may do to the server beside its database, and how that is named.
const CHANGES_OUTSIDE: &[(&str, &str)] = &[
    ("ALTER ROLE alice SUPERUSER;", "role alice: changed (superuser)"),
    ("ALTER ROLE alice PASSWORD 'y';", "role alice: changed (password)"),
    ("CREATE ROLE \"mal lory\";", "role mal lory: new"),
    ("GRANT bob TO alice;", "membership of alice in bob: new"),
    ("REVOKE bob FROM alice;", "membership of alice in bob: gone"),
    ("ALTER ROLE bob RESET work_mem;", "settings of role bob: gone"),
    ("ALTER DATABASE other SET search_path TO x;", "settings of database other: new"),
    (
        "INSERT INTO pg_catalog.pg_db_role_setting VALUES (0, 0, '{log_min_messages=fatal}');",
        "settings of all roles: new",
    ),
    ("DELETE FROM pg_catalog.pg_db_role_setting WHERE setdatabase = 0;", "settings of all roles: gone"),
    ("COMMENT ON DATABASE openfga IS 'xtask {\"use\":\"verify\"}';", "comment on database openfga: new"),
    ("COMMENT ON ROLE bob IS 'x';", "comment on role bob: new"),
    ("COMMENT ON TABLESPACE pg_default IS 'x';", "comment on tablespace pg_default: new"),
    ("GRANT CREATE ON TABLESPACE pg_default TO bob;", "tablespace pg_default: changed (grants)"),
    ("REVOKE CONNECT ON DATABASE other FROM PUBLIC;", "database other: changed (grants)"),
    ("ALTER DATABASE other CONNECTION LIMIT 0;", "database other: changed (connection limit)"),
    ("ALTER DATABASE other RENAME TO another;", "database another: changed (name)"),
    ("ALTER DATABASE another RENAME TO other;", "database other: changed (name)"),
    // Of its own database, too: no dump does that.
    (
        "EXECUTE pg_catalog.format('ALTER DATABASE %I SET work_mem TO 100', pg_catalog.current_database());",
        "settings of database openfga_verify_",
    ),
    (
        "EXECUTE pg_catalog.format('ALTER DATABASE %I IS_TEMPLATE true', pg_catalog.current_database());",
        "changed (whether it is a template)",
    ),
];

fn what_a_drill_changes_outside_its_database_is_named() {
    let local = server();
    for (statements, named) in CHANGES_OUTSIDE {
        let run = verify(&local, "hostile.sql", &by_a_check(statements));
        run.code(6).prints_nothing().stderr_has(named).stderr_has("objects outside its database changed meanwhile");
        run.stderr_lacks("✓").stderr_lacks("PASSWORD").stderr_has("or another session did it at the same time");
        nothing_is_left(&local);
    }
    if local.sql("postgres", "SHOW server_version_num").parse::<u32>().unwrap() >= 150_000 {
        let run = verify(&local, "hostile.sql", &by_a_check("GRANT SET ON PARAMETER work_mem TO bob;"));
        run.code(6).stderr_has("grants on parameter work_mem: new");
    }
    // A load that fails afterwards hides nothing.
    let body = by_a_check("CREATE ROLE early;") + "SELECT pg_catalog.setval('public.nosuch', 1, true);\n";
    let run = verify(&local, "fails.sql", &body);
    run.code(6).prints_nothing().stderr_has("was not loaded, and objects").stderr_has("role early: new");
    run.stderr_has("nosuch");
    // What is honest passes: a role's grants and the loaded database's own objects are no change of the server.
    let run = verify(&local, "honest.sql", "CREATE TABLE public.t (a int);\nGRANT SELECT ON TABLE public.t TO bob;\n");
    run.ok().stdout_has("restored and compared");
    nothing_is_left(&local);
}

fn a_restore_that_changes_something_outside_is_not_swapped_in() {
    let local = server();
    for (body, named) in [
        (by_a_check("ALTER ROLE alice SUPERUSER;"), "role alice: changed (superuser)"),
        (by_an_index("ALTER ROLE bob CREATEROLE;"), "role bob: changed (whether it creates roles)"),
    ] {
        Forged::of(dump(body)).taken("openfga", Clock::now()).write(&local.sandbox, "hostile.sql");
        let run = local.xtask(["db-restore", "backups/hostile.sql", "--yes"]).run();
        run.code(6).prints_nothing().stderr_has(named).stderr_has("is not used").stderr_lacks("✓ Database restored");
        assert_eq!(local.sql("openfga", "SELECT a FROM kept"), "1");
        nothing_is_left(&local);
    }
    local.xtask(["db-restore", "--repair"]).run().ok().stderr_has("Nothing to");
}

/// What code of a file does to table a, and the message.
const CHANGES_OF_LOADED_ROWS: [(&str, &str); 6] = [
    (
        "DELETE FROM public.a WHERE i = 2;",
        "public.a has 1 row after the load, the backup holds 2: code of the file changed them while it was loaded",
    ),
    ("INSERT INTO public.a VALUES (3);", "public.a has 3 rows after the load, the backup holds 2"),
    (
        "DROP TABLE IF EXISTS public.a;",
        "public.a is not there after the load, the backup holds 2 rows: code of the file dropped or renamed it",
    ),
    ("ALTER TABLE IF EXISTS public.a RENAME TO another;", "public.a is not there after the load"),
    (
        "DROP TABLE public.a; CREATE TABLE public.a (i int) PARTITION BY LIST (i);",
        "public.a is not there after the load",
    ),
    (
        "INSERT INTO public.a VALUES (3); ALTER EXTENSION plpgsql ADD TABLE public.a;",
        "public.a has 3 rows after the load, the backup holds 2",
    ),
];

/// The server counts the rows of a COPY before the code of a later one runs.
fn a_restore_whose_code_changes_loaded_rows_is_not_swapped_in() {
    let local = server();
    let kept = "CREATE TABLE public.a (i int);\nCREATE TABLE public.e ();\nCOPY public.a (i) FROM stdin;\n1\n2\n\\.\n";
    for (statement, named) in CHANGES_OF_LOADED_ROWS {
        let body = format!("{kept}{}", by_a_check(statement));
        let file = Forged::of(dump(&body)).taken("openfga", Clock::now()).write(&local.sandbox, "hostile.sql");
        for jobs in ["1", "2"] {
            let run = local.xtask(["db-restore", "backups/hostile.sql", "--yes", "--jobs", jobs]).run();
            run.code(1).prints_nothing().stderr_has(named).stderr_has("code of the file");
            assert_eq!(local.sql("openfga", "SELECT a FROM kept"), "1");
        }
        let run = local.xtask(["db-verify", "--restore"]).args([&file]).run();
        run.code(1).stderr_has(named).stdout_lacks("restored and compared");
        nothing_is_left(&local);
    }
    // Code of an index runs while the planner's statistics are made.
    let body = format!("{kept}{}", by_an_index("DELETE FROM public.a WHERE i = 2;"));
    Forged::of(dump(&body)).taken("openfga", Clock::now()).write(&local.sandbox, "hostile.sql");
    for command in [&["db-restore", "--yes"][..], &["db-verify", "--restore"]] {
        let run = local.xtask(command.iter().copied()).args(["backups/hostile.sql"]).run();
        run.code(1)
            .stderr_has("public.a has 1 row after the load, the backup holds 2")
            .stdout_lacks("restored and compared");
    }
    nothing_is_left(&local);
    // Code that reads is honest; so are the rows that an extension brings itself.
    let honest = format!("{kept}{}", by_a_check("PERFORM count(*) FROM public.a;"));
    verify(&local, "honest.sql", &honest).ok().stdout_has("restored and compared");
}

/// PostgreSQL counts what it took, and the file holds more.
fn a_restore_that_lacks_rows_of_the_file_is_not_swapped_in() {
    let local = server();
    let table = "CREATE TABLE public.t (i int);\nCREATE UNIQUE INDEX u ON public.t USING btree (i);\n";
    let rows = "INSERT INTO public.t VALUES (1);\nINSERT INTO public.t VALUES (1) ON CONFLICT DO NOTHING;\n";
    Forged::of(dump(format!("{table}{rows}"))).taken("openfga", Clock::now()).write(&local.sandbox, "twice.sql");
    for command in [&["db-restore", "--yes"][..], &["db-verify", "--restore"]] {
        let run = local.xtask(command.iter().copied()).args(["backups/twice.sql"]).run();
        run.code(1)
            .stderr_has("public.t has 1 row after the load, the backup holds 2: statements of the file left rows out");
        run.stdout_lacks("restored and compared").stderr_lacks("code of the file");
    }
    assert_eq!(local.sql("openfga", "SELECT a FROM kept"), "1");
    nothing_is_left(&local);
    let others = format!("{table}{}", rows.replacen("VALUES (1)", "VALUES (2)", 1));
    verify(&local, "honest.sql", &others).ok().stdout_has("restored and compared");
    // Rows of a partitioned table are in its partitions.
    let root = "CREATE TABLE public.root (i int) PARTITION BY RANGE (i);\nCREATE TABLE public.leaf (i int);\n\
        ALTER TABLE ONLY public.root ATTACH PARTITION public.leaf FOR VALUES FROM (0) TO (10);\n\
        CREATE UNIQUE INDEX u ON public.root USING btree (i);\n";
    for first in ["root", "leaf"] {
        let rows = |second: &str| {
            format!(
                "{root}INSERT INTO public.{first} VALUES (1), (2);\n\
                 INSERT INTO public.root VALUES {second} ON CONFLICT DO NOTHING;\n"
            )
        };
        Forged::of(dump(rows("(2), (3)"))).taken("openfga", Clock::now()).write(&local.sandbox, "twice.sql");
        for command in [&["db-restore", "--yes"][..], &["db-verify", "--restore"]] {
            let run = local.xtask(command.iter().copied()).args(["backups/twice.sql"]).run();
            run.code(1).stdout_lacks("restored and compared").stderr_has(
                "public.root has 3 rows after the load, the backup holds 4: statements of the file left rows out",
            );
        }
        let run = verify(&local, "honest.sql", &rows("(3), (4)"));
        run.ok().stdout_has("restored and compared").stderr_lacks("⚠");
    }
    nothing_is_left(&local);
}

/// Rows that an event trigger or an extension adds are no change by code of the file.
fn rows_that_an_event_trigger_adds_are_warned_of() {
    let local = server();
    let kept = "CREATE TABLE public.a (i int);\nCOPY public.a (i) FROM stdin;\n1\n2\n\\.\n";
    // An event trigger that logs statements adds a row for each that is loaded behind it.
    let logs = "CREATE FUNCTION public.log() RETURNS event_trigger LANGUAGE plpgsql AS $_$BEGIN INSERT INTO public.a VALUES (9); END$_$;\n\
        CREATE EVENT TRIGGER log ON ddl_command_end\n   EXECUTE FUNCTION public.log();\n";
    let view = "CREATE MATERIALIZED VIEW public.m AS\n SELECT 1 AS a\n  WITH NO DATA;\n";
    let body = format!("{kept}{view}{logs}REFRESH MATERIALIZED VIEW public.m;\n");
    verify(&local, "logged.sql", &body).ok().stdout_has("restored and compared").stderr_has(
        "⚠ public.a has 3 rows after the load, the backup holds 2: event triggers of the file may have added them",
    );
    // So many are not all named.
    let tables = 1..=12;
    let filled = |n| format!("CREATE TABLE public.t{n} (i int);\nCOPY public.t{n} (i) FROM stdin;\n1\n\\.\n");
    let inserts: String = tables.clone().map(|n| format!("INSERT INTO public.t{n} VALUES (9); ")).collect();
    let logs = logs.replace("INSERT INTO public.a VALUES (9);", &inserts);
    let body = format!("{}{view}{logs}REFRESH MATERIALIZED VIEW public.m;\n", tables.map(filled).collect::<String>());
    let run = verify(&local, "logged.sql", &body);
    run.ok().stderr_has("⚠ Event triggers may also have added rows to 2 other tables\n");
    // An extension of the file explains rows in its own tables alone.
    let extension = "CREATE EXTENSION IF NOT EXISTS plpgsql WITH SCHEMA pg_catalog;\n";
    let body = format!("{extension}{kept}{}", by_a_check("INSERT INTO public.a VALUES (3);"));
    let run = verify(&local, "extended.sql", &body);
    run.code(1).prints_nothing().stderr_has("public.a has 3 rows after the load, the backup holds 2");
    nothing_is_left(&local);
}

/// A reader of the tables that fails must not hide what code of the file did.
fn tables_that_cannot_be_counted_hide_no_other_one() {
    const WARNING: &str =
        "⚠ Rows were not counted again after the load, although code ran that may have changed them: public.";
    let local = server();
    let filled =
        |table: &str| format!("CREATE TABLE public.{table} (i int);\nCOPY public.{table} (i) FROM stdin;\n1\n2\n\\.\n");
    // Planning a query of the table calls what needs a setting of the database.
    let planned = "CREATE FUNCTION public.boom(text) RETURNS text LANGUAGE internal IMMUTABLE STRICT AS 'show_config_by_name';\n\
        CREATE TABLE public.planned (i int);\nCOPY public.planned (i) FROM stdin;\n1\n\\.\n\
        CREATE INDEX boom ON public.planned USING btree (public.boom('app.flag'::text));\n";
    let settings = serde_json::json!([{ "role": null, "values": ["app.flag=x"] }]);
    let verify = |name: &str, body: &str| {
        let file = Forged::of(dump(body)).with_property("settings", settings.clone()).write(&local.sandbox, name);
        local.xtask(["db-verify", "--restore"]).args([&file]).run()
    };
    let changes = by_a_check("DELETE FROM public.victim WHERE i = 2;");
    let run = verify("planned.sql", &format!("{}{planned}{changes}", filled("victim")));
    run.code(1).prints_nothing().stderr_has("public.victim has 1 row after the load, the backup holds 2");
    let honest = by_a_check("PERFORM 1;");
    // All of a column comes over, however long that is.
    let many = planned.replace("FROM stdin;\n1\n", &format!("FROM stdin;\n{}", "1\n".repeat(3_000_000)));
    let run = verify("honest.sql", &format!("{}{many}{honest}", filled("victim")));
    run.ok().stdout_has("restored and compared").stderr_lacks("⚠ Rows were not counted");
    // Rows that come through a partitioned table are in its partitions.
    let parent = "CREATE TABLE public.parent (i int) PARTITION BY RANGE (i);\nCREATE TABLE public.leaf (i int);\n\
        ALTER TABLE ONLY public.parent ATTACH PARTITION public.leaf FOR VALUES FROM (0) TO (10);\n\
        COPY public.parent (i) FROM stdin;\n1\n\\.\n";
    let run = verify("parent.sql", &format!("{parent}{honest}"));
    run.ok().stdout_has("restored and compared").stderr_has(&format!("{WARNING}parent"));
    nothing_is_left(&local);
    // A right that its owner took away ends the session that counts.
    let database = UrlDatabase::new();
    let verify = |name: &str, code: &str| {
        let tables: String = ["early", "shy", "victim"].map(filled).concat();
        let body = format!("{tables}{code}REVOKE ALL ON TABLE public.shy FROM \"{}\";\n", database.role);
        let file = Forged::of(dump(body)).write(&database.sandbox, name);
        database.xtask(["db-verify", "--restore"]).args([&file]).run()
    };
    let run = verify("shy.sql", &honest);
    run.ok().stdout_has("restored and compared").stderr_has(&format!("{WARNING}shy\n"));
    run.stderr_has("→ once it is restored, a backup counts them").stderr_has("db-backup --json");
    run.stderr_has("the file's rows: public.shy 2\n");
    let run = verify("hidden.sql", &changes);
    run.code(1).prints_nothing().stderr_has("public.victim has 1 row after the load, the backup holds 2");
}

fn what_another_session_changes_is_distinguished_only_where_a_file_has_no_code() {
    let local = server();
    let body = "CREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS 'SELECT 1';\nCREATE TABLE public.t (a int);\n\
         CREATE MATERIALIZED VIEW public.m AS SELECT 1 AS a FROM pg_catalog.pg_sleep(3);\n";
    let file = Forged::of(dump(body)).write(&local.sandbox, "slow.sql");
    let running = local.xtask(["db-verify", "--restore"]).args([&file]).spawn();
    let sleeps = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(3)%' AND datname LIKE '%verify%'";
    crate::harness::wait_until("it loads", || local.sql("postgres", sleeps) == "1");
    local.sql("postgres", "CREATE ROLE of_a_person");
    let run = running.wait();
    run.code(6).stderr_has("role of_a_person: new").stderr_has("if it was another session, try again");
    // A file without code of its own made no role.
    let no_code = body.split_once('\n').unwrap().1;
    let plain = Forged::of(dump(no_code)).write(&local.sandbox, "plain.sql");
    let running = local.xtask(["--verbose", "db-verify", "--restore"]).args([&plain]).spawn();
    crate::harness::wait_until("it loads", || local.sql("postgres", sleeps) == "1");
    for sql in ["CREATE ROLE of_another", "CREATE DATABASE of_a_test", "ALTER ROLE of_another SET work_mem TO '1MB'"] {
        local.sql("postgres", sql);
    }
    let run = running.wait();
    run.ok()
        .stdout_has("restored and compared")
        .stderr_has("another session changed this meanwhile: role of_another: new");
    // One that calls a function which may change more than its database has code.
    let calls = "CREATE MATERIALIZED VIEW public.m AS\n SELECT pg_catalog.query_to_xml('SELECT pg_sleep(3)', true, true, '') AS x;\n";
    let caller = Forged::of(dump(calls)).write(&local.sandbox, "caller.sql");
    let running = local.xtask(["db-verify", "--restore"]).args([&caller]).spawn();
    crate::harness::wait_until("it loads", || local.sql("postgres", sleeps) == "1");
    local.sql("postgres", "CREATE ROLE of_a_third");
    running.wait().code(6).stderr_has("role of_a_third: new");
    // Another run of ours is none: what it records is explained.
    local.xtask(["db-backup"]).run().ok();
    let running = local.xtask(["db-verify", "--restore"]).args([&file]).spawn();
    crate::harness::wait_until("it loads", || local.sql("postgres", sleeps) == "1");
    local.xtask(["db-restore", "--yes"]).run().ok().stderr_has("✓ Database restored");
    running.wait().ok().stdout_has("restored and compared");
}

fn a_role_without_rights_on_passwords_is_compared_too() {
    let database = UrlDatabase::new();
    let _alone = database.alone();
    database.own("CREATE TABLE t AS SELECT 1 AS a");
    database.xtask(["db-backup"]).run().ok();
    database.xtask(["db-verify", "--restore"]).run().ok().stdout_has("restored and compared");
    // It may change itself.
    let body = by_a_check("EXECUTE pg_catalog.format('ALTER ROLE %I SET work_mem TO 100', CURRENT_USER);");
    let file = Forged::of(dump(body)).write(&database.sandbox, "hostile.sql");
    let run = database.xtask(["db-verify", "--restore"]).args([&file]).run();
    run.code(6).stderr_has(&format!("settings of role {}: new", database.role));
}

/// The role's next sessions would end at once, or could not begin: those that ask what has changed were there before.
fn what_a_file_does_to_the_next_sessions_of_its_role_is_named() {
    let database = UrlDatabase::new();
    let _alone = database.alone();
    database.own("CREATE TABLE t AS SELECT 1 AS a");
    database.xtask(["db-backup"]).run().ok();
    let settings = format!("settings of role {}: new", database.role);
    for (change, named) in [
        ("ALTER ROLE %I SET statement_timeout TO 1", settings.as_str()),
        ("ALTER ROLE %I SET idle_session_timeout TO 1", &settings),
        ("ALTER ROLE %I SET default_transaction_read_only TO on", &settings),
        ("ALTER ROLE %I SET local_preload_libraries TO nosuch", &settings),
        ("ALTER ROLE %I SET role TO nosuch", &settings),
        ("ALTER ROLE %I PASSWORD 'another'", "whether objects outside its database changed meanwhile is not known"),
    ] {
        let body = by_a_check(&format!("EXECUTE pg_catalog.format($_${change}$_$, SESSION_USER);"));
        let file = Forged::of(dump(body)).taken(&database.name, Clock::now()).write(&database.sandbox, "hostile.sql");
        let commands: [&[&str]; 2] = [&["db-verify", "--restore"], &["db-restore", "--yes"]];
        for command in &commands[..if change.contains("SET") { 1 } else { 2 }] {
            let run = database.xtask(command.iter().copied()).args([&file]).run();
            run.code(6).stderr_has(named).stderr_has("was loaded and is not used").stderr_lacks("✓ Database restored");
            database.admin("ALTER ROLE @role RESET ALL");
            database.reset_password();
            assert_eq!(database.sql("SELECT a FROM t"), "1");
        }
    }
    database.xtask(["db-verify", "--restore"]).run().ok();
    database.xtask(["db-restore", "--repair"]).run().ok();
    assert_eq!([database.beside("verify").len(), database.beside("staging").len()], [0, 0]);
}
