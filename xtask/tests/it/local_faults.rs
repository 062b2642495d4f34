//! The `local` target when something is in the way, dies, or is killed: named, recovered from, nothing lost.

use crate::harness::local::{is_alive, signal};
use crate::harness::restore::paused;
use crate::harness::{Local, Test, needs, shared_local, wait_until};
use rustix::process::Signal;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};

pub fn tests() -> Vec<Test> {
    tests![
        [Postgres, OpenfgaBin] servers_that_were_killed_start_again,
        [Postgres, OpenfgaBin] a_stop_that_is_ended_says_what_is_stopped,
        [Postgres] a_kill_while_it_is_made_leaves_nothing_half_made,
        [Postgres] a_server_that_a_killed_run_had_just_started_is_taken,
        [Postgres, Root] an_ordinary_user_runs_a_server_in_their_own_folder,
        [Postgres] data_that_is_not_ours_is_left_alone,
        [Postgres] no_server_is_made_behind_a_link,
        [Postgres] another_server_is_never_taken_for_ours,
        [Postgres] a_missing_password_or_database_is_named,
        [] a_role_that_no_server_can_have_is_refused,
    ]
}

/// The number of a process that lives but is no server of ours; it ends with this value.
struct Stranger(Child);

impl Stranger {
    fn new() -> Self {
        Self(Command::new("sleep").arg("600").spawn().unwrap())
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn kill_postgres(local: &Local) {
    let pid = local.pid();
    signal(pid, Signal::KILL);
    wait_until("PostgreSQL is gone", || !is_alive(pid));
}

/// A file of the server's folder, as JSON.
fn json_of(local: &Local, name: &str) -> serde_json::Value {
    serde_json::from_str(&fs::read_to_string(local.folder().join(name)).unwrap()).unwrap()
}

fn servers_that_were_killed_start_again() {
    let local = Local::new();
    local.sandbox.set_openfga_program();
    local.up();
    let store = local.openfga().seed("kept");
    let answers = || local.openfga().check(&store, "user:alice", "executor", "tool:chat");
    kill_postgres(&local);
    for args in [&["db-shell", "--", "-c", "SELECT 1"][..], &["db-backup"]] {
        let dead = local.xtask(args.iter().copied()).run();
        dead.code(4).prints_nothing().stderr_has("is not running").stderr_has("cargo xtask up --target local");
    }
    assert!(local.sandbox.backups().is_empty());
    local.up().stderr_has("✓ PostgreSQL").stderr_has("✓ OpenFGA");
    assert!(answers());

    // OpenFGA alone is gone.
    let openfga = u32::try_from(json_of(&local, "openfga.json")["pid"].as_u64().unwrap()).unwrap();
    let pid = local.pid();
    signal(openfga, Signal::KILL);
    wait_until("OpenFGA is gone", || !is_alive(openfga));
    local.up().stderr_has("✓ OpenFGA answers at");
    assert_eq!(local.pid(), pid, "PostgreSQL should have been left alone");

    a_server_whose_number_and_ports_are_taken_gets_others(&local);
    assert!(answers());
    local.xtask(["db-backup"]).run().ok().stderr_has("1 store, 1 model, 10 tuples");
}

/// A killed server's number is another process's by now, and so are the ports.
fn a_server_whose_number_and_ports_are_taken_gets_others(local: &Local) {
    kill_postgres(local);
    let stranger = Stranger::new();
    let file = local.folder().join("data/postmaster.pid");
    let text = fs::read_to_string(&file).unwrap();
    let (_, rest) = text.split_once('\n').unwrap();
    fs::write(&file, format!("{}\n{rest}", stranger.0.id())).unwrap();
    local.xtask(["db-shell", "--", "-c", "SELECT 1"]).run().code(4).stderr_has("is not running");
    local.xtask(["down"]).run().ok();
    let before: u16 = rest.lines().nth(2).unwrap().parse().unwrap();
    let http = u16::try_from(json_of(local, "state.json")["openfga"]["http"].as_u64().unwrap()).unwrap();
    let _listeners = [before, http].map(|port| TcpListener::bind(("127.0.0.1", port)).unwrap());
    let up = local.up();
    up.stderr_has(&format!("Port {http} is taken")).stderr_has("OpenFGA is on port");
    up.stderr_has(&format!("Port {before} is taken")).stderr_has(&format!("port {} now", local.port()));
    assert_ne!(local.port(), before);
    assert!(is_alive(stranger.0.id()), "a stranger was killed");
}

fn a_stop_that_is_ended_says_what_is_stopped() {
    let local = Local::new();
    local.sandbox.set_openfga_program();
    local.up().stderr_has("✓ OpenFGA");
    let run = paused(local.xtask(["down"]), "openfga-stopped").ended_by(Signal::INT);
    let said = "✗ Ended by Ctrl-C (SIGINT); stopped so far: OpenFGA";
    run.code(130).prints_nothing().stderr_has(said).stderr_has("run it again to complete the stop").stderr_lacks("✓");
    local.xtask(["down"]).run().ok();
}

pub fn unfinished(local: &Local) -> bool {
    let entries = fs::read_dir(local.folder()).into_iter().flatten().flatten();
    entries.into_iter().any(|entry| entry.file_name().to_string_lossy().starts_with("data.unfinished"))
}

fn a_kill_while_it_is_made_leaves_nothing_half_made() {
    let local = Local::new();
    let data = local.sandbox.path(".xtask/local/data");
    let run = local.xtask(["up"]).spawn();
    wait_until("initdb works", || unfinished(&local));
    run.signal(Signal::INT);
    run.wait().code(130).prints_nothing().stderr_has("Ctrl-C").stderr_lacks("✓");
    assert!(!data.exists() && !unfinished(&local), "something half-made is left");

    let run = local.xtask(["up"]).spawn();
    wait_until("initdb works", || unfinished(&local));
    run.signal(Signal::KILL);
    run.wait();
    assert!(!data.exists());
    let run = local.xtask(["up"]).spawn();
    wait_until("the cluster has its name", || data.exists());
    run.signal(Signal::KILL);
    run.wait();
    // The first killed run's initdb goes on by itself, and writes to the folder of its arguments.
    let words = format!("initdb --pgdata {}", local.folder().display());
    wait_until("initdb has ended", || !is_being_run(&words));
    local.up().stderr_has("✓ PostgreSQL");
    assert!(!unfinished(&local), "what the killed run left should be cleared");
    local.xtask(["db-shell", "--", "-Atc", "SELECT 1"]).run().ok().prints("1");
}

fn a_server_that_a_killed_run_had_just_started_is_taken() {
    let local = Local::new();
    local.up();
    local.xtask(["down"]).run().ok();
    let slow = local.programs_but("postgres", "case $1 in -D) sleep 1;; esac; exec \"$real\" \"$@\"");
    let up = || local.xtask(["up"]).env("XTASK_PG_BIN", &slow);
    let run = up().spawn();
    wait_until("the server is being started", || is_being_run(&format!("{}/postgres -D", slow.display())));
    run.signal(Signal::KILL);
    run.wait();
    // Its own server finds the folder taken.
    up().run().ok().stderr_has("✓ PostgreSQL");
    local.xtask(["db-shell", "--", "-Atc", "SELECT 1"]).run().ok().prints("1");
}

fn is_being_run(words: &str) -> bool {
    Command::new("pgrep").args(["-f", words]).stdout(Stdio::null()).status().unwrap().success()
}

fn an_ordinary_user_runs_a_server_in_their_own_folder() {
    const USER: u32 = 65534;
    let local = Local::new();
    let give = |path: &Path, mode: u32| {
        std::os::unix::fs::chown(path, Some(USER), Some(USER)).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    let theirs = local.sandbox.beside("theirs");
    fs::create_dir(&theirs).unwrap();
    give(&theirs, 0o755);
    give(&local.sandbox.path("backups"), 0o755);
    let binary = local.sandbox.beside("xtask");
    fs::copy(env!("CARGO_BIN_EXE_xtask"), &binary).unwrap();
    let xtask = |args: &[&'static str], user: u32| {
        let run = local.xtask(args.iter().copied()).program(&binary);
        run.through([
            "setpriv".to_owned(),
            format!("--reuid={user}"),
            format!("--regid={user}"),
            "--clear-groups".to_owned(),
        ])
    };
    // The checkout is read-only for them.
    let refused = xtask(&["up"], USER).run();
    refused.code(1).prints_nothing().stderr_has("cannot be written").stderr_has("XTASK_LOCAL_DIR=");
    assert!(!local.sandbox.path(".xtask").exists());

    local.sandbox.set("XTASK_LOCAL_DIR", &format!("'{}'", theirs.join("server").display()));
    xtask(&["up"], USER).run().ok().stderr_has("✓ PostgreSQL");
    let facts = fs::metadata(theirs.join("server")).unwrap();
    assert_eq!((facts.uid(), facts.permissions().mode() & 0o777), (USER, 0o700));
    xtask(&["db-backup"], USER).run().ok();
    // For a third user the message names its owner; root may use it, and leaves what it makes to them.
    for args in [&["up"][..], &["down"], &["db-shell", "--", "-c", "SELECT 1"]] {
        let third = xtask(args, USER - 1).run();
        third.code(1).prints_nothing().stderr_has("belongs to user").stderr_has("XTASK_LOCAL_DIR=");
    }
    local.xtask(["down"]).run().ok();
    local.up();
    xtask(&["db-shell", "--", "-Atc", "SELECT 1"], USER).run().ok().prints("1");
    xtask(&["down"], USER).run().ok();
    xtask(&["up"], USER).run().ok();
    crate::harness::local::end_servers_below(&theirs);
}

fn data_that_is_not_ours_is_left_alone() {
    let local = Local::new();
    let data = local.sandbox.path(".xtask/local/data");
    let up = || local.xtask(["up"]).run();
    // A server user's own folder and files, so that root gets as far as looking at them.
    let owner = needs::has(needs::Need::Root).then_some(65534);
    let give = || std::os::unix::fs::lchown(&data, owner, owner).unwrap();
    let give_version = || std::os::unix::fs::lchown(data.join("PG_VERSION"), owner, owner).unwrap();
    local.sandbox.write(".xtask/local/data/precious", "photographs");
    give();
    let none = up();
    none.code(1).prints_nothing().stderr_has("is not a PostgreSQL data folder").stderr_has("move it away");
    none.stderr_has(data.to_str().unwrap());
    // No file of another user's is read, and nothing is waited for.
    let secret = local.sandbox.write("secret", "TOPSECRET\n");
    std::os::unix::fs::symlink(&secret, data.join("PG_VERSION")).unwrap();
    up().code(1).prints_nothing().stderr_has("is not a PostgreSQL data folder").stderr_lacks("TOPSECRET");
    fs::remove_file(data.join("PG_VERSION")).unwrap();
    assert!(Command::new("mkfifo").arg(data.join("PG_VERSION")).status().unwrap().success());
    give_version();
    up().code(1).prints_nothing().stderr_has("is not a PostgreSQL data folder").stderr_has("not a regular file");
    fs::remove_file(data.join("PG_VERSION")).unwrap();
    local.sandbox.write(".xtask/local/data/PG_VERSION", "9.6\n");
    give_version();
    let other = up();
    other.code(1).prints_nothing().stderr_has("made by PostgreSQL 9").stderr_has("XTASK_PG_BIN=");
    let named = local.xtask(["up"]).env("XTASK_PG_BIN", needs::server_programs().unwrap()).run();
    named.code(1).prints_nothing().stderr_has("made by PostgreSQL 9");
    let left: Vec<_> = fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
    assert_eq!(fs::read_to_string(data.join("precious")).unwrap(), "photographs");

    fs::remove_dir_all(&data).unwrap();
    local.sandbox.write(".xtask/local/data", "a file");
    give();
    up().code(1).prints_nothing().stderr_has("is not a PostgreSQL data folder");
    assert_eq!(fs::read_to_string(&data).unwrap(), "a file");
}

fn no_server_is_made_behind_a_link() {
    for link in [".xtask", ".xtask/local"] {
        let local = Local::new();
        let elsewhere = local.sandbox.write("elsewhere/precious", "photographs");
        let elsewhere = elsewhere.parent().unwrap();
        let link = local.sandbox.path(link);
        let _ = fs::remove_dir_all(&link);
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(elsewhere, &link).unwrap();
        local
            .xtask(["up"])
            .run()
            .code(1)
            .prints_nothing()
            .stderr_has("is a symbolic link")
            .stderr_has("→ remove the link");
        assert_eq!(fs::read_dir(elsewhere).unwrap().count(), 1, "nothing is written behind the link");
    }
}

fn another_server_is_never_taken_for_ours() {
    let (shared, local) = (shared_local(), Local::new());
    local.up();
    local.xtask(["down"]).run().ok();
    // As after a restore of the folder from elsewhere: the file names a server that lives, but serves other data.
    let theirs = fs::read(shared.folder().join("data/postmaster.pid")).unwrap();
    let (data, file) = (local.folder().join("data"), local.folder().join("data/postmaster.pid"));
    fs::write(&file, theirs).unwrap();
    if needs::has(needs::Need::Root) {
        local.xtask(["down"]).run().code(1).prints_nothing().stderr_has("belongs to another user than its folder");
        std::os::unix::fs::chown(&file, Some(fs::metadata(data).unwrap().uid()), None).unwrap();
    }
    for args in [&["db-shell", "--", "-c", "SELECT 1"][..], &["db-backup"]] {
        local.xtask(args.iter().copied()).run().code(4).prints_nothing().stderr_has("is not running");
    }
    local.xtask(["down"]).run().ok();
    assert!(is_alive(shared.pid()), "another server was stopped");
    local.up();
    assert_ne!(local.port(), shared.port());
    let data = local.xtask(["db-shell", "--", "-Atc", "SHOW data_directory"]).run();
    data.ok().prints(local.folder().join("data").to_str().unwrap());
}

fn a_missing_password_or_database_is_named() {
    let local = Local::new();
    local.up();
    let backup = || local.xtask(["db-backup"]).run();
    let other = local.on("nosuch", ["db-backup"]).run();
    other.code(4).prints_nothing().stderr_has("no database nosuch").stderr_has("POSTGRES_DB");
    let file = local.folder().join("password");
    let right = fs::read(&file).unwrap();
    fs::write(&file, "not-the-passw0rd").unwrap();
    let wrong = backup();
    wrong.code(4).prints_nothing().stderr_has("refuses the password of user postgres");
    wrong.stderr_has(file.to_str().unwrap()).stderr_lacks("passw0rd");
    let up = local.xtask(["up"]).run();
    up.code(4).prints_nothing().stderr_has("refuses the password").stderr_lacks("✓");
    up.within(std::time::Duration::from_secs(20), "it should not be waited for");
    fs::remove_file(&file).unwrap();
    backup().code(1).prints_nothing().stderr_has("password is gone").stderr_has(file.to_str().unwrap());
    assert!(local.sandbox.backups().is_empty());
    fs::write(&file, right).unwrap();
    backup().ok();
    // Made by `up`, and by nothing else.
    local.on("another", ["up"]).run().ok();
    local.on("another", ["db-shell", "--", "-Atc", "SELECT current_database()"]).run().ok().prints("another");
}

fn a_role_that_no_server_can_have_is_refused() {
    let local = Local::new();
    for role in ["pg_ours", "quo\"te", "it's", "a\\b", "$user"] {
        let run = local.xtask(["up"]).env("POSTGRES_USER", role).run();
        run.code(2)
            .prints_nothing()
            .stderr_has("POSTGRES_USER is ")
            .stderr_has("without quotes")
            .stderr_lacks("initdb");
    }
    assert!(!local.folder().join("data").exists());
}
