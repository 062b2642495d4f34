//! `db-schedule install`, `status` and `remove` with cron, systemd and other timers: only our own lines change.

use crate::db_schedule::{INSTALL, chmod, crontab, spool, with_spool, without_cron};
use crate::harness::{Fakes, Sandbox, Test, Xtask};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

pub fn tests() -> Vec<Test> {
    tests![
        [Cron, Mount] other_lines_of_the_crontab_stay_and_edited_ones_are_not_replaced_unasked,
        [Cron, Mount] two_checkouts_have_two_schedules,
        [Cron, Mount] a_crontab_that_no_cron_reads_is_warned_of,
        [Compose] a_project_without_postgresql_has_no_schedule,
        [Cron, Mount] a_copy_of_a_checkout_does_not_follow_its_schedule,
        [] a_crontab_that_is_absent_or_refuses_is_reported_and_nothing_is_installed,
        [] what_the_runs_would_refuse_is_refused_at_once,
        [] lines_for_other_timers_are_printed,
        [] a_plan_that_is_damaged_or_not_private_is_not_followed,
        [Cron, Mount] no_plan_is_written_through_a_link,
        [Systemd] a_systemd_timer_is_set_and_its_units_are_sound,
        [Systemd] a_systemd_timer_goes_with_its_units,
        [Systemd] a_timer_without_its_plan_goes_with_a_yes_alone,
    ]
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
    run(&["db-schedule", "status", "--color", "always"]).stdout_has("\n\u{1b}[33m⚠\u{1b}[0m ").stdout_lacks("\\u{1b}");
    crontab(&sandbox, &["-"], &again.replace("30 4 * * * ", "#30 4 * * * ")).ok();
    run(&["db-schedule", "status"]).code(1).stdout_has("starts anything").stdout_has("install it again");
    crontab(&sandbox, &["-"], &edited).ok();
    run(&INSTALL).code(1).stderr_has("edited by hand").stderr_has("30 5 * * * nice").stderr_has("--yes");
    run(&["db-schedule", "remove"]).code(1).stderr_has("edited by hand");
    // Going to another timer removes them, too.
    let paste = [&INSTALL[..], &["--timer", "paste"]].concat();
    run(&paste).code(1).stderr_has("30 5 * * * nice").stderr_has("Remove these lines?");
    assert_eq!(crontab(&sandbox, &["-l"], "").text(), edited);

    let broken =
        edited.lines().filter(|line| !line.starts_with("# END")).map(|line| format!("{line}\n")).collect::<String>();
    crontab(&sandbox, &["-"], &broken).ok();
    run(&["db-schedule", "status"])
        .code(1)
        .stdout_has("the END line is missing")
        .stdout_has("crontab -e; then install");
    run(&[&INSTALL[..], &["--yes"]].concat()).code(1).stderr_has("the END line is missing").stderr_has("crontab -e");
    run(&["db-schedule", "remove", "--yes"]).code(1).stderr_has("the END line is missing");
    assert_eq!(crontab(&sandbox, &["-l"], "").text(), broken);

    // It was removed altogether: nothing starts the runs.
    crontab(&sandbox, &["-"], others).ok();
    run(&["db-schedule", "status"]).code(1).stdout_has("is gone from the crontab");
    run(&["db-schedule", "remove"]).ok();
    assert_eq!(crontab(&sandbox, &["-l"], "").text(), others);
}

/// The plan holds secrets.
fn no_plan_is_written_through_a_link() {
    let sandbox = Sandbox::new();
    let elsewhere = sandbox.beside("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let run = |words: &[&str]| with_spool(Xtask::new(&sandbox).args(words), &spool(&sandbox)).run();
    for link in [".xtask", ".xtask/schedule"] {
        let path = sandbox.path(link);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(&elsewhere, &path).unwrap();
        run(&INSTALL).code(1).prints_nothing().stderr_has(&format!("{link} is a symbolic link")).stderr_has("→ remove");
        assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
        fs::remove_file(path).unwrap();
    }
    run(&INSTALL).ok();
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
}

fn a_crontab_that_no_cron_reads_is_warned_of() {
    let sandbox = Sandbox::new();
    let run = |words: &[&str]| Xtask::new(&sandbox).args(words);
    let spool = spool(&sandbox);
    let install = without_cron(run(&INSTALL), &spool).run();
    let what = "no cron runs on this machine: nothing starts what the crontab says";
    install.ok().stderr_has(&format!("⚠ {what}\n  → start it, at every boot, too: systemctl enable --now cron;"));
    let status = ["db-schedule", "status"];
    let seen = without_cron(run(&status), &spool).run();
    seen.ok().stdout_has(&format!("⚠ {what}\n  → start it"));
    let health = ["health-check", "--only", "schedule"];
    without_cron(run(&health), &spool).run().ok().stdout_has(&format!("⚠ schedule  {what}"));
    with_spool(run(&status), &spool).run().ok().stdout_lacks("no cron");
    with_spool(run(&health), &spool).run().ok().stdout_has("✓ schedule");
    with_spool(run(&INSTALL), &spool).run().ok().stderr_lacks("no cron");
}

fn a_project_without_postgresql_has_no_schedule() {
    let sandbox = Sandbox::new();
    let yaml = "services: {db: {image: 'mysql:8'}, web: {image: 'nginx:1'}}\n";
    sandbox.write("docker-compose.yml", yaml);
    let run = |words: &[&str]| Xtask::new(&sandbox).args(words).unset("XTASK_TARGET").run();
    for words in [&INSTALL[..], &["db-backup"], &["up"], &["db-stats"]] {
        let run = run(words);
        run.code(2).prints_nothing().stderr_has("No service of this project is PostgreSQL, by name or image\n");
        run.stderr_has("→ this program looks after PostgreSQL, and no other database; if there is one outside of this");
        run.stderr_has("--target url, with DATABASE_URL=postgres://").stderr_lacks("XTASK_POSTGRES_SERVICE");
    }
    run(&["db-schedule", "status"]).ok().prints("No schedule is installed");
    // A service whose image is the team's own may be it; the others would be refused.
    sandbox.write("docker-compose.yml", yaml.replace("web:", "own: {image: 'our/data:1'}, web:"));
    let said = run(&INSTALL);
    said.code(2)
        .stderr_has("→ name it: XTASK_POSTGRES_SERVICE=SERVICE, in .env or in the environment; it may be: own\n");
}

fn a_copy_of_a_checkout_does_not_follow_its_schedule() {
    let (original, copy) = (Sandbox::new(), Sandbox::named("copy"));
    let spool = spool(&original);
    with_spool(Xtask::new(&original).args(INSTALL), &spool).run().ok();
    let plan = fs::read_to_string(original.path(".xtask/schedule/plan.json")).unwrap();
    let copied = copy.write(".xtask/schedule/plan.json", &plan);
    chmod(&copied, 0o600);
    let in_copy = |words: &[&str]| with_spool(Xtask::new(&copy).args(words), &spool).run();
    let status = in_copy(&["db-schedule", "status"]);
    status.code(1).stdout_has("it was installed for the checkout").stdout_has("not for this one");
    // The block that is there is the other one's.
    status.stdout_lacks("the block xtask-copy-");
    in_copy(&["db-schedule", "run"]).code(1).stderr_has("was installed for the checkout");
    // It gets one of its own, and both go on.
    in_copy(&INSTALL).ok();
    assert_eq!(crontab(&original, &["-l"], "").text().matches("# BEGIN").count(), 2);
    // Once the original is moved away, installing here removes its block.
    fs::write(&copied, &plan).unwrap();
    fs::remove_file(original.path(".xtask/schedule/plan.json")).unwrap();
    let both = crontab(&original, &["-l"], "").text();
    let own = |line: &str| line.contains(&original.root.display().to_string());
    let edited =
        both.lines().map(|line| if own(line) { line.replacen("0 3 ", "0 5 ", 1) } else { line.to_owned() } + "\n");
    crontab(&original, &["-"], &edited.collect::<String>()).ok();
    let asked = in_copy(&INSTALL);
    asked.code(1).stderr_has("⚠ The block xtask-checkout-").stderr_has("was edited by hand").stderr_has("0 5 * * *");
    asked.stderr_has("Remove these lines?");
    in_copy(&[&INSTALL[..], &["--yes"]].concat()).ok();
    let left = crontab(&original, &["-l"], "").text();
    assert!(left.matches("# BEGIN").count() == 1 && left.contains("xtask-copy-"), "{left}");
}

fn a_crontab_that_is_absent_or_refuses_is_reported_and_nothing_is_installed() {
    let sandbox = Sandbox::new();
    let none = sandbox.beside("no-programs");
    fs::create_dir_all(&none).unwrap();
    let absent = Xtask::new(&sandbox).args(INSTALL).args(["--timer", "cron"]).env("PATH", &none).run();
    absent.code(1).stderr_has("There is no program crontab").stderr_has("--timer paste");
    let absent = Xtask::new(&sandbox).args(INSTALL).args(["--timer", "systemd"]).env("PATH", &none).run();
    absent.code(1).stderr_has("✗ systemctl, the program of systemd, cannot be asked").stderr_has("--timer paste");
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
    // What stands there cannot be run: by its mode, or by what it is.
    let program = sandbox.home.join("a program");
    fs::write(&plan, text.replace(env!("CARGO_BIN_EXE_xtask"), program.to_str().unwrap())).unwrap();
    let look = |words: &[&str]| Xtask::new(&sandbox).args(words).run();
    for (content, mode, said, hint) in [
        (&b"\x7fELF"[..], 0o644, "you may not execute it", "chmod u+x '"),
        (b"# Read me\n", 0o755, "is no program", "cargo build"),
        (b"", 0o755, "is no program", "cargo build"),
    ] {
        fs::write(&program, content).unwrap();
        chmod(&program, mode);
        let status = look(&["db-schedule", "status"]);
        status.code(1).stdout_has(said).stdout_has("a program (it cannot be run)\n").stderr_has(hint);
        // A mode helps only where the file is the user's own.
        status.stderr_has("or install it again: cargo xtask db-schedule install ");
        look(&["health-check", "--only", "schedule"]).code(1).stdout_has("✗ schedule").stdout_has(said);
    }
    for content in [&b"#!/bin/sh\n"[..], b"\x7fELF", b"\xca\xfe\xba\xbf"] {
        fs::write(&program, content).unwrap();
        look(&["db-schedule", "status"]).ok();
    }
}

fn a_plan_that_is_damaged_or_not_private_is_not_followed() {
    let sandbox = Sandbox::new();
    Xtask::new(&sandbox).args(INSTALL).args(["--timer", "paste"]).run().ok();
    let plan = sandbox.path(".xtask/schedule/plan.json");
    chmod(&plan, 0o644);
    Xtask::new(&sandbox).args(["db-schedule", "run"]).run().code(1).stderr_has("is not private");
    fs::write(&plan, "{}").unwrap();
    chmod(&plan, 0o600);
    Xtask::new(&sandbox).args(["db-schedule", "run"]).run().code(1).stderr_has("is not a schedule");
    Xtask::new(&sandbox).args(["db-schedule", "remove"]).run().ok().stdout_has("The schedule is removed");
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

/// Its two files, the service first.
fn units(sandbox: &Sandbox) -> [PathBuf; 2] {
    let entries = fs::read_dir(sandbox.home.join(".config/systemd/user")).unwrap();
    let mut units: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    units.sort();
    units.try_into().unwrap_or_else(|units| panic!("two units: {units:?}"))
}

fn a_systemd_timer_is_set_and_its_units_are_sound() {
    let sandbox = Sandbox::named("50% of $it");
    let fakes = systemd(&sandbox);
    let run = |words: &[&str]| fakes.over(Xtask::new(&sandbox).args(words)).run();
    let install = [&INSTALL[..], &["--timer", "systemd", "--every", "12h"]].concat();
    let installed = run(&install);
    installed.ok().stdout_has("systemd, the timer xtask-").stderr_has("stops when you log out");
    installed.stderr_has("enable-linger");
    let [service, timer] = units(&sandbox);
    let name = timer.file_name().unwrap().to_str().unwrap();
    let calls: Vec<Vec<String>> = fakes.calls().into_iter().filter(|call| call[0] == "systemctl").collect();
    assert_eq!(calls[0][1..], ["--user", "daemon-reload"]);
    assert_eq!(calls[1][1..], ["--user", "enable", name]);

    // The real program reads them, and finds the program that they start.
    let verify = Xtask::new(&sandbox).program("systemd-analyze").env("XDG_RUNTIME_DIR", &sandbox.home);
    let verified = verify.args(["verify", "--user"]).args([&service, &timer]).run();
    verified.ok().stderr_lacks(name.trim_end_matches(".timer"));
    let text = fs::read_to_string(&timer).unwrap();
    assert!(text.contains("OnCalendar=*-*-* 03,15:00:00\nPersistent=true\n"), "{text}");

    // It is looked at: lingering, its state, its files.
    run(&["db-schedule", "status"]).ok().stdout_has("lingering is not enabled");
    fs::write(sandbox.home.join("lingers"), "").unwrap();
    run(&["db-schedule", "status"]).ok().stdout_lacks("⚠");
    fs::remove_file(sandbox.home.join("active")).unwrap();
    run(&["db-schedule", "status"]).code(1).stdout_has("is inactive");
    run(&install).ok();
    fs::write(&timer, text.replace("03,15", "04,16")).unwrap();
    run(&["db-schedule", "status"]).ok().stdout_has("was edited by hand");
    fs::remove_file(&service).unwrap();
    run(&["db-schedule", "status"]).code(1).stdout_has("is gone");
    // What a person wrote goes after a yes alone.
    for words in [&install[..], &["db-schedule", "remove"]] {
        let asked = run(words);
        asked.stderr_has(&format!("{name} was edited by hand. It says now:")).stderr_has("04,16").stderr_has("--yes");
        asked.holds(asked.code != Some(0) && fs::read_to_string(&timer).unwrap().contains("04,16"), "it stays");
    }
    run(&[&install[..], &["--yes"]].concat()).ok().stderr_has("was edited by hand");
    run(&["db-schedule", "status"]).ok();
    assert!(service.exists());
}

fn a_systemd_timer_goes_with_its_units() {
    let sandbox = Sandbox::new();
    let fakes = systemd(&sandbox);
    let run = |words: &[&str]| fakes.over(Xtask::new(&sandbox).args(words)).run();
    let install = [&INSTALL[..], &["--timer", "systemd"]].concat();
    run(&install).ok();
    let [service, timer] = units(&sandbox);
    let is_gone = || !service.exists() && !timer.exists() && !sandbox.home.join("active").exists();
    // Another timer takes its place.
    run(&[&INSTALL[..], &["--timer", "paste"]].concat()).ok();
    assert!(is_gone());
    run(&install).ok();
    assert!(service.exists() && timer.exists());
    run(&["db-schedule", "remove"]).ok();
    assert!(is_gone());

    // A systemd that does not answer: nothing is left behind.
    let silent = Fakes::new(&sandbox).program("systemctl", "echo 'Failed to connect to bus' >&2; exit 1");
    let refused = silent.over(Xtask::new(&sandbox).args(&install)).run();
    refused.code(1).stderr_has("The timer could not be started").stderr_has("Failed to connect to bus");
    assert!(is_gone() && !sandbox.path(".xtask/schedule/plan.json").exists());
}

/// A damaged plan, or one that is gone, says of no line that it is ours.
fn a_timer_without_its_plan_goes_with_a_yes_alone() {
    let sandbox = Sandbox::new();
    let fakes = systemd(&sandbox);
    let run = |words: &[&str]| fakes.over(Xtask::new(&sandbox).args(words)).run();
    let install = [&INSTALL[..], &["--timer", "systemd"]].concat();
    run(&install).ok();
    let [service, timer] = units(&sandbox);
    let plan = sandbox.path(".xtask/schedule/plan.json");
    // What is about to be written anyway is not asked about.
    fs::write(&plan, "{}").unwrap();
    run(&install).ok().stderr_lacks("It says now");
    let edited = fs::read_to_string(&timer).unwrap().replace("03:00", "04:16");
    fs::write(&timer, &edited).unwrap();
    let paste = [&INSTALL[..], &["--timer", "paste"]].concat();
    for is_gone in [false, true] {
        fs::write(&plan, "{}").unwrap();
        if is_gone {
            fs::remove_file(&plan).unwrap();
        }
        for words in [&install[..], &paste, &["db-schedule", "remove"]] {
            let asked = run(words);
            asked.code(1).stderr_has("is there, and this checkout has no plan for which it was written. It says now:");
            asked.stderr_has("OnCalendar=*-*-* 04:16:00").stderr_has("--yes");
            asked.holds(fs::read_to_string(&timer).unwrap() == edited && service.exists(), "it stays");
        }
    }
    let status = run(&["db-schedule", "status"]);
    status
        .ok()
        .prints("No schedule is installed")
        .stderr_has("⚠ There is a timer without its plan: systemd, the timer xtask-");
    status.stderr_has("→ remove it: cargo xtask db-schedule remove\n");
    run(&["db-schedule", "remove", "--yes"]).ok().stdout_has("The schedule is removed");
    assert!(!service.exists() && !timer.exists());
    run(&["db-schedule", "status"]).ok().stderr_lacks("without its plan");
}
