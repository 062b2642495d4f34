//! The safety backup beside the load (`--jobs` above 1): whichever fails ends the other, and nothing is swapped before both
//! are done.

use crate::harness::forge::dump;
use crate::harness::patience::is_within;
use crate::harness::restore::{States, slow, wait_for_the_sleep, whole_and_repaired};
use crate::harness::stack::Database;
use crate::harness::{Session, Test, shared_for_restores, wait_until};
use rustix::process::Signal;
use std::thread::{available_parallelism, sleep};
use std::time::{Duration, Instant};

pub fn tests() -> Vec<Test> {
    tests![
        [Compose] the_load_begins_before_the_safety_backup_is_done,
        [Compose] another_session_joins_once_the_safety_backup_is_done,
        [Compose] a_safety_backup_that_fails_ends_the_load,
        [Compose] a_load_that_fails_ends_the_safety_backup,
        [Compose] a_safety_backup_that_is_whole_stays,
        [Compose] a_signal_ends_both,
        [Compose] what_a_kill_leaves_of_both_is_cleared,
        [Compose] roles_are_made_behind_the_safety_backup,
        [Compose] a_large_file_that_needs_its_order_is_loaded_in_it,
    ]
}

const SOON: Duration = Duration::from_secs(15);

/// A live database of which one table is held, so that its safety backup waits; a backup, and a file that loads slowly.
struct Held {
    database: Database<'static>,
    states: States,
    holder: Session,
}

impl Held {
    fn new() -> Self {
        let database = shared_for_restores().database();
        let states = database.backed_up_and_changed();
        slow(&database, 100);
        let holder = database.hold("later");
        Self { database, states, holder }
    }

    /// Nothing is left of a safety backup that was ended, nor of the load.
    #[track_caller]
    fn ends_unchanged(self, point: &str) {
        let Self { database, states, holder } = self;
        drop(holder);
        assert_eq!((database.safety_backups().len(), unfinished(&database)), (0, 0), "{point}");
        let said = whole_and_repaired(&database, &states, false, point);
        assert!(said.contains("✓ Nothing to repair"), "{point}: {said}");
    }
}

fn unfinished(database: &Database<'_>) -> usize {
    database.sandbox.backups().iter().filter(|name| name.ends_with(".partial")).count()
}

fn the_load_begins_before_the_safety_backup_is_done() {
    for jobs in ["2", "4"] {
        let Held { database, states, holder } = Held::new();
        let file = states.backup.to_str().unwrap();
        let running = database.restore(["--jobs", jobs, "--lock-timeout", "100", file]).spawn();
        database.wait_for_a_blocked_dump();
        let filled =
            |staging: &String| database.stack.psql(staging, "SELECT to_regclass('public.t') IS NOT NULL") == "t";
        wait_until("the backup is loaded", || database.beside("staging").iter().any(filled));
        sleep(Duration::from_secs(2));
        assert!(database.beside("before").is_empty(), "swapped without a safety backup");
        drop(holder);
        let run = running.wait();
        run.ok().stderr_has("✓ Safety backup: backups/").stderr_has("✓ Database restored");
        whole_and_repaired(&database, &states, true, "both are done");
        let safety = database.safety_backups();
        assert_eq!((safety.len(), unfinished(&database)), (1, 0));
        assert_eq!(database.restored_from(&safety[0]).dump(), states.old);
    }
}

/// The number counts the safety backup: three sessions load beside it, and four after it.
fn another_session_joins_once_the_safety_backup_is_done() {
    let Held { database, states, holder } = Held::new();
    let names = ["a", "b", "c", "d"];
    let each = |text: fn(&str) -> String| names.map(text).concat();
    let tables = each(|name| {
        format!("CREATE TABLE public.{name} (i integer, slept text DEFAULT (pg_catalog.pg_sleep(5))::text);\n")
    });
    let rows = each(|name| format!("COPY public.{name} (i) FROM stdin;\n1\n\\.\n\n"));
    let indexes = each(|name| format!("CREATE INDEX of_{name} ON public.{name} USING btree (public.nap(i));\n"));
    let nap = "CREATE FUNCTION public.nap(i integer) RETURNS integer\n    LANGUAGE plpgsql IMMUTABLE\n    \
               AS $$ BEGIN PERFORM pg_catalog.pg_sleep(3); RETURN i; END $$;\n";
    database.sandbox.write("naps.sql", dump(format!("{nap}{tables}{rows}{indexes}")));
    let running = database.restore(["--jobs", "4", "--lock-timeout", "100", "naps.sql"]).spawn();
    database.wait_for_a_blocked_dump();
    let at_work = || {
        let of_load = "application_name LIKE 'xtask-%-load' AND wait_event = 'PgSleep'";
        let sql =
            format!("SELECT count(*) FROM pg_stat_activity WHERE {of_load} AND datname LIKE '{}_%'", database.name);
        database.stack.admin(&sql)
    };
    wait_until("three sessions load rows", || at_work() == "3");
    sleep(Duration::from_secs(1));
    assert_eq!(at_work(), "3", "a fourth one beside the safety backup");
    drop(holder);
    wait_until("four sessions make indexes", || at_work() == "4");
    running.wait().ok().stderr_has("✓ Safety backup: backups/").stderr_has("✓ Database restored");
    assert_eq!(database.restored_from(&database.safety_backups()[0]).dump(), states.old);
}

fn a_safety_backup_that_fails_ends_the_load() {
    let held = Held::new();
    let run = held.database.restore(["--jobs", "2", "--lock-timeout", "4", "slow.sql"]).run();
    run.code(5).stderr_has("The safety backup of the live database failed; nothing was changed");
    run.stderr_has("A table stayed locked for 4 s").stderr_has("--lock-timeout SECONDS").stderr_lacks("✓");
    run.stderr_lacks("cannot be loaded").stderr_lacks("terminating connection").stderr_lacks("--no-safety-backup");
    run.within(Duration::from_secs(50), "the load is ended");
    held.ends_unchanged("no safety backup");
}

fn a_load_that_fails_ends_the_safety_backup() {
    let held = Held::new();
    held.database.sandbox.write("wrong.sql", dump("CREATE MATERIALIZED VIEW public.w AS\n SELECT (1 / 0) AS a;\n"));
    let run = held.database.restore(["--jobs", "2", "--lock-timeout", "100", "wrong.sql"]).run();
    run.code(1).stderr_has("wrong.sql cannot be loaded").stderr_has("division by zero").stderr_lacks("✓");
    run.stderr_lacks("safety backup").stderr_lacks("terminating connection");
    run.within(Duration::from_secs(60), "the safety backup is ended");
    held.ends_unchanged("a wrong file");
}

fn a_safety_backup_that_is_whole_stays() {
    let database = shared_for_restores().database();
    let states = database.backed_up_and_changed();
    let late = "CREATE MATERIALIZED VIEW public.s AS\n SELECT 1 AS a FROM pg_catalog.pg_sleep(8);\n\n\
                CREATE MATERIALIZED VIEW public.w AS\n SELECT (1 / 0) AS a;\n";
    database.sandbox.write("late.sql", dump(late));
    let run = database.restore(["--jobs", "2", "late.sql"]).run();
    run.code(1)
        .stderr_has("✓ Safety backup: backups/")
        .stderr_has("division by zero")
        .stderr_lacks("✓ Database restored");
    whole_and_repaired(&database, &states, false, "a wrong file");
    let safety = database.safety_backups();
    assert_eq!((safety.len(), unfinished(&database)), (1, 0));
    assert_eq!(database.restored_from(&safety[0]).dump(), states.old);
}

fn a_signal_ends_both() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        let held = Held::new();
        let running = held.database.restore(["--jobs", "2", "--lock-timeout", "100", "slow.sql"]).spawn();
        held.database.wait_for_a_blocked_dump();
        wait_for_the_sleep(&held.database);
        let sent = Instant::now();
        running.signal(signal);
        let run = running.wait();
        run.code(code).stderr_has("nothing was changed").stderr_lacks("✓");
        run.holds(is_within(sent.elapsed(), SOON), "it should end at once");
        held.ends_unchanged("a signal");
    }
}

fn what_a_kill_leaves_of_both_is_cleared() {
    let Held { database, states, holder } = Held::new();
    let running = database.restore(["--jobs", "2", "--lock-timeout", "100", "slow.sql"]).spawn();
    database.wait_for_a_blocked_dump();
    wait_for_the_sleep(&database);
    running.signal(Signal::KILL);
    let run = running.wait();
    run.holds(run.signal == Some(9), "killed");
    assert_eq!((database.safety_backups().len(), unfinished(&database)), (1, 1), "under no backup's name");
    drop(holder);
    let said = whole_and_repaired(&database, &states, false, "killed");
    assert!(said.contains("was left behind by a run that was killed"), "{said}");
    let run = database.restore([]).run();
    run.ok().stderr_has("Removed 1 unfinished backup of a run that was killed").stderr_has("✓ Database restored");
    assert_eq!((database.safety_backups().len(), unfinished(&database)), (1, 0));
}

fn roles_are_made_behind_the_safety_backup() {
    let database = shared_for_restores().database();
    let role = format!("{}_owner", database.name);
    database.stack.admin(&format!("CREATE ROLE {role}"));
    database.sql(&format!("CREATE TABLE owned (a int); ALTER TABLE owned OWNER TO {role}"));
    database.backup();
    database.sql("ALTER TABLE owned OWNER TO postgres");
    database.stack.admin(&format!("DROP ROLE {role}"));
    let _holder = database.hold("owned");
    let run = database.restore(["--jobs", "4", "--create-roles", "--lock-timeout", "2"]).run();
    run.code(5).stderr_has("The safety backup of the live database failed; nothing was changed").stderr_lacks("✓");
    let made = format!("SELECT count(*) FROM pg_roles WHERE rolname = '{role}'");
    assert_eq!(database.stack.admin(&made), "0", "a role was made though there is no safety backup");
}

/// Several sessions are the default where there are several cores; a file that they cannot load is loaded all the same.
fn a_large_file_that_needs_its_order_is_loaded_in_it() {
    let database = shared_for_restores().database();
    database.sql("CREATE TABLE kept AS SELECT 1 AS a");
    let rows = format!("{}\n", "x".repeat(1023)).repeat(33 << 10);
    let text = format!(
        "CREATE TABLE public.large (a text);\n\
         CREATE FUNCTION public.is_filled() RETURNS boolean\n    LANGUAGE sql STABLE\n    \
         AS $$SELECT EXISTS (SELECT FROM public.large)$$;\n\
         CREATE TABLE public.small (i integer,\n    CONSTRAINT filled CHECK (public.is_filled()));\n\
         COPY public.large (a) FROM stdin;\n{rows}\\.\n\n\
         COPY public.small (i) FROM stdin;\n1\n\\.\n\n"
    );
    database.sandbox.write("ordered.sql", dump(text));
    let run = database.xtask(["db-restore", "--yes", "--no-safety-backup", "--jobs", "3", "ordered.sql"]).run();
    run.code(1).stderr_has("ordered.sql cannot be loaded").stderr_has("\"filled\"").stderr_has("--jobs 1");
    // A safety backup would be one of two sessions.
    let run = database.xtask(["db-restore", "--yes", "--verbose", "--no-safety-backup", "ordered.sql"]).run();
    run.ok().stderr_has("✓ Database restored");
    let again = "the backup is loaded again by one session";
    if available_parallelism().unwrap().get() > 1 {
        run.stderr_has(" sessions load ").stderr_has(again);
    } else {
        run.stderr_lacks(" sessions load ").stderr_lacks(again);
    }
    assert_eq!(database.sql("SELECT (SELECT count(*) FROM large), (SELECT count(*) FROM small)"), "33792|1");
    assert!(database.beside("staging").is_empty() && unfinished(&database) == 0);
}
