//! What `db-restore` needs of the server: roles, extensions, room on its disk.

use crate::harness::forge::{Forged, dump};
use crate::harness::stack::Database;
use crate::harness::{Fakes, Stack, Test, shared_for_restores, wait_until};
use serde_json::json;

pub fn tests() -> Vec<Test> {
    tests![
        [OwnStack] a_restore_without_room_on_the_servers_disk_is_stopped,
        [Compose] missing_roles_are_named_and_created_by_consent,
        [Compose] a_role_with_a_line_break_in_its_name_begins_no_line,
        [Compose] a_missing_tablespace_is_reported_with_both_ways_before_any_change,
        [Compose] missing_extensions_and_older_servers_are_refused,
        [Compose] an_old_psql_gets_neither_restrict_nor_a_hostile_file,
        [Compose] a_table_that_is_held_is_no_reason_to_go_on_without_a_backup,
    ]
}

fn a_role_with_a_line_break_in_its_name_begins_no_line() {
    let database = shared_for_restores().database();
    let body = "CREATE TABLE public.t (a integer);\nALTER TABLE public.t OWNER TO \"gone\n✓ fine\";\n";
    let theirs = Forged::of(dump(body)).with("database", database.name.as_str()).with("roles", json!(["gone\n✓ fine"]));
    theirs.write(&database.sandbox, "theirs.sql");
    let run = database.restore(["backups/theirs.sql"]).run();
    run.code(1).stderr_has("CREATE ROLE \"gone\\n✓ fine\" NOLOGIN;");
    assert!(!run.stderr.lines().any(|line| line.trim_start().starts_with('✓')), "{}", run.stderr);
}

fn missing_roles_are_named_and_created_by_consent() {
    let stack = shared_for_restores();
    let database = stack.database();
    let (one, other) = (format!("owner of \"{}\"", database.name), format!("reader_{}", database.name));
    let quoted = format!("\"{}\"", one.replace('"', "\"\""));
    stack.admin(&format!("CREATE ROLE {quoted}; CREATE ROLE {other}"));
    database.sql(&format!(
        "CREATE TABLE t AS SELECT 1 AS a; ALTER TABLE t OWNER TO {quoted}; GRANT SELECT ON t TO {other}"
    ));
    database.backup();
    let state = database.dump();
    database.sql(&format!("DROP TABLE t; DROP OWNED BY {quoted}, {other}; DROP ROLE {quoted}, {other}"));
    let count = || stack.admin(&format!("SELECT count(*) FROM pg_roles WHERE rolname IN ('{one}', '{other}')"));
    for args in [&[][..], &["--dry-run"]] {
        let run = database.restore(args.iter().copied()).run();
        run.code(1).stderr_has(&format!("The server lacks roles that the backup names: {one}, {other}"));
        run.stderr_has("--create-roles").stderr_has(&format!("CREATE ROLE {quoted} NOLOGIN;"));
        assert!(database.safety_backups().is_empty() && count() == "0");
    }
    // Consent is given on the command line alone.
    database.restore([]).env("XTASK_CREATE_ROLES", "true").run().code(1);
    let run = database.restore(["--create-roles", "--dry-run"]).run();
    run.ok().stderr_has(&format!("Roles that will be created, without login: {one}, {other}"));
    let run = database.restore(["--create-roles", "--dry-run", "--json"]).run();
    assert_eq!(run.ok().json()["roles_to_make"], json!([one, other]));
    assert_eq!(count(), "0");
    let run = database.restore(["--create-roles"]).run();
    run.ok().stderr_has(&format!("✓ Roles created: {one}, {other}")).stderr_has("✓ Database restored");
    assert_eq!(database.dump(), state);
    let attributes =
        format!("SELECT DISTINCT rolcanlogin, rolsuper FROM pg_roles WHERE rolname IN ('{one}', '{other}')");
    assert_eq!((count().as_str(), stack.admin(&attributes).as_str()), ("2", "f|f"));
    // Without need it does nothing.
    database.restore(["--create-roles"]).run().ok().stderr_lacks("Roles created");
    drop(database.sql(&format!("DROP OWNED BY {quoted}, {other} CASCADE")));
    stack.admin(&format!("DROP DATABASE {}; DROP ROLE {other}", database.only_beside("before")));
}

/// A string that looks like a statement of a dump.
const LINE: &str = r"x\nSET default_tablespace = x;\n;\nSET default_tablespace = x;\n";

/// What lies in a tablespace, and strings beside it.
fn in_tablespace(space: &str) -> String {
    format!(
        "CREATE TABLE t (a int) TABLESPACE \"{space}\"; INSERT INTO t VALUES (1); CREATE INDEX i ON t (a) TABLESPACE \"{space}\";
         CREATE TABLE text AS SELECT 'SET default_tablespace = x;' AS a;
         COMMENT ON TABLE text IS E'{LINE}';
         CREATE FUNCTION text() RETURNS text LANGUAGE sql AS $$SELECT '{line}'::text$$",
        line = LINE.replace("\\n", "\n"),
    )
}

fn a_missing_tablespace_is_reported_with_both_ways_before_any_change() {
    let stack = shared_for_restores();
    let database = stack.database();
    let space = format!("Space of {}", database.name);
    let make = || make_tablespace(&database, &space);
    make();
    database.sql(&in_tablespace(&space));
    let file = database.backup();
    database.sql("DROP TABLE t");
    stack.admin(&format!("DROP TABLESPACE \"{space}\""));
    let run = database.restore([]).run();
    run.code(1).stderr_has(&format!("The server lacks tablespaces that the backup names: {space}"));
    run.stderr_has(&format!("CREATE TABLESPACE \"{space}\" LOCATION 'DIRECTORY';")).stderr_lacks("Safety backup");
    assert!(database.beside("staging").is_empty() && database.safety_backups().is_empty());
    // Both ways, as they are typed.
    let (_, command) = run.stderr.split_once("restore that file: ").unwrap();
    let mut typed = std::process::Command::new("sh");
    typed.args(["-ec", command.lines().next().unwrap()]).current_dir(&database.sandbox.root);
    assert!(typed.status().unwrap().success());
    let count =
        "SELECT (SELECT count(*) FROM t), count(*) FROM pg_class WHERE relname IN ('t', 'i') AND reltablespace = 0";
    database.restore(["x.sql"]).run().ok().stderr_has("✓ Database restored");
    assert_eq!((database.sql(count).as_str(), database.sql("SELECT count(*) FROM text").as_str()), ("1|2", "1"));
    let same = format!("SELECT text() = E'{LINE}', obj_description('text'::regclass) = E'{LINE}'");
    assert_eq!(database.sql(&same), "t|t");
    make();
    database.restore([file.to_str().unwrap()]).run().ok().stderr_has("✓ Database restored");
    assert_eq!(database.sql(count), "1|0");
    // A role that may not fill it sees the grant.
    let role = format!("filler_{}", database.name);
    database.sql(&format!("CREATE ROLE {role} LOGIN CREATEDB PASSWORD 'x'"));
    let run = database.restore([file.to_str().unwrap()]);
    let run = run.env("POSTGRES_USER", &role).env("POSTGRES_PASSWORD", "x").run();
    run.code(1).stderr_has(&format!("GRANT CREATE ON TABLESPACE \"{space}\" TO \"{role}\";"));
    for name in database.beside("before") {
        stack.admin(&format!("DROP DATABASE {name}"));
    }
    database.sql("DROP TABLE t");
    stack.admin(&format!("DROP TABLESPACE \"{space}\"; DROP ROLE {role}"));
}

/// A tablespace in the server's own folder, made by a superuser.
fn make_tablespace(database: &Database<'_>, name: &str) {
    let _alone = database.stack.alone();
    let create = format!("CREATE TABLESPACE \"{name}\" LOCATION ''");
    let words = ["psql", "-Xqc", "SET allow_in_place_tablespaces = on", "-c", &create];
    let (made, errors) = database.stack.client(&words, "");
    assert!(made.is_some(), "{errors}");
}

fn missing_extensions_and_older_servers_are_refused() {
    let database = shared_for_restores().database();
    let nothing = |file: &str, words: &str, hint: &str| {
        let run = database.restore([file]).run();
        run.code(1).stderr_has(words).stderr_has(hint).stderr_lacks("Safety backup");
        assert!(database.beside("staging").is_empty() && database.safety_backups().is_empty());
    };
    let extension = dump("CREATE EXTENSION IF NOT EXISTS nosuch WITH SCHEMA public;\n");
    database.sandbox.write("extension.sql", &extension);
    nothing("extension.sql", "The server lacks extensions that the backup names: nosuch", "install their packages");
    let newer = String::from_utf8(dump("")).unwrap().replace("database version 15.18", "database version 99.1");
    database.sandbox.write("newer.sql", newer);
    nothing("newer.sql", "is from PostgreSQL 99; this server is", "use a server of that version or newer");
}

/// psql before 17.6, 16.10, 15.14 and 14.19 stops at `\\restrict`: the dump's own pair is left out, and no other is
/// sent. What then stands between a hostile file and that psql is the reader alone, which lets nothing of it start.
fn an_old_psql_gets_neither_restrict_nor_a_hostile_file() {
    let database = shared_for_restores().database();
    let states = database.backed_up_and_changed();
    let fed = database.sandbox.beside("fed");
    let old = format!(
        "sed -u 's/:VERSION_NAME/16.8/' | case \"$*\" in\n*-load*) tee -a '{}' | real \"$@\" ;;\n*) real \"$@\" ;;\nesac",
        fed.display()
    );
    let fakes = Fakes::new(&database.sandbox).docker_but("psql", &old);
    fakes.over(database.restore([])).run().ok().stderr_has("✓ Database restored");
    let fed = std::fs::read_to_string(&fed).unwrap();
    assert!(fed.contains("COPY public.t ") && !fed.contains("\\restrict") && !fed.contains("\\unrestrict"), "{fed}");
    assert!(database.dump() == states.restored);
    let calls = fakes.calls_but_looks().len();
    database.sandbox.write("hostile.sql", dump("\\! touch /tmp/xtask-canary\n"));
    fakes.over(database.restore(["hostile.sql"])).run().code(3).stderr_has("a psql meta-command");
    assert_eq!(fakes.calls_but_looks().len(), calls, "no program is started on the server for it");
}

/// A server on a small disk: what cannot fit is refused beforehand; what grows beyond it is stopped, and the live
/// database goes on.
fn a_restore_without_room_on_the_servers_disk_is_stopped() {
    let stack = Stack::postgres_only();
    stack.postgres_only_with("    environment:\n      PGDATA: /small/data\n    tmpfs:\n      - /small:size=400m\n");
    stack.up();
    let database = stack.database();
    database.sql("CREATE TABLE kept AS SELECT 1 AS a");
    let old = database.dump();
    let huge = json!({
        "encoding": "UTF8", "locale_provider": "libc", "collate": "C", "ctype": "C", "locale": null, "icu_rules": null,
        "owner": "postgres", "grants": null, "settings": [], "connection_limit": -1, "comment": null,
        "size_bytes": 7_000_000_000_u64
    });
    let file = Forged::of(dump("")).with("database", database.name.as_str()).with("properties", huge);
    file.write(&database.sandbox, "huge.sql");
    let run = database.restore(["backups/huge.sql"]).run();
    run.code(1).stderr_has("The server's disk has no room for the backup: ").stderr_has("about 7000 MB are needed");
    run.stderr_has(" are missing").stderr_lacks("Safety backup");

    // Each row costs more time than disk, so that a look once a second sees it coming.
    let rows = "SELECT (SELECT string_agg(md5(i::text || j::text), '') FROM generate_series(1, 30) AS j) FROM generate_series(1, 4000000) AS i";
    let growing = dump(format!("CREATE MATERIALIZED VIEW public.growing AS {rows};\n"));
    database.sandbox.write("growing.sql", growing);
    let mut client = database.session();
    let run = database.restore(["growing.sql"]).run();
    run.code(1).stderr_has("The load was stopped: the server's disk has only ").stderr_lacks("✓ Database restored");
    assert_eq!(client.sql("SELECT count(*) FROM kept"), "1", "a session of the live database goes on");
    assert!(database.dump() == old && database.beside("staging").is_empty() && database.beside("before").is_empty());
    wait_until("no session of ours is left", || database.our_sessions() == 0);
    database.backup();
    database.restore([]).run().ok();
}

fn a_table_that_is_held_is_no_reason_to_go_on_without_a_backup() {
    let database = shared_for_restores().database();
    database.sandbox.tables(1);
    database.sql("CREATE TABLE t AS SELECT 1 AS a");
    database.backup();
    let refused = |pid: &str| {
        for (words, waiver) in [
            (&["db-restore", "--yes", "--lock-timeout", "1"][..], "--no-safety-backup"),
            (&["db-reset", "--yes", "--lock-timeout", "1"], "--no-safety-backup"),
            (&["db-migrate", "up"], "--no-backup"),
        ] {
            let run = database.xtask(words.iter().copied()).env("XTASK_LOCK_TIMEOUT", "1").run();
            run.code(5).stderr_has("failed; nothing was changed").stderr_has("A table stayed locked for 1 s");
            run.stderr_has(&format!("table public.t is held by session {pid}")).stderr_has("--lock-timeout SECONDS");
            run.stderr_lacks(waiver).stderr_lacks("✓");
        }
    };
    let mut holder = database.hold("t");
    refused(&holder.sql("SELECT pg_backend_pid()"));
    holder.sql("ROLLBACK");
    // A reader is held up by one that waits for another reader: that one is named.
    let reader = holder.sql("BEGIN; TABLE t; SELECT pg_backend_pid()");
    let mut waiting = database.session();
    let waits = "BEGIN; SET application_name = 'waits'; LOCK TABLE t IN ACCESS EXCLUSIVE MODE";
    let waiting = std::thread::spawn(move || waiting.try_sql(waits));
    let waiter = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'waits' AND wait_event_type = 'Lock'";
    wait_until("it waits", || database.stack.admin(waiter) == "1");
    refused(reader.lines().last().unwrap());
    drop(holder);
    waiting.join().unwrap().unwrap();
    database.restore(["--lock-timeout", "30"]).run().ok().stderr_has("✓ Database restored");
}
