//! TAB after `cargo xtask`, in real shells, installed by the lines of `docs/setup.md`.

use crate::harness::{Fakes, Sandbox, Test, Xtask, sandbox::checkout};
use std::fs;

pub fn tests() -> Vec<Test> {
    tests![
        [Bash, Script] bash_completes_after_cargo_xtask_and_leaves_cargo_its_own,
        [Zsh, Script] zsh_completes_after_cargo_xtask_and_leaves_cargo_its_own,
        [Fish] fish_completes_after_cargo_xtask_and_leaves_cargo_its_own,
        [] only_shells_that_are_tried_are_offered,
    ]
}

/// A home in which the page's line for this shell was typed.
fn installed(shell: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    fs::create_dir_all(sandbox.home.join(".config/fish/conf.d")).unwrap();
    let page = fs::read_to_string(checkout().join("docs/setup.md")).unwrap();
    let start = format!("$ cargo xtask completions {shell} ");
    let line = page.lines().find(|line| line.starts_with(&start)).expect("docs/setup.md says how to install it");
    let run = Xtask::new(&sandbox).program("sh").args(["-c", &line[2..]]);
    fakes(&sandbox).over(run).run().ok().says_nothing().prints_nothing();
    sandbox
}

fn fakes(sandbox: &Sandbox) -> Fakes {
    Fakes::new(sandbox).program("cargo", &format!("shift; exec '{}' \"$@\"", env!("CARGO_BIN_EXE_xtask")))
}

/// The screen of an interactive shell after these keys.
fn typed(sandbox: &Sandbox, shell: &[&str], keys: &[(&str, &str)]) {
    let run = Xtask::new(sandbox).program(shell[0]).args(&shell[1..]).env("PS1", "> ").env("TERM", "dumb");
    let mut terminal = run.terminal();
    for (keys, shown) in keys {
        terminal.types(keys).shows(shown);
    }
    // Ctrl-U takes away what stands on the line.
    terminal.types("\x15exit\n");
    terminal.wait();
}

const COMPLETED: [&str; 3] = ["db-migrate", "db-restore", "db-verify"];

fn bash_completes_after_cargo_xtask_and_leaves_cargo_its_own() {
    let sandbox = installed("bash");
    // As a distribution's completion of cargo, loaded at the first TAB.
    let own = "_completion_loader() { complete -F _cargo cargo; }; _cargo() { COMPREPLY=(build-of-cargo); }\n";
    fs::write(sandbox.home.join("rc"), format!("{own}. ~/.bashrc\n. ~/.bashrc\necho re''ady\n")).unwrap();
    let rc = sandbox.home.join("rc");
    let shell = ["bash", "--noprofile", "--rcfile", rc.to_str().unwrap(), "-i"];
    typed(
        &sandbox,
        &shell,
        &[("", "ready"), ("cargo xtask db-\t\t", COMPLETED[0]), ("", COMPLETED[1]), ("", COMPLETED[2])],
    );
    typed(&sandbox, &shell, &[("", "ready"), ("cargo xtask db-mi\tsta\t--dr\t", "db-migrate status --drift")]);
    typed(
        &sandbox,
        &shell,
        &[("", "ready"), ("cargo bui\t", "cargo build-of-cargo"), ("\x15cargo xtask db-resto\t", "xtask db-restore")],
    );
}

fn zsh_completes_after_cargo_xtask_and_leaves_cargo_its_own() {
    let sandbox = installed("zsh");
    let own = "autoload -U compinit; compinit -D\n_of_cargo() { compadd build-of-cargo }; compdef _of_cargo cargo\n";
    let line = fs::read_to_string(sandbox.home.join(".zshrc")).unwrap();
    fs::write(sandbox.home.join(".zshrc"), format!("{own}{line}{line}print re''ady\n")).unwrap();
    let shell = ["zsh", "--no-globalrcs", "-i"];
    typed(
        &sandbox,
        &shell,
        &[("", "ready"), ("cargo xtask db-\t", COMPLETED[0]), ("", COMPLETED[1]), ("", COMPLETED[2])],
    );
    typed(&sandbox, &shell, &[("", "ready"), ("cargo xtask db-mi\tsta\t--dr\t", "--drift")]);
    typed(&sandbox, &shell, &[("", "ready"), ("cargo bui\t", "build-of-cargo")]);
}

fn fish_completes_after_cargo_xtask_and_leaves_cargo_its_own() {
    let sandbox = installed("fish");
    // `complete -C` is what TAB asks. conf.d is read by every fish.
    let asked = |line: &str| {
        let run = Xtask::new(&sandbox).program("fish").args(["-c", &format!("complete -C '{line}'")]);
        fakes(&sandbox).over(run).run().ok().text()
    };
    let commands = asked("cargo xtask db-");
    for command in COMPLETED {
        assert!(commands.lines().any(|line| line.split('\t').next() == Some(command)), "{commands}");
    }
    assert!(!commands.contains("setup-env"), "{commands}");
    assert!(asked("cargo xtask db-migrate sta").starts_with("status\t"));
    assert!(asked("cargo xtask db-migrate status --dr").starts_with("--drift\t"));
    assert!(asked("cargo bui").starts_with("build"), "cargo's own completions stay");
}

fn only_shells_that_are_tried_are_offered() {
    let run = Xtask::new(&Sandbox::new()).args(["completions", "tcsh"]).run();
    run.code(2).prints_nothing().stderr_has("[possible values: bash, zsh, fish]");
}
