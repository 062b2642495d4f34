//! This program copied into other repositories: of every kind, with everything in the way that there is, killed anywhere.

use crate::harness::restore::paused;
use crate::harness::{Outcome, Sandbox, Test, Xtask, sandbox::checkout, shared};
use crate::root::{committed, git};
use rustix::process::Signal;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

pub fn tests() -> Vec<Test> {
    tests![
        [Git] every_kind_of_repository_gets_member_alias_and_free_names_and_a_second_run_nothing,
        [Git] nothing_that_is_there_is_lost,
        [Git] what_stands_in_the_way_is_named_and_nothing_is_written,
        [Git] a_folder_that_is_no_repository_of_somebody_elses_is_refused,
        [Git, Mount] a_read_only_folder_is_refused_before_anything_is_written,
        [Git] another_name_is_the_way_round_a_taken_one,
        [Git] a_compose_file_of_a_subfolder_is_named,
        [Git] a_run_that_is_killed_anywhere_is_completed_by_the_next,
        [Git] an_update_brings_new_files_removes_old_ones_and_loses_nobodys_changes,
        [Git, Mount] a_program_without_its_checkout_says_so,
        [Git, Compose] the_page_shows_what_it_says,
        [Git, Stack, Make] an_adopted_copy_is_built_there_and_does_the_work_by_cargo_and_make,
    ]
}

/// Another repository, and a home for the run.
struct Theirs {
    sandbox: Sandbox,
    folder: PathBuf,
}

impl Theirs {
    /// With these files, committed.
    fn with(files: &[(&str, &str)]) -> Self {
        let sandbox = Sandbox::new();
        let folder = sandbox.beside("their repo");
        for (path, text) in files {
            write(&folder.join(path), text);
        }
        fs::create_dir_all(&folder).unwrap();
        committed(&folder);
        Self { sandbox, folder }
    }

    fn adopt(&self, words: &[&str]) -> Xtask {
        Xtask::bare(&self.folder, &self.sandbox.home).args(["adopt", "."]).args(words)
    }

    #[track_caller]
    fn adopted(&self, words: &[&str]) -> Outcome {
        let run = self.adopt(words).args(["--yes"]).run();
        run.ok().stderr_has("is adopted in ");
        run
    }

    fn text(&self, path: &str) -> String {
        fs::read_to_string(self.folder.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    fn status(&self) -> String {
        git(&self.folder, &["status", "--porcelain", "--untracked-files=all"])
    }

    fn commit(&self) {
        git(&self.folder, &["add", "--all"]);
        git(&self.folder, &["commit", "--quiet", "--message", "more"]);
    }

    /// The names of the packages that cargo sees in the workspace of this folder.
    #[track_caller]
    fn packages(&self, folder: &str) -> Vec<String> {
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

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

const COMPOSE: (&str, &str) = ("compose.yaml", "services: {postgres: {image: 'postgres:16'}}\n");
const PACKAGE: &str = "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n";
const MAIN: &str = "fn main() {}\n";
const OLD_RECIPES: &str = "\
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
    look.ok().stdout_has("in subfolders: deploy/compose.yaml, a/b/docker-compose.yml; name the one that is meant");
    look.stdout_has("COMPOSE_FILE=deploy/compose.yaml");
    Theirs::with(&[("x", "")]).adopt(&["--dry-run"]).run().ok().stdout_has("no Compose file");
}

fn every_kind_of_repository_gets_member_alias_and_free_names_and_a_second_run_nothing() {
    type Kind<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [&'a str]);
    let kinds: [Kind; 5] = [
        ("no Cargo.toml", &[COMPOSE], &["xtask"]),
        (
            "a package without a workspace",
            &[COMPOSE, ("Cargo.toml", PACKAGE), ("src/main.rs", MAIN)],
            &["app", "xtask"],
        ),
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
        (
            "a workspace",
            &[("Cargo.toml", "[workspace]\nmembers = ['xt*']\nexclude = ['docs', 'backups']\n")],
            &["xtask"],
        ),
    ];
    for (kind, files, packages) in kinds {
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
        ("GNUmakefile", "include more.mk $(ALL)\nA := up:\n.PHONY: up\ndown: # theirs\r\n\techo down\r\n"),
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
    run.stderr_has("GNUmakefile:4: down keeps its recipe").stderr_has("The included file $(ALL) was not looked at");
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

type InTheWay<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a str);

const IN_THE_WAY: [InTheWay; 13] = [
    (&[("xtask/notes.txt", "")], "xtask is there already", "--name NAME"),
    (&[("xtask", "a file")], "xtask is there already", "--name NAME"),
    (&[("tools/x/Cargo.toml", "[package]\nname = 'xtask'\n")], "tools/x/Cargo.toml has a package xtask", "--name NAME"),
    (&[(".cargo/config.toml", "[alias]\nxtask = 'run -p x --'\n")], "has an alias xtask already", "--name NAME"),
    (&[(".cargo/config", "[alias]\nxtask = ['run']\n")], ".cargo/config has an alias xtask", "--name NAME"),
    (&[(".cargo/config.toml", "[alias\n")], ".cargo/config.toml cannot be read", "correct it"),
    (&[(".cargo/config.toml", "alias = { b = 'build' }\n")], "in a form that cannot be added to", "xtask = \"run"),
    (
        &[("rust-toolchain.toml", "[toolchain]\nchannel = '1.70'\n")],
        "rust-toolchain.toml pins Rust 1.70, and 1.89",
        "--root",
    ),
    (&[("rust-toolchain", "1.88.0\n")], "rust-toolchain pins Rust 1.88.0", "--root"),
    (&[("Cargo.toml", "[workspace\n")], "Cargo.toml cannot be read", "correct it"),
    (&[("Cargo.toml", "workspace = { members = [] }\n")], "in a form that cannot be added to", "members = [\"xtask\"]"),
    (&[("Cargo.toml", "[workspace]\nmembers = []\nexclude = ['xtask']\n")], "excludes the folder xtask", "--name NAME"),
    (
        &[("Cargo.toml", "[package]\nname = 'a'\nworkspace = '../b'\n")],
        "member of the workspace \"../b\"",
        "that workspace",
    ),
];

fn what_stands_in_the_way_is_named_and_nothing_is_written() {
    for (files, message, hint) in IN_THE_WAY {
        let theirs = Theirs::with(files);
        for words in [&["--dry-run"][..], &["--yes"], &["--yes", "--force"]] {
            let run = theirs.adopt(words).run();
            run.code(1)
                .stderr_has("✗ ")
                .stderr_has(message)
                .stderr_has("→")
                .stderr_has(hint)
                .stderr_has("nothing was changed");
            assert_eq!(theirs.status(), "", "{message}");
        }
    }
    // All of it is named at once, and a link is not written through.
    let theirs = Theirs::with(&[("Cargo.toml", "[workspace\n"), ("xtask/x", "")]);
    symlink(theirs.sandbox.home.join("elsewhere"), theirs.folder.join("Makefile")).unwrap();
    symlink(&theirs.sandbox.home, theirs.folder.join(".cargo")).unwrap();
    theirs.commit();
    let run = theirs.adopt(&["--dry-run"]).run();
    run.code(1)
        .stdout_has("In the way:\n")
        .stdout_has("Makefile is a symbolic link")
        .stdout_has("Cargo.toml cannot be read");
    run.stdout_has("config.toml is a symbolic link, or lies behind one").stdout_has("xtask is there already");
    // Their settings name a program: a look does not run it.
    let theirs = Theirs::with(&[("compose.yaml", "services: {}\n")]);
    let canary = theirs.sandbox.home.join("canary");
    fs::write(theirs.folder.join(".env"), format!("XTASK_COMPOSE=touch {}\n", canary.display())).unwrap();
    theirs.commit();
    theirs.adopt(&["--dry-run"]).run().ok().stdout_has("xtask  ");
    assert!(!canary.exists());
    // Work that is not committed.
    let theirs = Theirs::with(&[("a b", "1"), ("c", "1")]);
    fs::write(theirs.folder.join("a b"), "2").unwrap();
    fs::write(theirs.folder.join("new"), "").unwrap();
    let run = theirs.adopt(&["--yes"]).run();
    run.code(1).stderr_has("has changes that are not committed: a b and 1 more").stderr_has("--force");
    assert_eq!(theirs.status(), " M \"a b\"\n?? new\n");
    // A link where it tries whether it can write is not written through either.
    let outside = theirs.sandbox.home.join("outside");
    fs::write(&outside, "kept").unwrap();
    symlink(&outside, theirs.folder.join(".xtask-adopting")).unwrap();
    theirs.adopted(&["--force"]);
    assert_eq!((theirs.text("a b").as_str(), fs::read_to_string(outside).unwrap().as_str()), ("2", "kept"));
}

fn a_folder_that_is_no_repository_of_somebody_elses_is_refused() {
    let sandbox = Sandbox::new();
    let adopt = |folder: &Path| {
        let run = Xtask::bare(&sandbox.home, &sandbox.home).args(["adopt", "--yes"]).args([folder]).run();
        run.code(2).prints_nothing().stderr_has("✗ ").stderr_has("→");
        run
    };
    for inside in [checkout().to_owned(), checkout().join("xtask"), checkout().join("docs")] {
        adopt(&inside).stderr_has("is this checkout, or lies in it");
    }
    fs::create_dir(sandbox.beside("no git")).unwrap();
    fs::write(sandbox.beside("file"), "").unwrap();
    adopt(&sandbox.beside("no git")).stderr_has("is not a folder of a git repository").stderr_has("git init");
    adopt(&sandbox.beside("file")).stderr_has("is not a folder");
    adopt(&sandbox.beside("none")).stderr_has("is not a folder");
    assert_eq!(fs::read_dir(sandbox.beside("no git")).unwrap().count(), 0);
    // A folder of a repository, but of another cargo project's.
    let theirs = Theirs::with(&[("Cargo.toml", PACKAGE), ("deploy/compose.yaml", "services: {}\n")]);
    let run = theirs.adopt(&["--yes"]).here(theirs.folder.join("deploy")).run();
    run.code(1).stderr_has("lies inside the cargo project").stderr_has("→ adopt it there");
    assert_eq!(theirs.status(), "");
    for name in ["run", "../x", "-x", "backups"] {
        theirs.adopt(&["--name", name]).run().code(2);
    }
}

fn a_read_only_folder_is_refused_before_anything_is_written() {
    let theirs = Theirs::with(&[COMPOSE]);
    let folder = theirs.folder.display();
    let script = format!(
        "mount --bind '{folder}' '{folder}' && mount -o remount,ro,bind '{folder}' && cd '{folder}' && exec \"$@\""
    );
    let run = theirs.adopt(&["--yes"]).through(["unshare", "--mount", "sh", "-c", &script, "sh"]).run();
    run.code(1).stderr_has("No file can be made in ").stderr_has("nothing was changed").stderr_has("→");
    assert_eq!(theirs.status(), "");
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

/// Every file of a folder but git's own, by its path.
fn tree(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for path in
            fs::read_dir(next).unwrap().map(|entry| entry.unwrap().path()).filter(|path| !path.ends_with(".git"))
        {
            if path.is_dir() {
                open.push(path);
            } else {
                found.insert(path.strip_prefix(folder).unwrap().to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    found
}

fn a_run_that_is_killed_anywhere_is_completed_by_the_next() {
    let files = [COMPOSE, ("Makefile", OLD_RECIPES)];
    let whole = Theirs::with(&files);
    whole.adopted(&[]);
    let expected = tree(&whole.folder);
    for point in ["adopting-0", "adopting-copied", "adopting-1", "adopting-3", "adopting-5"] {
        let theirs = Theirs::with(&files);
        let running = paused(theirs.adopt(&["--yes"]), point);
        running.signal(Signal::KILL);
        running.wait();
        theirs.adopted(&[]);
        assert!(tree(&theirs.folder) == expected, "{point}: {}", theirs.status());
        theirs.adopt(&[]).run().ok().stderr_has("Nothing to do");
    }
}

/// As if an older version had been adopted: another text of one file, and one that is gone since.
fn made_older(theirs: &Theirs) {
    let list = theirs.text("xtask/.adopted");
    let hash = |text: &str| {
        let folder = theirs.sandbox.beside("hashed");
        fs::write(&folder, text).unwrap();
        let run = Command::new("sha256sum").arg(folder).output().unwrap();
        String::from_utf8(run.stdout).unwrap().split(' ').next().unwrap().to_owned()
    };
    let old = "fn main() { /* older */ }\n";
    let lines = list.lines().map(|line| match line.split_once("  ") {
        Some((_, "src/main.rs")) => format!("{}  src/main.rs\n", hash(old)),
        _ => format!("{line}\n"),
    });
    let list = lines.collect::<String>() + &format!("{}  src/gone/old.rs\n", hash("// old\n"));
    write(&theirs.folder.join("xtask/.adopted"), &list);
    write(&theirs.folder.join("xtask/src/main.rs"), old);
    write(&theirs.folder.join("xtask/src/gone/old.rs"), "// old\n");
}

fn an_update_brings_new_files_removes_old_ones_and_loses_nobodys_changes() {
    let theirs = Theirs::with(&[COMPOSE]);
    theirs.adopt(&["--update"]).run().code(1).stderr_has("Nothing was adopted in ");
    theirs.adopted(&[]);
    let whole = tree(&theirs.folder);
    theirs.commit();
    theirs.adopt(&["--update"]).run().ok().stderr_has("Nothing to do");
    made_older(&theirs);
    theirs.commit();
    let run = theirs.adopt(&["--yes"]).run();
    run.code(1)
        .stderr_has("xtask is there in version ")
        .stderr_has("→ bring them there: cargo xtask adopt --update DIR");

    let main = theirs.folder.join("xtask/src/main.rs");
    fs::write(&main, "fn main() { /* ours */ }\n").unwrap();
    fs::write(theirs.folder.join("xtask/src/ours.rs"), "// ours\n").unwrap();
    theirs.commit();
    let run = theirs.adopt(&["--update", "--yes"]).run();
    run.code(1).stderr_has("Files of xtask were changed since they were adopted; nothing was changed");
    run.stderr_has("changed since: src/main.rs, src/ours.rs").stderr_has("-fn main() { /* older */ }\n");
    run.stderr_has("+fn main() { /* ours */ }\n").stderr_has("+// ours");
    assert_eq!(theirs.status(), "");

    git(&theirs.folder, &["rm", "--quiet", "xtask/src/ours.rs"]);
    fs::write(&main, "fn main() { /* older */ }\n").unwrap();
    theirs.commit();
    let running = paused(theirs.adopt(&["--update", "--yes"]), "adopting-2");
    running.signal(Signal::KILL);
    running.wait();
    theirs.adopted(&["--update"]);
    assert!(tree(&theirs.folder) == whole, "{}", theirs.status());
    // A list that says to remove something else is not obeyed.
    theirs.commit();
    let list = theirs.text("xtask/.adopted").replace("src/main.rs", "../compose.yaml");
    fs::write(theirs.folder.join("xtask/.adopted"), list).unwrap();
    theirs.commit();
    theirs.adopt(&["--update", "--yes"]).run().code(1).stderr_has("xtask/.adopted is not as adopt wrote it");
}

fn a_program_without_its_checkout_says_so() {
    let theirs = Theirs::with(&[COMPOSE]);
    let program = theirs.sandbox.home.join("xtask");
    fs::copy(env!("CARGO_BIN_EXE_xtask"), &program).unwrap();
    let hide = format!("mount -t tmpfs none '{}' && exec \"$@\"", checkout().display());
    let run = theirs.adopt(&[]).program(&program).through(["unshare", "--mount", "sh", "-c", &hide, "sh"]).run();
    run.code(2).stderr_has("This program's checkout is not here").stderr_has("→ clone this project with git");
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

/// What cargo leaves of a build of another repository in the folder that all builds share.
struct Built(PathBuf);

impl Drop for Built {
    fn drop(&mut self) {
        for folder in ["", "deps", ".fingerprint", "incremental"] {
            for entry in fs::read_dir(self.0.join(folder)).into_iter().flatten().flatten() {
                let name = entry.file_name().to_string_lossy().replace('_', "-");
                if name.starts_with("db-tool") {
                    let _ = fs::remove_file(entry.path()).or_else(|_| fs::remove_dir_all(entry.path()));
                }
            }
        }
    }
}

/// The shape of the project that the old guide is of: a Makefile with recipes, no Rust.
fn an_adopted_copy_is_built_there_and_does_the_work_by_cargo_and_make() {
    let database = shared().database();
    database.sql("CREATE TABLE t AS SELECT 1 AS a");
    let theirs = &database.sandbox;
    fs::remove_dir_all(theirs.path("backups")).unwrap();
    fs::remove_file(theirs.path("Makefile")).unwrap();
    theirs.write("Makefile", OLD_RECIPES);
    committed(&theirs.root);
    // Under a name of its own: the tests start `xtask` from the folder of the same builds.
    let run = Xtask::bare(&theirs.home, &theirs.home).args(["adopt", "--yes", "--name", "db-tool"]);
    let run = run.args([&theirs.root]).run();
    run.ok().stderr_has("Makefile:5: db-backup keeps its recipe");
    git(&theirs.root, &["add", "--all"]);
    git(&theirs.root, &["commit", "--quiet", "--message", "Adopted"]);

    let debug = Path::new(env!("CARGO_BIN_EXE_xtask")).parent().unwrap();
    let _built = Built(debug.to_owned());
    let home = PathBuf::from(std::env::var_os("HOME").unwrap());
    let of_home = |name: &str, folder: &str| std::env::var_os(name).map_or_else(|| home.join(folder), PathBuf::from);
    let in_it = |words: &[&str]| {
        let run = Xtask::bare(&theirs.path("migrations-of-theirs"), &theirs.home).program(words[0]).args(&words[1..]);
        let run = run.env("CARGO_HOME", of_home("CARGO_HOME", ".cargo"));
        let run = run.env("RUSTUP_HOME", of_home("RUSTUP_HOME", ".rustup")).env("CARGO_NET_OFFLINE", "true");
        run.env("CARGO_TARGET_DIR", debug.parent().unwrap()).env("POSTGRES_DB", &database.name).run()
    };
    fs::create_dir(theirs.path("migrations-of-theirs")).unwrap();
    // However long it takes: the machine may be busy.
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--locked", "--offline", "--package", "db-tool"]).current_dir(&theirs.root);
    cargo.env("CARGO_TARGET_DIR", debug.parent().unwrap());
    // What cargo says of our package to its tests would have build scripts run again.
    for (name, _) in std::env::vars_os() {
        if ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|start| name.to_string_lossy().starts_with(start)) {
            cargo.env_remove(name);
        }
    }
    let built = cargo.output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let help = in_it(&["cargo", "db-tool", "--help"]);
    help.ok().stdout_has("Usage: cargo db-tool");
    let made = in_it(&["cargo", "db-tool", "db-backup"]);
    made.ok().stdout_has("../backups/");
    database.sql("DELETE FROM t");
    // Make runs in the top folder.
    let make = |goal: &str| in_it(&["make", "--directory", "..", goal]);
    make("db-list").ok().stderr_lacks("cargo xtask");
    make("db-verify").ok();
    let restored = in_it(&["cargo", "db-tool", "db-restore", "--yes"]);
    restored.ok().stderr_has("cargo db-tool db-restore --undo");
    assert_eq!(database.sql("SELECT count(*) FROM t"), "1");
    in_it(&["cargo", "db-tool", "health-check", "--only", "postgres", "--only", "backups"]).ok();
    make("help").ok().stdout_has("their help\n");
    assert_eq!(git(&theirs.root, &["status", "--porcelain"]), "", "lock and ignored files are as they were committed");
}
