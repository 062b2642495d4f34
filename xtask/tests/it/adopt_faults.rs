//! `adopt` where something is in the way: it names it and writes nothing.

use crate::adopt::{COMPOSE, PACKAGE, Theirs, write};
use crate::harness::{Sandbox, Test, Xtask, sandbox::checkout};
use crate::root::git;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::Path;

pub fn tests() -> Vec<Test> {
    tests![
        [Git] what_stands_in_the_way_is_named_and_nothing_is_written,
        [Git] all_that_stands_in_the_way_is_named_at_once,
        [Git] a_look_runs_no_program_that_their_settings_name,
        [Git, Compose] a_look_fetches_nothing_and_gives_compose_no_program_of_the_env_file,
        [Git, Compose] a_stack_that_compose_cannot_read_is_explained_without_a_command_that_runs_its_programs,
        [Git] a_name_that_is_not_utf_8_switches_off_no_protection,
        [Git] files_without_end_are_refused_in_time,
        [Git] work_that_is_not_committed_is_kept_and_no_link_is_written_through,
        [Git] only_the_top_folder_of_another_repository_is_taken,
        [Git, Mount] a_read_only_folder_is_refused_before_anything_is_written,
        [Git, Mount] a_program_without_its_checkout_says_so,
    ]
}

/// The files of a repository, the messages about them, and about the way out.
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
            run.code(1).stderr_has("✗ ").stderr_has(message).stderr_has("→").stderr_has(hint);
            run.stderr_has("nothing was changed");
            assert_eq!(theirs.status(), "", "{message}");
        }
    }
}

fn all_that_stands_in_the_way_is_named_at_once() {
    let theirs = Theirs::with(&[("Cargo.toml", "[workspace\n"), ("xtask/x", "")]);
    symlink(theirs.sandbox.home.join("elsewhere"), theirs.folder.join("Makefile")).unwrap();
    symlink(&theirs.sandbox.home, theirs.folder.join(".cargo")).unwrap();
    theirs.commit();
    let run = theirs.adopt(&["--dry-run"]).run();
    run.code(1).stdout_has("In the way:\n").stdout_has("Makefile is a symbolic link");
    run.stdout_has("Cargo.toml cannot be read").stdout_has("xtask is there already");
    run.stdout_has("config.toml is a symbolic link, or lies behind one");
}

fn a_look_runs_no_program_that_their_settings_name() {
    let theirs = Theirs::with(&[("compose.yaml", "services: {}\n")]);
    let canary = theirs.sandbox.home.join("canary");
    fs::write(theirs.folder.join(".env"), format!("XTASK_COMPOSE=touch {}\n", canary.display())).unwrap();
    theirs.commit();
    theirs.adopt(&["--dry-run"]).run().ok().stdout_has("xtask  ");
    assert!(!canary.exists());
    // What git would start for a file that may have changed.
    let touch = format!("touch {}; cat", canary.display());
    for key in ["filter.x=y.clean", "filter.x=y.process", "filter.x=y.required"] {
        git(&theirs.folder, &["config", key, if key.ends_with("required") { "true" } else { &touch }]);
    }
    fs::write(theirs.folder.join(".git/info/attributes"), "* filter=x=y\n").unwrap();
    fs::write(theirs.folder.join("compose.yaml"), "services: {}\n").unwrap();
    theirs.adopt(&["--dry-run"]).run().ok().stdout_has("main, clean");
    assert!(!canary.exists());
}

fn a_look_fetches_nothing_and_gives_compose_no_program_of_the_env_file() {
    let services = "services:\n  postgres:\n    image: postgres:${VERSION:?}\n    environment: [POSTGRES_PASSWORD]\n  \
                    web:\n    image: web\n    labels: {include: 'src/**'}\n";
    for include in [
        "include:\n  - ssh://git@127.0.0.1/x/y.git\n",
        "include:\n  - path: git@127.0.0.1:x/y.git\n",
        "include: [\"git://127.0.0.1/x/y.git\"]\n",
        "include: ['https://127.0.0.1:1/x/y.git']\n",
        "include: ['oci://127.0.0.1:1/x']\n",
        "\"incl\\u0075de\": [part.yaml]\n",
        "# a comment\u{2028}include: ['https://127.0.0.1:1/x/y.git']\n",
        "include: [outside.yaml]\n",
        "x-w: &w {include: ['https://127.0.0.1:1/x/y.git']}\n<<: *w\n",
        "",
    ] {
        let part = "services:\n  other:\n    extends: {file: 'ssh://git@127.0.0.1/x/y.git', service: a}\n";
        let theirs = Theirs::with(&[("compose.yaml", &format!("{include}{services}")), ("part.yaml", part)]);
        symlink(theirs.sandbox.path("docker-compose.yml"), theirs.folder.join("outside.yaml")).unwrap();
        let canary = theirs.sandbox.home.join("canary");
        let touch = format!("touch {}; false", canary.display());
        let env = format!(
            "GIT_SSH_COMMAND={touch}\nGIT_PROXY_COMMAND={touch}\nCOMPOSE_EXPERIMENTAL_GIT_REMOTE=true\n\
             COMPOSE_EXPERIMENTAL_OCI_REMOTE=true\nVERSION=16\nPOSTGRES_PASSWORD='a $b'\n"
        );
        write(&theirs.folder.join(".env"), &env);
        theirs.commit();
        let run = theirs.adopt(&["--dry-run"]).run();
        if include.is_empty() {
            run.ok().stdout_has("PostgreSQL  compose service postgres").stdout_has("POSTGRES_PASSWORD=***");
        } else {
            run.ok().stdout_has("PostgreSQL  not known yet: ");
            let why = ["nothing is fetched here", "a line separator other than", "a link leads out of the repository"];
            run.holds(why.iter().any(|why| run.text().contains(why)), "it should say why");
        }
        assert!(!canary.exists(), "{include}");
    }
}

fn a_stack_that_compose_cannot_read_is_explained_without_a_command_that_runs_its_programs() {
    let services = "services: {postgres: {image: 'postgres:16', env_file: [secret=x, 'missing.env']}}\n";
    let env = "XTASK_TARGET=url\nDATABASE_URL=postgres://a:b@127.0.0.1:1/x\nXTASK_PG_BIN=bin\n";
    let theirs = Theirs::with(&[("compose.yaml", services), (".env", env), ("bin/psql", "#!/bin/sh\n")]);
    let run = theirs.adopt(&["--dry-run"]).run();
    run.ok().stdout_has("PostgreSQL  not known yet: Docker or Compose does not describe it: ");
    run.stdout_has("env file").stdout_lacks("health-check --root").stdout_lacks("secret=x");
}

fn a_name_that_is_not_utf_8_switches_off_no_protection() {
    let theirs = Theirs::with(&[("a.txt", "hello")]);
    let canary = theirs.sandbox.home.join("canary");
    let append = |path: &str, bytes: &[u8]| {
        let path = theirs.folder.join(path);
        let before = fs::read(&path).unwrap_or_default();
        fs::write(path, [&before, bytes].concat()).unwrap();
    };
    let config = fs::read(theirs.folder.join(".git/config")).unwrap();
    let clean = format!("\"]\n\tclean = \"touch {}; cat\"\n", canary.display());
    append(".git/config", &[b"[filter \"x\xff", clean.as_bytes()].concat());
    append(".git/info/attributes", b"* filter=x\xff\n");
    fs::write(theirs.folder.join("a.txt"), "hello").unwrap();
    let run = theirs.adopt(&["--dry-run"]).run();
    run.code(1).stderr_has("a name that is not UTF-8: filter.x").stderr_has("→ rename");
    assert!(!canary.exists());
    // A file of such a name would be another one.
    fs::write(theirs.folder.join(".git/config"), config).unwrap();
    fs::write(theirs.folder.join(".git/info/attributes"), "").unwrap();
    fs::write(theirs.folder.join(OsStr::from_bytes(b"b\xff.txt")), "").unwrap();
    theirs.adopt(&["--dry-run"]).run().code(1).stderr_has("a name that is not UTF-8: ");
}

fn files_without_end_are_refused_in_time() {
    for (path, text, message) in [
        ("Cargo.toml", format!("a = {}", "[".repeat(200_000)), "Cargo.toml cannot be read: it is nested deeper"),
        (".cargo/config.toml", format!("[alias]\nx={}", "[".repeat(100_000)), "it is nested deeper"),
        ("Cargo.toml", format!("[workspace]\n{}", "# x\n".repeat(70_000)), "it is longer than 262144 bytes"),
        ("Makefile", "include Makefile\n".repeat(200_000), "it is longer than 262144 bytes"),
    ] {
        let theirs = Theirs::with(&[(path, &text)]);
        theirs.adopt(&["--dry-run"]).run().code(1).stderr_has(message);
    }
    let theirs =
        Theirs::with(&[("Makefile", &"include Makefile a.mk\n".repeat(10_000)), ("a.mk", "include Makefile\n")]);
    theirs.adopt(&["--dry-run"]).run().ok().stdout_has("Makefile, 0 targets");
}

fn work_that_is_not_committed_is_kept_and_no_link_is_written_through() {
    let theirs = Theirs::with(&[("a b", "1"), ("c", "1")]);
    fs::write(theirs.folder.join("a b"), "2").unwrap();
    fs::write(theirs.folder.join("new"), "").unwrap();
    let run = theirs.adopt(&["--yes"]).run();
    run.code(1).stderr_has("has changes that are not committed: a b and 1 more").stderr_has("--force");
    assert_eq!(theirs.status(), " M \"a b\"\n?? new\n");
    // Where it tries whether it can write there is a link.
    let outside = theirs.sandbox.home.join("outside");
    fs::write(&outside, "kept").unwrap();
    symlink(&outside, theirs.folder.join(".xtask-adopting")).unwrap();
    theirs.adopted(&["--force"]);
    assert_eq!((theirs.text("a b").as_str(), fs::read_to_string(outside).unwrap().as_str()), ("2", "kept"));
}

fn only_the_top_folder_of_another_repository_is_taken() {
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

fn a_program_without_its_checkout_says_so() {
    let theirs = Theirs::with(&[COMPOSE]);
    let program = theirs.sandbox.home.join("xtask");
    fs::copy(env!("CARGO_BIN_EXE_xtask"), &program).unwrap();
    let hide = format!("mount -t tmpfs none '{}' && exec \"$@\"", checkout().display());
    let run = theirs.adopt(&[]).program(&program).through(["unshare", "--mount", "sh", "-c", &hide, "sh"]).run();
    run.code(2).stderr_has("This program's checkout is not here").stderr_has("→ clone this project with git");
}
