//! `db-backup`: what it says, to whom, and what its options do.

use crate::harness::backup::{manifest, sha256};
use crate::harness::{Test, Xtask, shared, wait_until};
use chrono::Local;
use serde_json::{Value, json};
use std::fs;

pub fn tests() -> Vec<Test> {
    tests![
        [Stack, Script] a_person_reads_the_report,
        [Stack, Script] progress_is_for_terminals,
        [Stack] a_script_reads_a_path_from_where_it_stands,
        [Stack] a_path_is_the_same_in_every_locale,
        [Stack] a_program_reads_json,
        [Stack] quiet_leaves_the_path_alone,
        [Stack] a_partial_backup_holds_the_named_tables_alone,
        [Stack] a_table_that_does_not_exist_is_refused_by_name,
        [Stack] a_lock_timeout_is_a_number_of_seconds,
        [Stack] a_name_of_two_lines_stays_on_its_line,
        [Stack] a_closed_stdout_does_not_harm_the_backup,
    ]
}

fn a_person_reads_the_report() {
    let database = shared().openfga_database();
    let errors = database.sandbox.beside("errors");
    let run = database.xtask(["--color", "never", "db-backup"]);
    let run = run.terminal_with(&format!("2>'{}'", errors.display())).wait();
    run.ok();
    let names = database.sandbox.backups();
    let [name] = names.as_slice() else { panic!("{names:?}") };
    let rows: u64 = manifest(&database.sandbox.path("backups").join(name))["copied"]
        .as_array()
        .unwrap()
        .iter()
        .map(|copied| copied["rows"].as_u64().unwrap())
        .sum();
    let tables = database.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'");
    let version = database.sql("SELECT split_part(current_setting('server_version'), ' ', 1)");
    let text = run.text().replace("\r\n", "\n");
    let bytes = fs::metadata(database.sandbox.path("backups").join(name)).unwrap().len();
    let size = format!("{}.{} kB", bytes / 1000, (bytes % 1000 + 50) / 100);
    assert!(text.contains(&format!("Size:      {size}\n")) || bytes % 1000 >= 950, "{size}: {text}");
    let expected = format!(
        "✓ Backup created in backups/\n\n\
         File:      backups/{name}\nSize:      SIZE\n\
         Database:  {} (PostgreSQL {version}, compose service postgres)\n\
         Tables:    {tables} ({rows} rows)\n\
         OpenFGA:   1 store, 1 model, 10 tuples\n",
        database.name
    );
    let shown: Vec<&str> =
        text.lines().map(|line| if line.starts_with("Size:      ") { "Size:      SIZE" } else { line }).collect();
    assert_eq!(shown.join("\n"), expected.trim_end());
    assert_eq!(fs::read_to_string(errors).unwrap(), "Creating database backup...\n");
}

fn progress_is_for_terminals() {
    let database = shared().database();
    database.fill("filling", 1);
    let go = database.sandbox.beside("go");
    let slow =
        format!("real \"$@\" | {{ head -c 500000; while [ ! -e '{}' ]; do sleep 0.05; done; cat; }}", go.display());
    let mut terminal = database.xtask_with_pg_dump(["db-backup"], &slow).terminal();
    terminal.shows("pg_dump  ").shows("/s");
    fs::write(&go, "").unwrap();
    terminal.wait().ok().stdout_has("Backup created in backups/");
    let piped = database.xtask_with_pg_dump(["db-backup"], &slow).run();
    piped.ok().stderr_lacks("pg_dump").stderr_lacks("\u{1b}").stderr_has("Creating database backup...\n");
    piped.stderr_has("✓ Backup created in backups/\n").stderr_has("Database:  ");
}

fn a_script_reads_a_path_from_where_it_stands() {
    let database = shared().database();
    let here = database.xtask(["db-backup"]).run();
    here.ok().holds(here.text().starts_with("backups/"), "a path relative to the checkout");
    assert!(database.sandbox.path(here.text().trim_end()).is_file());
    let below = database.sandbox.path("deep/er");
    fs::create_dir_all(&below).unwrap();
    let run = database.xtask(["db-backup"]).here(&below).run();
    run.ok().holds(run.text().starts_with("../../backups/"), "a path relative to the subdirectory");
    assert!(below.join(run.text().trim_end()).is_file());
    let run = database.xtask(["db-backup", "--output", "."]).here(&below).run();
    run.ok().holds(!run.text().contains('/'), "a bare name");
    assert!(below.join(run.text().trim_end()).is_file());
    let run = database.xtask(["db-backup"]).here("/").run();
    assert!(
        run.ok().text().starts_with('/') && std::path::Path::new(run.text().trim_end()).is_file(),
        "{}",
        run.text()
    );
}

/// Only words for people are put into the letters of a locale.
fn a_path_is_the_same_in_every_locale() {
    let database = shared().database();
    let folder = "Bob’s → …";
    let run = database.xtask(["db-backup", "--output", &format!("{folder}/")]).env("LANG", "C").run();
    run.ok().holds(run.text().starts_with(&format!("{folder}/")), "the folder's own name");
    assert!(database.sandbox.path(run.text().trim_end()).is_file());
    let run = database.xtask(["db-backup", "--json", "--output", folder]).env("LANG", "C").run();
    assert!(std::path::Path::new(run.ok().json()["file"].as_str().unwrap()).is_file());
}

fn a_program_reads_json() {
    let database = shared().openfga_database();
    database.sql("CREATE SCHEMA \"o.dd\"; CREATE TABLE \"o.dd\".\"t\"\"1\" AS SELECT generate_series(1, 7) AS n");
    let mut report = database.backup_json();
    let file = report["file"].as_str().unwrap().to_owned();
    assert!(file.starts_with(database.sandbox.root.to_str().unwrap()), "{file} should be absolute");
    let bytes = fs::read(&file).unwrap();
    assert_eq!(report["bytes"].as_u64(), Some(bytes.len() as u64));
    assert_eq!(report["sha256"], sha256(&bytes));
    assert_eq!(report["openfga"], json!({ "stores": 1, "authorization_models": 1, "tuples": 10 }));
    assert_eq!(report["version"], 1);
    assert_eq!(report["database"], database.name);
    let started = chrono::DateTime::parse_from_rfc3339(report["started_at"].as_str().unwrap()).unwrap();
    assert!((Local::now().fixed_offset() - started).num_seconds().abs() < 120, "{started}");
    assert!(report["seconds"].as_f64().unwrap() > 0.0);
    assert_eq!(report["server_version"], database.sql("SHOW server_version"));
    let tables = report["tables"].as_array().unwrap();
    assert!(tables.contains(&json!({ "schema": "o.dd", "name": "t\"1", "rows": 7 })), "{tables:?}");
    assert!(tables.contains(&json!({ "schema": "public", "name": "tuple", "rows": 10 })), "{tables:?}");
    let keys: Vec<String> = report.as_object_mut().unwrap().keys().cloned().collect();
    for key in "version file bytes sha256 database server_version tables openfga started_at seconds".split(' ') {
        assert!(keys.iter().any(|name| name == key), "{key} is not in {keys:?}");
    }
    assert_eq!(shared().database().backup_json()["openfga"], Value::Null);
    let failed = database.xtask(["db-backup", "--json", "--output", &file]).run();
    failed.code(1).prints_nothing();
}

fn quiet_leaves_the_path_alone() {
    let database = shared().database();
    let run = database.xtask(["db-backup", "--quiet"]).run();
    run.ok().says_nothing().holds(run.text().lines().count() == 1, "one line");
    assert!(database.sandbox.path(run.text().trim_end()).is_file());
}

fn a_partial_backup_holds_the_named_tables_alone() {
    let database = shared().database();
    database.sql("CREATE TABLE one (a int); CREATE TABLE two (a int); CREATE TABLE \"Thr ee\" (a int)");
    let tables = |args: &[&'static str]| {
        let run = database.xtask(["db-backup"].into_iter().chain(args.iter().copied())).run();
        let file = database.sandbox.path(run.ok().text().trim_end());
        assert!(run.text().starts_with(&format!("backups/{}_tables_", database.name)), "{}", run.text());
        let manifest = manifest(&file);
        let named = manifest["copied"].as_array().unwrap().iter();
        (named.map(|table| table["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>(), manifest, run)
    };
    let (named, manifest, run) = tables(&["--table", "one"]);
    assert_eq!(named, ["one"]);
    assert_eq!(manifest["only_tables"], json!(["one"]));
    run.stderr_has("Partial:   only one");
    assert_eq!(tables(&["-t", "t*", "--table", "\"Thr ee\""]).0, ["Thr ee", "two"]);
    let list = database.xtask(["db-list", "--json"]).run();
    let list = list.ok().json();
    let backups = list["backups"].as_array().unwrap();
    assert!(backups.len() == 2 && backups.iter().all(|one| one["full"] == false && one["purpose"] == "tables"));
    database.xtask(["db-list"]).run().ok().stdout_has("complete, partial");
    // Also where the name does not show it.
    database.xtask(["db-backup", "--table", "one", "--output", "some.sql"]).run().ok();
    database.xtask(["db-list", "."]).run().ok().stdout_has("complete, partial");
}

fn a_table_that_does_not_exist_is_refused_by_name() {
    let database = shared().database();
    database.sql("CREATE TABLE one (a int)");
    let none = database.xtask(["db-backup", "--table", "nosuch"]).run();
    none.code(1).prints_nothing().stderr_has("There is no such table").stderr_has("cargo xtask db-shell");
    // One that is there does not make up for it.
    let one = database.xtask(["db-backup", "--table", "one", "--table", "nosuch"]).run();
    one.code(1).prints_nothing().stderr_has("nosuch").stderr_has("There is no such table");
    let dots = database.xtask(["db-backup", "--table", "a.b.c.d"]).run();
    dots.code(1).prints_nothing().stderr_has("There is no such table").stderr_has("'\"Name\"'");
    database.xtask(["db-backup", "--table", "one", "--strict-names"]).run().ok();
    database.xtask(["db-backup", "--strict-names"]).run().code(2).prints_nothing().stderr_has("--table");
    assert_eq!(database.sandbox.backups().len(), 1);
}

fn a_lock_timeout_is_a_number_of_seconds() {
    let database = shared().database();
    for wrong in ["0", "-1", "x", "1.5", "99999999999"] {
        let run = database.xtask(["db-backup"]).args([format!("--lock-timeout={wrong}")]).run();
        run.code(2).prints_nothing().stderr_has("--lock-timeout").stderr_has("1 to 2000000 seconds");
        let apart = database.xtask(["db-backup", "--lock-timeout", wrong]).run();
        apart.code(2).prints_nothing().stderr_has("1 to 2000000 seconds");
        let run = database.xtask(["db-backup"]).env("XTASK_LOCK_TIMEOUT", wrong).run();
        run.code(2).prints_nothing().stderr_has("XTASK_LOCK_TIMEOUT is ").stderr_has("1 to 2000000 seconds");
        run.stderr_has("→ write the seconds alone, such as 30");
    }
    database.sql("CREATE TABLE held (a int)");
    let _holder = database.hold("held");
    let by_setting = database.xtask(["db-backup"]).env("XTASK_LOCK_TIMEOUT", "1").spawn();
    let flag_wins = database.xtask(["db-backup", "--lock-timeout", "1"]).env("XTASK_LOCK_TIMEOUT", "60").spawn();
    for running in [by_setting, flag_wins] {
        running.wait().code(5).stderr_has("locked for 1 s");
    }
    wait_until("no session is left", || database.our_sessions() == 0);
}

fn a_closed_stdout_does_not_harm_the_backup() {
    let database = shared().database();
    let pipe = database.xtask(["db-backup"]).stdout_closed().run();
    pipe.ok().stderr_lacks("panicked").stderr_has("✓");
    let shell = |redirection: &str| -> Xtask {
        let words = format!("exec \"$@\" {redirection}");
        database.xtask(["db-backup"]).through(["sh", "-c", &words, "sh"])
    };
    shell(">&-").run().ok().stderr_has("✓").stderr_lacks("panicked");
    shell(">&- 2>&- <&-").run().ok();
    let full = shell(">/dev/full").run();
    full.code(6).stderr_has("could not be written to stdout").stderr_has("✓ Backup created");
    for args in [&["--quiet"][..], &["--json"]] {
        let full = shell(">/dev/full").args(args).run();
        full.code(6).stderr_has("The backup is written, but its path could not be printed: ");
        let path =
            full.stderr.lines().find(|line| line.starts_with('✗')).unwrap().rsplit(": ").next().unwrap().to_owned();
        full.holds(path.starts_with('/') && std::path::Path::new(&path).is_file(), "the path of the backup");
    }
    let list = database.xtask(["db-list", "--check", "--json"]).run();
    assert_eq!(list.ok().json()["backups"].as_array().unwrap().len(), 6);
}

fn a_name_of_two_lines_stays_on_its_line() {
    let database = shared().database_named("two\nlines\tand a tab", "");
    let run = database.xtask(["db-backup"]).run();
    run.ok().stderr_has("Database:  two\\nlines\\tand a tab (PostgreSQL");
    let list = database.xtask(["db-list"]).run();
    list.ok()
        .stdout_has("  two\\nlines\\tand a tab  ")
        .holds(list.text().lines().count() == 2, "one line for one file");
}
