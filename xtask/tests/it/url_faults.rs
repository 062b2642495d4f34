//! The `url` target where the server, the login, the programs or the way there are not what they should be.

use crate::harness::restore::paused;
use crate::harness::url::{PASSWORD, Pooler, clients_of};
use crate::harness::{Outcome, Stack, Test, UrlDatabase, needs, sandbox};
use rustix::process::Signal;

pub fn tests() -> Vec<Test> {
    tests![
        [OwnStack, Postgres17, Postgres] a_server_without_fitting_programs_is_refused,
        [Postgres] a_server_that_does_not_answer_is_exit_4,
        [Postgres] programs_of_the_servers_own_version_are_found_or_asked_for,
        [Postgres] a_parameter_that_older_programs_do_not_know_is_refused,
        [Postgres, Pgbouncer] a_transaction_pooler_is_refused,
        [Postgres, Pgbouncer] a_session_pooler_will_do,
        [] yes_is_not_enough_for_a_server_elsewhere,
        [Postgres] a_restore_that_is_ended_at_any_point_leaves_the_old_database_or_the_new_one,
        [Postgres] through_a_url_one_change_runs_at_a_time,
    ]
}

fn a_server_that_does_not_answer_is_exit_4() {
    let database = UrlDatabase::new();
    let (port, name) = (database.server.port(), &database.name);
    let wrong = database.url("").replace("p%40ss", "other");
    let nobody = database.url("").replace("owner%20", "nobody%20");
    for (url, what, hint) in [
        (wrong, "refuses the password of user owner", "in DATABASE_URL"),
        (nobody, "refuses the password of user nobody", "in DATABASE_URL"),
        (database.address("127.0.0.1", port, "not_there"), "has no database not_there", "in DATABASE_URL"),
        (database.address("127.0.0.1", sandbox::free_port(), name), "cannot be reached", "host and port"),
        (database.address("nowhere.invalid", port, name), "is not known", "host in DATABASE_URL"),
    ] {
        for args in [&["db-backup"][..], &["up"]] {
            let run = database.xtask(args.iter().copied()).env("DATABASE_URL", &url).run();
            run.code(4).prints_nothing().stderr_has(what).stderr_has(hint).stderr_lacks(PASSWORD);
        }
    }
    assert_eq!(database.sandbox.backups(), [""; 0]);
    database.admin("REVOKE CONNECT ON DATABASE @name FROM PUBLIC, @role");
    let run = database.xtask(["db-backup"]).run();
    run.code(4).stderr_has("may not connect to database").stderr_has("GRANT CONNECT ON DATABASE");
}

fn programs_of_the_servers_own_version_are_found_or_asked_for() {
    let database = UrlDatabase::new();
    let number: u32 = database.sql("SHOW server_version_num").parse().unwrap();
    let major = number / 10_000;
    let other = clients_of(&database.sandbox, major + 1);
    let fitting = clients_of(&database.sandbox, major);
    let run = database.xtask(["db-backup"]).env("XTASK_PG_BIN", &other).run();
    run.code(1).stderr_has(&format!("The server is PostgreSQL {major}")).stderr_has(&format!("client-{major}"));
    run.stderr_has("XTASK_PG_BIN=/path/to/bin");
    database.xtask(["db-backup"]).env("XTASK_PG_BIN", &fitting).run().ok();
    // On PATH another version comes first: the usual places have the server's own.
    database.xtask(["db-backup"]).unset("XTASK_PG_BIN").path_first(&other).run().ok();
    let empty = database.sandbox.beside("empty");
    std::fs::create_dir_all(&empty).unwrap();
    let run = database.xtask(["db-backup"]).env("XTASK_PG_BIN", &empty).env("PATH", &empty).run();
    run.code(2).stderr_has("does not have PostgreSQL's programs").stderr_has("psql and pg_dump");
    assert_eq!(database.sandbox.backups().len(), 2);
}

fn a_server_without_fitting_programs_is_refused() {
    let stack = Stack::postgres_only();
    stack.sandbox.set("POSTGRES_IMAGE", &needs::postgres_17_image().unwrap());
    stack.up();
    let url = format!("postgres://postgres:postgres@127.0.0.1:{}/openfga", stack.postgres_port);
    let old = clients_of(&stack.sandbox, 15);
    for args in [&["db-backup"][..], &["db-restore", "--yes"], &["db-shell", "--", "-c", "SELECT 1"]] {
        let run = stack.xtask(args.iter().copied()).env("XTASK_TARGET", "url").env("DATABASE_URL", &url);
        let run = run.env("XTASK_PG_BIN", &old).run();
        if args[0] == "db-restore" {
            // There is no backup yet: nothing was asked of the server.
            run.code(1);
        } else {
            run.code(1).stderr_has("The server is PostgreSQL 17; this host has client programs of 15");
        }
    }
    // With programs of its own version that server is as good as any.
    let fitting = clients_of(&stack.sandbox, 17);
    let run = stack.xtask(["db-shell", "--", "-Atc", "SHOW server_version_num"]).env("XTASK_TARGET", "url");
    run.env("DATABASE_URL", &url).env("XTASK_PG_BIN", fitting).run().ok().stdout_has("17");
}

/// libpq passes over the variables that it does not know: the connection would be weaker than the address allows.
fn a_parameter_that_older_programs_do_not_know_is_refused() {
    let database = UrlDatabase::new();
    let (old, new) = (clients_of(&database.sandbox, 15), clients_of(&database.sandbox, 18));
    for (parameter, since) in [
        ("require_auth=scram-sha-256", 16),
        ("sslcertmode=disable", 16),
        ("sslnegotiation=direct", 17),
        ("require_auth=none&min_protocol_version=3.2", 18),
    ] {
        let run = database.xtask(["db-stats"]).env("DATABASE_URL", database.url(parameter));
        let name = parameter.rsplit('&').next().unwrap().split('=').next().unwrap();
        let refused = run.env("XTASK_PG_BIN", &old).run();
        refused.code(2).prints_nothing().stderr_has("→ leave ").stderr_has(&format!(
            "DATABASE_URL has {name}, which PostgreSQL's programs know from version {since} on; these are 15"
        ));
        let run = database.xtask(["db-stats"]).env("DATABASE_URL", database.url(parameter));
        run.env("XTASK_PG_BIN", &new).run().stderr_lacks("know from version");
    }
}

fn a_transaction_pooler_is_refused() {
    let database = UrlDatabase::new();
    database.own("CREATE TABLE t AS SELECT 1 AS i");
    database.xtask(["db-backup"]).run().ok();
    for (mode, lines) in [
        ("transaction", ""),
        ("transaction", "ignore_startup_parameters = options"),
        ("transaction", "ignore_startup_parameters = options\ndefault_pool_size = 1"),
        ("transaction", "ignore_startup_parameters = options\nserver_round_robin = 1"),
        ("statement", "ignore_startup_parameters = options"),
    ] {
        let pooler = Pooler::start(&database, mode, lines);
        let url = database.address("127.0.0.1", pooler.port, &database.name);
        for args in [&["db-backup"][..], &["db-restore", "--yes"], &["up"]] {
            let run = database.xtask(args.iter().copied()).env("DATABASE_URL", &url).run();
            run.code(1).stderr_has("is a pooler that gives no client a session of its own");
        }
    }
    assert_eq!(database.sandbox.backups().len(), 1);
}

fn a_session_pooler_will_do() {
    let database = UrlDatabase::new();
    database.own("CREATE TABLE t AS SELECT 1 AS i");
    let pooler = Pooler::start(&database, "session", "");
    let url = database.address("127.0.0.1", pooler.port, &database.name);
    let old = database.dump();
    database.xtask(["db-backup"]).env("DATABASE_URL", &url).run().ok();
    database.own("DROP TABLE t");
    // It keeps a session on every database that it was asked for, the staging one too.
    database.xtask(["db-restore", "--yes"]).env("DATABASE_URL", &url).run().ok().stderr_has("✓ Database restored");
    assert_eq!(database.dump(), old);
}

fn yes_is_not_enough_for_a_server_elsewhere() {
    let sandbox = crate::harness::Sandbox::new();
    let run = |args: &[&str]| {
        let url = "postgres://u:hunter2@nowhere.invalid/d";
        crate::harness::Xtask::new(&sandbox).args(args).env("XTASK_TARGET", "url").env("DATABASE_URL", url).run()
    };
    for command in [&["db-restore"][..], &["db-restore", "--undo"], &["db-reset"]] {
        let refused = run(&[command, &["--yes"]].concat());
        refused.code(2).prints_nothing().stderr_has("nowhere.invalid:5432").stderr_has("--target url --yes");
        // Typed, it goes on: to a server that is not there, or to no backup.
        let typed = run(&[command, &["--yes", "--target", "url"]].concat());
        typed.holds(matches!(typed.code, Some(1 | 4)), "it should go on").stderr_lacks("--yes alone");
    }
}

/// Where a restore is ended, by what, and whether the databases have been swapped by then.
const ENDS: [(&str, Signal, bool); 10] = [
    ("safety", Signal::TERM, false),
    ("unmarked", Signal::KILL, false),
    ("created", Signal::INT, false),
    ("loaded", Signal::KILL, false),
    ("checked", Signal::TERM, false),
    ("marked", Signal::KILL, false),
    ("stopped", Signal::INT, false),
    ("swapped", Signal::KILL, true),
    ("migrated", Signal::INT, true),
    ("started", Signal::KILL, true),
];

fn a_restore_that_is_ended_at_any_point_leaves_the_old_database_or_the_new_one() {
    // What a killed run had begun goes on in the server.
    let _alone = UrlDatabase::new().alone();
    for (point, signal, swapped) in ENDS {
        let database = UrlDatabase::new();
        database.own("CREATE TABLE t AS SELECT 1 AS i");
        let restored = database.dump();
        database.xtask(["db-backup"]).run().ok();
        database.own("INSERT INTO t VALUES (2)");
        let old = database.dump();
        let run = paused(database.xtask(["db-restore", "--yes"]), point).ended_by(signal);
        ended_as_it_should(&run, signal, swapped);
        let live = if swapped { &restored } else { &old };
        assert_eq!(&database.dump(), live, "{point}");
        let is_left = signal == Signal::KILL && !swapped;
        let said = if is_left { "was left behind by a run that was killed" } else { "Nothing to repair" };
        database.xtask(["db-restore", "--repair"]).run().ok().stderr_has(said);
        assert_eq!(database.sandbox.backups().len(), 2, "{point}: the safety backup is there");
        database.xtask(["db-restore", "--repair"]).run().ok().stderr_has("Nothing to repair");
        assert_eq!(&database.dump(), live, "{point}");
        let beside = ["staging", "before"].map(|what| database.beside(what).len());
        assert_eq!(beside, [0, usize::from(swapped)], "{point}");
        if swapped {
            database.xtask(["db-restore", "--undo", "--yes"]).run().ok();
            assert_eq!(database.dump(), old, "{point}");
        }
    }
}

#[track_caller]
fn ended_as_it_should(run: &Outcome, signal: Signal, swapped: bool) {
    if signal == Signal::KILL {
        run.holds(run.signal == Some(9), "it should be killed");
    } else if swapped {
        run.ok().stderr_has("✓ Database restored");
    } else {
        run.code(128 + signal.as_raw()).stderr_has("nothing was changed");
    }
}

fn through_a_url_one_change_runs_at_a_time() {
    let database = UrlDatabase::new();
    database.own("CREATE TABLE t AS SELECT 1 AS i");
    database.xtask(["db-backup"]).run().ok();
    let running = paused(database.xtask(["db-restore", "--yes"]), "safety");
    for args in [&["db-restore", "--yes"][..], &["db-reset", "--yes"]] {
        let run = database.xtask(args.iter().copied()).run();
        run.code(5).stderr_has("is being changed by session").stderr_has(&database.role);
    }
    running.signal(Signal::CONT);
    running.wait().ok();
}
