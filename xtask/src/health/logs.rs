//! The last log lines of a container, without the secrets that it was given.

use super::Scene;
use crate::process::Program;
use crate::settings;
use crate::words::without_logins;

const LINES: &str = "8";
const SHORTEST_SECRET: usize = 4;

/// What the container said last.
pub fn last(scene: &Scene, container: &str) -> Vec<String> {
    let asked = Program::new("docker").args(["logs", "--tail", LINES, container]).capture(scene.left());
    let Ok(captured) = asked else { return Vec::new() };
    let secrets = secrets(scene);
    let text = format!("{}{}", captured.text(), captured.stderr);
    text.lines().map(|line| masked(line, &secrets)).collect()
}

/// Secret values of settings and of every container's environment.
fn secrets(scene: &Scene) -> Vec<String> {
    let set = settings::KNOWN.iter().filter_map(|(name, _)| Some((*name, scene.settings.get(name)?)));
    let project = scene.project().and_then(Result::ok);
    let containers = project.into_iter().flat_map(|project| project.containers.values().flatten());
    let given = containers.flat_map(|container| container.variables());
    let secret = set.chain(given).filter(|(name, _)| settings::is_secret(name));
    // A list of keys is several secrets. A documented default is none.
    let values = secret.flat_map(|(_, value)| value.split(',').chain([value]));
    let is_public = |value: &str| settings::KNOWN.iter().any(|(_, default)| *default == value);
    values
        .map(str::trim)
        .filter(|value| value.len() >= SHORTEST_SECRET && !is_public(value))
        .map(str::to_owned)
        .collect()
}

fn masked(line: &str, secrets: &[String]) -> String {
    let line = secrets.iter().fold(line.to_owned(), |line, secret| line.replace(secret, "***"));
    without_logins(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_and_logins_are_masked() {
        let secrets = ["hunter2".to_owned()];
        assert_eq!(masked("auth hunter2 failed", &secrets), "auth *** failed");
        assert_eq!(
            masked("dial \"redis://u:p@ss@h:1/0\" and http://h/x@y", &[]),
            "dial \"redis://***@h:1/0\" and http://h/x@y"
        );
        assert_eq!(masked("ünder ://", &[]), "ünder ://");
    }
}
