//! What holds for every command: where words go, how they look, where the program may be started from.

use crate::harness::sandbox::checkout;
use crate::harness::{Fakes, Outcome, Sandbox, Test, Xtask, quick, shared};
use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

pub fn tests() -> Vec<Test> {
    tests![
        [] help_lists_every_command_on_stdout,
        [] makefile_and_help_name_the_same_commands,
        [] every_command_has_its_own_help,
        [] the_quick_tier_has_a_test_of_every_command,
        [DebugProfile] cargo_xtask_works_from_a_subdirectory,
        [Make] bare_make_is_help,
        [Make] make_passes_arguments_typed_on_its_command_line_only,
        [Make] make_ignores_files_named_like_a_goal_and_refuses_a_typo,
        [] a_closed_stdout_ends_quietly,
        [] colour_follows_flag_variables_and_terminal,
        [Script] colour_is_for_terminals,
        [] letters_follow_the_locale,
        [Script] a_narrow_terminal_breaks_no_word_of_a_message,
        [] errors_are_one_report_with_a_next_step,
        [Stack] it_runs_from_anywhere,
        [Stack] a_checkout_may_have_any_name,
    ]
}

fn the_quick_tier_has_a_test_of_every_command() {
    let listed: BTreeSet<String> = quick::TESTS.iter().map(|(command, _)| (*command).to_owned()).collect();
    let missing: Vec<String> = commands().difference(&listed).cloned().collect();
    assert!(missing.is_empty(), "harness/quick.rs has no test of {missing:?}");
    let tests: BTreeSet<String> = crate::modules().into_iter().flatten().map(|test| test.name).collect();
    let gone: Vec<_> = quick::TESTS.iter().filter(|(_, test)| !tests.contains(*test)).collect();
    assert!(gone.is_empty(), "harness/quick.rs names tests that do not exist: {gone:?}");
}

fn a_narrow_terminal_breaks_no_word_of_a_message() {
    let sandbox = Sandbox::new();
    let wide = failure(&sandbox).run();
    for columns in [30, 40] {
        let narrow = ["sh", "-c", &format!("stty columns {columns}; exec \"$@\""), "sh"];
        let screen = failure(&sandbox).through(narrow).terminal().wait();
        let text = screen.text().replace("\r\n", "\n").replace("\u{1b}[31m", "").replace("\u{1b}[0m", "");
        let fits = |line: &str| line.chars().count() <= columns || !line.trim().contains(' ');
        screen.holds(text.lines().all(fits), "no line is wider than the terminal");
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(words(&text), words(&wide.stderr), "the same words, none broken");
    }
}

/// A failure that needs no server.
pub fn failure(sandbox: &Sandbox) -> Xtask {
    Xtask::new(sandbox).args(["up"]).env("XTASK_TARGET", "nonsense")
}

/// The commands of `--help`, without `help` itself.
pub fn commands() -> BTreeSet<String> {
    let text = Xtask::new(&Sandbox::new()).args(["--help"]).run().text();
    let section = text.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let names = section.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").map(str::to_owned).collect()
}

fn makefile_goals() -> BTreeSet<String> {
    let makefile = fs::read_to_string(checkout().join("Makefile")).unwrap();
    let line = makefile.lines().find(|line| line.contains("::")).unwrap();
    line.split("::").next().unwrap().split_whitespace().map(str::to_owned).collect()
}

fn help_lists_every_command_on_stdout() {
    let sandbox = Sandbox::new();
    let long = Xtask::new(&sandbox).args(["--help"]).run();
    long.ok().says_nothing().stdout_has("Usage: cargo xtask").stdout_has("db-shell");
    Xtask::new(&sandbox).args(["help"]).run().ok().says_nothing().stdout_has("db-shell");
    assert!(commands().len() >= 3, "{:?}", commands());
    for line in long.text().lines() {
        assert!(line.chars().count() <= 100, "a line of the help is too long: {line}");
    }
}

fn makefile_and_help_name_the_same_commands() {
    let mut goals = makefile_goals();
    assert!(goals.remove("help"), "`make help` should work");
    assert_eq!(goals, commands(), "left: the Makefile's goals, right: the commands of --help");
    let makefile = fs::read_to_string(checkout().join("Makefile")).unwrap();
    assert_eq!(makefile.trim_end().lines().count(), 1, "the Makefile is one line");
}

fn every_command_has_its_own_help() {
    let sandbox = Sandbox::new();
    for command in commands() {
        let help = Xtask::new(&sandbox).args([command.as_str(), "--help"]).run();
        help.ok().says_nothing().stdout_has(&format!("Usage: cargo xtask {command}")).stdout_has("--target");
        let first = help.text().lines().next().unwrap_or_default().to_owned();
        help.holds(first.len() > 10 && !first.starts_with("Usage"), "the first line should say what it does");
    }
}

fn cargo_xtask_works_from_a_subdirectory() {
    let mut cargo = Command::new(env!("CARGO"));
    // What cargo says of the package to its tests would have build scripts run again, now and in the next build.
    for (name, _) in std::env::vars_os() {
        if ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|start| name.to_string_lossy().starts_with(start)) {
            cargo.env_remove(name);
        }
    }
    let run = cargo.args(["xtask", "help"]).current_dir(checkout().join("xtask/src")).output().unwrap();
    let text = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success() && text.contains("Usage: cargo xtask"), "{run:?}");
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(said.is_empty(), "`cargo xtask` should add no words: {}", said.lines().next().unwrap_or_default());
}

/// `make` with these words, and a `cargo` that only notes its arguments.
fn make(sandbox: &Sandbox, fakes: &Fakes, words: &[&str]) -> Outcome {
    fakes.over(Xtask::new(sandbox).program("make").args(words)).run()
}

fn bare_make_is_help() {
    let sandbox = Sandbox::new();
    let fakes = Fakes::new(&sandbox).program("cargo", "");
    make(&sandbox, &fakes, &[]).ok();
    assert_eq!(fakes.calls(), [["cargo", "xtask", "help"]]);
}

fn make_passes_arguments_typed_on_its_command_line_only() {
    let sandbox = Sandbox::new();
    let fakes = Fakes::new(&sandbox).program("cargo", "");
    make(&sandbox, &fakes, &["db-shell", "ARGS=-- -c 'SELECT 1'"]).ok();
    assert_eq!(fakes.calls(), [["cargo", "xtask", "db-shell", "--", "-c", "SELECT 1"]]);
    let inherited = Xtask::new(&sandbox).program("make").args(["up", "down"]).env("ARGS", "--yes");
    fakes.over(inherited).run().ok();
    assert_eq!(fakes.calls()[1..], [["cargo", "xtask", "up"], ["cargo", "xtask", "down"]]);
    let failing = Fakes::new(&sandbox).program("cargo", "exit 4");
    make(&sandbox, &failing, &["up"]).code(2);
}

fn make_ignores_files_named_like_a_goal_and_refuses_a_typo() {
    let sandbox = Sandbox::new();
    let fakes = Fakes::new(&sandbox).program("cargo", "");
    sandbox.write("up/in a folder", "");
    sandbox.write("down", "a file");
    make(&sandbox, &fakes, &["up", "down"]).ok();
    assert_eq!(fakes.calls().len(), 2);
    make(&sandbox, &fakes, &["db-shel"]).code(2).stderr_has("No rule to make target");
    assert_eq!(fakes.calls().len(), 2);
}

fn a_closed_stdout_ends_quietly() {
    let sandbox = Sandbox::new();
    for args in [&["--help"][..], &["help", "up"], &["--version"]] {
        let run = Xtask::new(&sandbox).args(args).stdout_closed().run();
        run.says_nothing().holds(run.signal.is_none(), "it should end by itself");
    }
}

fn has_colour(text: &str) -> bool {
    text.contains("\u{1b}[")
}

fn colour_follows_flag_variables_and_terminal() {
    let sandbox = Sandbox::new();
    let colour = |prepare: &dyn Fn(Xtask) -> Xtask| has_colour(&prepare(failure(&sandbox)).run().code(2).stderr);
    assert!(!colour(&|run| run), "a pipe has no colour");
    assert!(colour(&|run| run.args(["--color", "always"])));
    assert!(colour(&|run| run.args(["--color=always"]).env("NO_COLOR", "1")), "a flag wins over the environment");
    assert!(colour(&|run| run.env("CLICOLOR_FORCE", "1")));
    assert!(!colour(&|run| run.env("CLICOLOR_FORCE", "0")));
    assert!(!colour(&|run| run.env("CLICOLOR_FORCE", "1").args(["--color", "never"])));
    assert!(!colour(&|run| run.env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1")));
}

fn colour_is_for_terminals() {
    let sandbox = Sandbox::new();
    let colour = |prepare: &dyn Fn(Xtask) -> Xtask| {
        has_colour(&prepare(failure(&sandbox)).terminal().wait().code(2).stdout_has("nonsense").text())
    };
    assert!(colour(&|run| run));
    assert!(!colour(&|run| run.env("NO_COLOR", "1")));
    assert!(colour(&|run| run.env("NO_COLOR", "")), "an empty NO_COLOR is none");
    assert!(!colour(&|run| run.args(["--color", "never"])));
}

fn letters_follow_the_locale() {
    let sandbox = Sandbox::new();
    for (name, value) in [("LANG", "de_DE.UTF-8"), ("LC_ALL", "en_US.utf8"), ("LC_CTYPE", "C.UTF-8")] {
        failure(&sandbox).unset("LANG").env(name, value).run().code(2).stderr_has("✗").stderr_has("→");
    }
    for (name, value) in [("LANG", "C"), ("LC_ALL", "POSIX"), ("LANG", "")] {
        let run = failure(&sandbox).env(name, value).run();
        run.code(2).holds(run.stderr.is_ascii(), "only ASCII letters were expected").stderr_has("ERROR");
    }
    let run = failure(&sandbox).unset("LANG").run();
    run.code(2).holds(run.stderr.is_ascii(), "only ASCII letters were expected");
    // A name in a command that is to be pasted keeps its letters: another quote would end the word.
    let name = "a’;touch PWN;’–“b.sql";
    sandbox.write(name, "-- no backup\n");
    for value in ["C", "C.UTF-8"] {
        let run = Xtask::new(&sandbox).args(["db-restore", name, "--target", "local"]).env("LC_ALL", value).run();
        run.holds(run.stderr.contains(name), "the name should be shown in its own letters");
        run.stderr_lacks("a';touch PWN");
    }
}

fn errors_are_one_report_with_a_next_step() {
    let sandbox = Sandbox::new();
    let run = failure(&sandbox).run();
    run.code(2).prints_nothing();
    assert_eq!(run.stderr.matches('✗').count(), 1, "{}", run.stderr);
    assert_eq!(run.stderr.matches('→').count(), 1, "{}", run.stderr);
    assert_eq!(failure(&sandbox).args(["--quiet"]).run().stderr, run.stderr, "errors are said under --quiet too");
    let raw = Xtask::new(&sandbox).args(["up"]).env("XTASK_TARGET", "\u{1b}[31mred\u{7}").run();
    raw.code(2).stderr_lacks("\u{1b}").stderr_lacks("\u{7}");
}

fn it_runs_from_anywhere() {
    let database = shared().database();
    let args = ["db-shell", "--", "-Atc", "SELECT current_database()"];
    for folder in [database.sandbox.path("backups"), database.sandbox.home.clone(), "/".into()] {
        database.xtask(args).here(folder).run().ok().prints(&database.name);
    }
    // XTASK_ROOT may be relative to where the caller stands.
    let relative = database.xtask(args).env("XTASK_ROOT", "..").here(database.sandbox.path("backups"));
    relative.run().ok().prints(&database.name);
}

fn a_checkout_may_have_any_name() {
    for name in ["with two  spaces", "Zoë's 日本 🐘", "quo\"te $HOME `id`", "-dash", "a,b=c;d"] {
        let sandbox = Sandbox::named(name);
        sandbox.set("COMPOSE_PROJECT_NAME", &shared().sandbox.project);
        let args = ["db-shell", "--", "-Atc", "SELECT 1"];
        Xtask::new(&sandbox).args(args).run().ok().prints("1");
        // Without a plain project name, Compose itself is asked.
        let asked = Xtask::new(&sandbox).args(args).env("XTASK_COMPOSE", "docker compose").run();
        asked.ok().prints("1");
    }
}
