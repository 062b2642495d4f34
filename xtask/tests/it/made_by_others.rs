//! Dumps of other versions and other programs: what loads as it is, and commands that make the rest loadable.

use crate::harness::forge::dump;
use crate::harness::stack::Database;
use crate::harness::{Outcome, Test, shared_for_restores};
use std::process::Command;

pub fn tests() -> Vec<Test> {
    tests![
        [Compose] a_dump_by_a_newer_pg_dump_of_this_server_loads,
        [Compose] statistics_that_this_server_cannot_take_are_refused_with_the_way_on,
        [Compose] a_dump_of_schema_public_loads_with_its_privileges,
        [Compose] a_database_without_schema_public_comes_back_without_it,
        [Compose] text_around_a_dump_goes_with_the_command_in_the_hint,
        [Compose] the_first_way_on_is_one_that_helps,
    ]
}

/// Types the command that a run tells, in the checkout's folder: it writes `x.sql`.
#[track_caller]
fn typed(run: &Outcome, database: &Database<'_>, file: &str) {
    let at = |word: &str| run.stderr.find(word);
    let start =
        ["sed '", "sed \"", "sed -E ", "{ echo", "head -n", "iconv -f"].iter().filter_map(|word| at(word)).min();
    let command = run.stderr[start.unwrap()..].lines().next().unwrap().replace("FILE", file);
    let status = Command::new("sh").args(["-c", &command]).current_dir(database.sandbox.path("")).status().unwrap();
    assert!(status.success(), "{command}");
}

/// What pg_dump 18 writes of a PostgreSQL 15.
fn by_newer(body: &str) -> String {
    let text = String::from_utf8(dump(body)).unwrap().replace("by pg_dump version 15.18", "by pg_dump version 18.6");
    text.replace("SET client_encoding", "SET transaction_timeout = 0;\nSET client_encoding")
}

const ROWS: &str = "CREATE TABLE public.t (a integer);\nCREATE TABLE public.u (a integer);\n\
    COPY public.t (a) FROM stdin;\n1\n2\n\\.\nCOPY public.u (a) FROM stdin;\n3\n\\.\n";

fn a_dump_by_a_newer_pg_dump_of_this_server_loads() {
    let database = shared_for_restores().database();
    database.sql("CREATE TABLE t AS SELECT 1 AS a");
    database.sandbox.write("newer.sql", by_newer(ROWS));
    for jobs in ["1", "2"] {
        database
            .xtask(["db-verify", "--restore", "newer.sql", "--jobs", jobs])
            .run()
            .ok()
            .stdout_has("3 rows), restored");
    }
    database.restore(["newer.sql"]).run().ok().stderr_has("✓ Database restored");
    assert_eq!(database.sql("SELECT (SELECT sum(a) FROM t), (SELECT sum(a) FROM u)"), "3|3");
    // Lines are counted as in the file.
    let failing = by_newer("CREATE TABLE public.t (a integer);\nCREATE TABLE public.v (a public.nosuch);\n");
    let line = 1 + failing.lines().position(|line| line.starts_with("CREATE TABLE public.v")).unwrap();
    database.sandbox.write("failing.sql", failing);
    let run = database.xtask(["db-verify", "--restore", "failing.sql"]).run();
    run.code(1).stderr_has(&format!(" at line {line}: CREATE TABLE public.v"));
    // Spelled in another way it is sent, and an old server would stop there.
    database.sandbox.write("odd.sql", by_newer(ROWS).replace("transaction_timeout = 0", "\ntransaction_timeout = 0"));
    let run = database.restore(["odd.sql"]).run();
    run.code(3).stderr_has("sets transaction_timeout in line ").stderr_lacks("Safety backup");
}

const STATISTICS: &str = "SELECT * FROM pg_catalog.pg_restore_relation_stats(\n\t'version', '180000'::integer,\n\
    \t'schemaname', 'public',\n\t'relname', 't',\n\t'relpages', '1'::integer\n);\n";

fn statistics_that_this_server_cannot_take_are_refused_with_the_way_on() {
    let database = shared_for_restores().database();
    database.sandbox.write("statistics.sql", by_newer(&format!("{ROWS}{STATISTICS}")));
    let run = database.restore(["statistics.sql"]).run();
    run.code(3).stderr_has("restores the planner's statistics from line ").stderr_lacks("Safety backup");
    typed(&run, &database, "statistics.sql");
    database.restore(["x.sql"]).run().ok().stderr_has("✓ Database restored");
    database.sandbox.write("alone.sql", by_newer(STATISTICS));
    let run = database.restore(["alone.sql"]).run();
    run.code(3).stderr_has("restores statistics of tables, which it does not create").stderr_lacks("--search-path");
}

fn dumped(database: &Database<'_>, options: &[&str]) -> String {
    let (bytes, errors) = database.stack.exec(&[&["pg_dump", "-d", &database.name], options].concat(), "");
    String::from_utf8(bytes.unwrap_or_else(|| panic!("{errors}"))).unwrap()
}

fn a_dump_of_schema_public_loads_with_its_privileges() {
    let database = shared_for_restores().database();
    let role = format!("reader_{}", database.name);
    database.stack.admin(&format!("CREATE ROLE {role}"));
    database.sql(&format!(
        "CREATE TABLE t AS SELECT 1 AS a; CREATE SCHEMA app; CREATE TABLE app.t AS SELECT 2 AS a; \
         COMMENT ON SCHEMA public IS 'ours'; GRANT CREATE ON SCHEMA public TO {role}"
    ));
    let facts = "SELECT nspacl, pg_get_userbyid(nspowner), obj_description(oid, 'pg_namespace'), \
                 has_schema_privilege('public', 'public', 'USAGE') FROM pg_namespace WHERE nspname = 'public'";
    let before = database.sql(facts);
    assert!(before.ends_with("|ours|t"), "{before}");
    for options in [
        &["-n", "public"][..],
        &["-n", "public", "-n", "app"],
        &["-n", "public", "--quote-all-identifiers"],
        &["-n", "public", "--inserts"],
    ] {
        let text = dumped(&database, options);
        assert!(text.contains("\nCREATE SCHEMA public;\n") || text.contains("\nCREATE SCHEMA \"public\";\n"), "{text}");
        database.sandbox.write("public.sql", text);
        database.restore(["public.sql"]).run().ok().stderr_has("✓ Database restored");
        assert_eq!(
            (database.sql(facts).as_str(), database.sql("TABLE t").as_str()),
            (before.as_str(), "1"),
            "{options:?}"
        );
    }
    // What drops the schema first makes another one.
    database.sandbox.write("clean.sql", dumped(&database, &["-n", "public", "--clean", "--if-exists"]));
    database.xtask(["db-verify", "--restore", "clean.sql"]).run().ok();
    database.sql(&format!("DROP OWNED BY {role}"));
    for name in database.beside("before") {
        database.stack.admin(&format!("DROP DATABASE {name}"));
    }
    database.stack.admin(&format!("DROP ROLE {role}"));
}

fn a_database_without_schema_public_comes_back_without_it() {
    let database = shared_for_restores().database();
    database.sql("DROP SCHEMA public; CREATE SCHEMA app; CREATE TABLE app.t AS SELECT 1 AS a");
    database.backup();
    database.sql("CREATE SCHEMA public; DELETE FROM app.t");
    let run = database.restore([]).run();
    run.ok().stderr_has("has no schema public; the restored one will have none");
    assert_eq!(database.sql("SELECT to_regnamespace('public') IS NULL, (SELECT count(*) FROM app.t)"), "t|1");
    // As in a file that says nothing of it.
    database.sql("CREATE SCHEMA public");
    database.backup();
    database.restore([]).run().ok().stderr_lacks("no schema public");
    assert_eq!(database.sql("SELECT to_regnamespace('public') IS NULL"), "f");
}

fn text_around_a_dump_goes_with_the_command_in_the_hint() {
    let database = shared_for_restores().database();
    let text = by_newer(ROWS);
    for (file, words) in [
        (format!("-- our dump of Friday\n{text}"), "a dump with other text before it"),
        (format!("SET session_replication_role = replica;\n\n{text}"), "a dump with other text before it"),
        (format!("{text}\nANALYZE;\n"), "text after the end of the dump"),
        (format!("{text}-- by us\n"), "text after the end of the dump"),
    ] {
        database.sandbox.write("around.sql", file);
        let run = database.restore(["around.sql"]).run();
        typed(run.code(3).stderr_has(words), &database, "around.sql");
        assert_eq!(std::fs::read_to_string(database.sandbox.path("x.sql")).unwrap().trim_end(), text.trim_end());
    }
    database.restore(["x.sql"]).run().ok().stderr_has("✓ Database restored");
    // Within the dump, as Supabase's tools write it; a row is a row, whatever it says. The next way writes another file.
    let line = "SET session_replication_role = replica;\n";
    let body = format!("CREATE TABLE public.t (a text);\nCOPY public.t (a) FROM stdin;\n{line}\\.\n");
    let text = by_newer(&body);
    let within = text.replacen("SET client_encoding", &format!("{line}SET client_encoding"), 1);
    database.sandbox.write("around.sql", format!("{within}\nRESET ALL;\n"));
    let run = database.restore(["around.sql"]).run();
    typed(run.code(3).stderr_has("as Supabase's tools write it").stderr_has("leave that out"), &database, "around.sql");
    let run = database.restore(["x.sql"]).run();
    typed(run.code(3).stderr_has("text after the end of the dump"), &database, "x.sql");
    database.restore(["y.sql"]).run().ok().stderr_has("✓ Database restored");
    assert_eq!(format!("{}\n", database.sql("SELECT a FROM t")), line);
}

fn the_first_way_on_is_one_that_helps() {
    let database = shared_for_restores().database();
    let failing = |body: &str| {
        database.sandbox.write("failing.sql", dump(body));
        let run = database.restore(["failing.sql"]).run();
        run.code(1).stderr_has(&format!("→ {} is unchanged", database.name));
        let ways: Vec<&str> = run.stderr.lines().skip_while(|line| !line.contains("is unchanged")).skip(1).collect();
        run.holds(!ways[0].trim_start().starts_with("or "), "the first way does not begin with \"or\"");
        run
    };
    let run = failing("CREATE TABLE public.t (a integer CHECK ((a > 0)));\nCOPY public.t (a) FROM stdin;\n0\n\\.\n");
    run.stderr_has("change what the server names").stderr_has("or load it by hand into an empty database");
    // A name that has its schema is not found by any path.
    let run = failing("CREATE TABLE public.t (a public.nosuch);\n");
    run.stderr_has("the file holds a part of a database").stderr_lacks("--search-path");
    database.sql("CREATE TABLE t AS SELECT lo_create(0) AS a");
    database.sandbox.write("rows.sql", dumped(&database, &["--data-only"]));
    let run = database.restore(["rows.sql"]).run();
    run.code(3).stderr_has("it has transactions of its own").stderr_has("db-shell -- -v ON_ERROR_STOP=1 < ");
}
