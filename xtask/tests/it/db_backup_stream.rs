//! `db-backup` when what comes from pg_dump is not what pg_dump wrote, or not all of it: no backup is made of it.

use crate::harness::backup::inner;
use crate::harness::stack::Database;
use crate::harness::{Outcome, Test, shared, wait_until};

pub fn tests() -> Vec<Test> {
    tests![
        [Stack] a_cut_stream_with_exit_0_becomes_no_backup,
        [Stack] foreign_text_in_the_stream_becomes_no_backup,
        [Stack] a_stream_with_line_ends_of_a_terminal_becomes_no_backup,
        [Stack] the_error_of_a_failed_pg_dump_is_shown,
    ]
}

/// It failed so that nothing is left of it: no file, no server session.
#[track_caller]
pub fn nothing_is_left(database: &Database<'_>, run: &Outcome) {
    run.prints_nothing().stderr_lacks("✓").stderr_lacks("panicked");
    let left = database.sandbox.backups();
    run.holds(left.is_empty(), &format!("no file should be left, but {left:?} are"));
    wait_until("no session is left", || database.our_sessions() == 0);
}

/// A table of three columns and one of a single one, a view behind them.
pub fn sample(database: &Database<'_>) {
    database.sql(
        "CREATE TABLE a (i int, t text, u text); INSERT INTO a SELECT i, 'some text', 'x' FROM generate_series(1, 500) AS i;
         CREATE TABLE b (line text); INSERT INTO b VALUES ('one'), ('two'); CREATE VIEW v AS SELECT * FROM a;",
    );
}

fn a_cut_stream_with_exit_0_becomes_no_backup() {
    let database = shared().database();
    sample(&database);
    let file = database.backup();
    let text = inner(&file);
    std::fs::remove_file(file).unwrap();
    let at = |words: &str| {
        text.windows(words.len()).position(|window| window == words.as_bytes()).unwrap_or_else(|| panic!("{words}"))
    };
    let copy = at("COPY public.a");
    let trailer = at("-- PostgreSQL database dump complete");
    for cut in
        [0, 1, 30, copy - 200, copy + 5, copy + 4000, at("\n\\.\n") + 2, trailer - 5, trailer + 36, text.len() - 1]
    {
        let run = database.xtask_with_pg_dump(["db-backup"], &format!("real \"$@\" | head -c {cut}")).run();
        run.code(1).stderr_has("is incomplete; no backup was made").stderr_has("→ ");
        nothing_is_left(&database, &run);
    }
}

fn foreign_text_in_the_stream_becomes_no_backup() {
    let database = shared().database();
    sample(&database);
    for body in [
        "echo 'time=now level=warning msg=orphans'; real \"$@\"",
        "echo; real \"$@\"",
        "real \"$@\"; echo goodbye",
        "real \"$@\"; echo '-- a comment'",
        "real \"$@\"; echo 'DROP TABLE a;'",
        "real \"$@\"; real \"$@\"",
        "real \"$@\" | sed '/^COPY public.a /s/$/ WARNING/'",
        "real \"$@\" | sed '/^250\\t/a WARNING: a line between the rows'",
        "real \"$@\" | sed '/^250\\t/s/$/\\tmore/'",
        "real \"$@\" | sed '/^SET client_encoding/i \\\\\\! touch /tmp/never'",
        "real \"$@\" | sed '/^SET client_encoding/i WARN[0000] a notice'",
        "real \"$@\" | sed '/^ALTER TABLE public.b OWNER/i time=now level=warning'",
        "real \"$@\" | sed '/^SET client_encoding/s/.*/SET client_encoding = '\\''SJIS'\\'';/'",
        "real \"$@\" | tr -d '\\\\'",
    ] {
        let run = database.xtask_with_pg_dump(["db-backup"], body).run();
        run.holds(run.code == Some(1), &format!("{body} should not be published"));
        run.code(1).stderr_has("is incomplete; no backup was made").stderr_has("line ");
        nothing_is_left(&database, &run);
    }
    // What pg_dump says beside its stream harms nothing.
    database.xtask_with_pg_dump(["db-backup"], "echo 'WARNING: something' >&2; real \"$@\"").run().ok();
}

fn a_stream_with_line_ends_of_a_terminal_becomes_no_backup() {
    let database = shared().database();
    sample(&database);
    for body in
        ["real \"$@\" | sed 's/$/\\r/'", "real \"$@\" | sed '/^COPY/s/$/\\r/'", "real \"$@\" | sed '/^250\\t/s/$/\\r/'"]
    {
        let run = database.xtask_with_pg_dump(["db-backup"], body).run();
        run.code(1).stderr_has("is incomplete").holds(
            run.stderr.contains("carriage return") || run.stderr.contains("CR LF") || run.stderr.contains("COPY"),
            "the reason should be named",
        );
        nothing_is_left(&database, &run);
    }
}

fn the_error_of_a_failed_pg_dump_is_shown() {
    let database = shared().database();
    sample(&database);
    for body in [
        "real \"$@\" | head -c 3000; echo 'pg_dump: error: it broke' >&2; exit 1",
        "real \"$@\"; echo 'pg_dump: error: it broke' >&2; exit 1",
        "echo 'pg_dump: error: it broke' >&2; exit 137",
        "real \"$@\" | head -c 3000; echo 'pg_dump: error: it broke' >&2; kill -9 $$",
    ] {
        let run = database.xtask_with_pg_dump(["db-backup"], body).run();
        run.code(1).stderr_has("pg_dump: error: it broke").stderr_has("pg_dump failed").stderr_has("→ ");
        nothing_is_left(&database, &run);
    }
    let silent = database.xtask_with_pg_dump(["db-backup"], "real \"$@\"; exit 1").run();
    silent.code(1).stderr_has("could not be dumped; no backup was made\n  pg_dump failed (exit code 1)\n→ ");
    nothing_is_left(&database, &silent);
}
