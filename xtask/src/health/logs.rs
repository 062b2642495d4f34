//! The last log lines of a container, without the secrets that it was given.

use super::Scene;
use crate::process::Program;
use crate::settings::secrets_among;
use crate::words::masked;

const LINES: &str = "8";

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
    let project = scene.project().and_then(Result::ok);
    let containers = project.into_iter().flat_map(|project| project.containers.values().flatten());
    let given = containers.flat_map(|container| container.variables());
    secrets_among(scene.settings.all_set().chain(given))
}
