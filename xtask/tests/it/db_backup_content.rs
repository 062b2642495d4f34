//! What `db-backup` makes of what databases hold: odd names, values that look like its own marks, old encodings, sizes.

use crate::harness::backup::{inner, manifest};
use crate::harness::{Test, shared, wait_until};
use serde_json::{Value, json};
use std::fs;
use std::time::Duration;

pub fn tests() -> Vec<Test> {
    tests![
        [Stack] a_backup_of_large_rows_takes_little_memory,
        [Stack] two_thousand_tables_are_all_in_report_and_manifest,
        [Stack] names_of_all_kinds_come_back_unchanged,
        [Stack] values_that_look_like_our_own_lines_come_back,
        [Stack] an_empty_database_gives_a_whole_backup,
        [Stack] large_objects_come_back_with_their_comments,
        [Stack] other_encodings_are_backed_up_in_their_own_bytes,
        [Stack] the_database_is_described,
        [Stack] no_secret_is_anywhere,
    ]
}

/// The report's tables: schema, name, rows.
fn tables(report: &Value) -> Vec<(String, String, u64)> {
    let text = |table: &Value, key: &str| table[key].as_str().unwrap().to_owned();
    let tables = report["tables"].as_array().unwrap().iter();
    tables.map(|table| (text(table, "schema"), text(table, "name"), table["rows"].as_u64().unwrap())).collect()
}

fn names_of_all_kinds_come_back_unchanged() {
    let database = shared().database();
    let names = [
        "with \"quotes\"",
        "it's",
        "a.b",
        "sp ace",
        "new\nline",
        "tab\ttab",
        "semi;colon",
        "--comment",
        "/* block",
        "$$",
        "\\.",
        "COPY x (a) FROM stdin;",
        "日本語",
        "ünï",
        "UPPER",
        "select",
        "(",
        "%s%d",
        "\u{1b}[31mred",
        "sixty-three-bytes-long-name-that-fills-the-whole-identifier-abc",
    ];
    let create = names.iter().enumerate().map(|(rows, name)| {
        let name = crate::harness::stack::identifier(name);
        format!("CREATE SCHEMA {name}; CREATE TABLE {name}.{name} ({name} int, \"{rows}\" text); INSERT INTO {name}.{name} SELECT i, 'x' FROM generate_series(1, {rows}) AS i;")
    });
    database.sql(&create.collect::<String>());
    let report = database.backup_json();
    let mut expected: Vec<_> =
        names.iter().zip(0u64..).map(|(name, rows)| ((*name).to_owned(), (*name).to_owned(), rows)).collect();
    let mut found = tables(&report);
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
    let person = database.xtask(["db-backup", "--table", "\"with \"\"quotes\"\"\".*"]).run();
    person.ok().stderr_lacks("\u{1b}");
    let copy = database.restored_from(std::path::Path::new(report["file"].as_str().unwrap()));
    assert_eq!(database.dump(), copy.dump());
}

/// Values that look like the marks of a dump, of psql or of a backup.
const LIKE_MARKS: [&str; 20] = [
    "\\.",
    "\n\\.\n",
    "\\\\.",
    "\\N",
    "",
    "\t",
    "\r",
    "\r\n",
    "a\r\nb",
    "\u{b}\u{c}\u{8}",
    "COPY public.t (a, b) FROM stdin;",
    "\\.\n\nCOPY public.t (a, b) FROM stdin;\n1\tx\n\\.\n",
    "--\n-- PostgreSQL database dump complete\n--\n\n",
    "-- PostgreSQL database dump complete",
    "--\n-- PostgreSQL database dump\n--\n",
    "\\unrestrict abc",
    "\\! touch x",
    "'; DROP TABLE t; --",
    "$$",
    "E'\\'",
];

fn values_that_look_like_our_own_lines_come_back() {
    let database = shared().database();
    let first = database.backup();
    let first = fs::read_to_string(first).unwrap();
    let (head, line) = (first.lines().next().unwrap(), first.lines().last().unwrap());
    let values = [&LIKE_MARKS[..], &[head, line, &first]].concat();
    let rows: Vec<String> =
        values.iter().map(|value| format!("(E'{}')", value.replace('\\', "\\\\").replace('\'', "''"))).collect();
    let rows = rows.join(",\n");
    database.sql(&format!(
        "CREATE TABLE lone (value text); INSERT INTO lone VALUES {rows};
         CREATE TABLE several (i serial, value text, n int); INSERT INTO several (value) VALUES {rows};
         CREATE TABLE no_columns (); INSERT INTO no_columns DEFAULT VALUES; INSERT INTO no_columns DEFAULT VALUES;"
    ));
    let public = |name: &str, rows| ("public".to_owned(), name.to_owned(), rows);
    let count = values.len() as u64;
    for value in [values[2], values[11], values[12], head, line, &first] {
        let value = value.replace('\\', "\\\\").replace('\'', "''");
        database.sql(&format!("COMMENT ON TABLE lone IS E'{value}'; COMMENT ON COLUMN several.value IS E'{value}'"));
        let report = database.backup_json();
        assert_eq!(tables(&report), [public("lone", count), public("no_columns", 2), public("several", count)]);
    }
    let file = database.backup();
    let check = database.xtask(["db-list", "--check", "--json"]).run();
    assert!(check.ok().json()["backups"].as_array().unwrap().iter().all(|backup| backup["verdict"] == "whole"));
    assert_eq!(database.restored_from(&file).dump(), database.dump());
}

fn an_empty_database_gives_a_whole_backup() {
    let database = shared().database();
    let report = database.backup_json();
    assert_eq!(report["tables"], json!([]));
    assert_eq!(report["openfga"], Value::Null);
    let said = database.xtask(["db-backup"]).run();
    said.ok().stderr_has("Tables:    0 (0 rows)").stderr_lacks("OpenFGA");
    database.xtask(["db-list", "--check"]).run().ok().stdout_has("whole");
}

fn two_thousand_tables_are_all_in_report_and_manifest() {
    let database = shared().database();
    database.sql(
        "DO $$ BEGIN FOR i IN 1..2000 LOOP EXECUTE format('CREATE TABLE %I (a int)', 'a rather long name of a table, number ' || i); \
         END LOOP; END $$; INSERT INTO \"a rather long name of a table, number 7\" VALUES (1)",
    );
    let run = database.xtask(["db-backup", "--json"]).run();
    let report = run.ok().json();
    run.within(Duration::from_secs(30), "2,000 tables should take seconds");
    assert_eq!(report["tables"].as_array().unwrap().len(), 2000);
    let file = database.sandbox.path("backups").join(report["file"].as_str().unwrap());
    assert_eq!(manifest(&file)["copied"].as_array().unwrap().len(), 2000);
    let list = database.xtask(["db-list", "--check", "--json"]).run();
    let backup = list.ok().json()["backups"][0].clone();
    assert_eq!((&backup["tables"], &backup["rows"], &backup["verdict"]), (&json!(2000), &json!(1), &json!("whole")));
}

fn large_objects_come_back_with_their_comments() {
    let database = shared().database();
    database.sql("SELECT lo_from_bytea(4711, decode(repeat('005c2e0a27', 100000), 'hex')); COMMENT ON LARGE OBJECT 4711 IS 'big'");
    let file = database.backup();
    let copy = database.restored_from(&file);
    assert_eq!(copy.sql("SELECT md5(lo_get(4711))"), database.sql("SELECT md5(lo_get(4711))"));
    assert_eq!(copy.dump(), database.dump());
}

fn other_encodings_are_backed_up_in_their_own_bytes() {
    let latin = shared().database_with("TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'");
    latin.sql("CREATE TABLE \"tïtle\" (\"ß\" text); INSERT INTO \"tïtle\" VALUES ('Zoë'), ('½')");
    let report = latin.backup_json();
    let file = latin.sandbox.path(report["file"].as_str().unwrap());
    assert_eq!(manifest(&file)["properties"]["encoding"], "LATIN1");
    assert!(std::str::from_utf8(&inner(&file)).is_err(), "the bytes are the database's own");
    assert_eq!(report["tables"][0]["rows"], 2);
    // A database's owner may set an encoding that pg_dump would take, also one that no server has.
    let utf8 = shared().database();
    // The encoding of the setting has neither letter: pg_dump fails at the name before it writes, and at a row.
    let letters = [shared().database(), shared().database()];
    letters[0].sql("CREATE TABLE \"→\" (a int)");
    letters[1].sql("CREATE TABLE t AS SELECT '→' AS a");
    for (database, other, own) in [
        (&latin, "UTF8", "LATIN1"),
        (&utf8, "SJIS", "UTF8"),
        (&letters[0], "LATIN1", "UTF8"),
        (&letters[1], "LATIN1", "UTF8"),
    ] {
        database.sql(&format!("ALTER DATABASE {} SET client_encoding TO '{other}'", database.name));
        let text = inner(&database.backup());
        assert!(String::from_utf8_lossy(&text).contains(&format!("SET client_encoding = '{own}';")), "{other}");
    }

    let ascii = shared().database_with("TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'");
    ascii.sql(
        "CREATE TABLE t (v text); INSERT INTO t VALUES (E'\\xe9\\xff'), ('plain');
         DO $$ BEGIN EXECUTE E'CREATE TABLE \"n\\xe9\" (a int)'; EXECUTE E'COMMENT ON TABLE t IS ''\\xe9'''; END $$;",
    );
    ascii.sql(&format!("DO $$ BEGIN EXECUTE E'COMMENT ON DATABASE {} IS ''caf\\xe9'''; END $$", ascii.name));
    let report = ascii.backup_json();
    let file = ascii.sandbox.path(report["file"].as_str().unwrap());
    assert_eq!(manifest(&file)["properties"]["encoding"], "SQL_ASCII");
    assert!(std::str::from_utf8(&inner(&file)).is_err());
    for database in [latin, ascii] {
        database.xtask(["db-list", "--check"]).run().ok().stdout_has("whole");
    }
}

fn the_database_is_described() {
    let database = shared().database_with("TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C' CONNECTION LIMIT 7");
    let role = format!("owner_of_{}", database.name);
    database.sql(&format!(
        "CREATE ROLE {role}; ALTER DATABASE {0} OWNER TO {role}; COMMENT ON DATABASE {0} IS 'it''s \\ {{\"é\"}}';
         ALTER DATABASE {0} SET search_path = public, \"$user\"; ALTER ROLE {role} IN DATABASE {0} SET work_mem = '8MB';
         GRANT CONNECT ON DATABASE {0} TO {role}; CREATE EXTENSION pg_trgm; CREATE TABLE t (a int); ALTER TABLE t OWNER TO {role};",
        database.name
    ));
    let manifest = manifest(&database.backup());
    let properties = &manifest["properties"];
    assert_eq!(properties["encoding"], "UTF8");
    assert_eq!(properties["locale_provider"], "libc");
    assert_eq!((&properties["collate"], &properties["ctype"]), (&json!("C"), &json!("C")));
    assert_eq!(properties["owner"], role);
    assert_eq!(properties["connection_limit"], 7);
    assert_eq!(properties["comment"], "it's \\ {\"é\"}");
    assert!(properties["size_bytes"].as_u64().unwrap() > 1_000_000);
    assert!(properties["grants"].as_array().unwrap().iter().any(|grant| grant.as_str().unwrap().starts_with(&role)));
    let settings = properties["settings"].to_string();
    assert!(
        settings.contains("search_path=") && settings.contains("work_mem=8MB") && settings.contains(&role),
        "{settings}"
    );
    assert!(manifest["roles"].as_array().unwrap().contains(&json!(role)), "{}", manifest["roles"]);
    assert_eq!(manifest["extensions"], json!(["pg_trgm"]));
    assert_eq!(manifest["database"], database.name);
    assert_eq!(manifest["only_tables"], Value::Null);
    assert!(manifest["tool"].as_str().unwrap().starts_with("xtask "));
    assert!(manifest["pg_dump_version"].as_str().unwrap().starts_with(|digit: char| digit.is_ascii_digit()));
}

fn no_secret_is_anywhere() {
    const SECRET: &str = "s3cret-0f-the-backup";
    let database = shared().database();
    database.sql("CREATE TABLE held (a int)");
    let holder = database.hold("held");
    let running = database
        .xtask(["--verbose", "db-backup"])
        .env("POSTGRES_PASSWORD", SECRET)
        .env("OPENFGA_API_TOKEN", SECRET)
        .spawn();
    database.wait_for_a_blocked_dump();
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let words = processes.map(|entry| fs::read(entry.path().join("cmdline")).unwrap_or_default());
    let words: Vec<String> = words.map(|words| String::from_utf8_lossy(&words).into_owned()).collect();
    assert!(words.iter().any(|words| words.contains("pg_dump") && words.contains(&database.name)), "pg_dump is seen");
    assert!(!words.iter().any(|words| words.contains(SECRET)));
    drop(holder);
    let run = running.wait();
    run.ok().stderr_lacks(SECRET).stdout_lacks(SECRET).stderr_has("pg_dump");
    let file = fs::read(database.sandbox.path(run.text().trim_end())).unwrap();
    assert!(!String::from_utf8_lossy(&file).contains(SECRET));
}

/// Rows of one megabyte each and small ones: a hundred megabytes pass through a few.
fn a_backup_of_large_rows_takes_little_memory() {
    let database = shared().database();
    database.sql("CREATE TABLE wide AS SELECT repeat('x', 1000000) AS filling FROM generate_series(1, 20)");
    database.fill("filling", 100);
    let mut running = database.xtask(["--quiet", "db-backup"]).spawn();
    let status = format!("/proc/{}/status", running.id());
    let mut peak = 0;
    wait_until("the backup is done", || {
        // Read more often than `wait_until` looks: the peak of the very end counts as well.
        for _ in 0..5 {
            let text = fs::read_to_string(&status).unwrap_or_default();
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
            peak = peak.max(kilobytes.unwrap_or(0));
        }
        !running.is_running()
    });
    let run = running.wait();
    let bytes = fs::metadata(database.sandbox.path(run.ok().text().trim_end())).unwrap().len();
    assert!(bytes > 120_000_000, "{bytes}");
    assert!(peak > 1_000 && peak < 40 * 1024, "peak: {peak} kB");
    let check = database.xtask(["--quiet", "db-list", "--check"]).run();
    check.ok().stdout_has("whole");
}
