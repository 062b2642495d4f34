//! Restores through several sessions (`--jobs`): the same database as through one, and nothing is left when one fails.

use crate::harness::forge::dump;
use crate::harness::restore::{paused, wait_for_the_sleep, whole_and_repaired};
use crate::harness::stack::Database;
use crate::harness::{Test, shared_for_restores, wait_until};
use crate::round_trip::{NASTY, NASTY_ROLE};
use rustix::process::Signal;
use std::fs;
use std::time::Duration;

pub fn tests() -> Vec<Test> {
    tests![
        [Compose] several_sessions_restore_what_one_restores,
        [Compose] a_drill_loads_through_several_sessions,
        [Compose] the_first_failure_stops_every_session,
        [Compose] an_index_that_fails_is_named_by_its_line,
        [Compose] a_kill_while_several_sessions_load_leaves_the_old_database,
        [Compose] a_file_that_is_rewritten_is_refused,
        [Compose] what_has_no_parts_is_loaded_by_one_session,
        [Compose] an_index_waits_for_its_own_table_alone_where_no_code_runs,
        [Compose] a_sequence_gets_its_value_after_the_rows_that_use_it,
    ]
}

/// Tables of different sizes with all that pg_dump writes about indexes.
const TABLES: &str = "
    CREATE TABLE large AS SELECT i, md5(i::text) AS a, repeat('x', 20) AS b FROM generate_series(1, 20000) AS i;
    CREATE TABLE middle AS SELECT i, md5(i::text) AS a FROM generate_series(1, 2000) AS i;
    CREATE TABLE small AS SELECT i, i % 3 AS of FROM generate_series(1, 20) AS i;
    CREATE TABLE empty (i int PRIMARY KEY, j int UNIQUE);
    ALTER TABLE large ADD PRIMARY KEY (i), ADD CONSTRAINT twice UNIQUE (a) INCLUDE (b) DEFERRABLE INITIALLY DEFERRED;
    ALTER TABLE middle ADD PRIMARY KEY (i);
    ALTER TABLE small ADD PRIMARY KEY (i), ADD FOREIGN KEY (i) REFERENCES middle, ADD EXCLUDE USING btree (i WITH =);
    COMMENT ON CONSTRAINT twice ON large IS 'it''s; twice';
    CREATE INDEX part ON large (a, b) WHERE i > 100;
    CREATE UNIQUE INDEX clustered ON large (lower(a)); ALTER TABLE large CLUSTER ON clustered;
    COMMENT ON INDEX clustered IS 'ordered; by it';
    CREATE UNIQUE INDEX identity ON middle (i) TABLESPACE other; ALTER TABLE middle REPLICA IDENTITY USING INDEX identity;
    CREATE INDEX wide ON middle ((a || 'x')); ALTER INDEX wide ALTER COLUMN 1 SET STATISTICS 500;
    CREATE INDEX last ON middle (a);
    CREATE STATISTICS both_of (dependencies) ON i, of FROM small;
    CREATE MATERIALIZED VIEW few AS SELECT a FROM large WHERE i < 10; CREATE UNIQUE INDEX ON few (a);
    CREATE TABLE parted (i int, j int, PRIMARY KEY (i)) PARTITION BY RANGE (i);
    CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (1) TO (100);
    CREATE TABLE parted_2 PARTITION OF parted DEFAULT;
    CREATE INDEX ON parted (j); INSERT INTO parted SELECT i, i FROM generate_series(1, 300) AS i;
    SELECT lo_from_bytea(4713, 'large; object')";

fn filled() -> Database<'static> {
    let database = shared_for_restores().database();
    if database.sql("SELECT count(*) FROM pg_tablespace WHERE spcname = 'other'") == "0" {
        let _alone = database.stack.alone();
        // Another test may have made it meanwhile.
        let _ = database.stack.client(
            &["psql", "-Xqc", "SET allow_in_place_tablespaces = on", "-c", "CREATE TABLESPACE other LOCATION ''"],
            "",
        );
    }
    database.sql(TABLES);
    database
}

fn several_sessions_restore_what_one_restores() {
    let database = filled();
    database.stack.admin(NASTY_ROLE);
    database.sql(NASTY);
    let file = database.backup();
    let mut dumps = Vec::new();
    for jobs in ["1", "4", "2"] {
        database.sql("CREATE TABLE made_later ()");
        let run = database.restore(["--verbose", "--jobs", jobs, file.to_str().unwrap()]).run();
        run.ok().stderr_has("✓ Database restored");
        if jobs == "1" {
            run.stderr_lacks(" sessions load ");
        } else {
            run.stderr_has(&format!("{jobs} sessions load {}", file.display()));
        }
        dumps.push(database.dump());
    }
    assert!(dumps[1] == dumps[0] && dumps[2] == dumps[0], "the databases differ");
    let rows = "SELECT md5(string_agg(ctid || a, ' ' ORDER BY ctid)) FROM large";
    assert_eq!(database.sql(rows), database.stack.psql(&database.beside("before")[0], rows), "the order of rows");
}

fn a_drill_loads_through_several_sessions() {
    let database = filled();
    database.backup();
    let run = database.xtask(["--verbose", "db-verify", "--restore", "--jobs", "3"]).run();
    run.ok().stdout_has("restored and compared").stderr_has("3 sessions load ");
    database.xtask(["db-verify", "--jobs", "3"]).run().code(2).stderr_has("--restore");
    database.xtask(["db-restore", "--undo", "--jobs", "3"]).run().code(2).stderr_has("--jobs");
    database.xtask(["db-restore", "--jobs", "0"]).run().code(2).stderr_has("--jobs").stderr_has("it must be 1 to 64");
}

/// Rows of which one table takes its time, and of which another table's may be wrong; then two indexes.
fn slow_rows(row: &str, unique: &str) -> String {
    let text = dump(format!(
        "CREATE TABLE public.a (i integer);\n\
         CREATE TABLE public.b (i integer,\n    CONSTRAINT positive CHECK (i > 0));\n\
         CREATE TABLE public.c (i integer, slept text DEFAULT (pg_catalog.pg_sleep({SECONDS}))::text);\n\
         COPY public.a (i) FROM stdin;\n1\n1\n\\.\n\n\
         COPY public.b (i) FROM stdin;\n7\n{row}\n\\.\n\n\
         COPY public.c (i) FROM stdin;\n{}\\.\n\n\
         CREATE INDEX fine ON public.b USING btree (i);\n\
         CREATE {unique} INDEX perhaps ON public.a USING btree (i);\n",
        if unique.is_empty() { "1\n" } else { "" }
    ));
    String::from_utf8(text).unwrap()
}
const SECONDS: u32 = 100;

fn the_first_failure_stops_every_session() {
    let database = shared_for_restores().database();
    let states = database.backed_up_and_changed();
    database.sandbox.write("wrong.sql", slow_rows("-1", ""));
    let run = database.restore(["--jobs", "4", "wrong.sql"]).run();
    run.code(1).stderr_has("wrong.sql cannot be loaded").stderr_has(": COPY public.b").stderr_has("\"positive\"");
    run.stderr_has("--jobs 1").stderr_lacks("terminating connection").stderr_lacks("✓ Database restored");
    run.within(Duration::from_secs(60), "the session that sleeps is ended");
    whole_and_repaired(&database, &states, false, "a wrong row");
}

fn an_index_that_fails_is_named_by_its_line() {
    let database = shared_for_restores().database();
    let states = database.backed_up_and_changed();
    let text = slow_rows("8", "UNIQUE");
    let line = 1 + text.lines().position(|line| line.starts_with("CREATE UNIQUE INDEX")).unwrap();
    database.sandbox.write("twice.sql", text);
    for jobs in ["1", "4"] {
        let run = database.restore(["--jobs", jobs, "twice.sql"]).run();
        run.code(1).stderr_has(&format!("at line {line}: CREATE UNIQUE INDEX perhaps"));
        run.stderr_has(&format!("line {line}: ERROR:  could not create unique index"));
    }
    whole_and_repaired(&database, &states, false, "an index");
}

fn a_kill_while_several_sessions_load_leaves_the_old_database() {
    let database = shared_for_restores().database();
    let states = database.backed_up_and_changed();
    database.sandbox.write("slow.sql", slow_rows("8", ""));
    for (signal, code) in [(Signal::INT, Some(130)), (Signal::KILL, None)] {
        let running = database.restore(["--jobs", "4", "slow.sql"]).spawn();
        wait_for_the_sleep(&database);
        running.signal(signal);
        let run = running.wait();
        run.holds(run.code == code, "the signal ends it").within(Duration::from_secs(60), "it should end at once");
    }
    let said = database.repair();
    assert!(said.contains("was left behind by a run that was killed"), "{said}");
    whole_and_repaired(&database, &states, false, "loading");
    wait_until("no session of ours is left", || database.our_sessions() == 0);
}

fn a_file_that_is_rewritten_is_refused() {
    let database = filled();
    let states = database.backed_up_and_changed();
    let running = paused(database.restore(["--jobs", "4"]), "created");
    let text = fs::read_to_string(&states.backup).unwrap();
    fs::write(&states.backup, text.replacen("it's 1", "it's X", 1)).unwrap();
    running.signal(Signal::CONT);
    let run = running.wait();
    run.code(3).stderr_has("changed while it was read").stderr_lacks("✓ Database restored");
    whole_and_repaired(&database, &states, false, "rewritten");
}

fn what_has_no_parts_is_loaded_by_one_session() {
    let database = filled();
    let expected = database.dump();
    database.xtask(["db-backup", "--compress"]).run().ok();
    let run = database.restore(["--verbose", "--jobs", "4"]).run();
    run.ok().stderr_has("one session loads ");
    assert!(database.dump() == expected);
    let text = String::from_utf8(expected.clone()).unwrap();
    let run = database.restore(["--verbose", "--jobs", "4", "-"]).stdin(text).run();
    run.ok().stderr_has("4 sessions load ");
    assert!(database.dump() == expected);
}

fn an_index_waits_for_its_own_table_alone_where_no_code_runs() {
    let database = shared_for_restores().database();
    let states = database.backed_up_and_changed();
    let function = "CREATE FUNCTION public.one() RETURNS integer LANGUAGE sql AS $$SELECT 1$$;\nCOPY public.a";
    for (is_early, text) in
        [(true, slow_rows("8", "")), (false, slow_rows("8", "").replacen("COPY public.a", function, 1))]
    {
        database.sandbox.write("slow.sql", text);
        let running = database.restore(["--jobs", "3", "slow.sql"]).spawn();
        wait_until("the rows of c are on their way, and those of b there", || {
            staging_has(&database, "pg_stat_activity WHERE wait_event = 'PgSleep'") == "1"
                && staging_has(&database, "public.b") == "2"
        });
        let index = "pg_class WHERE relname = 'fine'";
        if is_early {
            wait_until("the index of b is made meanwhile", || staging_has(&database, index) == "1");
        }
        assert_eq!(staging_has(&database, "pg_stat_activity WHERE wait_event = 'PgSleep'"), "1");
        if !is_early {
            std::thread::sleep(Duration::from_secs(1));
        }
        assert_eq!(staging_has(&database, index), if is_early { "1" } else { "0" });
        running.signal(Signal::INT);
        running.wait().code(130);
    }
    whole_and_repaired(&database, &states, false, "indexes");
}

/// How many rows of this the database has that is being loaded; nothing where it is not there yet.
fn staging_has(database: &Database<'_>, what: &str) -> String {
    let count = format!("SELECT count(*) FROM {what}");
    let [staging] = &database.beside("staging")[..] else { return String::new() };
    let (answer, _) = database.stack.client(&["psql", "-XqAt", "-d", staging, "-c", &count], "");
    String::from_utf8(answer.unwrap_or_default()).unwrap().trim_end().to_owned()
}

fn a_sequence_gets_its_value_after_the_rows_that_use_it() {
    let database = shared_for_restores().database();
    database.sql("CREATE TABLE old ()");
    let rows = "x\n".repeat(40);
    let text = dump(format!(
        "CREATE SEQUENCE public.s;\n\
         CREATE TABLE public.a (i bigint DEFAULT nextval('public.s'), t text,\n    \
         slept text DEFAULT (pg_catalog.pg_sleep(0.05))::text);\n\
         CREATE TABLE public.b (i integer);\n\
         COPY public.a (t) FROM stdin;\n{rows}\\.\n\nCOPY public.b (i) FROM stdin;\n1\n\\.\n\n\
         SELECT pg_catalog.setval('public.s', 9000, true);\n\
         ALTER TABLE ONLY public.b ADD CONSTRAINT b_key PRIMARY KEY (i);\n\
         CREATE INDEX by_i ON public.a USING btree (i);\n"
    ));
    database.sandbox.write("sequence.sql", text);
    database.restore(["--verbose", "--jobs", "3", "sequence.sql"]).run().ok().stderr_has(" sessions load ");
    assert_eq!(database.sql("SELECT min(i), max(i), count(*), nextval('s') FROM a"), "1|40|40|9001");
}
