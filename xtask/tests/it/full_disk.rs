//! A restore that fills the server's disk: on `local`, where the disk can be seen, and on `url`, where it cannot.

use crate::harness::forge::dump;
use crate::harness::local::signal;
use crate::harness::restore::paused;
use crate::harness::{Local, Outcome, Test, Xtask, wait_until};
use rustix::process::Signal;
use std::process::{Child, Command, Stdio};

pub fn tests() -> Vec<Test> {
    tests![
        [Postgres, Root, Mount] a_restore_stops_before_the_servers_disk_is_full,
        [Postgres] a_function_that_speaks_of_a_full_disk_is_a_statement_that_failed,
        [Postgres, Root, Mount] a_set_needs_room_for_all_its_databases_at_once,
        [Postgres, Root, Mount] a_safety_backup_on_the_servers_disk_needs_room_beside_the_load,
    ]
}

/// A local server whose data lie on a small disk of their own, which is gone with it.
struct SmallDisk {
    local: Local,
    /// Keeps the namespace in which the disk is mounted.
    keeper: Child,
}

impl SmallDisk {
    fn new(options: &str) -> Self {
        let local = Local::new();
        let disk = local.sandbox.path(".xtask");
        std::fs::create_dir_all(&disk).unwrap();
        let ready = local.sandbox.beside("mounted");
        let script = format!("mount -t tmpfs -o mode=755,{options} none \"$0\" && : >\"$1\" && exec sleep 600");
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", &script]).arg(&disk).arg(&ready).stdin(Stdio::null());
        let keeper = command.spawn().unwrap();
        wait_until("the disk is mounted", || ready.exists());
        Self { local, keeper }
    }

    /// Where the disk can be seen.
    fn inside(&self, xtask: Xtask) -> Outcome {
        self.entering(xtask).run()
    }

    fn entering(&self, xtask: Xtask) -> Xtask {
        let (root, keeper) = (self.local.sandbox.root.display().to_string(), self.keeper.id().to_string());
        xtask.through(["nsenter", "--mount", "--target", &keeper, &format!("--wd={root}"), "--"])
    }

    #[track_caller]
    fn xtask(&self, args: &[&'static str]) -> Outcome {
        self.inside(self.local.xtask(args.iter().copied()))
    }

    #[track_caller]
    fn sql(&self, sql: &str) -> String {
        let run = self.inside(self.local.xtask(["db-shell", "--", "-Atqc"]).args([sql]));
        run.ok().text().trim_end().to_owned()
    }

    /// Leaves so many megabytes.
    #[track_caller]
    fn leave(&self, megabytes: u32) {
        let script = format!(
            "cd \"$D\" && rm -f ballast && left=$(df -Pm . | awk 'NR == 2 {{ print $4 }}') && \
             head -c $(( (left - {megabytes}) * 1048576 )) /dev/zero >ballast"
        );
        let shell = self.local.xtask([]).program("/bin/sh").args(["-ec", &script]);
        self.inside(shell.env("D", self.local.sandbox.path(".xtask"))).ok();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        self.inside(self.local.xtask(["down"]));
        signal(self.keeper.id(), Signal::KILL);
        let _ = self.keeper.wait();
    }
}

/// A dump that grows far beyond itself.
fn growing(of: &Local) {
    let rows = "SELECT (SELECT string_agg(md5(i::text || j::text), '') FROM generate_series(1, 60) AS j) FROM generate_series(1, 4000000) AS i";
    of.sandbox.write("growing.sql", dump(format!("CREATE MATERIALIZED VIEW public.growing AS {rows};\n")));
}

fn a_restore_stops_before_the_servers_disk_is_full() {
    let server = SmallDisk::new("size=400m");
    server.xtask(&["up"]).ok();
    server.sql("CREATE TABLE kept AS SELECT 1 AS a");
    growing(&server.local);
    server.leave(170);
    let run = server.xtask(&["db-restore", "growing.sql", "--yes"]);
    run.code(1).stderr_has("The load was stopped: the server's disk has only ").stderr_has("make room on the server");
    run.stderr_lacks("does not answer").stderr_has("✓ Safety backup").stderr_lacks("✓ Database restored");
    assert_eq!(server.sql("SELECT a FROM kept"), "1");
    server.xtask(&["db-restore", "--repair"]).ok().stderr_has("✓ Nothing to repair");

    // By its address alone: nobody sees the disk, and the server itself goes down with it.
    server.sql("CREATE ROLE app LOGIN CREATEDB PASSWORD 'app'");
    server.sql("CREATE DATABASE app TEMPLATE template0 OWNER app");
    let url = format!("postgres://app:app@127.0.0.1:{}/app", server.sql("SHOW port"));
    let elsewhere = Local::new();
    growing(&elsewhere);
    let by_url = |args: &[&'static str]| {
        let xtask = elsewhere.xtask(args.iter().copied());
        xtask.env("XTASK_TARGET", "url").env("DATABASE_URL", &url).run()
    };
    by_url(&["db-shell", "--", "-qc", "CREATE TABLE kept AS SELECT 2 AS a"]).ok();
    server.leave(40);
    let run = by_url(&["db-restore", "growing.sql", "--yes"]);
    run.code(1).stderr_has("The server's disk is full; app is unchanged").stderr_has("make room on the server");
    run.stderr_has("No space left on device").stderr_has("Free space on the server: not known");
    run.stderr_lacks("✓ Database restored");
    server.leave(200);
    server.xtask(&["up"]).ok();
    by_url(&["db-restore", "--repair"]).ok();
    by_url(&["db-restore", "--repair"]).ok().stderr_has("✓ Nothing to repair");
    by_url(&["db-shell", "--", "-Atqc", "SELECT a FROM kept"]).ok().stdout_has("2");
    let ours = "SELECT count(*) FROM pg_database WHERE datname ~ '_(staging|before)_'";
    assert_eq!(server.sql(ours), "0");
    assert_eq!(elsewhere.sandbox.backups().len(), 1, "the safety backup is there");
}

/// The words, the SQLSTATE and lines of psql's look are what any function may raise.
fn a_function_that_speaks_of_a_full_disk_is_a_statement_that_failed() {
    let local = Local::new();
    local.up();
    let words = "could not extend file \"base/5/7\": No space left on device";
    for raise in [
        format!("RAISE EXCEPTION '{words}' USING ERRCODE = 'disk_full', HINT = 'Check free disk space.'"),
        format!("RAISE EXCEPTION E'{words}\\nHINT:  Check free disk space.\\nCONTEXT:  COPY t, line 1'"),
        format!("RAISE WARNING E'x\\npsql:<stdin>:7: ERROR:  {words}'; RETURN 1 / 0"),
        format!("ASSERT false, '{words}'"),
    ] {
        let body = format!(
            "CREATE FUNCTION public.f() RETURNS integer LANGUAGE plpgsql AS $$BEGIN {raise}; RETURN 1; END$$;\n\
             CREATE MATERIALIZED VIEW public.m AS SELECT public.f() AS a;\n"
        );
        local.sandbox.write("says.sql", dump(body));
        let run = local.xtask(["db-restore", "says.sql", "--yes"]).run();
        run.code(1).stderr_lacks("disk is full").stderr_lacks("make room").stderr_lacks("✓ Database restored");
        run.stderr_has("says.sql cannot be loaded").stderr_has("No space left on device");
    }
}

fn a_set_needs_room_for_all_its_databases_at_once() {
    let server = SmallDisk::new("size=450m");
    server.xtask(&["up"]).ok();
    let rows = "CREATE TABLE kept AS SELECT repeat(md5(i::text), 30) AS a FROM generate_series(1, 12000) AS i";
    server.sql("CREATE DATABASE app");
    for database in ["app", "openfga"] {
        server.xtask(&["db-shell", "--database", database, "--", "-qc", rows]).ok();
    }
    // Its load takes long enough to be watched.
    server.sql("CREATE MATERIALIZED VIEW slow AS SELECT 1 AS a FROM pg_sleep(3)");
    server.xtask(&["db-backup", "--database", "app", "--database", "openfga"]).ok();
    server.sql("DELETE FROM kept");
    let unchanged = || {
        let counts = "SELECT (SELECT count(*) FROM kept), \
                      (SELECT count(*) FROM pg_database WHERE datname ~ '_(staging|before)_')";
        assert_eq!(server.sql(counts), "0|0");
    };
    // Each would fit alone.
    server.leave(158);
    let run = server.xtask(&["db-restore", "--set", "--yes"]);
    run.code(1)
        .stderr_has("The server's disk has no room for all backups of the set at once: ")
        .stderr_has(" are missing");
    run.stderr_has("make room on the server").stderr_lacks("✓ Safety backup");
    unchanged();
    let newest = server.local.sandbox.backups().into_iter().find(|name| name.starts_with("openfga_backup_")).unwrap();
    server.inside(server.local.xtask(["db-restore", "--dry-run"]).args([format!("backups/{newest}")])).ok();
    // It fills up when one is staged already.
    server.leave(230);
    let running = paused(server.entering(server.local.xtask(["db-restore", "--set", "--yes"])), "staged app");
    server.leave(100);
    running.signal(Signal::CONT);
    let run = running.wait();
    run.code(1).stderr_has("The load was stopped: the server's disk has only ").stderr_lacks("✓ Set restored");
    unchanged();
    server.leave(230);
    server.xtask(&["db-restore", "--set", "--yes"]).ok().stderr_has("✓ Set restored");
    assert_eq!(server.sql("SELECT count(*) FROM kept"), "12000");
}

fn a_safety_backup_on_the_servers_disk_needs_room_beside_the_load() {
    let server = SmallDisk::new("size=450m");
    server.xtask(&["up"]).ok();
    let backups = server.local.sandbox.path("backups");
    std::fs::create_dir_all(&backups).unwrap();
    let shared = server.local.xtask([]).program("/bin/sh");
    let shared = shared.args(["-ec", "mkdir \"$D/backups\" && mount --bind \"$D/backups\" \"$B\""]);
    server.inside(shared.env("D", server.local.sandbox.path(".xtask")).env("B", &backups)).ok();
    server.sql("CREATE TABLE kept AS SELECT repeat(md5(i::text), 30) AS a FROM generate_series(1, 60000) AS i");
    server.local.sandbox.write("small.sql", dump("CREATE TABLE public.small (a integer);\n"));
    // The backup alone has room, with the reserve of 128 MB.
    server.leave(170);
    let restore = |args: &[&'static str]| server.xtask(&[&["db-restore", "small.sql"], args].concat());
    for args in [&["--dry-run"][..], &["--yes"], &["--yes", "--jobs", "2"]] {
        let run = restore(args);
        run.code(1)
            .stderr_has("The disk that the server shares with ")
            .stderr_has("/backups has no room for the restore");
        run.stderr_has(" are missing").stderr_has("make room on the server").stderr_lacks("✓");
    }
    assert_eq!(server.sql("SELECT count(*) FROM kept"), "60000");
    restore(&["--yes", "--no-safety-backup", "--jobs", "2"]).ok().stderr_has("✓ Database restored");
}
