//! `db-verify --restore` when something goes wrong half-way: it is reported, and no scratch database stays.

use super::db_verify::{backup_of, scratch_databases};
use crate::harness::forge::{Forged, dump};
use crate::harness::health::until;
use crate::harness::run::Running;
use crate::harness::stack::Database;
use crate::harness::{Fakes, Health, Outcome, Sandbox, Test, Xtask, shared, wait_until};
use rustix::process::Signal;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

pub fn tests() -> Vec<Test> {
    tests![
        [Stack] a_signal_while_loading_leaves_nothing,
        [Script] ctrl_c_while_a_file_is_read_is_reported_like_any_other,
        [Stack] after_a_kill_the_next_run_clears_up_but_not_after_the_living,
        [Stack] a_server_session_that_is_ended_is_reported,
        [Stack] an_error_in_the_last_statement_is_reported,
        [Stack] rows_that_the_server_counts_otherwise_are_reported,
        [Stack] a_file_rewritten_before_the_load_is_refused,
        [Stack] two_at_once_do_not_meet,
        [Stack] a_file_that_is_being_restored_is_not_pruned,
    ]
}

const SLOW: &str = "CREATE TABLE public.t (a int);\nCREATE MATERIALIZED VIEW public.m AS SELECT 1 AS a FROM pg_catalog.pg_sleep(100);\n";

/// A run that has come to the middle of its load.
fn loading(database: &Database<'_>, file: &PathBuf) -> Running {
    let run = database.xtask(["db-verify", "--restore"]).args([file]).spawn();
    let busy = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE starts_with(datname, '{}_verify_') AND query LIKE '%pg_sleep%'",
        database.name
    );
    let before: usize = database.stack.admin(&busy).parse().unwrap();
    wait_until("the load has begun", || database.stack.admin(&busy).parse::<usize>().unwrap() > before);
    run
}

fn slow_file(database: &Database<'_>) -> PathBuf {
    Forged::of(dump(SLOW)).taken(&database.name, SystemTime::now().into()).write(&database.sandbox, "slow.sql")
}

fn verify(database: &Database<'_>, file: &PathBuf) -> Outcome {
    database.xtask(["db-verify", "--restore"]).args([file]).run()
}

#[track_caller]
fn nothing_is_left(database: &Database<'_>) {
    assert_eq!(scratch_databases(database), Vec::<String>::new());
}

/// 200 MB: the key is typed while it is read. Written in pieces, as other tests run beside this one.
fn large_file(sandbox: &Sandbox) {
    let text = dump("CREATE TABLE public.t (a text);\nCOPY public.t (a) FROM stdin;\n\\.\n");
    let end = text.windows(3).position(|at| at == b"\\.\n").unwrap();
    let rows = "x\n".repeat(500_000);
    let mut file = fs::File::create(sandbox.path("large.sql")).unwrap();
    file.write_all(&text[..end]).unwrap();
    (0..200).for_each(|_| file.write_all(rows.as_bytes()).unwrap());
    file.write_all(&text[end..]).unwrap();
}

fn ctrl_c_while_a_file_is_read_is_reported_like_any_other() {
    let sandbox = Sandbox::new();
    large_file(&sandbox);
    let mut terminal = Xtask::new(&sandbox).args(["db-verify", "large.sql"]).terminal();
    terminal.shows("reading").types("\u{3}");
    let run = terminal.wait();
    // The end is the headline, and not below what was done.
    run.code(130).stdout_has("Ended by Ctrl-C (SIGINT); nothing was changed").stdout_lacks("reading /");
}

fn a_signal_while_loading_leaves_nothing() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        let database = shared().database();
        let run = loading(&database, &slow_file(&database));
        assert_eq!(scratch_databases(&database).len(), 1);
        run.signal(signal);
        let run = run.wait();
        run.code(code).prints_nothing().stderr_has("Ended by").stderr_lacks("✓");
        run.within(Duration::from_secs(20), "a signal should end it at once");
        nothing_is_left(&database);
    }
}

fn after_a_kill_the_next_run_clears_up_but_not_after_the_living() {
    let database = shared().database();
    let small = Forged::small().write(&database.sandbox, "small.sql");
    let living = loading(&database, &slow_file(&database));
    let alive = scratch_databases(&database);
    let killed = loading(&database, &slow_file(&database));
    let mut dead = scratch_databases(&database);
    dead.retain(|name| !alive.contains(name));
    assert_eq!((alive.len(), dead.len()), (1, 1));
    killed.signal(Signal::KILL);
    // Its children hold its pipes open: the run does not wait for their end.
    drop(killed);
    // What a repair would drop is named by those who look, and what lives is not.
    let look = || Health::of(database.xtask([]), &["--only", "leftovers"]);
    let named = until(&look, "leftovers", "warn");
    named.says("leftovers", "warn", &format!("{} was left behind", dead[0]), "db-restore --repair");
    named.outcome.ok().stdout_lacks(&alive[0]);
    // Its session ends when the server notices.
    let mut told = false;
    wait_until("the dead run's database is dropped", || {
        let run = verify(&database, &small);
        told |= run.ok().stderr.contains(&format!("Dropped {}", dead[0]));
        scratch_databases(&database) == alive
    });
    assert!(told, "what was dropped should be named");
    living.signal(Signal::INT);
    living.wait().code(130);
    nothing_is_left(&database);
}

fn a_server_session_that_is_ended_is_reported() {
    let database = shared().database();
    let file = slow_file(&database);
    let of_load = format!("FROM pg_stat_activity WHERE starts_with(datname, '{}_verify_')", database.name);
    for end in [
        |database: &Database<'_>, of_load: &str| {
            database.stack.admin(&format!("SELECT pg_terminate_backend(pid) {of_load}"));
        },
        |database: &Database<'_>, of_load: &str| {
            let pid = database.stack.admin(&format!("SELECT pid {of_load} AND query LIKE '%pg_sleep%'"));
            database.stack.admin(&format!("SELECT pg_cancel_backend({pid})"));
        },
    ] {
        let run = loading(&database, &file);
        end(&database, &of_load);
        let run = run.wait();
        run.prints_nothing().stderr_has("cannot be loaded").stderr_lacks("✓");
        run.holds(matches!(run.code, Some(1 | 4)), "a failure was expected");
        nothing_is_left(&database);
    }
    // The client goes, and leaves its session behind.
    let fakes = Fakes::new(&database.sandbox).docker_but(
        "psql",
        "case \"$*\" in *_verify_*) dd bs=1 count=150 status=none | real \"$@\"; exit 137;; esac; real \"$@\"",
    );
    let small = Forged::small().write(&database.sandbox, "small.sql");
    let run = fakes.over(database.xtask(["db-verify", "--restore"]).args([&small])).run();
    run.code(1).prints_nothing().stderr_has("cannot be loaded").stderr_lacks("✓");
    nothing_is_left(&database);
    // A stream that is cut on its way, by something that says it is fine.
    let fakes = Fakes::new(&database.sandbox).docker_but(
        "psql",
        "case \"$*\" in *_verify_*) dd bs=1 count=150 status=none | real \"$@\"; exit 0;; esac; real \"$@\"",
    );
    let run = fakes.over(database.xtask(["db-verify", "--restore"]).args([&small])).run();
    run.code(1).prints_nothing().stderr_has("cannot be loaded").stderr_lacks("✓");
    nothing_is_left(&database);
}

fn an_error_in_the_last_statement_is_reported() {
    let database = shared().database();
    let body = "CREATE TABLE public.t (a int);\nCOPY public.t (a) FROM stdin;\n1\n\\.\nALTER TABLE public.t ADD CHECK (a > 1);\n";
    let plain = database.sandbox.write("plain.sql", dump(body));
    for file in [plain, Forged::of(dump(body)).write(&database.sandbox, "forged.sql")] {
        verify(&database, &file).code(1).prints_nothing().stderr_has("is violated by some row").stderr_lacks("✓");
        nothing_is_left(&database);
    }
    let report = database.xtask(["db-verify", "--restore", "--json", "plain.sql"]).run();
    report.code(1);
    let entry = &report.json()["files"][0];
    assert_eq!((entry["verdict"].as_str(), entry["restored"].as_bool()), (Some("made_elsewhere"), Some(false)));
    assert!(entry["reason"].as_str().unwrap().contains("is violated by some row"), "{entry}");
}

fn rows_that_the_server_counts_otherwise_are_reported() {
    let database = shared().database();
    let body = "CREATE TABLE public.t (a int);\n\
        CREATE FUNCTION public.skip() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';\n\
        CREATE TRIGGER t BEFORE INSERT ON public.t FOR EACH ROW WHEN (new.a = 2) EXECUTE FUNCTION public.skip();\n\
        COPY public.t (a) FROM stdin;\n1\n2\n3\n\\.\n";
    let file = Forged::of(dump(body)).write(&database.sandbox, "skips.sql");
    let run = verify(&database, &file);
    run.code(1).prints_nothing().stderr_has("the server counted 2 rows").stderr_has("the backup holds 3");
    let file = Forged::of(dump(format!("{body}SELECT pg_catalog.set_config('search_path', 'COPY 3', false);\n")))
        .write(&database.sandbox, "lies.sql");
    verify(&database, &file).code(1).prints_nothing();
    nothing_is_left(&database);
}

fn a_file_rewritten_before_the_load_is_refused() {
    let database = shared().database();
    let body = "CREATE TABLE public.t (a text);\nCOPY public.t (a) FROM stdin;\nbefore\n\\.\n";
    let bytes = Forged::of(dump(body)).bytes();
    let after = String::from_utf8(bytes.clone()).unwrap().replace("\nbefore\n", "\nAFTER!\n");
    let spare = database.sandbox.write("spare.sql", after);
    let file = database.sandbox.write("file.sql", &bytes);
    let shown = (file.display(), spare.display());
    // In place: the descriptor that was proven sees it.
    for (change, code) in [
        (format!("cat '{}' >'{}'", shown.1, shown.0), 3),
        (format!("printf '\\n' >>'{}'", shown.0), 3),
        (format!("head -c 900 '{}' >'{}'", shown.1, shown.0), 3),
        // Another file under its name: what was proven is what is loaded.
        (format!("cp '{}' x && mv x '{}'", shown.1, shown.0), 0),
    ] {
        std::fs::write(&file, &bytes).unwrap();
        // What is asked first is asked once the file is proven.
        let fakes = Fakes::new(&database.sandbox).docker_but("psql", &format!("{change}; real \"$@\""));
        let run = fakes.over(database.xtask(["db-verify", "--restore"]).args([&file])).run();
        run.code(code);
        if code == 3 {
            run.prints_nothing().stderr_has("changed while it was read");
        }
        nothing_is_left(&database);
    }
}

fn two_at_once_do_not_meet() {
    let database = shared().database();
    database.sql("CREATE TABLE t AS SELECT n FROM generate_series(1, 1000) n");
    backup_of(&database);
    for _ in 0..2 {
        let runs: Vec<Running> = (0..3).map(|_| database.xtask(["db-verify", "--restore"]).spawn()).collect();
        for run in runs {
            run.wait().ok().stdout_has("1,000 rows), restored and compared").stderr_lacks("Dropped");
        }
    }
    nothing_is_left(&database);
}

fn a_file_that_is_being_restored_is_not_pruned() {
    let database = shared().database();
    let old = database.sandbox.path(format!("backups/{}_backup_20200101_000000.sql", database.name));
    std::fs::rename(slow_file(&database), &old).unwrap();
    Forged::small()
        .taken(&database.name, (SystemTime::now() + Duration::from_secs(60)).into())
        .write(&database.sandbox, &format!("{}_backup_20300101_000000.sql", database.name));
    let run = loading(&database, &old);
    database.xtask(["db-prune", "--keep-last", "1", "--yes"]).run().ok().stderr_has("in use");
    assert!(old.exists());
    run.signal(Signal::TERM);
    run.wait().code(143);
    database.xtask(["db-prune", "--keep-last", "1", "--yes"]).run().ok().stderr_has("Removed");
    assert!(!old.exists());
}
