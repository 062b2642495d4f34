//! A restore that fills the server's disk: on `local`, where the disk can be seen, and on `url`, where it cannot.

use crate::harness::forge::dump;
use crate::harness::local::signal;
use crate::harness::{Local, Outcome, Test, Xtask, wait_until};
use rustix::process::Signal;
use std::process::{Child, Command, Stdio};

pub fn tests() -> Vec<Test> {
    tests![
        [Postgres, Root, Mount] a_restore_that_fills_the_servers_disk,
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
        let (root, keeper) = (self.local.sandbox.root.display().to_string(), self.keeper.id().to_string());
        xtask.through(["nsenter", "--mount", "--target", &keeper, &format!("--wd={root}"), "--"]).run()
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

fn a_restore_that_fills_the_servers_disk() {
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
