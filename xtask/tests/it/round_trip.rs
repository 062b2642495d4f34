//! A backup restored by hand, with psql alone, is the same database: both dumps are equal, byte for byte.

use crate::harness::backup::manifest;
use crate::harness::stack::{Database, identifier};
use crate::harness::{Stack, Test, needs, shared};
use serde_json::Value;
use std::fs;
use std::path::Path;

pub fn tests() -> Vec<Test> {
    tests![
        [OwnStack, Postgres17] another_major_version_comes_back_unchanged,
        [Stack] what_openfga_wrote_comes_back_unchanged,
        [Stack] a_nasty_schema_comes_back_unchanged,
        [Stack] rows_that_move_to_other_partitions_are_all_counted,
        [Stack] strings_with_backslash_escapes_come_back_unchanged,
        [Stack] a_database_of_another_encoding_comes_back_unchanged,
    ]
}

pub const NASTY: &str = include_str!("round_trip/nasty.sql");
/// The role that it names.
pub const NASTY_ROLE: &str =
    "DO $$ BEGIN CREATE ROLE nasty_reader; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$";

fn what_openfga_wrote_comes_back_unchanged() {
    let database = shared().openfga_database();
    let copy = goes_round(&database);
    assert_eq!(copy.sql("SELECT count(*) FROM tuple"), "10");
    assert_eq!(copy.sql("SELECT count(*) FROM tuple WHERE _user IN ('user:zoë', 'user:日本')"), "2");
    // And back again: the copy's own backup says the same.
    let backup = |database: &Database<'_>| manifest(&database.backup());
    assert_eq!(backup(&copy)["openfga"], backup(&database)["openfga"]);
}

fn a_nasty_schema_comes_back_unchanged() {
    let database = shared().database();
    database.stack.admin(NASTY_ROLE);
    nasty(&database);
}

fn another_major_version_comes_back_unchanged() {
    let stack = Stack::postgres_only();
    stack.sandbox.set("POSTGRES_IMAGE", &needs::postgres_17_image().unwrap());
    stack.up();
    stack.admin("CREATE ROLE nasty_reader");
    let database = stack.database();
    assert!(database.sql("SHOW server_version").starts_with("17."));
    nasty(&database);
    let icu = "TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LOCALE 'C'";
    let builtin = stack.database_with(icu);
    builtin.sql("CREATE TABLE t (a text); INSERT INTO t VALUES ('Ä'), ('b'); CREATE INDEX ON t (lower(a))");
    goes_round(&builtin);
    let properties = manifest(&builtin.backup())["properties"].clone();
    assert_eq!((&properties["locale_provider"], &properties["locale"]), (&"builtin".into(), &"C.UTF-8".into()));
}

fn nasty(database: &Database<'_>) {
    database.sql(NASTY);
    let copy = goes_round(database);
    assert_eq!(copy.sql("SELECT md5(lo_get(4711))"), database.sql("SELECT md5(lo_get(4711))"));
    assert_eq!(copy.sql("SELECT nextval('lone')"), "1008");
    let crlf = "SELECT length(prosrc) - length(replace(prosrc, E'\\r', '')) FROM pg_proc WHERE proname = 'crlf_body'";
    assert!(copy.sql(crlf).parse::<u32>().unwrap() >= 3);
}

/// The hash of an enum's value differs from database to database, so pg_dump names the root in every partition's
/// block, and rows land in other partitions: the dumps differ, what they hold does not.
fn rows_that_move_to_other_partitions_are_all_counted() {
    let database = shared().database();
    let values: Vec<String> = (0..40).map(|number| format!("'v{number}'")).collect();
    database.sql(&format!(
        "CREATE TYPE kind AS ENUM ({}); CREATE TABLE by_hash (id int, kind kind NOT NULL) PARTITION BY HASH (kind);
         CREATE TABLE part_0 PARTITION OF by_hash FOR VALUES WITH (MODULUS 2, REMAINDER 0);
         CREATE TABLE part_1 PARTITION OF by_hash FOR VALUES WITH (MODULUS 2, REMAINDER 1);
         INSERT INTO by_hash SELECT row_number() OVER (), kind FROM unnest(enum_range(NULL::kind)) AS kind;",
        values.join(", ")
    ));
    let file = database.backup();
    let manifest = manifest(&file);
    let blocks = manifest["copied"].as_array().unwrap();
    assert!(blocks.len() == 2 && blocks.iter().all(|block| block["name"] == "by_hash"), "{blocks:?}");
    let report = database.backup_json();
    assert_eq!(report["tables"], serde_json::json!([{ "schema": "public", "name": "by_hash", "rows": 40 }]));
    let (copy, printed) = restored(&database, &file, &manifest);
    assert_eq!(loaded(&printed), named(&manifest));
    let rows = "SELECT string_agg(id || kind::text, ' ' ORDER BY id) FROM by_hash";
    assert_eq!(copy.sql(rows), database.sql(rows));
}

fn strings_with_backslash_escapes_come_back_unchanged() {
    let database = shared().database();
    database.stack.admin(&format!("ALTER DATABASE {} SET standard_conforming_strings = off", database.name));
    database.sql(
        "SET escape_string_warning = off;
         CREATE TABLE t (a text DEFAULT 'it\\'s; \\\\.', b text CHECK (b <> 'x\\\\;\\'')); COMMENT ON TABLE t IS 'ends with \\\\';
         INSERT INTO t (b) VALUES ('y\\\\'), ('\\n\\\\.\\n');
         CREATE FUNCTION f() RETURNS text LANGUAGE sql AS 'SELECT \\'a;b\\\\\\\\\\'::text';
         CREATE VIEW v AS SELECT 'back\\\\slash; \\'quote' AS c;",
    );
    let copy = goes_round(&database);
    assert_eq!(copy.sql("SELECT f(), (SELECT c FROM v)"), database.sql("SELECT f(), (SELECT c FROM v)"));
}

fn a_database_of_another_encoding_comes_back_unchanged() {
    for options in [
        "TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'",
        "TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'",
        "TEMPLATE template0 ENCODING 'EUC_JP' LOCALE 'C'",
        "TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'",
    ] {
        let database = shared().database_with(options);
        let letters = if options.contains("EUC_JP") { "日本" } else { "Zoë ½" };
        database.sql(&format!(
            "CREATE TABLE \"{letters}\" (a text); INSERT INTO \"{letters}\" VALUES ('{letters}'), (NULL)"
        ));
        goes_round(&database);
    }
}

/// Backs up, restores by hand, compares; gives the copy.
#[track_caller]
fn goes_round<'a>(database: &Database<'a>) -> Database<'a> {
    let file = database.backup();
    let manifest = manifest(&file);
    let (copy, printed) = restored(database, &file, &manifest);
    assert_eq!(loaded(&printed), named(&manifest), "left: what psql loaded, right: what the manifest says");
    let (before, after) = (database.dump(), copy.dump());
    if before != after {
        let (before, after) = (String::from_utf8_lossy(&before), String::from_utf8_lossy(&after));
        let line = before.lines().zip(after.lines()).find(|(one, other)| one != other);
        panic!("the copy differs, first here: {line:?}; {} and {} bytes", before.len(), after.len());
    }
    copy
}

/// psql prints `COPY n` for each block: those are the rows that really went in.
fn loaded(printed: &str) -> Vec<u64> {
    printed.lines().filter_map(|line| line.strip_prefix("COPY ")?.parse().ok()).collect()
}

fn named(manifest: &Value) -> Vec<u64> {
    manifest["copied"].as_array().unwrap().iter().map(|block| block["rows"].as_u64().unwrap()).collect()
}

/// What a person would do, by what the manifest says of the database: its encoding, its locale, its settings.
#[track_caller]
fn restored<'a>(database: &Database<'a>, file: &Path, manifest: &Value) -> (Database<'a>, String) {
    let properties = &manifest["properties"];
    let text = |name: &str| properties[name].as_str().unwrap().replace('\'', "''");
    let mut options = format!(
        "TEMPLATE template0 ENCODING '{}' LC_COLLATE '{}' LC_CTYPE '{}'",
        text("encoding"),
        text("collate"),
        text("ctype")
    );
    if text("locale_provider") == "builtin" {
        options.push_str(&format!(" LOCALE_PROVIDER builtin BUILTIN_LOCALE '{}'", text("locale")));
    }
    let copy = database.stack.database_with(&options);
    for setting in properties["settings"].as_array().unwrap().iter().filter(|setting| setting["role"].is_null()) {
        for value in setting["values"].as_array().unwrap() {
            let (name, value) = value.as_str().unwrap().split_once('=').unwrap();
            copy.stack.admin(&format!("ALTER DATABASE {} SET {name} = '{value}'", identifier(&copy.name)));
        }
    }
    let words = ["env", "-u", "PGCLIENTENCODING", "psql", "-X", "-v", "ON_ERROR_STOP=1", "-d", &copy.name];
    let (output, errors) = copy.stack.exec(&words, fs::read(file).unwrap());
    let output = output.unwrap_or_else(|| panic!("{} cannot be restored by hand\n{errors}", file.display()));
    (copy, String::from_utf8_lossy(&output).into_owned())
}
