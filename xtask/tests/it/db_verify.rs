//! `db-verify`: what it calls whole is whole; what it restores is compared, and gone afterwards.

use crate::harness::forge::{Forged, dump};
use crate::harness::stack::{Database, identifier};
use crate::harness::{Sandbox, Stack, Test, Xtask, needs, shared};
use std::fs;
use std::path::PathBuf;

pub fn tests() -> Vec<Test> {
    tests![
        [OwnStack, Postgres17] an_older_server_refuses_and_a_newer_one_takes_it,
        [] the_newest_is_meant_where_no_file_is_named,
        [] files_are_named_from_where_the_user_stands,
        [] what_is_no_whole_dump_is_refused,
        [] the_report_is_one_document_also_on_failure,
        [Stack] what_openfga_wrote_is_restored_and_the_live_database_is_untouched,
        [Stack] a_nasty_schema_is_restored,
        [Stack] encodings_and_collations_come_back,
        [Stack] what_the_server_lacks_is_named,
        [Stack] a_partial_backup_is_proven_and_not_loaded,
    ]
}

pub fn backup_of(database: &Database<'_>) -> PathBuf {
    let run = database.xtask(["db-backup"]).run();
    database.sandbox.path(run.ok().text().trim_end())
}

/// The scratch databases that there are of this one.
pub fn scratch_databases(database: &Database<'_>) -> Vec<String> {
    let name = database.name.replace('\'', "''");
    let sql = format!("SELECT datname FROM pg_database WHERE starts_with(datname, '{name}_verify_')");
    database.stack.admin(&sql).lines().map(str::to_owned).collect()
}

#[track_caller]
fn is_restored(database: &Database<'_>) {
    let before = database.dump();
    backup_of(database);
    let run = database.xtask(["db-verify", "--restore"]).run();
    run.ok().stdout_has("✓ ").stdout_has("restored and compared in").stderr_lacks("✗");
    assert_eq!(scratch_databases(database), Vec::<String>::new());
    assert!(before == database.dump(), "the live database was changed");
}

fn verify(sandbox: &Sandbox, args: &[&str]) -> crate::harness::Outcome {
    Xtask::new(sandbox).args(["db-verify"]).args(args).run()
}

fn the_newest_is_meant_where_no_file_is_named() {
    let sandbox = Sandbox::new();
    verify(&sandbox, &[]).code(1).prints_nothing().stderr_has("no backup").stderr_has("cargo xtask db-backup");
    let file = Forged::small().with("database", "openfga");
    let older = file.clone().with("started_at", "2025-01-02T00:00:00Z");
    let newer = file.clone().with("started_at", "2025-01-03T00:00:00Z");
    older.write(&sandbox, "openfga_backup_20250102_000000.sql");
    newer.write(&sandbox, "openfga_backup_20250103_000000.sql");
    let later = file.clone().with("started_at", "2025-01-04T00:00:00Z");
    later.with("only_tables", vec!["t"]).write(&sandbox, "openfga_tables_20250104_000000.sql");
    verify(&sandbox, &[]).ok().prints("✓ backups/openfga_backup_20250103_000000.sql: whole (1 table, 2 rows)");
    verify(&sandbox, &["--all"]).ok().stdout_has("20250102").stdout_has("20250103").stdout_has("20250104");
    // The night's backup was cut: the one before it does not make up for that.
    let cut = file.with("started_at", "2025-01-05T00:00:00Z").bytes();
    let cut = &cut[..cut.len() - 9];
    sandbox.write("backups/openfga_backup_20250105_000000.sql", cut);
    verify(&sandbox, &[]).code(3).prints_nothing().stderr_has("20250105").stderr_has("cut");
    let all = verify(&sandbox, &["--all"]);
    all.code(3).stdout_has("20250103").stderr_has("20250105").stderr_has("1 backup of 4 did not pass");
    verify(&sandbox, &["--all", "backups/x.sql"]).code(2);
}

fn files_are_named_from_where_the_user_stands() {
    let sandbox = Sandbox::new();
    let bytes = Forged::small().bytes();
    sandbox.write("deep/er/one.sql", &bytes);
    sandbox.write("deep/two.sql", &bytes);
    let run = |args: &[&str]| Xtask::new(&sandbox).args(["db-verify"]).args(args).here(sandbox.path("deep/er")).run();
    run(&["one.sql"]).ok().prints("✓ one.sql: whole (1 table, 2 rows)");
    run(&["one.sql", "../two.sql"])
        .ok()
        .prints("✓ one.sql: whole (1 table, 2 rows)\n✓ ../two.sql: whole (1 table, 2 rows)");
    run(&["deep/er/one.sql"]).holds(run(&["nosuch.sql"]).code != Some(0), "a file that is not there");
    run(&["nosuch.sql", "one.sql"]).stderr_has("nosuch.sql").stdout_has("one.sql: whole").code(1);
}

fn what_is_no_whole_dump_is_refused() {
    let sandbox = Sandbox::new();
    let whole = Forged::small().bytes();
    let text = String::from_utf8(whole.clone()).unwrap();
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut tar = vec![b'x'; 600];
    tar[257..262].copy_from_slice(b"ustar");
    let plain = String::from_utf8(dump("CREATE TABLE public.t (a int);")).unwrap();
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("empty", vec![], "empty"),
        ("cut", whole[..whole.len() / 2].to_vec(), "cut"),
        ("without its last byte", whole[..whole.len() - 1].to_vec(), "cut"),
        ("changed", text.replace("\n1\n2\n", "\n1\n3\n").into_bytes(), "damaged"),
        ("grown", format!("{text}\n").into_bytes(), ""),
        ("custom format", b"PGDMP\x01\x0e\0".to_vec(), "pg_restore"),
        ("gzip", vec![0x1f, 0x8b, 8, 0, 0, 0], "gzip"),
        ("tar", tar, "tar"),
        ("html", b"<!DOCTYPE html>\n<html>".to_vec(), "web page"),
        ("utf-16", [&[0xff, 0xfe], utf16.as_slice()].concat(), "UTF-16"),
        ("crlf", text.replace('\n', "\r\n").into_bytes(), ""),
        ("plain crlf", plain.replace('\n', "\r\n").into_bytes(), "CR LF"),
        ("plain cut", plain.as_bytes()[..plain.len() - 30].to_vec(), "cut"),
        ("words", b"hello\n".to_vec(), "not a plain SQL dump"),
        ("zeros", vec![0; 5_000], ""),
    ];
    for (name, bytes, words) in cases {
        let file = sandbox.write(format!("{name}.sql"), bytes);
        let run = Xtask::new(&sandbox).args(["db-verify"]).args([&file]).run();
        run.code(3).prints_nothing().stderr_has(name).stderr_has(words).stderr_lacks("panicked");
    }
    sandbox.write("elsewhere.sql", plain);
    verify(&sandbox, &["elsewhere.sql"]).ok().prints("✓ elsewhere.sql: made elsewhere (0 tables, 0 rows)");
}

fn the_report_is_one_document_also_on_failure() {
    let sandbox = Sandbox::new();
    sandbox.write("good.sql", Forged::small().bytes());
    sandbox.write("bad.sql", "hello\n");
    let run = verify(&sandbox, &["--json", "bad.sql", "good.sql"]);
    run.code(3);
    let report = run.json();
    assert_eq!(report["version"], 1);
    let files = report["files"].as_array().unwrap();
    let keys = ["database", "file", "reason", "restored", "rows", "seconds", "tables", "verdict"];
    for entry in files {
        assert_eq!(entry.as_object().unwrap().keys().map(String::as_str).collect::<Vec<_>>(), keys);
    }
    assert!(files[0]["verdict"].is_null() && files[0]["reason"].as_str().unwrap().contains("not a plain SQL dump"));
    assert_eq!((files[1]["verdict"].as_str(), files[1]["rows"].as_u64()), (Some("whole"), Some(2)));
    assert!(files[1]["file"].as_str().unwrap().ends_with("/good.sql") && files[1]["restored"].is_null());
}

fn what_openfga_wrote_is_restored_and_the_live_database_is_untouched() {
    let database = shared().openfga_database();
    is_restored(&database);
    let run = database.xtask(["db-verify", "--restore", "--json"]).run();
    let entry = &run.ok().json()["files"][0];
    assert_eq!((entry["restored"].as_bool(), entry["database"].as_str()), (Some(true), Some(&*database.name)));
    assert!(entry["seconds"].as_f64().unwrap() > 0.0 && entry["reason"].is_null(), "{entry}");
}

fn a_nasty_schema_is_restored() {
    let database = shared().database_named("it's a \"näme\" %;", "");
    database.sql(include_str!("nasty.sql"));
    // As people on Windows have them.
    database.sql("CREATE FUNCTION crlf() RETURNS text LANGUAGE sql AS E'SELECT ''a''\\r\\n -- b\\r\\n';");
    is_restored(&database);
    let off = shared().database();
    off.stack.admin(&format!("ALTER DATABASE {} SET standard_conforming_strings = off", identifier(&off.name)));
    off.sql("CREATE TABLE t (a text DEFAULT E'it\\'s \\\\'); COMMENT ON TABLE t IS E'\\\\'';\\\\! x'");
    off.sql("INSERT INTO t VALUES (E'\\\\\\'\\t\\n'), (NULL)");
    is_restored(&off);
}

fn encodings_and_collations_come_back() {
    for (encoding, bytes) in [("LATIN1", "E'caf\\351'"), ("SQL_ASCII", "E'\\377\\200'"), ("UTF8", "'é日'")] {
        let options = format!("TEMPLATE template0 ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C'");
        let database = shared().database_with(&options);
        // A row fits only where the database is made the same way.
        let own =
            "SELECT pg_encoding_to_char(encoding) || datcollate FROM pg_database WHERE datname = current_database()";
        database.sql(&format!(
            "SET client_encoding = '{encoding}';
             CREATE FUNCTION own() RETURNS text LANGUAGE sql AS $$ {own} $$;
             CREATE TABLE t (a text, CHECK (own() = '{encoding}C')); INSERT INTO t VALUES ({bytes});"
        ));
        backup_of(&database);
        let run = database.xtask(["db-verify", "--restore"]).run();
        run.ok().stdout_has("(1 table, 1 row), restored and compared");
        assert_eq!(scratch_databases(&database), Vec::<String>::new());
    }
}

fn what_the_server_lacks_is_named() {
    let database = shared().database();
    let run = |file: Forged, user: &str| {
        let file = database.sandbox.write("lacks.sql", file.bytes());
        let run = database.xtask(["db-verify", "--restore"]).args([file]).env("POSTGRES_USER", user).run();
        assert_eq!(scratch_databases(&database), Vec::<String>::new());
        run
    };
    let owned = "CREATE TABLE public.t (a int);\nALTER TABLE public.t OWNER TO \"Miss\"\"ing\";\nGRANT ALL ON TABLE public.t TO gone;";
    run(Forged::of(dump(owned)), "postgres")
        .code(1)
        .prints_nothing()
        .stderr_has("CREATE ROLE \"Miss\"\"ing\" NOLOGIN;")
        .stderr_has("CREATE ROLE \"gone\" NOLOGIN;");
    let extension = "CREATE EXTENSION IF NOT EXISTS nosuch_extension WITH SCHEMA public;";
    run(Forged::of(dump(extension)), "postgres").code(1).prints_nothing().stderr_has("nosuch_extension");
    database.stack.admin("CREATE ROLE \"may not\" LOGIN");
    run(Forged::small(), "may not").code(1).prints_nothing().stderr_has("ALTER ROLE \"may not\" CREATEDB");
    run(Forged::small(), "nosuch").code(4).prints_nothing();
    database.stack.admin("ALTER ROLE \"may not\" CREATEDB");
    run(Forged::small(), "may not").ok();
}

fn a_partial_backup_is_proven_and_not_loaded() {
    let database = shared().database();
    database.sql("CREATE TABLE t (a int); INSERT INTO t VALUES (1)");
    let made = database.xtask(["db-backup", "--table", "t"]).run();
    let file = database.sandbox.path(made.ok().text().trim_end());
    let run = database.xtask(["db-verify", "--restore"]).args([&file]).run();
    run.ok().stdout_has("whole").stdout_has("a partial backup: proven, not loaded").stdout_lacks("restored and");
    let run = database.xtask(["db-verify", "--restore", "--json"]).args([&file]).run();
    assert!(run.ok().json()["files"][0]["restored"].is_null());
}

fn an_older_server_refuses_and_a_newer_one_takes_it() {
    let newer = Stack::postgres_only();
    newer.sandbox.set("POSTGRES_IMAGE", &needs::postgres_17_image().unwrap());
    newer.up();
    newer.psql("openfga", "CREATE TABLE t AS SELECT 1 AS a");
    let file = newer.xtask(["db-backup"]).run();
    let file = newer.sandbox.path(file.ok().text().trim_end());
    let database = shared().database();
    database.sql("CREATE TABLE t AS SELECT 1 AS a");
    let run = database.xtask(["db-verify", "--restore"]).args([&file]).run();
    run.code(1).prints_nothing().stderr_has("PostgreSQL 17").stderr_has("this server is");
    assert_eq!(scratch_databases(&database), Vec::<String>::new());
    database.xtask(["db-verify"]).args([&file]).run().ok();
    newer.xtask(["db-verify", "--restore"]).args([backup_of(&database)]).run().ok().stdout_has("restored and compared");
    assert!(fs::exists(&file).unwrap());
    // No path helps where the newer server evaluates something with a path of its own.
    database.sql(
        "CREATE FUNCTION most() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT max(a) FROM t';
         CREATE MATERIALIZED VIEW v AS SELECT most() AS a",
    );
    for path in [&[][..], &["--search-path", "public"]] {
        let run = newer.xtask(["db-verify", "--restore"]).args([backup_of(&database)]).args(path).run();
        run.code(1).stderr_has("with a search_path of its own: no --search-path helps").stderr_lacks("try again with");
        run.stderr_has("where that database is gone: load the file by hand as below, do the same there");
    }
}
