//! What this host needs before a stack can start: looked at without changing anything, each lack with its fix.

use super::Scene;
use super::probe::{published, service};
use super::report::{Finding, Status};
use crate::backup::space;
use crate::platform;
use crate::process::{self, Program};
use crate::settings::compose_files;
use crate::target::backend::ComposeProject;
use crate::words::{size, span};
use chrono::{DateTime, Local, NaiveDateTime, Utc};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What images, volumes and a first backup take.
const ROOM: u64 = 3_000_000_000;
/// Certificates, keys and the age of backups are judged by the clock.
const SKEW_SECONDS: i64 = 120;
/// No text of the checkout is longer, in bytes.
const LONGEST: u64 = 1 << 26;
const DEADLINE: Duration = Duration::from_secs(10);
/// Files whose meaning changes with their line endings: make's, the shell's, and migrations' checksums.
const TEXTS: [&str; 3] = ["Makefile", "migrations", "openfga"];

/// Every look: its name and what it found.
pub fn examine(scene: &Scene) -> Vec<(&'static str, Finding)> {
    let root = scene.root;
    let mut found = vec![("rust", rust())];
    if let Some(compose) = scene.compose() {
        found.push(("docker", docker(compose)));
        found.push((
            "compose",
            match compose.version() {
                Ok(version) => Finding::ok(format!("Compose {version}")),
                Err(error) => Finding::of_error(&error, "install Docker Compose v2"),
            },
        ));
        // Which ports are our own is known from the engine only.
        if found.iter().all(|(_, finding)| finding.status != Status::Fail) {
            found.push(("ports", ports(scene)));
        }
    }
    found.push(("make", make()));
    found.push(("disk", disk(root)));
    found.push(("clock", clock(scene)));
    found.push(("line endings", line_endings(root)));
    found
}

/// The program that is asked for its version; `None` where it is not there.
fn version(program: &str) -> Option<String> {
    process::find(program)?;
    let captured = Program::new(program).arg("--version").capture(DEADLINE).ok()?;
    captured.ending.success().then(|| captured.text().lines().next().unwrap_or_default().trim().to_owned())
}

fn rust() -> Finding {
    let needed = env!("CARGO_PKG_RUST_VERSION");
    let Some(found) = version("rustc") else {
        return Finding::skipped(
            "no rustc on PATH; the built program needs none, a build from source does (https://rustup.rs)",
        );
    };
    let number = found.split_whitespace().nth(1).unwrap_or_default();
    if numbers(number) < numbers(needed) {
        return Finding::warn(format!("{found}; {needed} or newer is needed"), "rustup update stable");
    }
    Finding::ok(found)
}

fn numbers(version: &str) -> Vec<u32> {
    let number = |part: &str| part.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap_or(0);
    version.split('.').take(2).map(number).collect()
}

fn docker(compose: &dyn ComposeProject) -> Finding {
    if let Some(error) = compose.engine_cause() {
        return Finding::of_error(&error, "start Docker");
    }
    let version = compose.engine_version(DEADLINE).ok().flatten().unwrap_or_default();
    Finding::ok(format!("engine {version}"))
}

/// The ports that the stack publishes. Those that a setting names are asked about later: another one can be offered.
fn ports(scene: &Scene) -> Finding {
    let services = match service::all(scene) {
        Ok(services) => services,
        Err(finding) => return finding,
    };
    let mut free = BTreeSet::new();
    let mut asked_later = 0;
    let mut taken = Vec::new();
    for port in services.iter().flat_map(|name| published::wanted(scene, name)) {
        match port.holder {
            None => drop(free.insert(port.number.to_string())),
            // A container that is just being started holds its port before the engine says so.
            Some(holder) if port.setting.is_some() || holder.is_docker_proxy() => asked_later += 1,
            Some(holder) => taken.push(format!("{} of {} is taken by {holder}", port.number, port.service)),
        }
    }
    if !taken.is_empty() {
        return Finding::fail(taken.join("; "), "stop it, or publish another port in the Compose files");
    }
    if free.is_empty() && asked_later == 0 {
        return Finding::ok("the stack publishes no port");
    }
    if free.is_empty() {
        return Finding::ok("every port that the stack publishes is taken; a question about it follows below");
    }
    Finding::ok(format!("{} free, or this stack's own", free.into_iter().collect::<Vec<_>>().join(" ")))
}

fn make() -> Finding {
    match version("make") {
        Some(found) => Finding::ok(found),
        None if platform::WINDOWS => Finding::skipped("not installed; cargo xtask does all that make does"),
        None => Finding::skipped(
            "not installed (Debian: apt install make, macOS: xcode-select --install); cargo xtask does all that it \
             does",
        ),
    }
}

fn disk(root: &Path) -> Finding {
    match space::available(root) {
        Ok(free) if free < ROOM => {
            Finding::warn(format!("{} free", size(free)), format!("free some disk space: a stack needs {}", size(ROOM)))
        }
        Ok(free) => Finding::ok(format!("{} free", size(free))),
        Err(error) => Finding::of_error(&error, "check the disk of the checkout"),
    }
}

/// This host's clock next to the engine's, whose virtual machine may have slept, and to the files of the checkout.
fn clock(scene: &Scene) -> Finding {
    let now = Utc::now();
    let hint = "set the clock: it decides which backup is the newest (Docker Desktop: restart it)";
    let touched = compose_files::main_file(scene.root)
        .and_then(|file| scene.root.join(file).metadata().ok())
        .and_then(|facts| facts.modified().ok());
    if let Some(ahead) = touched.map(|time| (DateTime::<Utc>::from(time) - now).num_seconds())
        && ahead > SKEW_SECONDS
    {
        return Finding::warn(format!("the file times of the checkout are {} in the future", span(ahead)), hint);
    }
    if let Some(compose) = scene.compose() {
        let skew = compose.engine_time(DEADLINE).map_or(0, |time| (time - Utc::now()).num_seconds().abs());
        if skew > SKEW_SECONDS {
            return Finding::warn(format!("the Docker engine's clock is {} off", span(skew)), hint);
        }
    }
    let shown: NaiveDateTime = now.with_timezone(&Local).naive_local();
    Finding::ok(shown.format("%Y-%m-%d %H:%M").to_string())
}

fn line_endings(root: &Path) -> Finding {
    let mut paths: Vec<PathBuf> = Vec::new();
    for name in TEXTS.into_iter().chain(compose_files::main_file(root)) {
        let path = root.join(name);
        match std::fs::read_dir(&path) {
            Ok(entries) => paths.extend(entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file())),
            Err(_) => paths.push(path),
        }
    }
    paths.sort();
    let has = |path: &&PathBuf| {
        platform::read_regular(path, LONGEST).is_ok_and(|text| text.windows(2).any(|two| two == b"\r\n"))
    };
    let wrong: Vec<String> =
        paths.iter().filter(has).map(|path| path.strip_prefix(root).unwrap_or(path).display().to_string()).collect();
    if wrong.is_empty() {
        return Finding::ok("LF");
    }
    let hint =
        "git config core.autocrlf input, then: git rm -rq --cached . && git reset --hard (commit your work first)";
    Finding::warn(format!("CRLF in {}", wrong.join(", ")), hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        assert!(numbers("1.89.0") >= numbers("1.89") && numbers("1.9.0") < numbers("1.89"));
        assert!(numbers("2.0.0-nightly") > numbers("1.89"));
    }
}
