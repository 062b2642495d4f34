//! Dumps that people made with pg_dump's options: what passes, what is refused before anything is made, and why.

use crate::harness::forge::{Forged, dump};
use crate::harness::{Fakes, Test, shared};
use crate::round_trip::{NASTY, NASTY_ROLE};
use std::path::PathBuf;

pub fn tests() -> Vec<Test> {
    tests![
        [Stack] rows_in_insert_statements_are_counted_and_come_back,
        [Stack] every_kind_of_object_loads_with_every_option_of_pg_dump,
        [Stack] what_an_empty_database_cannot_take_is_refused_beforehand,
        [Stack] a_file_without_rows_is_reported_before_the_question_and_after_the_swap,
        [Stack] tables_whose_rows_were_left_out_are_named_and_empty_ones_are_not,
        [Stack] a_file_without_keys_is_reported_where_the_live_database_has_some,
        [Stack] half_of_the_restrict_pair_and_what_compose_says_are_named,
        [Stack] what_a_psql_could_read_as_a_command_is_refused_where_it_would_run_it,
        [Stack] rows_for_the_systems_tables_change_nothing,
    ]
}

fn a_file_without_keys_is_reported_where_the_live_database_has_some() {
    let database = shared().database();
    let told = "keys.sql creates tables and holds no key or index; database ";
    let dump = |options: &[&str]| {
        let words = [&["pg_dump", "-d", &database.name], options].concat();
        let (bytes, errors) = database.stack.exec(&words, "");
        database.sandbox.write("keys.sql", bytes.unwrap_or_else(|| panic!("{errors}")));
    };
    // A database that has none loses none.
    database.sql("CREATE TABLE a (id int); CREATE TABLE b (id int)");
    dump(&[]);
    database.xtask(["db-verify", "keys.sql"]).run().ok().stderr_lacks(told);
    database.xtask(["db-restore", "keys.sql", "--yes"]).run().ok().stderr_lacks("no key or index");
    database.sql(
        "ALTER TABLE a ADD PRIMARY KEY (id); ALTER TABLE b ADD FOREIGN KEY (id) REFERENCES a; CREATE INDEX ON b (id)",
    );
    dump(&[]);
    database.xtask(["db-verify", "keys.sql"]).run().ok().stderr_lacks(told);
    dump(&["--section=pre-data", "--section=data"]);
    let told = format!("{told}{} has 3 keys and indexes", database.name);
    for words in [&["db-verify", "keys.sql"][..], &["db-verify", "--restore", "keys.sql"]] {
        let run = database.xtask(words.iter().copied()).run();
        run.ok().stdout_has("✓ keys.sql").stderr_has(&told).stderr_has("→ have it dumped again without --section");
    }
    let run = database.xtask(["db-restore", "keys.sql", "--yes"]).run();
    run.ok().stderr_has(&told).stderr_has(" has no key or index now; it had 3 before");
    run.stderr_has("→ if that is not wanted: ").stderr_has("db-restore --undo");
    database.xtask(["db-restore", "--undo", "--yes"]).run().ok();
    assert_eq!(database.sql("SELECT count(*) FROM pg_index WHERE indrelid IN ('a'::regclass, 'b'::regclass)"), "2");
}

const TABLES: &str = "CREATE TABLE t (id integer PRIMARY KEY, name text, big numeric, yes boolean, bits bit(3));
    INSERT INTO t VALUES (1, 'it''s; \\', -1.5e-20, true, B'101'), (2, NULL, 'NaN', false, NULL), (3, E'a\\nb', 7, NULL, NULL);
    CREATE TABLE none (); INSERT INTO none DEFAULT VALUES; CREATE VIEW v AS SELECT id FROM t";

fn rows_in_insert_statements_are_counted_and_come_back() {
    let database = shared().database();
    database.sql(TABLES);
    for options in [&["--inserts"][..], &["--column-inserts", "--on-conflict-do-nothing"], &["--rows-per-insert=2"]] {
        let words = [&["pg_dump", "-d", &database.name], options].concat();
        let (bytes, errors) = database.stack.exec(&words, "");
        let file = database.sandbox.write("inserts.sql", bytes.unwrap_or_else(|| panic!("{errors}")));
        let run = database.xtask(["db-verify", "--restore"]).args([&file]).run();
        run.ok().stdout_has("(2 tables, 4 rows), restored");
    }
}

/// Options that change the text, together where they do not hinder one another. Without --use-set-session-authorization:
/// with it an owner who may not create in a schema cannot make the table there, under psql neither.
const OPTIONS: &[&[&str]] = &[
    &[
        "--no-owner",
        "--no-privileges",
        "--no-comments",
        "--no-publications",
        "--no-subscriptions",
        "--no-security-labels",
        "--no-tablespaces",
        "--no-unlogged-table-data",
        "--no-toast-compression",
    ],
    &["--quote-all-identifiers", "--disable-dollar-quoting"],
    &["--clean", "--if-exists", "--quote-all-identifiers"],
    &["--inserts", "--on-conflict-do-nothing", "--load-via-partition-root"],
    &["--column-inserts", "--rows-per-insert=7", "--quote-all-identifiers", "--disable-dollar-quoting"],
    &["--schema-only", "--enable-row-security"],
    &["--no-blobs", "--extra-float-digits=0", "--serializable-deferrable", "--load-via-partition-root"],
];

fn every_kind_of_object_loads_with_every_option_of_pg_dump() {
    let database = shared().database();
    database.stack.admin(NASTY_ROLE);
    database.sql(NASTY);
    let files: Vec<PathBuf> = OPTIONS
        .iter()
        .enumerate()
        .map(|(number, options)| {
            let words = [&["pg_dump", "-d", &database.name], *options].concat();
            let (bytes, errors) = database.stack.exec(&words, "");
            let bytes = bytes.unwrap_or_else(|| panic!("{options:?}: {errors}"));
            database.sandbox.write(format!("files/{number}.sql"), bytes)
        })
        .collect();
    let run = database.xtask(["db-verify", "--restore", "--json"]).args(&files).run();
    let json = run.ok().json();
    let entries = json["files"].as_array().unwrap();
    assert_eq!(entries.len(), OPTIONS.len());
    for (entry, options) in entries.iter().zip(OPTIONS) {
        assert!(!entry["restored"].is_null() && entry["reason"].is_null(), "{options:?}: {entry:#}");
    }
}

fn what_an_empty_database_cannot_take_is_refused_beforehand() {
    let database = shared().database();
    database.sql(TABLES);
    database.sql(
        "CREATE SCHEMA \"My app\"; CREATE TABLE \"My app\".t AS SELECT 1 AS a; \
         CREATE TABLE parent (a int PRIMARY KEY); CREATE TABLE child (a int REFERENCES parent)",
    );
    let schema = "CREATE SCHEMA \"My app\";";
    for (options, why, hint) in [
        (&["-t", "\"My app\".t"][..], "needs schema \"My app\", which it does not create", schema),
        (&["-t", "\"My app\".t", "--schema-only"], "needs schema \"My app\", which it does not create", schema),
        (&["-t", "child"], "needs table \"parent\", which it does not create", "without --table, --schema"),
        (&["-t", "child"], "needs table", "db-shell -- -v ON_ERROR_STOP=1 --single-transaction < "),
        (&["--data-only"], "which it does not create", "--data-only and --section"),
        (&["--section=data"], "which it does not create", "--data-only and --section"),
        (&["--section=post-data"], "which it does not create", "--data-only and --section"),
        (&["--data-only", "--inserts"], "which it does not create", "--data-only and --section"),
        (&["--clean"], "drops an object that an empty database does not have", "--clean --if-exists"),
        (&["--create"], "part.sql is no backup that can be loaded: line ", "dump again without --create"),
    ] {
        let words = [&["pg_dump", "-d", &database.name], options].concat();
        let (bytes, errors) = database.stack.exec(&words, "");
        database.sandbox.write("part.sql", bytes.unwrap_or_else(|| panic!("{errors}")));
        let before = database.sandbox.backups();
        let run = database.xtask(["db-restore", "part.sql", "--yes"]).run();
        run.code(3).stderr_has(why).stderr_has(hint).stderr_lacks("Safety");
        assert_eq!(database.sandbox.backups(), before, "{options:?}: a safety backup was made");
        let run = database.xtask(["db-verify", "part.sql"]).run();
        if options.contains(&"--create") {
            run.code(3).stderr_has(why).stderr_has(hint);
        } else {
            run.ok().stdout_has("✓ part.sql: ").stderr_has("⚠ db-restore refuses it: ");
            run.stderr_has(why).stderr_has(hint);
        }
    }
    let words = ["pg_dump", "-d", &database.name, "--clean", "--if-exists"];
    let (bytes, errors) = database.stack.exec(&words, "");
    let file = database.sandbox.write("clean.sql", bytes.unwrap_or_else(|| panic!("{errors}")));
    database.xtask(["db-verify", "--restore"]).args([&file]).run().ok();
}

fn a_file_without_rows_is_reported_before_the_question_and_after_the_swap() {
    let database = shared().database();
    database.sql(TABLES);
    let (bytes, errors) = database.stack.exec(&["pg_dump", "-d", &database.name, "--schema-only"], "");
    database.sandbox.write("schema.sql", bytes.unwrap_or_else(|| panic!("{errors}")));
    let preview = database.xtask(["db-restore", "schema.sql", "--dry-run"]).run();
    preview.ok().stderr_has("⚠ schema.sql holds no rows: every table of the restored database will be empty");
    let restored = database.xtask(["db-restore", "schema.sql", "--yes"]).run();
    restored.ok().stderr_has("✓ Database restored, without any rows").stderr_lacks("✓ Database restored\n");
    database.xtask(["db-restore", "--undo", "--yes"]).run().ok();
}

/// Of these pg_dump writes a block of rows for each table that holds rows itself, also for an empty one.
const KINDS: &str = "CREATE TABLE k AS SELECT 1 AS a UNION SELECT 2; CREATE TABLE empty (a int); CREATE TABLE none ();
    CREATE TABLE computed (a int GENERATED ALWAYS AS (1) STORED); CREATE UNLOGGED TABLE fast AS SELECT 1 AS a;
    CREATE TABLE parent (a int); CREATE TABLE child () INHERITS (parent);
    CREATE TABLE parted (a int) PARTITION BY LIST (a); CREATE TABLE part_1 PARTITION OF parted FOR VALUES IN (1);
    CREATE TABLE part_2 PARTITION OF parted FOR VALUES IN (2) PARTITION BY LIST (a);
    CREATE TABLE part_2_2 PARTITION OF part_2 DEFAULT; INSERT INTO parted VALUES (1), (2);
    CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE FOREIGN TABLE elsewhere (a int) SERVER s;
    CREATE TYPE pair AS (a int); CREATE TABLE typed OF pair; CREATE VIEW v AS SELECT a FROM k;
    CREATE MATERIALIZED VIEW m AS SELECT a FROM empty";

fn tables_whose_rows_were_left_out_are_named_and_empty_ones_are_not() {
    let database = shared().database();
    database.sql(KINDS);
    let dumped = |options: &[&str]| {
        let words = [&["pg_dump", "-d", &database.name], options].concat();
        let (bytes, errors) = database.stack.exec(&words, "");
        database.sandbox.write("dump.sql", bytes.unwrap_or_else(|| panic!("{errors}")));
    };
    for (options, left_out) in [
        (&[][..], None),
        (&["--load-via-partition-root"], None),
        (&["--inserts"], None),
        (&["--inserts", "--exclude-table-data=k"], None),
        (&["--no-unlogged-table-data"], Some("1 table without rows: public.fast\n")),
        (
            &["--exclude-table-data=k", "--exclude-table-data=part_*"],
            Some("3 tables without rows: public.k, public.part_1, public.part_2_2\n"),
        ),
        (&["--load-via-partition-root", "--exclude-table-data=k"], Some("1 table without rows: public.k\n")),
    ] {
        dumped(options);
        let run = database.xtask(["db-restore", "dump.sql", "--dry-run"]).run();
        run.ok().holds(run.stderr.contains("without rows") == left_out.is_some(), &format!("{options:?}"));
        run.stderr_has(left_out.map_or_else(String::new, |tables| format!("⚠ dump.sql creates {tables}")).as_str());
        run.holds(run.stderr.contains("no rows in the file") == left_out.is_some(), &format!("{options:?}"));
    }
    let json = database.xtask(["db-restore", "dump.sql", "--dry-run", "--json"]).run();
    let json = json.ok().json();
    let tables = json["plan"]["tables"].as_array().unwrap();
    let table = |name: &str| tables.iter().find(|table| table["table"] == name).unwrap();
    assert_eq!((&table("k")["backup"], &table("k")["rows_left_out"]), (&0.into(), &true.into()), "{json:#}");
    assert_eq!((&table("empty")["backup"], &table("empty")["rows_left_out"]), (&0.into(), &false.into()), "{json:#}");
    let run = database.xtask(["db-restore", "dump.sql", "--yes"]).run();
    run.ok().stderr_has("✓ Database restored, without rows of 1 table").stderr_has("they will be empty");
    assert_eq!(database.sql("SELECT (SELECT count(*) FROM k), (SELECT count(*) FROM parted)"), "0|2");
    database.xtask(["db-restore", "--undo", "--yes"]).run().ok();
}

/// An old psql knows neither line: people take out the one that it complains of. And `2>&1` takes Compose's words along.
fn half_of_the_restrict_pair_and_what_compose_says_are_named() {
    let database = shared().database();
    database.sql(TABLES);
    let (bytes, errors) = database.stack.exec(&["pg_dump", "-d", &database.name], "");
    let text = String::from_utf8(bytes.unwrap_or_else(|| panic!("{errors}"))).unwrap();
    let without = |start: &str| {
        let lines = text.split_inclusive('\n').filter(|line| !line.starts_with(start));
        lines.collect::<String>()
    };
    let said = "time=\"2026-01-02T03:04:05Z\" level=warning msg=\"The \\\"X\\\" variable is not set.\"\n";
    for (text, words) in [
        (without("\\restrict"), "→ take \\unrestrict out as well: sed '/^\\\\unrestrict/d' /"),
        (without("\\unrestrict"), "→ take \\restrict out as well: sed '/^\\\\restrict/d' /"),
        (format!("{said}{text}"), "what a program said beside its dump"),
        (format!("WARN[0000] the attribute `version` is obsolete\n{text}"), "what a program said beside its dump"),
    ] {
        let file = database.sandbox.write("half.sql", text);
        database.xtask(["db-restore", "--dry-run"]).args([&file]).run().code(3).stderr_has(words);
    }
    // As told.
    let both = without("\\restrict")
        .lines()
        .filter(|line| !line.starts_with("\\unrestrict"))
        .fold(String::new(), |text, line| text + line + "\n");
    let file = database.sandbox.write("both.sql", both);
    database.xtask(["db-verify", "--restore"]).args([&file]).run().ok();
}

/// A default changes how psql reads the strings after it: one that ends for us does not end for psql.
fn what_a_psql_could_read_as_a_command_is_refused_where_it_would_run_it() {
    let database = shared().database();
    let body = |setting: &str, hiding: &[u8], command: &str| {
        let start = format!(
            "CREATE FUNCTION public.f() RETURNS text LANGUAGE plpgsql AS $$BEGIN PERFORM pg_catalog.set_config({setting}, false); \
             RETURN 'x'; END$$;\nCREATE TABLE public.t (a text, b text DEFAULT public.f());\n\
             COPY public.t (a) FROM stdin;\n1\n\\.\nCOMMENT ON TABLE public.t IS '"
        );
        let end = format!("';\nCOMMENT ON TABLE public.t IS '; {command} --';\n");
        [start.as_bytes(), hiding, end.as_bytes()].concat()
    };
    let unrestrict = "\\unrestrict `touch /tmp/xtask-canary`";
    let strings = body("'standard_conforming_strings', 'off'", b"a\\", unrestrict);
    let letters = body("'client_encoding', 'SJIS'", b"\xe3\x81\x82\xe3\x81\x82\xe3\x81\x82\xd1\x88", unrestrict);
    let other = body("'standard_conforming_strings', 'off'", b"a\\", "\\! touch /tmp/xtask-canary");
    for (body, version) in [(&strings, "15.18"), (&letters, "18.5"), (&strings, "16.8"), (&other, "16.8")] {
        let plain = database.sandbox.write("plain.sql", dump(body));
        let forged = database
            .sandbox
            .write("forged.sql", Forged::of(dump(body)).taken(&database.name, chrono::Local::now()).bytes());
        let old = format!("sed -u 's/:VERSION_NAME/{version}/' | real \"$@\"");
        let fakes = Fakes::new(&database.sandbox).docker_but("psql", &old);
        for file in [plain, forged] {
            let run = fakes.over(database.xtask(["db-verify", "--restore"]).args([&file])).run();
            run.code(3).prints_nothing().stderr_has("could be a psql meta-command").stderr_has("15.19, 14.24 or newer");
            // Before anything is made or saved.
            for command in [&["db-restore", "--yes"][..], &["db-restore", "--dry-run"]] {
                let run = fakes.over(database.xtask(command.iter().copied()).args([&file])).run();
                run.code(3).stderr_has("could be a psql meta-command").stderr_lacks("✓");
            }
        }
    }
    let (found, _) = database.stack.exec(&["test", "!", "-e", "/tmp/xtask-canary"], "");
    assert!(found.is_some(), "a command was run in the container");
    assert!(database.safety_backups().is_empty(), "a safety backup was made for a file that is refused");
}

/// By their name, through a view, or by a rule: each of them made a role a superuser, or kept everyone out.
fn rows_for_the_systems_tables_change_nothing() {
    let database = shared().database();
    let members = "SELECT count(*) FROM pg_auth_members";
    let before = database.stack.admin(members);
    let view =
        "CREATE VIEW public.v AS SELECT roleid, member, grantor, admin_option FROM pg_catalog.pg_auth_members;\n";
    let row = "VALUES (3373, 3374, 10, true);\n";
    let bodies = [
        format!("INSERT INTO pg_catalog.pg_auth_members {row}"),
        "COPY pg_catalog.pg_auth_members (roleid, member, grantor, admin_option) FROM stdin;\n3373\t3374\t10\tt\n\\.\n"
            .into(),
        "COPY pg_auth_members (roleid, member, grantor, admin_option) FROM stdin;\n3373\t3374\t10\tt\n\\.\n".into(),
        format!("{view}INSERT INTO public.v {row}"),
        format!(
            "{view}CREATE TABLE public.t (a integer);\nCREATE RULE r AS ON INSERT TO public.t DO INSTEAD INSERT INTO public.v {row}\
             INSERT INTO public.t VALUES (1);\n"
        ),
        "COMMENT ON DATABASE postgres IS 'x';\n".into(),
        "GRANT ALL ON DATABASE postgres TO PUBLIC;\n".into(),
        "SET allow_system_table_mods = on;\n".into(),
        "CREATE OR REPLACE FUNCTION pg_catalog.now() RETURNS timestamptz LANGUAGE sql AS 'SELECT NULL';\n".into(),
    ];
    let files: Vec<PathBuf> = bodies
        .iter()
        .enumerate()
        .map(|(number, body)| database.sandbox.write(format!("files/{number}.sql"), Forged::of(dump(body)).bytes()))
        .collect();
    let run = database.xtask(["db-verify", "--restore", "--json"]).args(&files).run();
    run.code(3);
    for entry in run.json()["files"].as_array().unwrap() {
        assert!(entry["restored"].is_null() && entry["reason"].is_string(), "{entry:#}");
    }
    assert_eq!(database.stack.admin(members), before);
}
