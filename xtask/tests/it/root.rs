//! Another repository's Compose project, named by `--root`, `XTASK_ROOT` or by nothing but where the user stands.

use crate::harness::{Sandbox, Test, Xtask, sandbox::checkout, shared};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

pub fn tests() -> Vec<Test> {
    tests![
        [Git, Stack] nothing_but_ignored_backups_is_written_into_another_repository,
        [] a_root_that_is_no_compose_project_is_refused,
        [] the_flag_wins_over_the_variable_and_is_relative_to_the_users_folder,
        [] a_built_program_names_the_project_that_it_does_not_work_on,
        [] what_is_to_be_typed_begins_as_the_program_was_called,
        [Mount] a_program_without_its_checkout_takes_the_nearest_compose_file_and_names_it,
    ]
}

#[track_caller]
pub fn git(folder: &Path, words: &[&str]) -> String {
    let mut git = Command::new("git");
    git.args(["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"]);
    let run = git.args(words).current_dir(folder).env("GIT_CONFIG_GLOBAL", "/dev/null").output().unwrap();
    assert!(run.status.success(), "git {words:?}: {}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).unwrap()
}

/// Makes a repository of the folder, with everything that is in it.
pub fn committed(folder: &Path) {
    git(folder, &["init", "--quiet"]);
    git(folder, &["add", "--all", "--force"]);
    git(folder, &["commit", "--quiet", "--allow-empty", "--message", "as it is"]);
}

fn nothing_but_ignored_backups_is_written_into_another_repository() {
    let database = shared().database();
    database.sql("CREATE TABLE t AS SELECT 1 AS a");
    let theirs = &database.sandbox;
    fs::remove_dir_all(theirs.path("backups")).unwrap();
    committed(&theirs.root);
    let run = |words: &[&str]| {
        let name = theirs.root.file_name().unwrap();
        let run = Xtask::bare(&theirs.home, &theirs.home).env("POSTGRES_DB", &database.name);
        // The lock of the tests looks for the checkout there.
        let run = run.env("XTASK_ROOT", &theirs.root);
        run.args(["--root".into(), Path::new("..").join(name)]).args(words).run()
    };
    run(&["db-list"]).ok();
    assert!(!theirs.path("backups").exists(), "who only looks makes no folder");
    let made = run(&["db-backup"]);
    made.ok().holds(Path::new(made.text().trim()).starts_with(&theirs.root), "the path leads into the other checkout");
    assert!(fs::read_to_string(theirs.path("backups/.gitignore")).unwrap().lines().any(|line| line == "*"));
    database.sql("DELETE FROM t");
    for words in
        [&["db-list"][..], &["db-verify"], &["db-prune", "--keep-last", "1", "--yes"], &["db-restore", "--yes"]]
    {
        run(words).ok();
    }
    assert_eq!(database.sql("SELECT count(*) FROM t"), "1");
    run(&["health-check", "--only", "postgres", "--only", "backups"]).ok();
    assert_eq!(git(&theirs.root, &["status", "--porcelain"]), "");
}

fn a_root_that_is_no_compose_project_is_refused() {
    let sandbox = Sandbox::new();
    let empty = sandbox.beside("empty");
    fs::create_dir(&empty).unwrap();
    fs::write(sandbox.beside("file"), "").unwrap();
    for (root, why) in [("../empty", "no Compose file"), ("../none", "not a folder"), ("../file", "not a folder")] {
        for words in [&["db-list"][..], &["db-backup"], &["health-check"]] {
            let run = Xtask::new(&sandbox).args(["--root", root]).args(words).run();
            run.code(2)
                .prints_nothing()
                .stderr_has("✗ --root is ")
                .stderr_has(why)
                .stderr_has("→")
                .stderr_has("--root DIR");
        }
    }
    // In another folder the run names the one that it takes by itself.
    let told = "where this program was built; another one: --root DIR";
    Xtask::bare(&empty, &sandbox.home).args(["db-list"]).run().ok().stderr_has(told);
    Xtask::bare(checkout(), &sandbox.home).args(["db-list"]).run().ok().stderr_lacks(told);
    assert_eq!(fs::read_dir(&empty).unwrap().count(), 0, "nothing is made there");
    let deploy = empty.join("a b");
    fs::create_dir(&deploy).unwrap();
    fs::write(deploy.join("compose.yaml"), "services: {}\n").unwrap();
    fs::write(deploy.join("compose.override.yaml"), "services: {}\n").unwrap();
    let run = Xtask::new(&sandbox).args(["--root", "../empty", "db-list"]).run();
    run.code(2).stderr_has("which is not a checkout (no Compose file, but one in a folder below)");
    run.stderr_has(&format!("→ work there: --root '{}'; or say that it belongs to this folder: ", deploy.display()));
    run.stderr_has(&format!("COMPOSE_FILE='a b/compose.yaml:a b/compose.override.yaml' in {}/.env\n", empty.display()));
    fs::write(empty.join(".env"), "COMPOSE_FILE=a b/compose.yaml:a b/compose.override.yaml\n").unwrap();
    Xtask::new(&sandbox).args(["--root", "../empty", "db-list"]).run().ok();
}

/// Says which checkout was taken, without a server.
fn listed(run: &Xtask) -> String {
    run.clone().args(["db-prune", "--keep-last", "1"]).run().ok().stderr.clone()
}

fn the_flag_wins_over_the_variable_and_is_relative_to_the_users_folder() {
    let (ours, theirs) = (Sandbox::new(), Sandbox::named("theirs"));
    let folder = theirs.path("some/folder");
    fs::create_dir_all(&folder).unwrap();
    let of_variable = Xtask::new(&ours).here(&folder);
    assert!(listed(&of_variable).contains(&ours.path("backups").display().to_string()));
    // From its own folder, paths are near.
    assert!(listed(&of_variable.clone().args(["--root", "../.."])).contains(" ../../backups\n"));
    assert!(listed(&of_variable.env("XTASK_ROOT", "../..")).contains(" ../../backups\n"));
    // `..` behind a link leaves the folder that the link leads to.
    symlink(&folder, ours.path("link")).unwrap();
    let behind = Xtask::new(&ours).args(["--root", "link/../.."]);
    assert!(listed(&behind).contains(&theirs.path("backups").display().to_string()));
    let completions = Xtask::new(&ours).args(["--root", "/no/such/folder", "completions", "bash"]);
    completions.run().ok().stdout_has("--root");
}

/// Where its checkout is still there, that one counts.
fn a_built_program_names_the_project_that_it_does_not_work_on() {
    let theirs = Sandbox::new();
    let folder = theirs.path("some/folder");
    fs::create_dir_all(&folder).unwrap();
    let here = || Xtask::bare(&folder, &theirs.home).args(["db-list"]);
    let built = format!("The checkout is {}, where this program was built", checkout().display());
    let other = format!("for the project here: --root {}", theirs.root.display());
    here().run().ok().stderr_has(&built).stderr_has(&other);
    let by_cargo = here().env("CARGO_MANIFEST_DIR", checkout().join("xtask")).run();
    by_cargo.ok().stderr_lacks("The checkout is");
    here().args(["--root", "../.."]).run().ok().stderr_lacks("where this program was built");
}

fn what_is_to_be_typed_begins_as_the_program_was_called() {
    let sandbox = Sandbox::new();
    let folder = sandbox.home.join("a b");
    fs::create_dir(&folder).unwrap();
    let program = folder.join("tasks");
    symlink(env!("CARGO_BIN_EXE_xtask"), &program).unwrap();
    let root = sandbox.root.display();
    let called = |words: &[&str]| Xtask::bare(Path::new("/"), &sandbox.home).args(words);
    let by_name = |words: &[&str]| called(words).unset("CARGO_PKG_NAME").program(&program);
    let verify = ["--root", sandbox.root.to_str().unwrap(), "db-verify"];
    called(&verify).run().code(1).stderr_has(&format!("→ make one with: cargo xtask db-backup --root {root}\n"));
    // A package of another name has nothing to say about ours.
    let run = by_name(&verify).env("CARGO_PKG_NAME", "app").run();
    let quoted = format!("'{}'", program.display());
    run.code(1).stderr_has(&format!("→ make one with: {quoted} db-backup --root {root}\n"));
    run.stderr_lacks("cargo");
    let listed = by_name(&verify[..2]).args(["db-list"]).here(&sandbox.root).run();
    listed.ok().stderr_has(&format!("Make one with: {quoted} db-backup --root {root}\n"));
    // As a shell finds it on PATH.
    let found = |words: &str| by_name(&[]).path_first(&folder).program("sh").args(["-c", words]).run();
    let verify = found(&format!("tasks --root '{root}' db-verify"));
    verify.code(1).stderr_has(&format!("→ make one with: tasks db-backup --root {root}\n"));
    found("tasks db-list --nothing").code(2).stderr_has("Usage: tasks db-list").stderr_lacks("cargo");
    // In the checkout where it was built, cargo finds it.
    by_name(&["db-list", "--nothing"]).here(checkout().join("docs")).run().code(2).stderr_has("Usage: cargo xtask");
    called(&["db-list", "--nothing"]).run().code(2).stderr_has("Usage: cargo xtask db-list");
}

fn a_program_without_its_checkout_takes_the_nearest_compose_file_and_names_it() {
    let sandbox = Sandbox::new();
    let program: PathBuf = sandbox.home.join("xtask");
    fs::copy(env!("CARGO_BIN_EXE_xtask"), &program).unwrap();
    let folder = sandbox.path("some/folder");
    fs::create_dir_all(&folder).unwrap();
    let hide = format!("mount -t tmpfs none '{}' && exec \"$@\"", checkout().display());
    let hidden = |here: &Path| {
        let run = Xtask::bare(here, &sandbox.home).program(&program);
        run.through(["unshare", "--mount", "sh", "-c", &hide, "sh"])
    };
    let named =
        format!("The checkout is {}: its docker-compose.yml is the nearest Compose file", sandbox.root.display());
    let run = hidden(&folder).args(["db-prune", "--keep-last", "1"]).run();
    run.ok().stderr_has(&named).stderr_has(" ../../backups\n");
    let lost = hidden(Path::new("/")).args(["db-list"]).run();
    lost.code(2).stderr_has("There is no checkout in ").stderr_has("--root DIR");
    hidden(Path::new("/")).args(["completions", "bash"]).run().ok();
    // A name wins over the place.
    let run = hidden(&folder).args(["--root", "/no/such", "db-list"]).run();
    run.code(2).stderr_has("--root is /no/such, which is not a folder");
}
