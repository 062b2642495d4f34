//! `db-restore` before anything happens: which backup is taken, what is shown, and when nothing is done at all.

use crate::harness::stack::Database;
use crate::harness::{Outcome, Test, shared_for_restores};
use std::fs;
use std::path::Path;

pub fn tests() -> Vec<Test> {
    tests![
        [Compose] a_preview_changes_nothing,
        [Compose, Script] every_answer_but_yes_changes_nothing,
        [Compose] without_a_file_the_newest_full_backup_is_restored,
        [Compose, Script] a_newer_unfit_file_is_named_before_an_older_is_taken,
        [Compose] a_backup_of_another_database_needs_consent,
        [Compose] a_backup_from_stdin_is_proven_before_it_is_loaded,
        [Compose] unfit_files_are_refused_before_any_change,
        [Compose] an_error_in_the_last_statement_leaves_the_live_database,
    ]
}

/// Nothing was made, renamed or written.
#[track_caller]
fn nothing_changed(database: &Database<'_>, old: &[u8], run: &Outcome) {
    run.holds(database.dump() == old, "the live database should be as it was");
    run.holds(database.beside("before").is_empty() && database.beside("staging").is_empty(), "no other database");
    run.stderr_lacks("✓ Database restored").stderr_lacks("Undo:");
}

fn a_preview_changes_nothing() {
    let database = shared_for_restores().database();
    let states = database.backed_up_and_changed();
    let run = database.restore(["--dry-run"]).run();
    run.ok().prints_nothing().stderr_has("public.t").stderr_lacks("Safety").stderr_lacks("Continue?");
    nothing_changed(&database, &states.old, &run);
    let narrow = ["sh", "-c", "stty columns 30; exec \"$@\"", "sh"];
    let run = database.restore(["--dry-run"]).through(narrow).terminal().wait();
    let text = run.text().replace("\r\n", "\n");
    assert!(text.contains("\n  ROWS NOW       ") && text.contains("\n  IN THE BACKUP  "), "{text}");
    let run = database.restore(["--dry-run", "--json"]).run();
    run.ok();
    let tables = &run.json()["plan"]["tables"];
    let expected = serde_json::json!([
        { "schema": "public", "table": "later", "now": 1, "backup": null, "estimated": false, "rows_left_out": false },
        { "schema": "public", "table": "t", "now": 2, "backup": 3, "estimated": false, "rows_left_out": false },
    ]);
    assert_eq!(tables, &expected);
    nothing_changed(&database, &states.old, &run);
    assert_eq!(database.safety_backups().len(), 0);
}

fn every_answer_but_yes_changes_nothing() {
    let database = shared_for_restores().database();
    let states = database.backed_up_and_changed();
    for (keys, code, words) in [
        ("n\n", 1, "Declined; nothing was changed"),
        ("\n", 1, "Declined; nothing was changed"),
        ("j\n", 1, "Declined; nothing was changed"),
        ("\x04", 1, "Declined; nothing was changed"),
        ("\x03", 130, "nothing was changed"),
    ] {
        let mut terminal = database.xtask(["db-restore"]).terminal();
        terminal.shows("Continue? (y/n) ").types(keys);
        let run = terminal.wait();
        run.code(code).stdout_has(words).stdout_lacks("Safety");
        nothing_changed(&database, &states.old, &run);
    }
    let run = database.xtask(["db-restore"]).stdin("y\n").run();
    run.code(1).stderr_has("There is no terminal to ask on").stderr_has("→ answer yes on the command line: --yes");
    nothing_changed(&database, &states.old, &run);
    assert_eq!(database.safety_backups().len(), 0);

    let mut terminal = database.xtask(["db-restore"]).terminal();
    terminal.shows("Continue? (y/n) ").types("y\n");
    terminal.wait().ok().stdout_has("Database restored");
    assert_eq!(database.dump(), states.restored);
}

/// Copies a backup into the folder under another name.
fn copied(database: &Database<'_>, from: &Path, name: &str) -> String {
    let name = format!("backups/{name}");
    fs::copy(from, database.sandbox.path(&name)).unwrap();
    name
}

fn without_a_file_the_newest_full_backup_is_restored() {
    let database = shared_for_restores().database();
    let run = database.restore([]).run();
    run.code(1)
        .stderr_has(&format!("There is no full backup of {} in backups", database.name))
        .stderr_has("→ make one: cargo xtask db-backup; or name a file: cargo xtask db-restore FILE");
    database.sql("CREATE TABLE t AS SELECT 1 AS i");
    database.backup();
    database.sql("INSERT INTO t VALUES (2)");
    let newest = database.backup();
    let state = database.dump();
    // Younger, but none of them counts: some tables, another database's, one made before a restore.
    database.sql("DELETE FROM t");
    database.xtask(["db-backup", "--table", "t"]).run().ok();
    let other = database.stack.database();
    let folder = database.sandbox.path("backups");
    other.xtask(["db-backup", "--output", folder.to_str().unwrap()]).run().ok();
    let run = database.restore([]).run();
    run.ok().stderr_has(&format!("From:      backups/{}", newest.file_name().unwrap().to_str().unwrap()));
    assert_eq!(database.dump(), state);
    database.sql("DROP TABLE t");
    assert_eq!(database.safety_backups().len(), 1);
    database.restore([]).run().ok();
    assert_eq!(database.dump(), state);
}

fn a_newer_unfit_file_is_named_before_an_older_is_taken() {
    let database = shared_for_restores().database();
    let states = database.backed_up_and_changed();
    let whole = fs::read(&states.backup).unwrap();
    let name = format!("backups/{}_backup_20991231_235959.sql", database.name);
    database.sandbox.write(&name, &whole[..whole.len() / 2]);
    let run = database.restore([]).run();
    run.code(3)
        .stderr_has(&format!("{name} is newer, but cut"))
        .stderr_has("→ name the file that you want: cargo xtask db-restore backups/");
    nothing_changed(&database, &states.old, &run);
    let mut terminal = database.xtask(["db-restore"]).terminal();
    terminal.shows("is newer, but cut").shows("Continue with backups/").types("n\n");
    let run = terminal.wait();
    run.code(1).stdout_has("Declined; nothing was changed");
    nothing_changed(&database, &states.old, &run);
    let mut terminal = database.xtask(["db-restore"]).terminal();
    terminal.shows("Continue with backups/").types("y\n").shows("Continue? (y/n) ").types("y\n");
    terminal.wait().ok().stdout_has("Database restored");
    assert_eq!(database.dump(), states.restored);
}

/// `gunzip -c FILE.gz | cargo xtask db-restore - --yes`.
fn a_backup_from_stdin_is_proven_before_it_is_loaded() {
    let database = shared_for_restores().database();
    let states = database.backed_up_and_changed();
    let whole = fs::read(&states.backup).unwrap();
    let files = database.sandbox.backups().len();
    let from = |bytes: &[u8], args: &[&str]| database.xtask(["db-restore", "-"]).args(args).stdin(bytes).run();
    // It cannot be asked, and a half-read pipe is refused as every cut file is.
    let run = from(&whole, &[]);
    run.code(1)
        .stderr_has("is read from standard input")
        .stderr_has("→ answer yes on the command line: --yes; or see the changes first");
    nothing_changed(&database, &states.old, &run);
    for (bytes, words) in [
        (&whole[..whole.len() / 2], "standard input is cut: "),
        (&[], "Standard input is empty\n→ pipe a backup to it: gunzip -c FILE.gz | cargo xtask db-restore - --yes"),
        (
            &[0x1f, 0x8b, 8, 0],
            "standard input is no backup that can be loaded: not a plain SQL dump: gzip\n→ unpack it: gunzip -c < FILE",
        ),
        // Its first bytes decide: the rest is not waited for.
        (&vec![0; 64 << 20], "binary data"),
    ] {
        let run = from(bytes, &["--yes"]);
        run.code(3).stderr_has(words).stderr_lacks("Safety");
        nothing_changed(&database, &states.old, &run);
    }
    from(&whole, &["--dry-run"]).ok().stderr_has("public.t");
    assert_eq!(database.sandbox.backups().len(), files, "nothing of it stays");
    from(&whole, &["--yes"]).ok().stderr_has("Database restored").stderr_has("From:      standard input");
    assert_eq!(database.dump(), states.restored);
    let left = fs::read_dir(database.sandbox.path("backups")).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(left.into_iter().all(|name| !name.to_string_lossy().contains("standard_input")), "nothing of it stays");
}

fn a_backup_of_another_database_needs_consent() {
    let (database, other) = (shared_for_restores().database(), shared_for_restores().database());
    let states = database.backed_up_and_changed();
    other.sql("CREATE TABLE of_the_other (a int)");
    let file = copied(&database, &other.backup(), "other.sql");
    let run = database.xtask(["db-restore", &file]).run();
    run.code(1)
        .stderr_has(&format!("{file} is a backup of {}, not of {}", other.name, database.name))
        .stderr_has("--yes");
    nothing_changed(&database, &states.old, &run);
    database.restore([file.as_str()]).run().ok().stderr_has("is a backup of");
    assert_eq!(database.dump(), other.dump());
}

fn unfit_files_are_refused_before_any_change() {
    let database = shared_for_restores().database();
    let states = database.backed_up_and_changed();
    let dump = String::from_utf8(database.dump()).unwrap();
    let with = |line: &str| {
        dump.replacen("CREATE TABLE public.t ", &format!("{line}\nCREATE TABLE public.t "), 1).into_bytes()
    };
    let whole = fs::read(&states.backup).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 3] ^= 1;
    database.sql("CREATE TABLE witness (a int)");
    let old = database.dump();
    let partial = database.xtask(["--quiet", "db-backup", "--table", "t"]).run();
    let partial = fs::read(database.sandbox.path(partial.text().trim_end())).unwrap();
    let cut = dump.as_bytes()[..dump.len() - 100].to_vec();
    for (name, bytes, words) in [
        ("empty", Vec::new(), "empty"),
        ("cut", whole[..whole.len() - 10].to_vec(), "cut"),
        ("cut-elsewhere", cut, "cut"),
        ("flipped", flipped, "damaged"),
        ("partial", partial, "holds only some tables"),
        ("shell", with("\\! touch /tmp/hostile"), "\\!"),
        ("connect", with("\\connect postgres"), "\\connect"),
        ("program", with("COPY public.t TO PROGRAM 'touch /tmp/hostile';"), "COPY"),
        ("role", with("CREATE ROLE hostile SUPERUSER;"), "ROLE"),
        ("drop", with(&format!("DROP DATABASE {};", database.name)), "DATABASE"),
        ("do", with("DO $$ BEGIN NULL; END $$;"), "DO"),
        ("html", b"<html>404</html>".to_vec(), "html.sql"),
        ("gzip", b"\x1f\x8b\x08\x00rubbish".to_vec(), "gzip"),
        ("custom", b"PGDMP\x01\x0e\x00rubbish".to_vec(), "pg_restore"),
    ] {
        let file = database.sandbox.write(format!("{name}.sql"), bytes);
        let run = database.restore([file.to_str().unwrap()]).run();
        run.code(3).prints_nothing().stderr_has(words).stderr_lacks("Safety backup");
    }
    let run = database.restore(["nosuch.sql"]).run();
    run.code(1).stderr_has("nosuch.sql");
    nothing_changed(&database, &old, &run);
    assert_eq!(database.safety_backups().len(), 0);
    assert_eq!(database.stack.admin("SELECT count(*) FROM pg_roles WHERE rolname = 'hostile'"), "0");
}

fn an_error_in_the_last_statement_leaves_the_live_database() {
    let database = shared_for_restores().database();
    let states = database.backed_up_and_changed();
    let dump = String::from_utf8(database.dump()).unwrap();
    let end = "--\n-- PostgreSQL database dump complete";
    assert!(dump.contains(end));
    let dump = dump.replacen(end, &format!("ALTER TABLE public.t ADD CHECK (i > 1);\n\n{end}"), 1);
    let file = database.sandbox.write("elsewhere.sql", dump);
    let run = database.restore([file.to_str().unwrap()]).run();
    run.code(1).stderr_has("elsewhere.sql cannot be loaded").stderr_has("violated by some row");
    nothing_changed(&database, &states.old, &run);
    assert_eq!(database.safety_backups().len(), 1);
    let again = database.repair();
    assert!(again.contains("✓ Nothing to repair"), "{again}");
}
