//! The Compose project's name, where it is plain to see.

use crate::error::Fault;
use crate::platform;
use crate::settings::Settings;
use std::path::Path;

/// Refuses settings by which Compose would see another project than this program does, or none.
///
/// # Errors
/// Exit 2, naming the setting.
pub(super) fn check(settings: &Settings) -> Result<(), Fault> {
    if let Some(name) = settings.get("COMPOSE_PROJECT_NAME").filter(|name| !is_plain(name)) {
        return Err(Fault::usage(format!("COMPOSE_PROJECT_NAME is {name:?}, which Docker Compose does not accept"))
            .hint("a project's name has lower-case letters, digits, - and _, and begins with a letter or digit"));
    }
    let is_true = |value: &str| ["1", "true"].contains(&value.to_ascii_lowercase().as_str());
    let elsewhere = [("COMPOSE_ENV_FILES", true), ("COMPOSE_DISABLE_ENV_FILE", false)]
        .into_iter()
        .find(|(name, any)| settings.get(name).is_some_and(|value| *any || is_true(value)));
    elsewhere.map_or(Ok(()), |(name, _)| {
        Err(Fault::usage(format!("{name} is set: Docker Compose would not read the .env that this program reads"))
            .hint(format!("put the settings into .env and unset {name}")))
    })
}

/// No Compose file is longer, in bytes.
const LONGEST: u64 = 1 << 24;

/// The name that Compose will use for this folder, or `None` where only Compose can tell: files named
/// elsewhere, another main file, an interpolated name. A wrong guess would mean another database.
pub(super) fn declared(settings: &Settings, root: &Path) -> Option<String> {
    if let Some(name) = settings.get("COMPOSE_PROJECT_NAME") {
        return is_plain(name).then(|| name.to_owned());
    }
    let unusual = settings.get("COMPOSE_FILE").is_some()
        || ["compose.yaml", "compose.yml", "docker-compose.yaml"].iter().any(|name| root.join(name).exists());
    if unusual {
        return None;
    }
    let read = |name: &str| {
        let bytes = platform::read_regular(&root.join(name), LONGEST).ok()?;
        String::from_utf8(bytes).ok()
    };
    let main = read("docker-compose.yml")?;
    let overriding = ["docker-compose.override.yml", "docker-compose.override.yaml"]
        .iter()
        .filter_map(|name| read(name))
        .find_map(|text| name_line(&text).map(str::to_owned));
    let name = overriding.or_else(|| name_line(&main).map(str::to_owned))?;
    is_plain(&name).then_some(name)
}

fn name_line(text: &str) -> Option<&str> {
    let value = text.lines().find_map(|line| line.strip_prefix("name:"))?;
    Some(value.split(" #").next().unwrap_or(value).trim())
}

fn is_plain(name: &str) -> bool {
    let mut letters = name.bytes();
    letters.next().is_some_and(|first| first.is_ascii_lowercase() || first.is_ascii_digit())
        && letters.all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || b"-_".contains(&letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_name_is_taken() {
        assert_eq!(name_line("services: {}\nname: my-app # ours\n"), Some("my-app"));
        assert_eq!(name_line("services:\n  a:\n    name: x\n"), None);
        assert!(is_plain("mcp-server_1"));
        assert!(!is_plain("${NAME:-x}") && !is_plain("'quoted'") && !is_plain("") && !is_plain("Upper"));
    }
}
