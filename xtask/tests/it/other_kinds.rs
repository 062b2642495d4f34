//! Healthy files that are no plain dump: named for what they are, with the command that makes one, which is typed here.

use crate::harness::stack::Database;
use crate::harness::{Outcome, Test, shared};
use std::path::Path;
use std::process::Command;

pub fn tests() -> Vec<Test> {
    tests![
        [Stack, Clients] each_kind_is_converted_by_the_command_in_the_hint,
        [Stack] a_dump_with_its_database_is_loadable_without_it,
        [Stack] a_kind_without_a_way_asks_for_a_dump,
    ]
}

/// A name that a shell would take apart.
const FILE: &str = "Tom's dump.sql";

/// A database with what `--create` writes of it: a comment, settings, grants.
fn described() -> Database<'static> {
    let database = shared().database();
    let name = &database.name;
    database.sql(&format!(
        "CREATE TABLE t AS SELECT (ARRAY['-- Name: DATABASE x; Type: ACL; Schema: -; Owner: y', 'kept', \
           'CREATE DATABASE x; 3'])[i] AS a FROM generate_series(1, 3) AS i; \
         COMMENT ON TABLE t IS 'ours'; COMMENT ON DATABASE {name} IS E'of the shop.\\nOwner: team A; it''s theirs\\n'; \
         ALTER DATABASE {name} SET work_mem = '5MB'; REVOKE CONNECT ON DATABASE {name} FROM PUBLIC; \
         GRANT CONNECT ON DATABASE {name} TO pg_monitor; GRANT SELECT ON t TO pg_monitor"
    ));
    database
}

fn dumped(database: &Database<'_>, options: &[&str]) -> Vec<u8> {
    let words = [&["pg_dump", "-d", &database.name], options].concat();
    let (bytes, errors) = database.stack.exec(&words, "");
    bytes.unwrap_or_else(|| panic!("{options:?}: {errors}"))
}

/// The file is refused as this; the command below it is typed in another folder, and what it writes is a whole dump.
#[track_caller]
fn is_converted(database: &Database<'_>, file: &Path, kind: &str) {
    let run = database.xtask(["db-restore", "--yes"]).args([file]).run();
    run.code(3).prints_nothing().stderr_has(&format!("is no backup that can be loaded: {kind}"));
    run.stderr_lacks("is damaged").stderr_lacks("db-list").stderr_lacks("Safety");
    typed(&run, database);
    let x = database.sandbox.path("elsewhere/x.sql");
    let loaded = database.xtask(["db-verify", "--restore"]).args([&x]).run();
    loaded.ok().stdout_has("made elsewhere (1 table, 3 rows), restored and compared");
    // Several files: what each one needs stands with it.
    let run = database.xtask(["db-verify"]).args([file]).run();
    run.code(3).stderr_has("is no backup that can be loaded").stderr_has("→ see above what each one needs");
}

#[track_caller]
fn typed(run: &Outcome, database: &Database<'_>) {
    let hint = run.stderr.split_once("\n→ ").map(|(_, hint)| hint.lines().next().unwrap()).unwrap();
    let command = hint.split_once(": ").unwrap().1;
    let folder = database.sandbox.path("elsewhere");
    std::fs::create_dir_all(&folder).unwrap();
    let status = Command::new("sh").args(["-c", command]).current_dir(&folder).status().unwrap();
    assert!(status.success(), "{command}");
}

fn piped(program: &str, args: &[&str], file: &Path) -> Vec<u8> {
    let run = Command::new(program).args(args).stdin(std::fs::File::open(file).unwrap()).output().unwrap();
    assert!(run.status.success(), "{program}");
    run.stdout
}

fn each_kind_is_converted_by_the_command_in_the_hint() {
    let database = described();
    let written = |bytes: Vec<u8>| database.sandbox.write(FILE, bytes);
    let plain = dumped(&database, &[]);
    let file = written(plain.clone());
    let utf16 = piped("iconv", &["-f", "UTF-8", "-t", "UTF-16"], &file);
    let gzip = piped("gzip", &["-c"], &file);
    let windows = String::from_utf8(plain.clone()).unwrap().replace('\n', "\r\n").into_bytes();
    for (bytes, kind) in [
        (dumped(&database, &["-Fc"]), "not a plain SQL dump: pg_dump's custom format\n"),
        (dumped(&database, &["-Ft"]), "not a plain SQL dump: pg_dump's tar format\n"),
        (gzip, "not a plain SQL dump: gzip\n"),
        (utf16, "not a plain SQL dump: UTF-16 text"),
        ([b"\xef\xbb\xbf", &plain[..]].concat(), "not a plain SQL dump: text that begins with a byte order mark"),
        (windows, "not a plain SQL dump: a dump whose line ends are CR LF"),
        ([b"-- ours\n", &plain[..]].concat(), "not a plain SQL dump: a dump with other text before it"),
    ] {
        is_converted(&database, &written(bytes), kind);
    }
    let script = "pg_dump -d $0 -Fd -f /tmp/$0 && tar cf - -C /tmp/$0 . && rm -r /tmp/$0";
    let (tar, errors) = database.stack.exec(&["sh", "-c", script, &database.name], "");
    let tar = written(tar.unwrap_or_else(|| panic!("{errors}")));
    let folder = database.sandbox.path("Tom's folder");
    std::fs::create_dir(&folder).unwrap();
    let status = Command::new("tar").arg("xf").arg(&tar).arg("-C").arg(&folder).status().unwrap();
    assert!(status.success());
    is_converted(&database, &folder, "pg_dump's directory format\n");
}

fn a_dump_with_its_database_is_loadable_without_it() {
    let database = described();
    for options in [&["--create"][..], &["--create", "--clean", "--if-exists"], &["--create", "--no-privileges"]] {
        let text = String::from_utf8(dumped(&database, options)).unwrap();
        assert!(text.contains("of the shop") && text.contains("\\connect"), "{text}");
        // As an older pg_dump writes it, too.
        let older = text.lines().filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict"));
        for text in [text.clone(), older.fold(String::new(), |text, line| text + line + "\n")] {
            is_converted(&database, &database.sandbox.write(FILE, text), "line ");
            let x = std::fs::read_to_string(database.sandbox.path("elsewhere/x.sql")).unwrap();
            assert!(
                x.contains("\nCREATE DATABASE x; 3\n") && x.contains("COMMENT ON TABLE public.t IS 'ours';\n"),
                "{x}"
            );
            assert_eq!(
                x.contains("GRANT SELECT ON TABLE public.t TO pg_monitor"),
                !options.contains(&"--no-privileges")
            );
            assert!(
                !x.contains(&format!(" ON DATABASE {}", database.name))
                    && !x.contains("of the shop")
                    && !x.contains("team A")
                    && !x.contains("\\connect"),
                "{x}"
            );
        }
    }
}

fn a_kind_without_a_way_asks_for_a_dump() {
    let database = shared().database();
    for (bytes, kind) in [
        ("-- MySQL dump 10.13\n", "a dump of MySQL or MariaDB, which no PostgreSQL reads"),
        ("<!DOCTYPE html>\n", "a web page"),
    ] {
        let file = database.sandbox.write(FILE, bytes);
        let run = database.xtask(["db-restore", "--yes"]).args([&file]).run();
        run.code(3)
            .stderr_has(&format!("is no backup that can be loaded: not a plain SQL dump: {kind}\n→ dump the database"));
    }
    // What was a backup of ours stays damaged, whatever its text says now.
    let ours = std::fs::read_to_string(database.backup()).unwrap();
    let file =
        database.sandbox.write(FILE, ours.replacen("SET client_encoding", "DROP DATABASE x;SET client_encoding", 1));
    let run = database.xtask(["db-restore", "--yes"]).args([&file]).run();
    run.code(3).stderr_has("is damaged: ").stderr_lacks("sed ");
}
