//! Settings: flag, environment and `.env`, and what a broken line does.

use crate::conventions::failure;
use crate::harness::{Sandbox, Test, Xtask, needs, shared};
use std::fs;

pub fn tests() -> Vec<Test> {
    tests![
        [] an_env_file_that_is_no_regular_file_is_refused_at_once,
        [Stack] a_flag_wins_over_the_environment_and_that_over_the_file,
        [Stack] verbose_tells_programs_and_origins,
        [Stack] an_override_file_keeps_its_effect,
        [] a_broken_line_of_the_settings_file_is_a_warning,
        [] a_broken_line_about_the_database_stops,
        [] nothing_of_the_environment_is_needed,
    ]
}

fn a_flag_wins_over_the_environment_and_that_over_the_file() {
    let database = shared().database();
    let run = |xtask: Xtask| xtask.args(["db-shell", "--", "-Atc", "SELECT current_database()"]).run();
    // The container was made with another: what `.env` says now counts once the container is recreated.
    database.sandbox.set("POSTGRES_DB", "postgres");
    run(Xtask::new(&database.sandbox)).ok().prints("openfga");
    run(Xtask::new(&database.sandbox).env("POSTGRES_DB", &database.name)).ok().prints(&database.name);
    database.sandbox.set("XTASK_TARGET", "nonsense");
    run(Xtask::new(&database.sandbox).env("XTASK_TARGET", "compose")).ok();
    run(Xtask::new(&database.sandbox).env("XTASK_TARGET", "other").args(["--target", "compose"])).ok();
}

fn verbose_tells_programs_and_origins() {
    let database = shared().database();
    database.sandbox.set("POSTGRES_PASSWORD", "hunter2");
    database.sandbox.set("POSTGRES_USER", "postgres");
    let run = database.xtask(["--verbose", "db-shell", "--", "-Atc", "SELECT 1"]).run();
    run.ok().prints("1").stderr_has("+ docker exec").stderr_has("psql").stderr_lacks("hunter2");
    run.stderr_has(&format!("POSTGRES_DB={} (environment)", database.name));
    run.stderr_has("POSTGRES_USER=postgres (service postgres)");
    run.stderr_has("POSTGRES_PASSWORD=*** (service postgres: PGPASSWORD)");
    run.stderr_has("XTASK_TARGET=compose (default)");
    let flag = database.xtask(["--verbose", "--target", "compose", "db-shell", "--", "-Atc", "SELECT 1"]).run();
    flag.ok().stderr_has("XTASK_TARGET=compose (command line)");
}

fn an_override_file_keeps_its_effect() {
    let sandbox = Sandbox::new();
    let project = &shared().sandbox.project;
    sandbox.write("docker-compose.override.yml", format!("name: {project}\nservices: {{}}\n"));
    sandbox.write(".env", format!("POSTGRES_IMAGE={}\n", needs::postgres_image()));
    // Its name counts: by it this is another checkout's project, which is refused.
    let run = Xtask::new(&sandbox).args(["db-shell", "--", "-Atc", "SELECT 1"]).run();
    run.code(2).prints_nothing().stderr_has(&format!("The Compose project {project} belongs to"));
}

fn a_broken_line_of_the_settings_file_is_a_warning() {
    let sandbox = Sandbox::new();
    sandbox.write(".env", "POSTGRES_USER=postgres\nthis line says nothing\nXTASK_TARGET=nonsense\n");
    let run = Xtask::new(&sandbox).args(["up"]).run();
    run.code(2).stderr_has("line 2").stderr_has("nonsense");
    fs::remove_file(sandbox.path(".env")).unwrap();
    failure(&sandbox).run().code(2).stderr_lacks("⚠");
}

fn nothing_of_the_environment_is_needed() {
    let sandbox = Sandbox::new();
    let run = failure(&sandbox).unset("HOME").unset("PATH").unset("LANG").unset("DOCKER_CONFIG").run();
    run.code(2).stderr_has("nonsense").stderr_lacks("panicked");
}

fn a_broken_line_about_the_database_stops() {
    let sandbox = Sandbox::new();
    for line in
        ["POSTGRES_DB=${B", "POSTGRES_DB b", "export POSTGRES_DB='b", "XTASK_TARGET local", "COMPOSE_PROJECT_NAME=${"]
    {
        sandbox.write(".env", format!("POSTGRES_DB=a\n{line}\n"));
        let name = line.split(|letter: char| letter != '_' && !letter.is_ascii_uppercase()).max().unwrap();
        for args in [&["up"][..], &["db-backup"], &["db-shell", "--", "-c", "SELECT 1"], &["setup-env", "--yes"]] {
            let run = Xtask::new(&sandbox).args(args).run();
            run.code(2).prints_nothing().stderr_has("⚠ .env line 2: ").stderr_has("not used");
            run.stderr_has("Compose refuses the whole file").stderr_has(&format!("✗ .env line 2 sets {name}"));
        }
        Xtask::new(&sandbox).args(["db-list"]).run().ok().stderr_has("⚠ .env line 2");
    }
    // Said elsewhere with more weight, the line decides nothing.
    sandbox.write(".env", "XTASK_TARGET local\n");
    Xtask::new(&sandbox).args(["up"]).env("XTASK_TARGET", "nonsense").run().code(2).stderr_has("nonsense");
}

/// A pipe would hold the program, a device never end, and a folder has no text.
fn an_env_file_that_is_no_regular_file_is_refused_at_once() {
    let sandbox = Sandbox::new();
    let env = sandbox.path(".env");
    let _ = std::fs::remove_file(&env);
    let refused = |why: &str| {
        for command in [&["db-list"][..], &["db-backup"], &["setup-env", "--yes"], &["db-migrate", "new", "words"]] {
            let run = Xtask::new(&sandbox).args(command.iter().copied()).run();
            run.code(2).stderr_has(".env is there but cannot be read: ").stderr_has(why).stderr_lacks("✓");
            run.within(std::time::Duration::from_secs(5), "it should be refused at once");
        }
    };
    assert!(std::process::Command::new("mkfifo").arg(&env).status().unwrap().success());
    refused("it is not a regular file");
    std::fs::remove_file(&env).unwrap();
    for device in ["/dev/zero", "/dev/null"] {
        std::os::unix::fs::symlink(device, &env).unwrap();
        refused("it is not a regular file");
        std::fs::remove_file(&env).unwrap();
    }
    std::fs::create_dir(&env).unwrap();
    refused("it is a folder");
    std::fs::remove_dir(&env).unwrap();
    // Through a link to a file all is as before.
    std::fs::write(sandbox.path("real.env"), "NOBODY=1\n").unwrap();
    std::os::unix::fs::symlink("real.env", &env).unwrap();
    Xtask::new(&sandbox).args(["db-list"]).run().ok();
}
