//! `db-schedule`: what cron really starts, and how a night that failed is seen. The crontab is real, but no person's: its
//! folder is covered by the sandbox's own while the program runs.

use crate::harness::{Fakes, Outcome, Sandbox, Test, Xtask, shared};
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};

pub fn tests() -> Vec<Test> {
    tests![
        [Stack, Cron, Mount] what_cron_starts_makes_a_proven_backup_and_a_failing_night_is_seen,
        [Cron, Mount] other_lines_of_the_crontab_stay_and_edited_ones_are_not_replaced_unasked,
        [Cron, Mount] two_checkouts_have_two_schedules,
        [] a_crontab_that_is_absent_or_refuses_is_told_and_nothing_is_installed,
        [] what_the_runs_would_refuse_is_refused_at_once,
        [] lines_for_other_timers_are_printed,
        [Stack, Mount] a_history_that_cannot_be_written_is_told_and_the_backup_stays,
        [Systemd] a_systemd_timer_is_set_and_its_units_are_sound,
        [Stack] a_backup_by_hand_pings_and_is_never_failed_by_that,
        [] a_program_is_called_after_a_failure_and_env_does_not_choose_it,
    ]
}

/// The folder that stands in for cron's own.
fn spool(sandbox: &Sandbox) -> PathBuf {
    let folder = sandbox.home.join("crontabs");
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// The run, for which the sandbox's folder is the one of all crontabs.
fn with_spool(xtask: Xtask, spool: &std::path::Path) -> Xtask {
    let mount = format!("mount --bind '{}' /var/spool/cron/crontabs && exec \"$@\"", spool.display());
    xtask.through(["unshare", "--mount", "sh", "-c", &mount, "sh"])
}

/// The crontab of the sandbox's folder, read by `crontab` itself, or written by it.
fn crontab(sandbox: &Sandbox, words: &[&str], input: &str) -> Outcome {
    let xtask = Xtask::new(sandbox).program("crontab").args(words).stdin(input);
    with_spool(xtask, &spool(sandbox)).run()
}

const INSTALL: [&str; 8] = ["db-schedule", "install", "--at", "03:00", "--keep-daily", "14", "--keep-monthly", "12"];

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
struct Pings {
    url: String,
    got: Arc<Mutex<Vec<(String, String)>>>,
}

impl Pings {
    fn listen(status: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hunter2", listener.local_addr().unwrap());
        let got = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&got);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let request = request(&mut stream);
                heard.lock().unwrap().push(request);
                let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        Self { url, got }
    }

    /// The pings since the last look: `start`, `` or `fail`, and the body.
    fn take(&self) -> Vec<(String, String)> {
        std::mem::take(&mut self.got.lock().unwrap())
    }
}

fn request(stream: &mut TcpStream) -> (String, String) {
    let mut text = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let length = stream.read(&mut piece).unwrap_or(0);
        text.extend(&piece[..length]);
        let shown = String::from_utf8_lossy(&text).into_owned();
        let Some((head, body)) = shown.split_once("\r\n\r\n") else {
            assert!(length > 0, "a request without an end: {shown}");
            continue;
        };
        let wanted =
            head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if body.len() >= wanted.unwrap_or(0) || length == 0 {
            let path = head.split(' ').nth(1).unwrap().strip_prefix("/hunter2").expect("the address is pinged");
            return (path.to_owned(), body.to_owned());
        }
    }
}

fn what_cron_starts_makes_a_proven_backup_and_a_failing_night_is_seen() {
    let database = shared().database();
    database.sql("CREATE TABLE note (id int); INSERT INTO note SELECT generate_series(1, 5)");
    let sandbox = &database.sandbox;
    let killing = sandbox.home.join("killing");
    let fakes = Fakes::new(sandbox).docker_but(
        "pg_dump",
        &format!("if [ -e '{}' ]; then kill -9 $PPID; sleep 5; fi; real \"$@\"", killing.display()),
    );
    let pings = Pings::listen("200 OK");
    let told = sandbox.home.join("told");
    let notify = sandbox.home.join("notify");
    fs::write(
        &notify,
        format!(
            "#!/bin/sh\necho \"$1: $XTASK_FAILURE_EXIT $XTASK_FAILURE_MESSAGE\" >>'{}'\nenv >&2\nexit 7\n",
            told.display()
        ),
    )
    .unwrap();
    Command::new("chmod").arg("755").arg(&notify).status().unwrap();
    let on_failure = format!("[\"{}\", \"a b\"]", notify.display());
    let run = |words: &[&str], clock: &str| {
        let xtask = fakes.over(database.xtask(words.iter().copied())).env("XTASK_FAULT_CLOCK", clock);
        with_spool(xtask, &spool(sandbox)).run()
    };
    let words = [&INSTALL[..], &["--verify", "weekly"]].concat();
    let xtask = fakes.over(database.xtask(words)).env("XTASK_FAULT_CLOCK", "2026-11-20T12:00:00+00:00");
    let xtask = xtask.env("XTASK_PING_URL", &pings.url).env("XTASK_ON_FAILURE", on_failure);
    let install = with_spool(xtask, &spool(sandbox)).run();
    install.ok().stdout_has("every day at 03:00").stdout_has("weekly").stderr_has("POSTGRES_DB");
    let text = crontab(sandbox, &["-l"], "").ok().text();
    install.stdout_lacks("hunter2").stderr_lacks("hunter2");
    assert!(
        !text.contains("POSTGRES") && !text.contains("hunter2") && !text.contains("notify"),
        "only what the run needs to begin with stands in the open: {text}"
    );
    // Before the first night there is nothing to complain of.
    run(&["db-schedule", "status"], "2026-11-20T13:00:00+00:00").ok().stdout_has("none yet");

    // The first night's run loads its backup into this server.
    let quiet = shared().alone();
    let night = |day: u32| as_cron_does(sandbox, &command(&text), &format!("2026-11-{day}T03:00:01+00:00"));
    night(21).ok().says_nothing().prints_nothing();
    drop(quiet);
    let heard = pings.take();
    assert_eq!(heard.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(), ["/start", ""]);
    assert!(heard[1].1.contains(".sql"), "{heard:?}");
    assert!(!told.exists(), "nothing failed");
    let backups: Vec<String> = sandbox.backups().into_iter().filter(|name| name.ends_with(".sql")).collect();
    assert_eq!(backups.len(), 1, "{backups:?}");
    run(&["db-verify", &format!("backups/{}", backups[0])], "2026-11-21T04:00:00+00:00").ok();
    let status = run(&["db-schedule", "status", "--json"], "2026-11-21T04:00:00+00:00").ok().json();
    assert_eq!(status["runs"][0]["outcome"], "done");
    assert_eq!(status["runs"][0]["verified"], true, "the first run restores its backup, too");
    assert_eq!(status["runs"][0]["files"][0], backups[0].as_str());
    assert_eq!(status["next_run_at"].as_str().unwrap().get(..16), Some("2026-11-22T03:00"));
    // The history is no backup, and is not taken for one.
    run(&["db-list", "--json"], "2026-11-21T04:00:00+00:00").ok().stdout_lacks("schedule.json");
    let health = |clock: &str| run(&["health-check", "--only", "schedule"], clock);
    health("2026-11-21T04:00:00+00:00").ok().stdout_has("✓ schedule");

    // Killed outright in the middle: the run says so by itself.
    fs::write(&killing, "").unwrap();
    let killed = night(22);
    killed
        .code(137)
        .stderr_has("db-backup failed (killed by signal 9)")
        .stderr_has("The program of XTASK_ON_FAILURE failed");
    killed.stderr_lacks("hunter2").stderr_lacks("POSTGRES_PASSWORD");
    let heard = pings.take();
    assert_eq!(heard.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(), ["/start", "/fail"]);
    assert!(heard[1].1.contains("killed by signal 9"), "{heard:?}");
    assert_eq!(fs::read_to_string(&told).unwrap().trim(), "a b: 137 db-backup failed (killed by signal 9)");
    health("2026-11-22T04:00:00+00:00").ok().stdout_has("⚠ schedule").stdout_has("killed by signal 9");
    run(&["db-schedule", "status"], "2026-11-22T04:00:00+00:00").ok().stdout_has("failed (137)");
    night(23).code(137);
    health("2026-11-23T04:00:00+00:00").code(1).stdout_has("✗ schedule").stdout_has("the last 2 runs failed");
    run(&["db-schedule", "status"], "2026-11-23T04:00:00+00:00").code(1).stderr_has("The schedule does not work");

    // The machine slept for two nights; the next run says so, and all is well again.
    fs::remove_file(&killing).unwrap();
    health("2026-11-25T04:00:00+00:00").code(1).stdout_has("the last 2 runs that were due were not made");
    night(26).ok().stderr_has("2 that were due before it were not made");
    health("2026-11-26T04:00:00+00:00").ok().stdout_has("✓ schedule");
    let log = fs::read_to_string(sandbox.path(".xtask/schedule/schedule.log")).unwrap();
    assert!(!log.contains("hunter2"), "{log}");
    assert!(log.contains("2026-11-23 03:00:01 the run failed: db-backup failed (killed by signal 9)"), "{log}");

    // Another run goes on: this one is left out.
    let lock = fs::File::open(sandbox.path(".xtask/schedule/lock")).unwrap();
    lock.lock().unwrap();
    night(27).code(5).stderr_has("Another scheduled run goes on");
    drop(lock);

    run(&["db-schedule", "remove"], "2026-11-27T04:00:00+00:00").ok();
    assert_eq!(crontab(sandbox, &["-l"], "").ok().text().trim(), "");
    health("2026-11-27T04:00:00+00:00").ok().stdout_has("no schedule is installed");
    run(&["db-schedule", "run"], "2026-11-27T04:00:00+00:00").code(1).stderr_has("No schedule is installed");
}

fn other_lines_of_the_crontab_stay_and_edited_ones_are_not_replaced_unasked() {
    let sandbox = Sandbox::new();
    let run = |words: &[&str]| with_spool(Xtask::new(&sandbox).args(words), &spool(&sandbox)).run();
    let others = "MAILTO=me@example.com\n# mine\n5 4 * * * echo 50\\% >/dev/null\n";
    crontab(&sandbox, &["-"], others).ok();
    run(&INSTALL).ok();
    let installed = crontab(&sandbox, &["-l"], "").text();
    assert!(installed.starts_with(others) && installed.lines().count() == 6, "{installed}");
    // Again: one block, with the new time.
    let later: Vec<&str> = INSTALL.iter().map(|word| if *word == "03:00" { "04:30" } else { word }).collect();
    run(&later).ok();
    let again = crontab(&sandbox, &["-l"], "").text();
    assert!(
        again.starts_with(others) && again.contains("\n30 4 * * * env -i ") && again.lines().count() == 6,
        "{again}"
    );

    let edited = again.replace("30 4 * * * ", "30 5 * * * nice ");
    crontab(&sandbox, &["-"], &edited).ok();
    run(&["db-schedule", "status"]).ok().stdout_has("edited by hand").stdout_has("30 5 * * * nice");
    run(&INSTALL).code(1).stderr_has("edited by hand").stderr_has("30 5 * * * nice").stderr_has("--yes");
    run(&["db-schedule", "remove"]).code(1).stderr_has("edited by hand");
    assert_eq!(crontab(&sandbox, &["-l"], "").text(), edited);

    let broken =
        edited.lines().filter(|line| !line.starts_with("# END")).map(|line| format!("{line}\n")).collect::<String>();
    crontab(&sandbox, &["-"], &broken).ok();
    run(&[&INSTALL[..], &["--yes"]].concat()).code(1).stderr_has("the END line is missing").stderr_has("crontab -e");
    run(&["db-schedule", "remove", "--yes"]).code(1).stderr_has("the END line is missing");
    assert_eq!(crontab(&sandbox, &["-l"], "").text(), broken);

    // Somebody removed it altogether: nothing starts the runs.
    crontab(&sandbox, &["-"], others).ok();
    run(&["db-schedule", "status"]).code(1).stdout_has("is gone from the crontab");
    run(&["db-schedule", "remove"]).ok();
    assert_eq!(crontab(&sandbox, &["-l"], "").text(), others);
}

fn two_checkouts_have_two_schedules() {
    let (one, other) = (Sandbox::new(), Sandbox::new());
    let spool = spool(&one);
    for sandbox in [&one, &other] {
        with_spool(Xtask::new(sandbox).args(INSTALL), &spool).run().ok();
    }
    let both = crontab(&one, &["-l"], "").text();
    assert_eq!(both.matches("# BEGIN xtask db-schedule xtask-checkout-").count(), 2, "{both}");
    with_spool(Xtask::new(&one).args(["db-schedule", "remove"]), &spool).run().ok();
    let left = crontab(&one, &["-l"], "").text();
    assert!(
        left.contains(&other.root.display().to_string()) && !left.contains(&format!("{} ", one.root.display())),
        "{left}"
    );
    with_spool(Xtask::new(&other).args(["db-schedule", "status"]), &spool).run().ok();

    // A copy of the other one brings its plan, which is not followed there. It gets one of its own, and both go on.
    let copy = Sandbox::named("copy");
    let plan = fs::read_to_string(other.path(".xtask/schedule/plan.json")).unwrap();
    let copied = copy.write(".xtask/schedule/plan.json", &plan);
    Command::new("chmod").arg("600").arg(&copied).status().unwrap();
    let in_copy = |words: &[&str]| with_spool(Xtask::new(&copy).args(words), &spool).run();
    in_copy(&["db-schedule", "status"])
        .code(1)
        .stdout_has("it was installed for the checkout")
        .stdout_has("not for this one");
    in_copy(&["db-schedule", "run"]).code(1).stderr_has("was installed for the checkout");
    in_copy(&INSTALL).ok();
    assert_eq!(crontab(&one, &["-l"], "").text().matches("# BEGIN").count(), 2);
    // Once the other one is moved away, installing here removes its block.
    fs::write(&copied, &plan).unwrap();
    fs::remove_file(other.path(".xtask/schedule/plan.json")).unwrap();
    in_copy(&[&INSTALL[..], &["--yes"]].concat()).ok();
    let left = crontab(&one, &["-l"], "").text();
    assert!(left.matches("# BEGIN").count() == 1 && left.contains("xtask-copy-"), "{left}");
}

fn a_crontab_that_is_absent_or_refuses_is_told_and_nothing_is_installed() {
    let sandbox = Sandbox::new();
    let none = sandbox.beside("no-programs");
    fs::create_dir_all(&none).unwrap();
    let absent = Xtask::new(&sandbox).args(INSTALL).args(["--timer", "cron"]).env("PATH", &none).run();
    absent.code(1).stderr_has("There is no program crontab").stderr_has("--timer paste");
    let refusing = "You (me) are not allowed to use this program (crontab)";
    let fakes = Fakes::new(&sandbox).program("crontab", &format!("echo '{refusing}' >&2; exit 1"));
    let refused = fakes.over(Xtask::new(&sandbox).args(INSTALL).args(["--timer", "cron"])).run();
    refused.code(1).stderr_has("The crontab cannot be read").stderr_has(refusing);
    let unwritable =
        "if [ \"$1\" = -l ]; then echo '0 1 * * * mine'; else echo 'crontabs/: Permission denied' >&2; exit 1; fi";
    let fakes = Fakes::new(&sandbox).program("crontab", unwritable);
    let refused = fakes.over(Xtask::new(&sandbox).args(INSTALL).args(["--timer", "cron"])).run();
    refused.code(1).stderr_has("The crontab cannot be written").stderr_has("Permission denied");
    Xtask::new(&sandbox).args(["db-schedule", "status"]).run().ok().stdout_has("No schedule is installed");
}

fn what_the_runs_would_refuse_is_refused_at_once() {
    let sandbox = Sandbox::new();
    let install = |words: &[&str]| {
        Xtask::new(&sandbox).args(["db-schedule", "install", "--timer", "paste"]).args(words.iter().copied()).run()
    };
    install(&[]).code(2).stderr_has("--at");
    install(&["--at", "25:00"]).code(2).stderr_has("write it as 03:00");
    install(&["--at", "03:00", "--every", "7h"]).code(2).stderr_has("does not divide a day");
    install(&["--at", "03:00", "--keep-daily", "0"]).code(2).stderr_has("keep no backup");
    assert!(!sandbox.path(".xtask/schedule").exists());
}

fn lines_for_other_timers_are_printed() {
    let sandbox = Sandbox::named("50% of it");
    let printed = Xtask::new(&sandbox).args(INSTALL).args(["--timer", "paste", "--every", "12h"]).run();
    printed.ok().stdout_has("0 3,15 * * * env -i HOME=").stdout_has("/50\\% of it' --quiet db-schedule run");
    printed.stderr_has("Nothing starts the runs until you add this");
    Xtask::new(&sandbox).args(["db-schedule", "status"]).run().ok().stdout_has("lines that you added");
    // The program that the lines start is gone.
    let plan = sandbox.path(".xtask/schedule/plan.json");
    let text = fs::read_to_string(&plan).unwrap();
    fs::write(&plan, text.replace(env!("CARGO_BIN_EXE_xtask"), "/nowhere/xtask")).unwrap();
    let status = Xtask::new(&sandbox).args(["db-schedule", "status"]).run();
    status.code(1).stdout_has("the program is gone: /nowhere/xtask").stderr_has("cargo build");
    // A plan that another user may read, or that is none, is not followed.
    Command::new("chmod").arg("644").arg(&plan).status().unwrap();
    Xtask::new(&sandbox).args(["db-schedule", "run"]).run().code(1).stderr_has("is not private");
    fs::write(&plan, "{}").unwrap();
    Command::new("chmod").arg("600").arg(&plan).status().unwrap();
    Xtask::new(&sandbox).args(["db-schedule", "run"]).run().code(1).stderr_has("is not a schedule");
    Xtask::new(&sandbox).args(["db-schedule", "remove"]).run().ok().stdout_has("The schedule is removed");
}

fn a_backup_by_hand_pings_and_is_never_failed_by_that() {
    let database = shared().database();
    let sandbox = &database.sandbox;
    let file = sandbox.home.join("ping");
    let pings = Pings::listen("200 OK");
    let with_file = |content: &str| {
        fs::write(&file, content).unwrap();
        Command::new("chmod").arg("600").arg(&file).status().unwrap();
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
    // Nobody listens; the server points elsewhere: the backup is made, and a warning says why there was no ping.
    let verbose = database.xtask(["db-backup", "--verbose"]).run();
    verbose
        .ok()
        .stderr_has("The ping was not taken: connection refused")
        .stderr_has("XTASK_PING_URL=***")
        .stderr_lacks("hunter3");
    let elsewhere = Pings::listen("302 Found\r\nLocation: https://example.com/hunter3");
    let moved = with_file(&elsewhere.url).run();
    moved.ok().stderr_has("it redirects to https://example.com/…, which is not followed").stderr_lacks("hunter");
    sandbox.set("XTASK_PING_URL", "hunter3");
    database.xtask(["db-backup"]).run().ok().stderr_has("The ping address is not one").stderr_lacks("hunter3");
    // What is typed and cannot be used is refused before anything is done.
    let before = sandbox.backups();
    Command::new("chmod").arg("644").arg(&file).status().unwrap();
    database
        .xtask(["db-backup", "--ping-file"])
        .args([&file])
        .run()
        .code(1)
        .stderr_has("is not private")
        .stderr_has("chmod 600");
    database.xtask(["db-backup", "--ping-file", "nowhere"]).run().code(2).stderr_has("cannot be read");
    assert_eq!(sandbox.backups(), before);
}

fn a_program_is_called_after_a_failure_and_env_does_not_choose_it() {
    let sandbox = Sandbox::new();
    let called = sandbox.home.join("called");
    let notify = sandbox.home.join("notify");
    fs::write(
        &notify,
        format!(
            "#!/bin/sh\nprintf '%s|' \"$@\" \"$XTASK_FAILURE_COMMAND\" \"$XTASK_FAILURE_EXIT\" >'{}'\n",
            called.display()
        ),
    )
    .unwrap();
    Command::new("chmod").arg("755").arg(&notify).status().unwrap();
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
    Xtask::new(&sandbox)
        .args(INSTALL)
        .args(["--timer", "paste"])
        .env("XTASK_PING_URL", "hunter2")
        .run()
        .code(2)
        .stderr_lacks("hunter2");
}

/// This user's systemd, as far as a timer needs it: CI has none that runs. The state is a file for each fact.
fn systemd(sandbox: &Sandbox) -> Fakes {
    let (active, lingers) = (sandbox.home.join("active"), sandbox.home.join("lingers"));
    let (active, lingers) = (active.display(), lingers.display());
    let systemctl = format!(
        "case \"$2\" in restart) touch '{active}';; disable) rm -f '{active}';;\n\
         is-active) if [ -e '{active}' ]; then echo active; else echo inactive; exit 3; fi;; esac"
    );
    let loginctl = format!("if [ -e '{lingers}' ]; then echo yes; else echo no; fi");
    Fakes::new(sandbox).program("systemctl", &systemctl).program("loginctl", &loginctl)
}

fn a_systemd_timer_is_set_and_its_units_are_sound() {
    let sandbox = Sandbox::named("50% of $it");
    let fakes = systemd(&sandbox);
    let run = |words: &[&str]| fakes.over(Xtask::new(&sandbox).args(words)).run();
    let install = [&INSTALL[..], &["--timer", "systemd", "--every", "12h"]].concat();
    let installed = run(&install);
    installed
        .ok()
        .stdout_has("systemd, the timer xtask-")
        .stderr_has("stops when you log out")
        .stderr_has("enable-linger");
    let folder = sandbox.home.join(".config/systemd/user");
    let mut units: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    units.sort();
    let [service, timer] = units.as_slice() else { panic!("two units: {units:?}") };
    let name = timer.file_name().unwrap().to_str().unwrap();
    let calls: Vec<Vec<String>> = fakes.calls().into_iter().filter(|call| call[0] == "systemctl").collect();
    assert_eq!(calls[0][1..], ["--user", "daemon-reload"]);
    assert_eq!(calls[1][1..], ["--user", "enable", name]);

    // The real program reads them, and finds the program that they start.
    let verify = Xtask::new(&sandbox).program("systemd-analyze").env("XDG_RUNTIME_DIR", &sandbox.home);
    let verified = verify.args(["verify", "--user"]).args([service, timer]).run();
    verified.ok().stderr_lacks(name.trim_end_matches(".timer"));
    let text = fs::read_to_string(timer).unwrap();
    assert!(text.contains("OnCalendar=*-*-* 03,15:00:00\nPersistent=true\n"), "{text}");

    // It is looked at: lingering, its state, its files.
    run(&["db-schedule", "status"]).ok().stdout_has("lingering is not enabled");
    fs::write(sandbox.home.join("lingers"), "").unwrap();
    run(&["db-schedule", "status"]).ok().stdout_lacks("⚠");
    fs::remove_file(sandbox.home.join("active")).unwrap();
    run(&["db-schedule", "status"]).code(1).stdout_has("is inactive");
    run(&install).ok();
    fs::write(timer, text.replace("03,15", "04,16")).unwrap();
    run(&["db-schedule", "status"]).ok().stdout_has("was edited by hand");
    fs::remove_file(service).unwrap();
    run(&["db-schedule", "status"]).code(1).stdout_has("is gone");

    // Another timer takes its place.
    run(&install).ok();
    run(&[&INSTALL[..], &["--timer", "paste"]].concat()).ok();
    assert!(!service.exists() && !timer.exists() && !sandbox.home.join("active").exists());
    run(&install).ok();
    run(&["db-schedule", "remove"]).ok();
    assert!(!service.exists() && !timer.exists() && !sandbox.home.join("active").exists());

    // A systemd that does not answer: nothing is left behind.
    let silent = Fakes::new(&sandbox).program("systemctl", "echo 'Failed to connect to bus' >&2; exit 1");
    let refused = silent.over(Xtask::new(&sandbox).args(&install)).run();
    refused.code(1).stderr_has("The timer could not be started").stderr_has("Failed to connect to bus");
    assert!(!service.exists() && !timer.exists() && !sandbox.path(".xtask/schedule/plan.json").exists());
}

fn a_history_that_cannot_be_written_is_told_and_the_backup_stays() {
    let database = shared().database();
    let sandbox = &database.sandbox;
    database.xtask(INSTALL).args(["--timer", "paste"]).run().ok();
    // A file that is a mount of its own cannot be replaced, by nobody.
    let history = sandbox.write("backups/schedule.json", "");
    let mount = format!("mount --bind '{0}' '{0}' && exec \"$@\"", history.display());
    let through = ["unshare", "--mount", "sh", "-c", &mount, "sh"];
    let unrecorded = database.xtask(["db-schedule", "run"]).through(through).run();
    unrecorded.code(6).stderr_has("What became of this run could not be written to").stderr_has("free some space");
    let made = |sandbox: &Sandbox| sandbox.backups().iter().filter(|name| name.ends_with(".sql")).count();
    assert_eq!(made(sandbox), 1);
    // What is no history is kept aside, and a new one begun.
    database.xtask(["db-schedule", "run"]).run().ok().stderr_has("schedule.json.damaged");
    let status = database.xtask(["db-schedule", "status", "--json"]).run().ok().json();
    // One backup of each day stays.
    assert_eq!((made(sandbox), status["runs"].as_array().unwrap().len()), (1, 1));
}
