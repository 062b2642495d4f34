//! `db-schedule`: what cron really starts, and how a night that failed is seen. The crontab is real, but no person's: its
//! folder is covered by the sandbox's own while the program runs.

use crate::harness::stack::Database;
use crate::harness::{Fakes, Outcome, Sandbox, Test, Xtask, shared};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

pub fn tests() -> Vec<Test> {
    tests![
        [Stack, Cron, Mount] what_cron_starts_makes_a_proven_backup_and_a_failing_night_is_seen,
        [Stack, Mount] a_history_that_cannot_be_written_is_reported_and_the_backup_stays,
    ]
}

/// The folder that stands in for cron's own.
pub fn spool(sandbox: &Sandbox) -> PathBuf {
    let folder = sandbox.home.join("crontabs");
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// The real cron, stopped as soon as it is there: it is seen among the processes, and starts nothing.
const CRON: &str = "
touch /run/crond.pid
mount --bind \"$0/../pid\" /run/crond.pid
cron -f &
until [ \"$(cat /proc/$!/comm)\" = cron ]; do sleep 0.01; done
kill -STOP $!
until grep -q '^State:.T' /proc/$!/status; do sleep 0.01; done
";

/// The run, for which the sandbox's folder is the one of all crontabs, and a cron of its own runs.
pub fn with_spool(xtask: Xtask, spool: &Path) -> Xtask {
    among_processes(xtask, spool, CRON)
}

/// The same where no cron runs.
pub fn without_cron(xtask: Xtask, spool: &Path) -> Xtask {
    among_processes(xtask, spool, "")
}

/// The run sees no processes but these.
fn among_processes(xtask: Xtask, spool: &Path, others: &str) -> Xtask {
    fs::write(spool.parent().unwrap().join("pid"), "").unwrap();
    let script = format!("mount --bind \"$0\" /var/spool/cron/crontabs\n{others}\nexec \"$@\"");
    let spool = spool.to_str().unwrap();
    xtask.through(["unshare", "--mount", "--pid", "--fork", "--mount-proc", "sh", "-ec", &script, spool])
}

/// The crontab of the sandbox's folder, read by `crontab` itself, or written by it.
pub fn crontab(sandbox: &Sandbox, words: &[&str], input: &str) -> Outcome {
    let xtask = Xtask::new(sandbox).program("crontab").args(words).stdin(input);
    with_spool(xtask, &spool(sandbox)).run()
}

pub fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A program of the sandbox's that runs this `sh` text.
pub fn program(sandbox: &Sandbox, name: &str, body: &str) -> PathBuf {
    let path = sandbox.home.join(name);
    fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
    chmod(&path, 0o755);
    path
}

pub const INSTALL: [&str; 8] =
    ["db-schedule", "install", "--at", "03:00", "--keep-daily", "14", "--keep-monthly", "12"];

/// What cron would start: the command of our line, with its `%` read as cron reads it.
fn command(crontab: &str) -> String {
    let line = crontab.lines().find(|line| line.contains("db-schedule run")).expect("the crontab has our line");
    let mut fields = line.splitn(6, ' ');
    assert_eq!(fields.by_ref().take(5).collect::<Vec<_>>().join(" "), "0 3 * * *");
    fields.next().unwrap().replace("\\%", "%")
}

/// Starts a command as cron does: nothing of our environment, a short PATH, the home folder.
fn as_cron_does(sandbox: &Sandbox, command: &str, clock: &str) -> Outcome {
    let home = format!("HOME={}", sandbox.home.display());
    // The clock is a test's own: the line begins with `env -i`, which takes it away otherwise.
    let command = command.replacen("env -i ", &format!("env -i XTASK_FAULT_CLOCK={clock} "), 1);
    let words = ["-i", &home, "LOGNAME=root", "SHELL=/bin/sh", "PATH=/usr/bin:/bin", "/bin/sh", "-c", &command];
    let run = Xtask::new(sandbox).program("env").args(words).here(&sandbox.home);
    with_spool(run, &spool(sandbox)).run()
}

/// What pings a server got: path and body. It answers with this status, and headers where there are some.
pub struct Pings {
    pub url: String,
    got: Arc<Mutex<Vec<(String, String)>>>,
}

impl Pings {
    pub fn listen(status: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hunter2", listener.local_addr().unwrap());
        let got = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&got);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let request = request(&mut stream).expect("a request has an end");
                heard.lock().unwrap().push(request);
                let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        Self { url, got }
    }

    /// The pings since the last look: `start`, `` or `fail`, and the body.
    pub fn take(&self) -> Vec<(String, String)> {
        std::mem::take(&mut self.got.lock().unwrap())
    }
}

/// Path and body; `None` where there is no whole request.
pub fn request(stream: &mut impl Read) -> Option<(String, String)> {
    let mut text = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let length = stream.read(&mut piece).unwrap_or(0);
        text.extend(&piece[..length]);
        let shown = String::from_utf8_lossy(&text).into_owned();
        let Some((head, body)) = shown.split_once("\r\n\r\n") else {
            if length == 0 {
                return None;
            }
            continue;
        };
        let wanted =
            head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if body.len() >= wanted.unwrap_or(0) || length == 0 {
            let path = head.split(' ').nth(1).unwrap().strip_prefix("/hunter2").expect("the address is pinged");
            return Some((path.to_owned(), body.to_owned()));
        }
    }
}

/// A checkout with a schedule in the crontab, and who hears of its nights.
struct Nights {
    database: Database<'static>,
    fakes: Fakes,
    /// The crontab with our line.
    crontab: String,
    pings: Pings,
    /// While this file is there, the dump's parent is killed.
    killing: PathBuf,
    /// What the program of `XTASK_ON_FAILURE` got.
    told: PathBuf,
}

impl Nights {
    /// Installed at noon before the first of them.
    fn new() -> Self {
        let database = shared().database();
        database.sql("CREATE TABLE note (id int); INSERT INTO note SELECT generate_series(1, 5)");
        let sandbox = &database.sandbox;
        let (killing, told) = (sandbox.home.join("killing"), sandbox.home.join("told"));
        let kill = format!("if [ -e '{}' ]; then kill -9 $PPID; sleep 5; fi; real \"$@\"", killing.display());
        let fakes = Fakes::new(sandbox).docker_but("pg_dump", &kill);
        let tell =
            format!("echo \"$1: $XTASK_FAILURE_EXIT $XTASK_FAILURE_MESSAGE\" >>'{}'\nenv >&2\nexit 7", told.display());
        let notify = program(sandbox, "notify", &tell);
        let mut nights =
            Self { pings: Pings::listen("200 OK"), crontab: String::new(), database, fakes, killing, told };
        let words = [&INSTALL[..], &["--verify", "weekly"]].concat();
        let install = nights.xtask(&words, "2026-11-20T12:00:00+00:00").env("XTASK_PING_URL", &nights.pings.url);
        let install = install.env("XTASK_ON_FAILURE", format!("[\"{}\", \"a b\"]", notify.display()));
        let install = with_spool(install, &spool(&nights.database.sandbox)).run();
        install.ok().stdout_has("every day at 03:00").stdout_has("weekly").stderr_has("POSTGRES_DB");
        install.stdout_lacks("hunter2").stderr_lacks("hunter2");
        nights.crontab = nights.crontab_now();
        nights
    }

    /// A run of ours at this time.
    fn xtask(&self, words: &[&str], clock: &str) -> Xtask {
        self.fakes.over(self.database.xtask(words.iter().copied())).env("XTASK_FAULT_CLOCK", clock)
    }

    fn run(&self, words: &[&str], clock: &str) -> Outcome {
        with_spool(self.xtask(words, clock), &spool(&self.database.sandbox)).run()
    }

    /// A run at four in the morning of this day in November.
    fn morning(&self, day: u32, words: &[&str]) -> Outcome {
        self.run(words, &format!("2026-11-{day}T04:00:00+00:00"))
    }

    fn health(&self, day: u32) -> Outcome {
        self.morning(day, &["health-check", "--only", "schedule"])
    }

    /// What cron starts at three.
    fn night(&self, day: u32) -> Outcome {
        as_cron_does(&self.database.sandbox, &command(&self.crontab), &format!("2026-11-{day}T03:00:01+00:00"))
    }

    fn crontab_now(&self) -> String {
        crontab(&self.database.sandbox, &["-l"], "").ok().text()
    }

    /// That these pings came since the last look; the last one's body.
    #[track_caller]
    fn last_of_pings(&self, expected: &[&str]) -> String {
        let heard = self.pings.take();
        assert_eq!(heard.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(), expected);
        heard.last().unwrap().1.clone()
    }
}

fn what_cron_starts_makes_a_proven_backup_and_a_failing_night_is_seen() {
    let nights = Nights::new();
    assert!(
        !["POSTGRES", "hunter2", "notify"].iter().any(|word| nights.crontab.contains(word)),
        "only what the run needs to begin with stands in the open: {}",
        nights.crontab
    );
    // Before the first night there is nothing to complain of.
    nights.run(&["db-schedule", "status"], "2026-11-20T13:00:00+00:00").ok().stdout_has("none yet");
    the_first_night_makes_a_proven_backup(&nights);
    nights_that_are_killed_are_seen(&nights);
    nights_that_are_missed_are_seen(&nights);

    // Another run goes on: this one is left out.
    let lock = fs::File::open(nights.database.sandbox.path(".xtask/schedule/lock")).unwrap();
    lock.lock().unwrap();
    nights.night(27).code(5).stderr_has("Another scheduled run has not ended");
    drop(lock);

    nights.morning(27, &["db-schedule", "remove"]).ok();
    assert_eq!(nights.crontab_now().trim(), "");
    nights.health(27).ok().stdout_has("no schedule is installed");
    nights.morning(27, &["db-schedule", "run"]).code(1).stderr_has("No schedule is installed");
}

fn the_first_night_makes_a_proven_backup(nights: &Nights) {
    let quiet = shared().alone();
    // It loads its backup into this server.
    nights.night(21).ok().says_nothing().prints_nothing();
    drop(quiet);
    let body = nights.last_of_pings(&["/start", ""]);
    assert!(body.contains(".sql"), "{body}");
    assert!(!nights.told.exists(), "nothing failed");
    let backups: Vec<String> =
        nights.database.sandbox.backups().into_iter().filter(|name| name.ends_with(".sql")).collect();
    assert_eq!(backups.len(), 1, "{backups:?}");
    nights.morning(21, &["db-verify", &format!("backups/{}", backups[0])]).ok();
    let status = nights.morning(21, &["db-schedule", "status", "--json"]).ok().json();
    assert_eq!(status["runs"][0]["outcome"], "done");
    assert_eq!(status["runs"][0]["verified"], true, "the first run restores its backup, too");
    assert_eq!(status["runs"][0]["files"][0], backups[0].as_str());
    assert_eq!(status["next_run_at"].as_str().unwrap().get(..16), Some("2026-11-22T03:00"));
    // The history is no backup, and is not taken for one.
    nights.morning(21, &["db-list", "--json"]).ok().stdout_lacks("schedule.json");
    nights.health(21).ok().stdout_has("✓ schedule");
}

/// Killed outright in the middle: the run says so by itself.
fn nights_that_are_killed_are_seen(nights: &Nights) {
    fs::write(&nights.killing, "").unwrap();
    let killed = nights.night(22);
    killed.code(137).stderr_has("db-backup failed (killed by signal 9)");
    killed.stderr_has("The program of XTASK_ON_FAILURE failed");
    let log = nights.database.sandbox.path(".xtask/schedule/schedule.log");
    killed.stderr_has(&format!(" see the log: {}", log.display()));
    killed.stderr_lacks("hunter2").stderr_lacks("POSTGRES_PASSWORD");
    let body = nights.last_of_pings(&["/start", "/fail"]);
    assert!(body.contains("killed by signal 9"), "{body}");
    assert_eq!(fs::read_to_string(&nights.told).unwrap().trim(), "a b: 137 db-backup failed (killed by signal 9)");
    nights.health(22).ok().stdout_has("⚠ schedule").stdout_has("killed by signal 9");
    let status = nights.morning(22, &["db-schedule", "status"]);
    // Here the report itself leads on to the log.
    status.ok().stdout_has("failed (137)").stdout_lacks("db-schedule status");
    status.stdout_has("  → see the log: .xtask/schedule/schedule.log\n  → make one now: cargo xtask db-schedule run\n");
    nights.night(23).code(137);
    nights.health(23).code(1).stdout_has("✗ schedule").stdout_has("the last 2 runs failed");
    let status = nights.morning(23, &["db-schedule", "status"]);
    status.code(1).stdout_has("the last 2 runs failed").stderr_has("✗ The schedule does not work: its report says why");
    status.stderr_has("→ see the log: ").stderr_lacks("killed by signal");
    // One that told nothing of its end.
    let history = nights.database.sandbox.path("backups/schedule.json");
    let before = fs::read_to_string(&history).unwrap();
    let mut changed: serde_json::Value = serde_json::from_str(&before).unwrap();
    changed["runs"].as_array_mut().unwrap().last_mut().unwrap()["outcome"] = "running".into();
    fs::write(&history, changed.to_string()).unwrap();
    let status = nights.morning(23, &["db-schedule", "status", "--json"]).code(1).json();
    let outcomes: Vec<&str> =
        status["runs"].as_array().unwrap().iter().map(|run| run["outcome"].as_str().unwrap()).collect();
    assert_eq!((outcomes.last(), &status["running"]), (Some(&"unknown"), &false.into()), "{status:#}");
    nights.morning(23, &["db-schedule", "status"]).code(1).stdout_has("or how they ended is not known");
    fs::write(&history, before).unwrap();
    fs::remove_file(&nights.killing).unwrap();
}

/// The machine slept for two nights; the next run says so, and all is well again.
fn nights_that_are_missed_are_seen(nights: &Nights) {
    nights.health(25).code(1).stdout_has("the last 2 runs that were due were not made");
    nights.night(26).ok().stderr_has("2 that were due before it were not made");
    nights.health(26).ok().stdout_has("✓ schedule");
    let log = fs::read_to_string(nights.database.sandbox.path(".xtask/schedule/schedule.log")).unwrap();
    assert!(!log.contains("hunter2"), "{log}");
    assert!(log.contains("2026-11-23 03:00:01 the run failed: db-backup failed (killed by signal 9)"), "{log}");
}

fn a_history_that_cannot_be_written_is_reported_and_the_backup_stays() {
    let database = shared().database();
    let sandbox = &database.sandbox;
    let told = sandbox.home.join("told");
    let notify = program(
        sandbox,
        "notify",
        &format!("echo \"$XTASK_FAILURE_EXIT $XTASK_FAILURE_MESSAGE\" >'{}'", told.display()),
    );
    let install = database.xtask(INSTALL).args(["--timer", "paste"]);
    install.env("XTASK_ON_FAILURE", format!("[\"{}\"]", notify.display())).run().ok();
    // A file that is a mount of its own cannot be replaced, by nobody.
    let history = sandbox.write("backups/schedule.json", "");
    let mount = format!("mount --bind '{0}' '{0}' && exec \"$@\"", history.display());
    let through = ["unshare", "--mount", "sh", "-c", &mount, "sh"];
    let unrecorded = database.xtask(["db-schedule", "run"]).through(through).run();
    unrecorded.code(6).stderr_has("The result of this run could not be written to").stderr_has("free some space");
    let heard = fs::read_to_string(&told).unwrap();
    assert!(heard.starts_with("6 The result of this run could not be written to"), "{heard}");
    let made = |sandbox: &Sandbox| sandbox.backups().iter().filter(|name| name.ends_with(".sql")).count();
    assert_eq!(made(sandbox), 1);
    // What is no history is kept aside, and a new one begun.
    sandbox.set("XTASK_ON_FAILURE", "'[\"other\"]'");
    let again = database.xtask(["db-schedule", "run"]).run();
    again.ok().stderr_has("schedule.json.damaged");
    // What the backup warns of has one mark.
    again.stderr_has("⚠ XTASK_ON_FAILURE in .env is not used").stderr_lacks("⚠ ⚠");
    let status = database.xtask(["db-schedule", "status", "--json"]).run().ok().json();
    // One backup of each day stays.
    assert_eq!((made(sandbox), status["runs"].as_array().unwrap().len()), (1, 1));
}
