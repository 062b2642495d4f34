//! Docker: its command, its engine, and the Compose in use.

use crate::health::Scene;
use crate::health::report::Finding;

const START: &str = "start Docker, then: docker info";

pub fn probe(scene: &Scene) -> Finding {
    let Some(compose) = scene.compose() else {
        return Finding::skipped(format!("target {} needs none", scene.target.kind()));
    };
    let engine = match compose.engine_version(scene.left()) {
        Ok(Some(version)) => version,
        // An engine that was silent to the end is not asked again.
        Err(error) if scene.is_over() => return Finding::of_error(&error, START),
        asked => {
            let error = compose.engine_cause().or(asked.err());
            return error.map_or_else(
                || Finding::fail("The Docker engine does not answer", START),
                |error| Finding::of_error(&error, START),
            );
        }
    };
    match compose.version() {
        Ok(version) => Finding::ok(format!("engine {engine}, Compose {version}")),
        Err(error) => Finding::of_error(&error, "install Docker Compose v2"),
    }
}
