//! The way past Docker's programs (`--direct`): the same backups and restores as through `docker exec`, and never another
//! server.

use crate::harness::backup::manifest;
use crate::harness::restore::{slow, wait_for_the_sleep, whole_and_repaired};
use crate::harness::stack::Database;
use crate::harness::{Fakes, Outcome, Test, Xtask, needs, shared, shared_for_restores, shared_local};
use rustix::process::Signal;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

pub fn tests() -> Vec<Test> {
    tests![
        [Clients] both_ways_dump_the_same,
        [Clients] both_ways_load_the_same,
        [Clients] a_load_past_docker_that_is_killed_leaves_one_whole_state,
        [Clients] another_server_at_the_port_is_never_taken,
        [Clients, Postgres, Root] a_program_of_another_user_at_the_port_gets_no_login,
        [Clients] this_way_is_the_usual_one_and_says_nothing,
        [Compose] programs_that_do_not_fit_are_not_taken,
    ]
}

const TAKEN: &str = "This host's programs of PostgreSQL ";
const INSIDE: &str = " runs inside the container: ";

/// The file without what differs between two dumps of one content: the first lines, pg_dump's own version and key, the
/// manifest.
fn content(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    let own = ["\\restrict ", "\\unrestrict ", "-- Dumped by ", "-- xtask "];
    let lines = text.lines().filter(|line| !own.iter().any(|start| line.starts_with(start)));
    lines.collect::<Vec<_>>().join("\n")
}

/// A backup on this way, in a shell that would lead libpq elsewhere; its file, and the run.
fn backup(database: &Database<'_>, way: &str) -> (PathBuf, Outcome) {
    let run = astray(database.xtask(["--verbose", "--direct", way, "db-backup"])).run();
    run.ok().stderr_lacks("hunter2");
    let file = database.sandbox.path(run.text().trim_end());
    fs::rename(&file, database.sandbox.beside(way)).unwrap();
    (database.sandbox.beside(way), run)
}

fn astray(run: Xtask) -> Xtask {
    let variables = [
        ("PGHOST", "nowhere.invalid"),
        ("PGHOSTADDR", "192.0.2.1"),
        ("PGPORT", "1"),
        ("PGUSER", "nobody"),
        ("PGPASSWORD", "hunter2"),
        ("PGDATABASE", "template1"),
        ("PGSERVICE", "elsewhere"),
        ("PGOPTIONS", "-c search_path=pg_temp -c statement_timeout=1"),
        ("PGSSLMODE", "verify-full"),
        ("PGCLIENTENCODING", "LATIN1"),
        ("PGREQUIREAUTH", "none"),
        ("PGTARGETSESSIONATTRS", "standby"),
    ];
    variables.into_iter().fold(run, |run, (name, value)| run.env(name, value))
}

/// Whether the psql of a load ran on this host.
fn loaded_here(run: &Outcome) -> bool {
    let is_it = |line: &str| {
        line.starts_with("+ PGHOST=127.0.0.1 ") && line.contains("/psql --no-psqlrc --no-password --tuples-only")
    };
    run.stderr.lines().any(is_it)
}

fn both_ways_dump_the_same() {
    let database = shared_for_restores().database();
    database.sql(include_str!("nasty.sql"));
    let (inside, run) = backup(&database, "never");
    run.stderr_has("docker exec").stderr_lacks(TAKEN).stderr_lacks(INSIDE);
    let (direct, run) = backup(&database, "auto");
    run.stderr_has(TAKEN).stderr_lacks(INSIDE);
    assert_eq!(content(&direct), content(&inside));
    assert_eq!(manifest(&direct)["copied"], manifest(&inside)["copied"]);
    assert_eq!(manifest(&direct)["properties"]["encoding"], manifest(&inside)["properties"]["encoding"]);
    // The next one is known to be small: another way would not pay.
    fs::copy(&inside, database.sandbox.path("backups").join(format!("{}_backup_20250101_000000.sql", database.name)))
        .unwrap();
    database
        .xtask(["--verbose", "--direct", "auto", "db-backup"])
        .run()
        .ok()
        .stderr_has(&format!("pg_dump{INSIDE}so few megabytes"));
}

fn both_ways_load_the_same() {
    let database = shared_for_restores().database();
    database.fill("large", 9);
    database.sql("CREATE INDEX ON large (i); CREATE TABLE words AS SELECT 'häßlich' AS word");
    let file = database.backup();
    let expected = database.dump();
    let work_mem = "SELECT current_setting('maintenance_work_mem')";
    let before = database.sql(work_mem);
    for way in ["never", "auto"] {
        database.sql("CREATE TABLE made_later ()");
        let run = astray(database.restore(["--verbose", "--direct", way, file.to_str().unwrap()])).run();
        run.ok().stderr_has("✓ Database restored").stderr_lacks("hunter2");
        run.holds(loaded_here(&run) == (way == "auto"), "where psql ran");
        assert!(database.dump() == expected, "{way}");
        // What the session was given for the load is no setting of the database.
        assert_eq!(database.sql(work_mem), before);
    }
}

fn a_load_past_docker_that_is_killed_leaves_one_whole_state() {
    let database = shared_for_restores().database();
    database.fill("large", 9);
    let states = database.backed_up_and_changed();
    let file = slow(&database, 100);
    for (signal, code) in [(Signal::TERM, Some(143)), (Signal::KILL, None)] {
        let running = database.restore(["--verbose", "--direct", "auto", file.as_str()]).spawn();
        wait_for_the_sleep(&database);
        running.signal(signal);
        let run = running.wait();
        run.holds(run.code == code && loaded_here(&run), "it should end by the signal");
    }
    // The server's session goes on for a while; the run does not wait for it.
    let said = database.repair();
    assert!(said.contains("was left behind by a run that was killed"), "{said}");
    whole_and_repaired(&database, &states, false, "loading");
}

/// Docker, which says that the server's port is another one.
fn published_at(database: &Database<'_>, port: &str) -> Xtask {
    let ours = database.stack.postgres_port;
    let body = format!("real \"$@\" | sed 's/\"HostPort\": \"{ours}\"/\"HostPort\": \"{port}\"/'");
    let run = database.xtask(["--verbose", "--direct", "auto", "db-backup"]);
    Fakes::new(&database.sandbox).docker_but("inspect", &body).over(run)
}

fn another_server_at_the_port_is_never_taken() {
    let database = shared_for_restores().database();
    database.sql("CREATE TABLE ours AS SELECT 1 AS a");
    // A server with the same login, and a database of the same name.
    let other = shared();
    let decoy = other.database_named(&database.name, "");
    decoy.sql("CREATE TABLE theirs AS SELECT 1 AS a");
    let answers = "another server answers, or none, or it refuses the login";
    let nobody = "nothing answers at 127.0.0.1:1: ";
    for (port, why) in [(&*other.postgres_port.to_string(), answers), ("1", nobody), ("0", "is not published")] {
        let run = published_at(&database, port).run();
        run.ok().stderr_has(&format!("pg_dump{INSIDE}")).stderr_has(why).stderr_lacks(TAKEN);
        let file = database.sandbox.path(run.text().trim_end());
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.contains("public.ours") && !text.contains("theirs"), "{port}");
        fs::remove_file(file).unwrap();
    }
    let run = published_at(&database, &database.stack.postgres_port.to_string()).run();
    run.ok().stderr_has(TAKEN);
    fs::remove_file(database.sandbox.path(run.text().trim_end())).unwrap();
    // An engine elsewhere publishes nothing on this host.
    let run = database.xtask(["--verbose", "--direct", "auto", "db-backup"]);
    let elsewhere = Fakes::new(&database.sandbox).docker_but("context", "echo ssh://elsewhere.example");
    let run = elsewhere.over(run).run();
    run.ok().stderr_has("names an engine on another host").stderr_lacks(TAKEN);
    fs::remove_file(database.sandbox.path(run.text().trim_end())).unwrap();
    // A login that the port refuses: inside, the server asks for none.
    let run = database.xtask(["--verbose", "--direct", "auto", "db-backup"]).env("POSTGRES_PASSWORD", "wrong").run();
    run.ok().stderr_has(answers).stderr_lacks(TAKEN);
}

/// Docker has said which port it is, and another user's program has got it since.
fn a_program_of_another_user_at_the_port_gets_no_login() {
    let database = shared_for_restores().database();
    database.sql("CREATE TABLE ours AS SELECT 1 AS a");
    // Root's local server runs as another user.
    let run = published_at(&database, &shared_local().port().to_string()).run();
    run.ok().stderr_has("a program of another user listens (user number ").stderr_lacks(TAKEN);
    run.stderr_lacks("+ PGHOST=127.0.0.1");
}

fn this_way_is_the_usual_one_and_says_nothing() {
    let database = shared_for_restores().database();
    database.fill("large", 9);
    let usual = |args: &[&'static str]| database.xtask(args.iter().copied()).unset("XTASK_DIRECT");
    let run = usual(&["--verbose", "db-backup"]).run();
    run.ok().stderr_has("XTASK_DIRECT=auto (default)").stderr_has(TAKEN);
    // Without --verbose nothing is said of it, whether it is taken or not.
    let taken = usual(&["db-backup"]).run();
    let fallen = usual(&["db-backup"]).env("XTASK_PG_BIN", database.sandbox.beside("nowhere")).run();
    for run in [taken, fallen] {
        run.ok().stderr_lacks("this host's programs").stderr_lacks("This host's programs");
        run.stderr_lacks("inside the container").stderr_lacks("XTASK_PG_BIN");
    }
}

fn programs_that_do_not_fit_are_not_taken() {
    let database = shared_for_restores().database();
    database.sql("CREATE TABLE ours AS SELECT 1 AS a");
    let folder = database.sandbox.beside("programs");
    fs::create_dir_all(&folder).unwrap();
    let run = || {
        let run = database.xtask(["--verbose", "--direct", "auto", "db-backup"]).env("XTASK_PG_BIN", &folder).run();
        run.ok();
        fs::remove_file(database.sandbox.path(run.text().trim_end())).unwrap();
        run
    };
    run().ok().stderr_has("does not have PostgreSQL's programs").stderr_lacks(TAKEN);
    // psql asks any server, whatever its version; pg_dump would not write what this server takes.
    let real = needs::server_programs().map(|folder| folder.join("psql").display().to_string());
    let real = real.unwrap_or_else(|| "false".to_owned());
    for name in ["psql", "pg_dump"] {
        let path = folder.join(name);
        let text = format!(
            "#!/bin/sh\nif [ \"$1\" = --version ]; then echo '{name} (PostgreSQL) 12.1'; exit 0; fi\n\
             [ {name} = psql ] || exit 1\nexec '{real}' \"$@\"\n"
        );
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    run().ok().stderr_has(&format!("pg_dump{INSIDE}")).stderr_lacks(TAKEN);
    let wrong = database.xtask(["db-backup"]).env("XTASK_DIRECT", "always").run();
    wrong.code(2).stderr_has("XTASK_DIRECT is \"always\"").stderr_has("it can be auto or never");
}
