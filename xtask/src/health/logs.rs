//! The last log lines of a container, without the secrets that it was given.

use super::Scene;
use crate::settings::secrets_among;
use crate::words::masked;

const LINES: u16 = 8;

/// What the container said last.
pub fn last(scene: &Scene, container: &str) -> Vec<String> {
    let Some(compose) = scene.compose() else { return Vec::new() };
    let text = compose.log(container, LINES, scene.left());
    let secrets = secrets(scene);
    text.lines().map(|line| masked(line, &secrets)).collect()
}

/// Secret values of settings and of every container's environment.
fn secrets(scene: &Scene) -> Vec<String> {
    let project = scene.project().and_then(Result::ok);
    let containers = project.into_iter().flat_map(|project| project.containers.values().flatten());
    let given = containers.flat_map(|container| &container.environment);
    let given = given.map(|(name, value)| (name.as_str(), value.as_str()));
    secrets_among(scene.settings.all_set().chain(given))
}
