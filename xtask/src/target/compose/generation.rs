//! The generations of Docker Compose: a Python program of old, a plugin of `docker` since; which one is here.

use super::engine::{self, DEADLINE};
use crate::error::Fault;
use crate::platform;
use crate::process::{self, Program};
use crate::settings::Settings;
use anyhow::Result;
use std::path::{Path, PathBuf};

/// The oldest Compose whose one-shot services and `--wait` can be relied on.
const OLDEST: (u32, u32) = (2, 7);
/// Where Docker looks for plugins that all users have, in its order.
const SHARED_FOLDERS: [&str; 4] =
    ["/usr/local/lib/docker", "/usr/local/libexec/docker", "/usr/lib/docker", "/usr/libexec/docker"];
/// No settings of Docker's programs are longer, in bytes.
const LONGEST_CONFIG: u64 = 1 << 20;
const INSTALL: &str =
    "install Docker Compose v2 (https://docs.docker.com/compose/install/), or name another one in XTASK_COMPOSE";

/// The words of `XTASK_COMPOSE`.
///
/// # Errors
/// Exit 2 where they name no program.
pub(super) fn named(settings: &Settings) -> Result<Option<Vec<String>>, Fault> {
    let Some(text) = settings.get("XTASK_COMPOSE") else { return Ok(None) };
    let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
    if words.first().is_some_and(|program| process::find(program).is_some()) {
        return Ok(Some(words));
    }
    Err(Fault::usage(format!("XTASK_COMPOSE is {text:?}, which is not a program on PATH"))
        .hint("name another Compose, such as docker-compose, or leave it unset for docker compose"))
}

/// Compose, started by these words.
pub(super) fn started(command: &[String]) -> Program {
    let mut words = command.iter();
    Program::new(words.next().map_or("docker", String::as_str)).args(words)
}

/// The version of this Compose; refused when it is too old.
pub(super) fn checked_version(command: &[String]) -> Result<String> {
    let captured = started(command).args(["version", "--short"]).capture(DEADLINE)?;
    let version = captured.text().trim().trim_start_matches('v').to_owned();
    match parsed(&version) {
        Some(found) if captured.ending.success() && found >= OLDEST => Ok(version),
        Some(_) if captured.ending.success() => Err(too_old(&command.join(" "), &version).into()),
        _ => Err(no_compose().into()),
    }
}

/// Docker's own plugin.
pub(super) fn plugin() -> Vec<String> {
    vec!["docker".to_owned(), "compose".to_owned()]
}

/// The plugin, where Docker finds it; no program is asked.
pub(super) fn installed_plugin(settings: &Settings) -> Option<PathBuf> {
    process::find("docker")?;
    let config = settings.get("DOCKER_CONFIG").map(PathBuf::from);
    let home = ["HOME", "USERPROFILE"].iter().find_map(|name| settings.get(name));
    let own = config.or_else(|| home.map(|home| Path::new(home).join(".docker")));
    own.into_iter().chain(SHARED_FOLDERS.map(PathBuf::from)).map(|folder| plugin_in(&folder)).find(|file| file.exists())
}

/// The plugin, where it is certain that `docker compose` starts this file: by Docker's own variables and its settings.
/// `.env` names no program.
pub(super) fn certain_plugin(settings: &Settings) -> Option<PathBuf> {
    // On Windows Docker looks in other folders, and every user may make these.
    if platform::WINDOWS {
        return None;
    }
    process::find("docker")?;
    let config = settings.in_environment("DOCKER_CONFIG").map(PathBuf::from);
    let home = || settings.in_environment("HOME").map(|home| Path::new(home).join(".docker"));
    let own = config.or_else(home).filter(|folder| folder.is_absolute())?;
    // It may name more folders, which come first.
    let told = platform::read_regular(&own.join("config.json"), LONGEST_CONFIG);
    let names_no_folders = match told {
        Ok(text) => !String::from_utf8_lossy(&text).to_ascii_lowercase().contains("clipluginsextradirs"),
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    };
    let mut files = std::iter::once(own).chain(SHARED_FOLDERS.map(PathBuf::from)).map(|folder| plugin_in(&folder));
    files.find(|file| file.exists()).filter(|_| names_no_folders)
}

fn plugin_in(folder: &Path) -> PathBuf {
    folder.join("cli-plugins").join(format!("docker-compose{}", std::env::consts::EXE_SUFFIX))
}

/// Asks each generation of Compose for its version; the first that is new enough is used.
pub(super) fn detected() -> Result<Vec<String>> {
    let mut old = None;
    for command in [plugin(), vec!["docker-compose".to_owned()]] {
        if command.first().is_none_or(|program| process::find(program).is_none()) {
            continue;
        }
        let captured = started(&command).args(["version", "--short"]).capture(DEADLINE)?;
        let version = captured.text().trim().trim_start_matches('v').to_owned();
        match parsed(&version).filter(|_| captured.ending.success()) {
            Some(found) if found >= OLDEST => return Ok(command),
            Some(_) => old = Some(too_old(&command.join(" "), &version)),
            None => {}
        }
    }
    // Without an engine, or the right to use it, Docker may not find its own plugin.
    Err(engine::cause().unwrap_or_else(|| old.unwrap_or_else(no_compose).into()))
}

fn too_old(command: &str, version: &str) -> Fault {
    let (major, minor) = OLDEST;
    Fault::unreachable(format!("{command} is version {version}; {major}.{minor} or newer is needed")).hint(INSTALL)
}

fn no_compose() -> Fault {
    Fault::unreachable("Docker Compose is not installed").hint(INSTALL)
}

/// Major and minor of `2.26.1-4`, `v5.0.0`, `2.7`.
fn parsed(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.trim_start_matches('v').split('.');
    let major = parts.next()?.parse().ok()?;
    let minor: String = parts.next()?.chars().take_while(char::is_ascii_digit).collect();
    Some((major, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_every_generation_are_read() {
        assert_eq!(parsed("1.29.2"), Some((1, 29)));
        assert_eq!(parsed("2.26.1-4"), Some((2, 26)));
        assert_eq!(parsed("v5.0.0"), Some((5, 0)));
        assert_eq!(parsed("2.7"), Some((2, 7)));
        assert_eq!(parsed("dev"), None);
        assert!(parsed("5.0.1") >= Some(OLDEST) && parsed("2.6.9") < Some(OLDEST));
    }
}
