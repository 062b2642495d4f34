//! `db-backup` on the `local` target: it brings everything back, and it is killed as cleanly as elsewhere.

use crate::harness::backup::dumped;
use crate::harness::local::{is_alive, signal};
use crate::harness::run::Running;
use crate::harness::{Local, Test, shared_local, wait_until};
use rustix::process::Signal;
use std::fs;
use std::path::{Path, PathBuf};

pub fn tests() -> Vec<Test> {
    tests![
        [Postgres] a_dump_whose_server_or_self_is_killed_leaves_no_backup,
        [Postgres, OpenfgaBin] what_openfga_wrote_comes_back_byte_for_byte,
    ]
}

fn what_openfga_wrote_comes_back_byte_for_byte() {
    let local = shared_local();
    let store = local.openfga().seed("acme");
    let run = local.xtask(["db-backup"]).run();
    run.ok().stderr_lacks("⚠").stderr_has("1 store, 1 model, 10 tuples");
    let file = fs::read(local.sandbox.path(run.text().trim_end())).unwrap();
    let copy = local.database();
    let (done, errors) = local.client(&copy, &["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1"], &file);
    assert!(done.is_some(), "it cannot be restored by hand: {errors}");
    let dump = |database: &str| dumped(|words| local.client(database, words, b""));
    assert!(dump("openfga") == dump(&copy), "the restored database differs from the one that was backed up");
    assert_eq!(local.sql(&copy, "SELECT count(*) FROM tuple"), "10");
    assert!(local.openfga().check(&store, "user:alice", "executor", "tool:chat"));
    local.proven(1);
}

/// A `pg_dump` that stops in the middle of its stream, says so by a file, and waits for another.
fn halting(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "cd '{folder}'; [ -e halt ] || exec \"$real\" \"$@\"\n\
         rm -f pipe; mkfifo pipe; \"$real\" \"$@\" >pipe & dump=$!\n\
         {{ head -c 200000; : >middle; until [ -e go-on ]; do sleep 0.02; done; cat; }} <pipe; wait $dump"
    )
}

/// A server whose `pg_dump` can be halted, with more data than the sockets between the two can hold, so that the
/// server is in the middle, too.
struct Halting {
    local: Local,
    place: PathBuf,
}

impl Halting {
    fn new() -> Self {
        let local = Local::new();
        let place = local.sandbox.beside("halting");
        fs::create_dir(&place).unwrap();
        let programs = local.programs_but("pg_dump", &halting(&place));
        local.sandbox.set("XTASK_PG_BIN", programs.to_str().unwrap());
        local.up();
        local.sql("openfga", "CREATE TABLE t AS SELECT n, repeat('x', 1000) FROM generate_series(1, 30000) n");
        Self { local, place }
    }

    /// A backup that is half-way.
    fn in_the_middle(&self) -> Running {
        ["middle", "go-on"].iter().for_each(|name| drop(fs::remove_file(self.place.join(name))));
        fs::write(self.place.join("halt"), "").unwrap();
        let run = self.local.xtask(["db-backup"]).spawn();
        wait_until("the dump is half-way", || self.place.join("middle").exists());
        assert_eq!(self.local.sandbox.backups().len(), 1, "only the unfinished file should be there");
        run
    }

    fn goes_on(&self) {
        fs::write(self.place.join("go-on"), "").unwrap();
    }

    /// This of the sessions of our runs.
    fn sessions(&self, what: &str) -> String {
        let sql = format!("SELECT {what} FROM pg_stat_activity WHERE application_name LIKE 'xtask-%'");
        self.local.sql("openfga", &sql)
    }

    #[track_caller]
    fn no_file_is_left(&self) {
        assert!(self.local.sandbox.backups().is_empty(), "{:?}", self.local.sandbox.backups());
    }
}

fn a_dump_whose_server_or_self_is_killed_leaves_no_backup() {
    let halting = Halting::new();
    let local = &halting.local;

    let run = halting.in_the_middle();
    assert_ne!(halting.sessions("count(*)"), "0");
    run.signal(Signal::TERM);
    run.wait().code(143).prints_nothing().stderr_has("SIGTERM");
    halting.no_file_is_left();
    // The server ends the session a moment later.
    wait_until("the session of the dump has ended", || halting.sessions("count(*)") == "0");

    let run = halting.in_the_middle();
    let pid = local.pid();
    // A session ends by itself when it notices; till then it could send all the rest.
    let session = halting.sessions("max(pid)").trim().parse().unwrap();
    signal(pid, Signal::KILL);
    wait_until("PostgreSQL is gone", || !is_alive(pid) && !is_alive(session));
    halting.goes_on();
    let dead = run.wait();
    dead.code(4).prints_nothing().stderr_has("is not running").stderr_has("cargo xtask up --target local");
    halting.no_file_is_left();
    local.up();

    let run = halting.in_the_middle();
    run.signal(Signal::KILL);
    run.wait();
    let left = local.sandbox.backups();
    assert!(left.len() == 1 && left[0].ends_with(".partial"), "{left:?}");
    halting.goes_on();
    fs::remove_file(halting.place.join("halt")).unwrap();
    local.xtask(["db-backup"]).run().ok().stderr_has("Removed 1 unfinished backup").stderr_has("(30,000 rows)");
    local.proven(1);
}
