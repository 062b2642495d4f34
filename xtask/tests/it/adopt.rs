//! `adopt`: this program copied into other repositories of every kind, which keep all that is theirs.

use crate::harness::{Outcome, Sandbox, Test, Xtask, sandbox::checkout};
use crate::root::{committed, git};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub fn tests() -> Vec<Test> {
    tests![
        [Git] every_kind_of_repository_gets_member_alias_and_free_names_and_a_second_run_nothing,
        [Git] nothing_that_is_there_is_lost,
        [Git] another_name_is_the_way_round_a_taken_one,
        [Git] a_compose_file_of_a_subfolder_is_named,
        [Git, Compose] the_page_shows_what_it_says,
    ]
}

/// Another repository, and a home for the run.
pub struct Theirs {
    pub sandbox: Sandbox,
    pub folder: PathBuf,
}

impl Theirs {
    /// With these files, committed.
    pub fn with(files: &[(&str, &str)]) -> Self {
        let sandbox = Sandbox::new();
        let folder = sandbox.beside("their repo");
        for (path, text) in files {
            write(&folder.join(path), text);
        }
        fs::create_dir_all(&folder).unwrap();
        committed(&folder);
        Self { sandbox, folder }
    }

    pub fn adopt(&self, words: &[&str]) -> Xtask {
        Xtask::bare(&self.folder, &self.sandbox.home).args(["adopt", "."]).args(words)
    }

    #[track_caller]
    pub fn adopted(&self, words: &[&str]) -> Outcome {
        let run = self.adopt(words).args(["--yes"]).run();
        run.ok().stderr_has("is adopted in ");
        run
    }

    pub fn text(&self, path: &str) -> String {
        fs::read_to_string(self.folder.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    pub fn status(&self) -> String {
        git(&self.folder, &["status", "--porcelain", "--untracked-files=all"])
    }

    pub fn commit(&self) {
        git(&self.folder, &["add", "--all"]);
        git(&self.folder, &["commit", "--quiet", "--message", "more"]);
    }

    /// The names of the packages that cargo sees in the workspace of this folder.
    #[track_caller]
    pub fn packages(&self, folder: &str) -> Vec<String> {
        let mut cargo = Command::new(env!("CARGO"));
        let words = ["metadata", "--offline", "--no-deps", "--format-version", "1"];
        let run = cargo.args(words).current_dir(self.folder.join(folder)).output().unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        let read: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
        let mut names: Vec<String> = read["packages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|package| package["name"].as_str().unwrap().to_owned())
            .collect();
        names.sort();
        names
    }
}

pub fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

pub const COMPOSE: (&str, &str) = ("compose.yaml", "services: {postgres: {image: 'postgres:16'}}\n");
pub const PACKAGE: &str = "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n";
pub const MAIN: &str = "fn main() {}\n";
pub const OLD_RECIPES: &str = "\
.PHONY: help db-backup
help: ## their own
\t@echo their help

db-backup: env
\tdocker compose exec -T postgres pg_dump -U postgres openfga > backups/openfga_backup.sql
\t@echo \"✓ done\"

env:
\t@true
";

fn a_compose_file_of_a_subfolder_is_named() {
    let yaml = COMPOSE.1;
    let files =
        [("a/b/docker-compose.yml", yaml), ("deploy/compose.yaml", yaml), ("deploy/my-compose.yaml", yaml), ("x", "")];
    let look = Theirs::with(&files).adopt(&["--dry-run"]).run();
    look.ok().stdout_has("in subfolders: deploy/compose.yaml, a/b/docker-compose.yml; name one of them in .env");
    look.stdout_has("COMPOSE_FILE=deploy/compose.yaml\n");
    Theirs::with(&[("x", "")]).adopt(&["--dry-run"]).run().ok().stdout_has("no Compose file");
    // What Compose reads there beside that file is read from above, too.
    let over = ("deploy/docker-compose.override.yml", "services: {}\n");
    let look = Theirs::with(&[("deploy/compose.yaml", yaml), over]).adopt(&["--dry-run"]).run();
    look.ok().stdout_has("in .env: COMPOSE_FILE=deploy/compose.yaml:deploy/docker-compose.override.yml\n");
    let env = "COMPOSE_PATH_SEPARATOR=,\nCOMPOSE_FILE=./prod.yaml,../more.yaml,/etc/x.yaml\n";
    let theirs = Theirs::with(&[("deploy/compose.yaml", yaml), over, ("deploy/.env", env)]);
    let look = theirs.adopt(&["--dry-run"]).env("COMPOSE_FILE", "").run();
    look.ok().stdout_has("in .env: COMPOSE_FILE=deploy/prod.yaml:deploy/../more.yaml:/etc/x.yaml\n");
}

/// The report on a repository, its files, and the packages of its workspace afterwards.
type Kind<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [&'a str]);

const KINDS: [Kind; 5] = [
    ("no Cargo.toml", &[COMPOSE], &["xtask"]),
    ("a package without a workspace", &[COMPOSE, ("Cargo.toml", PACKAGE), ("src/main.rs", MAIN)], &["app", "xtask"]),
    (
        "a workspace",
        &[
            ("Cargo.toml", "[workspace]\r\nresolver = \"2\"\r\nmembers = [\r\n  \"crates/*\", # all\r\n]\r\n"),
            ("crates/app/Cargo.toml", PACKAGE),
            ("crates/app/src/main.rs", MAIN),
        ],
        &["app", "xtask"],
    ),
    (
        "no Cargo.toml",
        &[COMPOSE, ("Makefile", OLD_RECIPES), ("backend/Cargo.toml", PACKAGE), ("backend/src/main.rs", MAIN)],
        &["xtask"],
    ),
    ("a workspace", &[("Cargo.toml", "[workspace]\nmembers = ['xt*']\nexclude = ['docs', 'backups']\n")], &["xtask"]),
];

fn every_kind_of_repository_gets_member_alias_and_free_names_and_a_second_run_nothing() {
    for (kind, files, packages) in KINDS {
        let theirs = Theirs::with(files);
        let looked = theirs.adopt(&["--dry-run"]).run();
        looked.ok().stdout_has("Found in ").stdout_has("To be written:").stdout_has(".cargo/config.toml");
        let found = |name: &str, what: &str| {
            let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
            looked.text().lines().any(|line| words(line) == format!("{name} {what}"))
        };
        looked.holds(found("Cargo", kind) && found("Git", "main, clean"), kind);
        assert_eq!(theirs.status(), "", "who only looks writes nothing");
        let asked = theirs.adopt(&[]).run();
        asked.code(1).prints_nothing().stderr_has("There is no terminal to ask on").stderr_has("--yes");
        assert_eq!(theirs.status(), "");

        theirs.adopted(&[]).prints_nothing().stderr_has("Next:");
        assert_eq!(theirs.packages(""), packages);
        if files.iter().any(|(path, _)| path.starts_with("backend")) {
            assert_eq!(theirs.packages("backend"), ["app"], "it is built on its own as before");
        }
        assert_eq!(theirs.text(".cargo/config.toml"), "[alias]\nxtask = \"run --quiet --package xtask --\"\n");
        let root = theirs.text("Cargo.toml");
        assert!(root.contains("[profile.dev.package.sha2]") && root.contains("[profile.dev.package.memchr]"), "{root}");
        assert_eq!(theirs.text(".gitignore"), "/target/\n/.env\n/.xtask/\n");
        let makefile = theirs.text("Makefile");
        assert!(makefile.contains("@cargo xtask $@") && makefile.contains("db-restore"), "{makefile}");
        let is_lone = kind == "no Cargo.toml";
        assert_eq!(theirs.folder.join("Cargo.lock").exists(), is_lone, "a workspace makes its own lock");
        if is_lone {
            let mut cargo = Command::new(env!("CARGO"));
            let run =
                cargo.args(["tree", "--offline", "--locked", "--depth", "0"]).current_dir(&theirs.folder).output();
            assert!(run.unwrap().status.success(), "the lock is as cargo would write it");
        }
        let again = theirs.adopt(&[]).run();
        again.ok().stderr_has("✓ Nothing to do: xtask is adopted in ").stderr_lacks("To be written");
    }
}

fn nothing_that_is_there_is_lost() {
    let theirs = Theirs::with(&[
        ("GNUmakefile", "MORE = more\ninclude $(MORE).mk\nA := up:\n.PHONY: up\ndown: # theirs\r\n\techo down\r\n"),
        ("more.mk", "up up2:; echo up\n"),
        (".cargo/config.toml", "[build]\njobs = 2 # few\n\n[alias]\nb = \"build\"\n"),
        (".gitignore", "target\n.env*"),
        (".dockerignore", "/backups/\n"),
        (".env.example", "A=1"),
        ("services/db/compose.yaml", "services: {}\n"),
        (".env", "COMPOSE_FILE=services/db/compose.yaml\n"),
    ]);
    let run = theirs.adopted(&[]);
    run.stderr_has("more.mk:1: up keeps its recipe").stderr_has("    - echo up\n    + @cargo xtask up $(if");
    run.stderr_has("GNUmakefile:5: down keeps its recipe").stderr_lacks("was not looked at");
    run.stderr_has("services/db/compose.yaml\n");
    assert_eq!(
        theirs.text(".cargo/config.toml"),
        "[build]\njobs = 2 # few\n\n[alias]\nxtask = \"run --quiet --package xtask --\"\nb = \"build\"\n"
    );
    assert_eq!(theirs.text(".gitignore"), "target\n.env*\n\n/.xtask/\n");
    assert_eq!(theirs.text(".dockerignore"), "/backups/\n\n.xtask\ntarget\n");
    assert_eq!(theirs.text(".env.example"), "A=1", "nothing was detected");
    let makefile = theirs.text("GNUmakefile");
    let added = makefile.split("# Added by cargo xtask adopt\r\n").nth(1).expect("with the line ends of the file");
    let goals = added.lines().nth(1).unwrap().split(':').next().unwrap();
    let goals: Vec<&str> = goals.split(' ').collect();
    assert!(goals.contains(&"db-backup") && !goals.contains(&"up") && !goals.contains(&"down"), "{goals:?}");
    // Make itself takes both, and runs the commands.
    let fakes = crate::harness::Fakes::new(&theirs.sandbox).program("cargo", "");
    let make = |goal: &'static str| {
        fakes.over(Xtask::bare(&theirs.folder, &theirs.sandbox.home).program("make").args(["ALL=", goal])).run()
    };
    make("down").ok().stdout_has("down");
    make("db-list").ok();
    assert_eq!(fakes.calls(), [["cargo", "xtask", "db-list"]]);
    // An alias that leads to the same package is theirs, in words or in one text.
    let other = Theirs::with(&[(".cargo/config", "alias.xtask = ['run', '--quiet', '--package', 'xtask', '--']\n")]);
    other.adopted(&[]);
    assert!(!other.folder.join(".cargo/config.toml").exists());
}

fn another_name_is_the_way_round_a_taken_one() {
    let theirs = Theirs::with(&[
        ("Cargo.toml", "[workspace]\nresolver = \"2\"\nmembers = [\"xtask\"]\n"),
        ("xtask/Cargo.toml", &PACKAGE.replace("app", "xtask")),
        ("xtask/src/main.rs", MAIN),
        (".cargo/config.toml", "[alias]\nxtask = \"run --package xtask --\"\n"),
    ]);
    theirs.adopted(&["--name", "db-tool"]);
    assert_eq!(theirs.packages(""), ["db-tool", "xtask"]);
    assert!(theirs.text(".cargo/config.toml").contains("db-tool = \"run --quiet --package db-tool --\"\n"));
    assert!(theirs.text("Makefile").contains("@cargo db-tool $@"));
    theirs.adopt(&[]).run().ok().stderr_has("Nothing to do: db-tool is adopted in ");
    theirs.adopt(&["--name", "other"]).run().code(1).stderr_has("adopted there already, as db-tool, not as other");
}

/// The repository that `docs/adopt.md` speaks of.
fn the_page_shows_what_it_says() {
    let yaml = "services:\n  db: {image: 'postgres:16', environment: {POSTGRES_USER: app, POSTGRES_PASSWORD: x}}\n  fga: {image: openfga/openfga}\n";
    let theirs = Theirs::with(&[("compose.yaml", yaml), ("Makefile", "db-backup:\n\tpg_dump app > backup.sql\n")]);
    let run = theirs.adopt(&["--dry-run"]).run();
    let shown = run.ok().text().replace(&theirs.folder.display().to_string(), "/home/me/their-repo");
    let page = fs::read_to_string(checkout().join("docs/adopt.md")).unwrap();
    let block =
        page.split("$ cargo xtask adopt ../their-repo --dry-run\n").nth(1).unwrap().split("```").next().unwrap();
    // Numbers of files change with every file; what is read of the stack is held by the tests of `compose_stacks`.
    let numbers = |text: &str| {
        let of_stack =
            |line: &&str| ["  PostgreSQL ", "  Login ", "  OpenFGA "].iter().any(|name| line.starts_with(name));
        // The list of commands is held by the tests of `conventions`.
        let of_make = |line: &str| line.split_inclusive(" names that are free: ").next().unwrap_or_default().to_owned();
        let text = text.lines().filter(|line| !of_stack(line)).map(of_make).collect::<Vec<_>>().join("\n");
        let is_number = |word: &str| word == "…" || word.parse::<u32>().is_ok();
        text.split(' ').map(|word| if is_number(word) { "N" } else { word }).collect::<Vec<_>>().join(" ")
    };
    if std::env::var_os("XTASK_TEST_BLESS").is_some() {
        let uncounted = |line: &str| match line.split_once(" files of version ") {
            Some((before, after)) => {
                format!("{}… files of version {after}", before.trim_end_matches(|letter: char| letter.is_ascii_digit()))
            }
            None => line.to_owned(),
        };
        let shown = shown.lines().map(uncounted).collect::<Vec<_>>().join("\n") + "\n";
        fs::write(checkout().join("docs/adopt.md"), page.replace(block, &shown)).unwrap();
        return;
    }
    assert_eq!(numbers(block), numbers(&shown), "left: docs/adopt.md, right: what is shown now");
}
