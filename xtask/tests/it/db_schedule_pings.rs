//! Pings and the notifier: who hears how a backup ended, and that neither makes a backup fail.

use crate::db_schedule::{INSTALL, Pings, chmod, program};
use crate::harness::{Sandbox, Test, Xtask, shared};
use std::fs;

pub fn tests() -> Vec<Test> {
    tests![
        [Stack] a_backup_by_hand_pings_and_is_never_failed_by_that,
        [] a_program_is_called_after_a_failure_and_env_does_not_choose_it,
        [] what_a_schedule_before_had_is_not_lost_without_a_word,
        [] a_program_that_is_not_there_is_named_before_a_failure,
        [Stack] a_ping_that_is_not_taken_is_seen_in_the_morning,
    ]
}

fn a_backup_by_hand_pings_and_is_never_failed_by_that() {
    let database = shared().database();
    let sandbox = &database.sandbox;
    let file = sandbox.home.join("ping");
    let pings = Pings::listen("200 OK");
    let with_file = |content: &str| {
        fs::write(&file, content).unwrap();
        chmod(&file, 0o600);
        database.xtask(["db-backup", "--ping-file"]).args([&file])
    };
    with_file(&format!("\n{}\n", pings.url)).run().ok();
    let heard = pings.take();
    assert_eq!(heard.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(), ["/start", ""]);
    // What is typed wins over the setting. An export of a table is no backup that could be missed.
    sandbox.set("XTASK_PING_URL", "http://127.0.0.1:1/hunter3");
    with_file(&pings.url).env("POSTGRES_DB", "no_such_database").run().code(4);
    let heard = pings.take();
    assert!(heard[1].0 == "/fail" && heard[1].1.contains("no_such_database"), "{heard:?}");
    database.sql("CREATE TABLE t (id int)");
    database.xtask(["db-backup", "--table", "t"]).run().ok().stderr_lacks("ping");
    // No server listens there; another one answers with a redirect: the backup is made, and a warning says why there was no ping.
    let verbose = database.xtask(["db-backup", "--verbose"]).run();
    verbose.ok().stderr_has("The ping was not taken: connection refused");
    verbose.stderr_has("XTASK_PING_URL=***").stderr_lacks("hunter3");
    let elsewhere = Pings::listen("302 Found\r\nLocation: https://example.com/hunter3");
    let moved = with_file(&elsewhere.url).run();
    moved.ok().stderr_has("it redirects to https://example.com/…, which is not followed").stderr_lacks("hunter");
    sandbox.set("XTASK_PING_URL", "hunter3");
    database.xtask(["db-backup"]).run().ok().stderr_has("The ping address is not one").stderr_lacks("hunter3");
    // What is typed and cannot be used is refused before anything is done.
    let before = sandbox.backups();
    chmod(&file, 0o644);
    let public = database.xtask(["db-backup", "--ping-file"]).args([&file]).run();
    public.code(1).stderr_has("is not private").stderr_has("chmod 600");
    let nowhere = database.xtask(["db-backup", "--ping-file", "nowhere"]).run();
    nowhere
        .code(2)
        .stderr_has("cannot be read")
        .stderr_has("→ write the address into it: (umask 077; echo ADDRESS > FILE)");
    assert_eq!(sandbox.backups(), before);
}

fn a_program_is_called_after_a_failure_and_env_does_not_choose_it() {
    let sandbox = Sandbox::new();
    let called = sandbox.home.join("called");
    let note = "printf '%s|' \"$@\" \"$XTASK_FAILURE_COMMAND\" \"$XTASK_FAILURE_EXIT\"";
    let notify = program(&sandbox, "notify", &format!("{note} >'{}'", called.display()));
    let words = format!("[\"{}\", \"$(id)\", \"a b\"]", notify.display());
    let failing = || {
        Xtask::new(&sandbox).args(["db-backup", "--target", "url"]).env("DATABASE_URL", "postgres://me@127.0.0.1:1/x")
    };
    failing().env("XTASK_ON_FAILURE", &words).run().holds(called.exists(), "the program is called");
    let code = failing().run().code.unwrap();
    assert_eq!(fs::read_to_string(&called).unwrap(), format!("$(id)|a b|db-backup|{code}|"));
    fs::remove_file(&called).unwrap();
    sandbox.set("XTASK_ON_FAILURE", &format!("'{words}'"));
    failing().run().stderr_has("XTASK_ON_FAILURE in .env is not used").holds(!called.exists(), "no program is called");
    let install = |words: &str| {
        Xtask::new(&sandbox).args(INSTALL).args(["--timer", "paste"]).env("XTASK_ON_FAILURE", words).run()
    };
    install("notify me").code(2).stderr_has("is not a JSON array of words");
    let ping = Xtask::new(&sandbox).args(INSTALL).args(["--timer", "paste"]).env("XTASK_PING_URL", "hunter2").run();
    ping.code(2).stderr_lacks("hunter2");
}

/// Each hint says to install again; an address or a program of the environment is not in the command.
fn what_a_schedule_before_had_is_not_lost_without_a_word() {
    let sandbox = Sandbox::new();
    let notify = program(&sandbox, "notify", "true");
    let install = |more: &[&str]| Xtask::new(&sandbox).args(INSTALL).args(["--timer", "paste"]).args(more);
    let words = format!("[\"{}\", \"hunter3\"]", notify.display());
    let first = install(&[]).env("XTASK_PING_URL", "http://127.0.0.1:1/hunter2").env("XTASK_ON_FAILURE", &words).run();
    first.ok().stderr_has("XTASK_PING_URL, XTASK_ON_FAILURE").stderr_lacks("⚠ The schedule before");
    let again = install(&[]).run();
    again.ok().stderr_has("⚠ The schedule before pinged an address (XTASK_PING_URL=***); this one pings none");
    again.stderr_has("set XTASK_PING_URL in the environment or in .env, or give --ping-file FILE");
    again.stderr_has(&format!("⚠ The schedule before called {} after a failure", notify.display()));
    again.stderr_has("set XTASK_ON_FAILURE in the environment, and install again");
    again.stderr_lacks("hunter2").stderr_lacks("hunter3");
    install(&[]).run().ok().stderr_lacks("The schedule before");
    // A file is named whole, and an address of `.env` takes its place.
    let file = sandbox.home.join("ping");
    fs::write(&file, "http://127.0.0.1:1/hunter2\n").unwrap();
    chmod(&file, 0o600);
    fs::create_dir(sandbox.home.join("folder")).unwrap();
    let roundabout = sandbox.home.join("folder/../ping");
    install(&["--ping-file", roundabout.to_str().unwrap()]).run().ok().stderr_lacks("folder/..");
    let again = install(&[]).run();
    again.ok().stderr_has(&format!("pinged the address in {}; this one pings none", file.display()));
    again.stderr_has(&format!("with it: --ping-file {}", file.display()));
    install(&["--ping-file", roundabout.to_str().unwrap()]).run().ok();
    sandbox.set("XTASK_PING_URL", "http://127.0.0.1:1/hunter4");
    install(&[]).run().ok().stderr_lacks("The schedule before").stderr_lacks("hunter4");
    // So is what names the database, which `.env` may name otherwise.
    let url = "postgres://me:hunter5@127.0.0.1:1/big";
    let there = |install: Xtask| install.env("XTASK_DATABASES", "big").env("SSL_CERT_DIR", "/certificates");
    there(install(&[])).env("DATABASE_URL", url).run().ok().stderr_lacks("The runs before");
    sandbox.set("XTASK_DATABASES", "big");
    sandbox.set("DATABASE_URL", "postgres://me:hunter5@127.0.0.1:1/other");
    let again = install(&[]).run();
    again.ok().stderr_has("⚠ The runs before had DATABASE_URL, SSL_CERT_DIR of your environment. These have not");
    again.stderr_has("→ to keep them, set them in the environment, and install again\n").stderr_lacks("hunter5");
    install(&[]).run().ok().stderr_lacks("The runs before");
}

/// Else the first failure would be the one that nobody hears of.
fn a_program_that_is_not_there_is_named_before_a_failure() {
    let sandbox = Sandbox::new();
    let install = |words: &str| {
        Xtask::new(&sandbox).args(INSTALL).args(["--timer", "paste"]).env("XTASK_ON_FAILURE", words).run()
    };
    let status = || Xtask::new(&sandbox).args(["db-schedule", "status"]).run();
    let absent = "no failure is reported: no-such-notify, the program of XTASK_ON_FAILURE, is not there";
    let first = install("[\"no-such-notify\", \"hunter2\"]");
    first.ok().stderr_has(&format!("⚠ As it is, {absent}")).stderr_lacks("hunter2");
    first.stderr_has("→ put it there; or install it again, with ").stderr_lacks("=…");
    status().ok().stdout_has(&format!("⚠ {absent}")).stdout_lacks("hunter2");
    let health = Xtask::new(&sandbox).args(["health-check", "--only", "schedule"]).run();
    health.ok().stdout_has(absent);
    // It is looked for where the runs look: in the PATH of the plan.
    let notify = program(&sandbox, "notify", "true");
    install(&format!("[\"{}\"]", notify.display())).ok().stderr_lacks("As it is");
    install("[\"sh\"]").ok().stderr_lacks("As it is");
    status().ok().stdout_lacks("no failure is reported");
}

fn a_ping_that_is_not_taken_is_seen_in_the_morning() {
    let database = shared().database();
    database.sql("CREATE TABLE t AS SELECT 1 AS i");
    let file = database.sandbox.home.join("ping");
    let address = |url: &str| {
        fs::write(&file, url).unwrap();
        chmod(&file, 0o600);
    };
    let (unknown, pings) = (Pings::listen("404 Not Found"), Pings::listen("200 OK"));
    address(&unknown.url);
    let installed = database.xtask(INSTALL).args(["--timer", "paste", "--ping-file"]).args([&file]).run();
    installed.ok().stderr_lacks("As it is");
    let run = || database.xtask(["db-schedule", "run"]).run();
    let morning = |words: &[&str]| database.xtask(words.iter().copied()).run();
    let status = || morning(&["db-schedule", "status"]);
    let health = || morning(&["health-check", "--only", "schedule"]);
    run().ok().stderr_has("The ping was not taken: HTTP 404");
    status()
        .ok()
        .stdout_has("⚠ the ping of the last run was not taken: HTTP 404")
        .stdout_has("cargo xtask db-schedule run");
    health().ok().stdout_has("the ping of the last run was not taken: HTTP 404");
    address(&pings.url);
    run().ok();
    status().ok().stdout_lacks("⚠");
    chmod(&file, 0o644);
    status().ok().stdout_has("⚠ no run can ping: ").stdout_has("is not private").stdout_has("chmod 600 ");
    fs::remove_file(&file).unwrap();
    health().ok().stdout_has(&format!("no run can ping: The ping file {} cannot be read", file.display()));
    // A program that failed after a failure is known of as well.
    let notify = program(&database.sandbox, "notify", "exit 7");
    let words = format!("[\"{}\"]", notify.display());
    database.xtask(INSTALL).args(["--timer", "paste"]).env("XTASK_ON_FAILURE", &words).run().ok();
    let plan = database.sandbox.path(".xtask/schedule/plan.json");
    let text = fs::read_to_string(&plan).unwrap();
    fs::write(&plan, text.replace(&format!("\"POSTGRES_DB\": \"{}\"", database.name), "\"POSTGRES_DB\": \"gone\""))
        .unwrap();
    run().code(4);
    status().stdout_has("⚠ the program of XTASK_ON_FAILURE failed after the last run: exit code 7");
}
