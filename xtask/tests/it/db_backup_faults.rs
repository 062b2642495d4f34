//! `db-backup` when something between the tables and the file breaks: no backup, no leftover, and the reason.

use crate::db_backup_stream::{nothing_is_left, sample};
use crate::harness::stack::identifier;
use crate::harness::{Fakes, Need, Sandbox, Stack, Test, Xtask, needs, shared, wait_until};
use std::process::Command;

pub fn tests() -> Vec<Test> {
    tests![
        [OwnStack] a_killed_container_ends_the_backup_and_leaves_no_file,
        [OwnStack] a_container_that_dies_as_pg_dump_starts_is_no_damaged_stream,
        [Stack] a_damaged_page_leaves_no_file_and_is_named,
        [Stack] a_table_that_may_not_be_read_is_named,
        [Stack] a_killed_pg_dump_leaves_no_file_and_is_named,
        [Stack] a_session_that_the_server_ends_leaves_no_file,
        [Stack] a_locked_table_is_named_with_the_session_that_holds_it,
        [Stack] a_wrong_database_or_user_is_named_with_its_setting,
        [] without_docker_no_backup_is_made_and_why_is_said,
        [Compose] a_service_that_was_never_started_is_named,
    ]
}

/// The server's own files are damaged: the copy that never was in memory has a page of rubbish.
fn a_damaged_page_leaves_no_file_and_is_named() {
    let database = shared().database();
    database.sql("CREATE TABLE good AS SELECT 1 AS i; CREATE TABLE pages AS SELECT i, repeat('x', 500) FROM generate_series(1, 2000) AS i; CHECKPOINT");
    let copy = database.stack.database_with(&format!("TEMPLATE {} STRATEGY file_copy", database.name));
    let number = |name: &str| database.stack.admin(&format!("SELECT oid FROM pg_database WHERE datname = '{name}'"));
    let path =
        database.sql("SELECT pg_relation_filepath('pages')").replace(&number(&database.name), &number(&copy.name));
    let rubbish =
        "tr '\\000' '\\377' </dev/zero | dd of=\"$PGDATA/$0\" bs=8192 seek=50 count=1 conv=notrunc iflag=fullblock";
    let (done, errors) = copy.stack.exec(&["sh", "-ec", rubbish, &path], "");
    assert!(done.is_some(), "{errors}");
    let run = copy.xtask(["db-backup"]).run();
    run.code(1).stderr_has("pg_dump failed").stderr_has("invalid page in block 50").stderr_has("pages");
    nothing_is_left(&copy, &run);
}

fn a_table_that_may_not_be_read_is_named() {
    let database = shared().database();
    let role = format!("reader_of_{}", database.name);
    database.sql(&format!(
        "CREATE ROLE {role} LOGIN; CREATE TABLE open_one (a int); GRANT SELECT ON open_one TO {role};
         CREATE TABLE closed_one (a int); CREATE TABLE rows_of_others (a int); ALTER TABLE rows_of_others ENABLE ROW LEVEL SECURITY;
         GRANT SELECT ON rows_of_others TO {role};"
    ));
    let run = database.xtask(["db-backup"]).env("POSTGRES_USER", &role).run();
    run.code(1).stderr_has("permission denied for table closed_one");
    nothing_is_left(&database, &run);
    // Rows that a policy hides would be missing from the file.
    database.sql(&format!("GRANT SELECT ON closed_one TO {role}"));
    let run = database.xtask(["db-backup"]).env("POSTGRES_USER", &role).run();
    run.code(1).stderr_has("row-level security").stderr_has("rows_of_others");
    nothing_is_left(&database, &run);
}

fn a_killed_pg_dump_leaves_no_file_and_is_named() {
    let database = shared().database();
    sample(&database);
    let kill = "for p in /proc/[0-9]*; do \
                if grep -qzx \"PGDATABASE=$0\" $p/environ && grep -qz pg_dump $p/cmdline; then kill -9 ${p#/proc/}; fi; \
                done 2>/dev/null; true";
    let words = ["sh", "-c", kill, &database.name];
    for way in ["never", "auto"] {
        let holder = database.hold("a");
        let running = database.xtask(["--direct", way, "db-backup"]).spawn();
        database.wait_for_a_blocked_dump();
        // Where this host has no programs that fit, it is inside the container both times.
        let is_inside = way == "never" || !needs::has(Need::Clients);
        if is_inside {
            database.stack.exec(&words, "");
        } else {
            assert!(Command::new(words[0]).args(&words[1..]).status().unwrap().success());
        }
        let run = running.wait();
        run.code(1).stderr_has("pg_dump failed").stderr_has(if is_inside { "137" } else { "signal 9" });
        nothing_is_left(&database, &run);
        drop(holder);
    }
}

fn a_session_that_the_server_ends_leaves_no_file() {
    let database = shared().database();
    database.fill("large", 5);
    let (reached, go) = (database.sandbox.beside("reached"), database.sandbox.beside("go"));
    let status = database.sandbox.beside("status");
    // pg_dump stands in the middle of a table's rows, its pipe full, when its session ends.
    let body = format!(
        "{{ real \"$@\"; echo $? >'{}'; }} | {{ head -c 1000000; : >'{}'; while [ ! -e '{}' ]; do sleep 0.05; done; cat; }}\nexit $(cat '{}')",
        status.display(),
        reached.display(),
        go.display(),
        status.display()
    );
    let running = database.xtask_with_pg_dump(["db-backup"], &body).spawn();
    wait_until("the dump is in its middle", || reached.exists());
    let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query LIKE 'COPY %' AND datname = ";
    wait_until("a session was ended", || database.stack.admin(&format!("{end}'{}'", database.name)) != "0");
    wait_until("the session is gone", || {
        let left = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'COPY %' AND datname = '{}'",
            database.name
        );
        database.stack.admin(&left) == "0" || database.stack.admin(&format!("{end}'{}'", database.name)) == "0"
    });
    std::fs::write(go, "").unwrap();
    let run = running.wait();
    run.code(4).stderr_has("The connection to PostgreSQL was lost; no backup was made");
    run.stderr_has("Dumping the contents of table").stderr_has("→");
    nothing_is_left(&database, &run);
}

fn a_killed_container_ends_the_backup_and_leaves_no_file() {
    let stack = Stack::postgres_only();
    stack.up();
    let database = stack.database();
    sample(&database);
    let _holder = database.hold("a");
    let running = database.xtask(["db-backup"]).spawn();
    database.wait_for_a_blocked_dump();
    stack.docker(&["kill", stack.postgres()]);
    let run = running.wait();
    run.code(4).prints_nothing().stderr_has("The postgres service is not running; no backup was made");
    run.stderr_has("cargo xtask up");
    assert_eq!(database.sandbox.backups(), [""; 0]);
    let later = database.xtask(["db-backup"]).run();
    later.code(4).prints_nothing().stderr_has("is not running").stderr_has("cargo xtask up");
    assert_eq!(database.sandbox.backups(), [""; 0]);
}

/// What had come of the stream is no dump, and the client in front of pg_dump ends as if it had succeeded.
fn a_container_that_dies_as_pg_dump_starts_is_no_damaged_stream() {
    let cut = |kill: &str| format!("real \"$@\" | head -c 900; {kill}");
    let refused = |kill: &str| format!("{kill}; echo 'OCI runtime exec failed: container is not running'");
    for dies in [&cut as &dyn Fn(&str) -> String, &refused] {
        let stack = Stack::postgres_only();
        stack.up();
        let database = stack.database();
        sample(&database);
        let body = format!("{}; exit 0", dies(&format!("real kill '{}' >/dev/null", stack.postgres())));
        let fakes = Fakes::new(&database.sandbox).docker_but("pg_dump", &body);
        let run = fakes.over(database.xtask(["db-backup"])).run();
        run.code(4).prints_nothing().stderr_has("✗ The postgres service is not running");
        run.stderr_has("cargo xtask up").stderr_lacks("incomplete");
        assert_eq!(database.sandbox.backups(), [""; 0]);
    }
}

fn a_locked_table_is_named_with_the_session_that_holds_it() {
    let database = shared().database();
    let name = "held \"table\".é";
    database.sql(&format!("CREATE TABLE {} (a int)", identifier(name)));
    let mut holder = database.hold(name);
    let pid = holder.sql("SET application_name = 'the holder'; SELECT pg_backend_pid()");
    let run = database.xtask(["db-backup", "--lock-timeout", "1"]).run();
    run.code(5).stderr_has("A table stayed locked for 1 s; no backup was made");
    run.stderr_has(&format!("table public.{} is held by session {pid}", identifier(name))).stderr_has("user postgres");
    run.stderr_has("application the holder")
        .stderr_has("--lock-timeout SECONDS")
        .stderr_has(&format!("pg_terminate_backend({pid})"));
    nothing_is_left(&database, &run);
    // A table that comes free in time is no fault.
    let running = database.xtask(["--quiet", "db-backup"]).spawn();
    database.wait_for_a_blocked_dump();
    holder.sql("COMMIT");
    running.wait().ok();
}

fn a_wrong_database_or_user_is_named_with_its_setting() {
    let database = shared().database();
    let wrong = |name: &str, value: &str| database.xtask(["db-backup"]).env(name, value).run();
    let run = wrong("POSTGRES_DB", "nosuch");
    run.code(4).stderr_has("PostgreSQL has no database nosuch").stderr_has("POSTGRES_DB");
    nothing_is_left(&database, &run);
    let run = wrong("POSTGRES_USER", "nosuch");
    run.code(4).stderr_has("PostgreSQL has no user nosuch").stderr_has("POSTGRES_USER");
    nothing_is_left(&database, &run);
    database.stack.admin(&format!("ALTER DATABASE {} ALLOW_CONNECTIONS false", database.name));
    let run = database.xtask(["db-backup"]).run();
    run.code(4).stderr_has("accepts no connections").stderr_has(" ALLOW_CONNECTIONS true");
    nothing_is_left(&database, &run);
}

fn without_docker_no_backup_is_made_and_why_is_said() {
    let sandbox = Sandbox::new();
    let empty = sandbox.beside("empty");
    std::fs::create_dir(&empty).unwrap();
    let run = Xtask::new(&sandbox).args(["db-backup"]).env("PATH", &empty).run();
    run.code(4).prints_nothing().stderr_has("docker command is not installed").stderr_has("--target local");
    assert_eq!(sandbox.backups(), [""; 0]);
}

fn a_service_that_was_never_started_is_named() {
    let sandbox = Sandbox::new();
    let run = Xtask::new(&sandbox).args(["db-backup"]).run();
    run.code(4).prints_nothing().stderr_has("has not been started").stderr_has("cargo xtask up");
    assert_eq!(sandbox.backups(), [""; 0]);
}
