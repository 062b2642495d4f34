//! What `setup-env` does to `.env`, what it asks, and what it refuses to do without an answer.

use crate::harness::{Sandbox, Stack, Test, Xtask, shared};
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, symlink};

pub fn tests() -> Vec<Test> {
    tests![
        [OwnStack, Script] a_taken_port_is_asked_for,
        [Stack] a_port_that_a_container_holds_is_named_with_it,
        [Docker] a_port_of_the_process_environment_is_not_written,
        [] the_settings_file_keeps_every_byte_but_the_added_line,
        [] a_link_is_followed_to_the_file_that_people_meant,
        [] the_target_is_written_once_and_never_changed,
        [] a_line_that_cannot_be_read_is_a_warning,
        [Root] a_checkout_that_cannot_be_written_is_reported,
        [Docker, Root] an_engine_that_may_not_be_used_is_no_reason_for_another_database,
    ]
}

fn env(sandbox: &Sandbox) -> String {
    fs::read_to_string(sandbox.path(".env")).unwrap()
}

/// `setup-env` that ends once the settings are written: the target's programs are not there.
fn without_programs(sandbox: &Sandbox) -> Xtask {
    Xtask::new(sandbox).args(["setup-env"]).env("XTASK_PG_BIN", "/nosuch").env("DOCKER_HOST", "unix:///nosuch.sock")
}

fn a_taken_port_is_asked_for() {
    let stack = Stack::postgres_only();
    let sandbox = &stack.sandbox;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    sandbox.set("XTASK_TARGET", "compose");
    sandbox.set("POSTGRES_PORT", &port.to_string());
    let before = env(sandbox);
    a_taken_port_of_a_service_without_a_setting_ends_it(&stack, port);
    without_a_yes_nothing_is_started(&stack, port);
    assert_eq!(env(sandbox), before);
    what_was_written_before_the_question_is_named(&stack);

    let mut wanted = stack.xtask(["setup-env"]).terminal();
    wanted.shows("(y/n)").types("y\n");
    let done = wanted.wait();
    done.ok().stdout_has("First backup");
    let text = env(sandbox);
    let line = text.lines().rfind(|line| line.starts_with("POSTGRES_PORT=")).unwrap();
    let new: u16 = line.split_once('=').unwrap().1.parse().unwrap();
    assert!(new > port && new < port + 200, "the next free port was expected: {new}");
    done.stdout_has(&format!("Use {new} instead")).stdout_has(&format!("Wrote POSTGRES_PORT={new} to .env"));
    assert_eq!(env(sandbox), before.replace(&format!("POSTGRES_PORT={port}\n"), &format!("{line}\n")));
    let mapped = stack.docker(&["port", stack.postgres(), "5432"]);
    assert_eq!(mapped, format!("127.0.0.1:{new}"));
}

fn of_this_process() -> String {
    format!("(process {})", std::process::id())
}

fn a_taken_port_of_a_service_without_a_setting_ends_it(stack: &Stack, port: u16) {
    let before = env(&stack.sandbox);
    let services = fs::read_to_string(stack.sandbox.path("docker-compose.override.yml")).unwrap();
    stack.override_with(&format!("{services}  extra: {{image: x, ports: ['127.0.0.1:{port}:1']}}\n"));
    let extra = stack.xtask(["setup-env", "--yes"]).run();
    extra.code(4).prints_nothing().stderr_has(&format!("✗ ports: {port} of extra is taken by "));
    extra.stderr_has(&of_this_process()).stderr_has("nothing was changed");
    assert_eq!(env(&stack.sandbox), before);
    stack.override_with(&services);
}

fn without_a_yes_nothing_is_started(stack: &Stack, port: u16) {
    let taken = format!("Port {port} (POSTGRES_PORT) is taken by");
    let nobody = stack.xtask(["setup-env"]).run();
    nobody.code(1).prints_nothing().stderr_has(&taken).stderr_has(&of_this_process()).stderr_has("--yes");
    nobody.stderr_lacks("✓ Postg");
    let mut declined = stack.xtask(["setup-env"]).terminal();
    declined.shows("Use ").types("n\n");
    declined.wait().code(1).stdout_has(&taken).stdout_has("nothing was changed").stdout_has("free port");
    let label = format!("label=com.docker.compose.project={}", stack.sandbox.project);
    assert_eq!(stack.docker(&["ps", "--all", "--quiet", "--filter", &label]), "", "something was started");
}

fn what_was_written_before_the_question_is_named(stack: &Stack) {
    let before = env(&stack.sandbox);
    let without_target = before.replace("XTASK_TARGET=compose\n", "");
    stack.sandbox.write(".env", &without_target);
    let mut late = stack.xtask(["setup-env"]).terminal();
    late.shows("Use ").types("n\n");
    late.wait().code(1).stdout_has("Declined; XTASK_TARGET=compose was written to .env; nothing was started");
    stack.sandbox.write(".env", &without_target);
    let mut cancelled = stack.xtask(["setup-env"]).terminal();
    cancelled.shows("(y/n)").types("\x03");
    let cancelled = cancelled.wait();
    cancelled.code(130).stdout_has("(SIGINT); XTASK_TARGET=compose was written to .env; nothing was started");
    stack.sandbox.write(".env", &before);
}

fn a_port_that_a_container_holds_is_named_with_it() {
    let stack = Stack::postgres_only();
    let port = shared().postgres_port;
    stack.sandbox.set("POSTGRES_PORT", &port.to_string());
    let run = stack.xtask(["setup-env"]).run();
    let holder = format!("container {}-postgres-1", shared().sandbox.project);
    run.code(1).prints_nothing().stderr_has(&format!("Port {port} (POSTGRES_PORT) is taken by {holder}"));
    run.stderr_has("--yes");
}

fn a_port_of_the_process_environment_is_not_written() {
    let stack = Stack::postgres_only();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    stack.sandbox.set("XTASK_TARGET", "compose");
    let before = env(&stack.sandbox);
    let run = stack.xtask(["setup-env", "--yes"]).env("POSTGRES_PORT", &port).run();
    run.code(1).prints_nothing().stderr_has(&format!("Port {port} (POSTGRES_PORT) is taken by"));
    run.stderr_has("comes from the environment").stderr_has("POSTGRES_PORT=");
    assert_eq!(env(&stack.sandbox), before);
}

fn the_settings_file_keeps_every_byte_but_the_added_line() {
    let sandbox = Sandbox::new();
    for (text, mode, added) in [
        ("# a\r\nPOSTGRES_DB=x  \r\n\r\n  # b\r\nA = 'ü' #c", 0o640, "\r\nXTASK_TARGET=local\r\n"),
        ("A=1\n", 0o640, "XTASK_TARGET=local\n"),
        ("", 0o644, "XTASK_TARGET=local\n"),
        ("# XTASK_TARGET=compose", 0o600, "\nXTASK_TARGET=local\n"),
    ] {
        let _ = fs::remove_file(sandbox.path(".env"));
        sandbox.write(".env", text);
        fs::set_permissions(sandbox.path(".env"), fs::Permissions::from_mode(mode)).unwrap();
        for _ in 0..2 {
            without_programs(&sandbox).run().code(2).stderr_has("XTASK_PG_BIN");
            assert_eq!(env(&sandbox), format!("{text}{added}"));
            assert_eq!(fs::metadata(sandbox.path(".env")).unwrap().permissions().mode() & 0o777, mode);
        }
    }
    // A file that its owner made read-only is theirs to change.
    sandbox.write(".env", "A=1\n");
    fs::set_permissions(sandbox.path(".env"), fs::Permissions::from_mode(0o444)).unwrap();
    without_programs(&sandbox).run().code(1).stderr_has(".env cannot be changed").stderr_has("the file is read-only");
    assert_eq!(env(&sandbox), "A=1\n");
    let left: Vec<_> = fs::read_dir(&sandbox.root).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with(".env.xtask")), "{left:?}");
}

fn a_link_is_followed_to_the_file_that_people_meant() {
    let sandbox = Sandbox::new();
    fs::remove_file(sandbox.path(".env")).unwrap();
    let shared = sandbox.beside("shared.env");
    fs::write(&shared, "A=1\n").unwrap();
    symlink("../shared.env", sandbox.path(".env")).unwrap();
    without_programs(&sandbox).run().code(2).stderr_has("Wrote XTASK_TARGET=local");
    assert!(fs::symlink_metadata(sandbox.path(".env")).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(&shared).unwrap(), "A=1\nXTASK_TARGET=local\n");
    // To nowhere: not silently made somewhere else.
    fs::remove_file(&shared).unwrap();
    let dangling = without_programs(&sandbox).run();
    dangling.code(1).prints_nothing().stderr_has(".env cannot be found").stderr_has("→");
    assert!(!shared.exists());
}

fn the_target_is_written_once_and_never_changed() {
    let sandbox = Sandbox::new();
    sandbox.write(".env", "XTASK_TARGET=compose\n");
    let flag = without_programs(&sandbox).args(["--target", "local"]).run();
    flag.code(2).stderr_has("⚠ XTASK_TARGET in .env stays compose; this run uses local");
    let environment = without_programs(&sandbox).env("XTASK_TARGET", "local").run();
    environment.code(2).stderr_has("as XTASK_TARGET says (environment)").stderr_has("stays compose");
    assert_eq!(env(&sandbox), "XTASK_TARGET=compose\n");
    // The file's own choice is not left because its engine is down: never another database.
    let down = without_programs(&sandbox).run();
    down.code(4).stderr_has("as XTASK_TARGET says (.env)").stderr_has("Docker").stderr_lacks("XTASK_PG_BIN");
    assert_eq!(env(&sandbox), "XTASK_TARGET=compose\n");

    sandbox.write(".env", "");
    without_programs(&sandbox).env("XTASK_TARGET", "local").run().code(2).stderr_has("Wrote XTASK_TARGET=local");
    assert_eq!(env(&sandbox), "XTASK_TARGET=local\n");
    sandbox.write(".env", "XTASK_TARGET=mars\n");
    without_programs(&sandbox).run().code(2).stderr_has("mars").stderr_has("compose, local or url");
    assert_eq!(env(&sandbox), "XTASK_TARGET=mars\n");
}

fn a_line_that_cannot_be_read_is_a_warning() {
    let sandbox = Sandbox::new();
    let text = "A=1\nthis says nothing\nB=2\n";
    sandbox.write(".env", text);
    without_programs(&sandbox).run().code(2).stderr_has("⚠ .env line 2");
    assert_eq!(env(&sandbox), format!("{text}XTASK_TARGET=local\n"));
    let text = "A=1\nB='open\nC=3\n";
    sandbox.write(".env", text);
    without_programs(&sandbox).run().code(2).stderr_has("⚠ .env line 2");
    assert_eq!(env(&sandbox), format!("{text}XTASK_TARGET=local\n"));
}

fn a_checkout_that_cannot_be_written_is_reported() {
    let sandbox = Sandbox::new();
    let binary = sandbox.beside("xtask");
    fs::copy(env!("CARGO_BIN_EXE_xtask"), &binary).unwrap();
    let setup = || {
        let run = without_programs(&sandbox).program(&binary);
        run.through(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]).run()
    };
    let before = env(&sandbox);
    let refused = setup();
    refused.code(1).prints_nothing().stderr_has(".env").stderr_has("Permission denied").stderr_has("→");
    assert_eq!(env(&sandbox), before);
    fs::remove_file(sandbox.path(".env")).unwrap();
    setup().code(1).prints_nothing().stderr_has(".env").stderr_has("Permission denied").stderr_has("→");
    assert!(!sandbox.path(".env").exists());
}

fn an_engine_that_may_not_be_used_is_no_reason_for_another_database() {
    let sandbox = Sandbox::new();
    let socket = sandbox.beside("private.sock");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    fs::set_permissions(&socket, fs::Permissions::from_mode(0o600)).unwrap();
    let binary = sandbox.beside("xtask");
    fs::copy(env!("CARGO_BIN_EXE_xtask"), &binary).unwrap();
    let before = env(&sandbox);
    let setup = || {
        let run = without_programs(&sandbox).env("DOCKER_HOST", format!("unix://{}", socket.display()));
        run.program(&binary).through(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"])
    };
    let run = setup().run();
    run.code(4).prints_nothing().stderr_has("No permission to use the Docker engine").stderr_has("docker group");
    run.stderr_has("  permission denied").stderr_has("setup-env --target local").stderr_lacks("XTASK_TARGET=local");
    assert_eq!(env(&sandbox), before);
    fs::set_permissions(sandbox.path(".env"), fs::Permissions::from_mode(0o666)).unwrap();
    setup().args(["--target", "local"]).run().stderr_has("Target local: as XTASK_TARGET says (command line)");
}
