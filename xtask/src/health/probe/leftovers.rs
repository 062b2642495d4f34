//! What a restore that was killed left on the server.

use super::not_without;
use crate::health::Scene;
use crate::health::report::Finding;
use crate::restore::repair;

const REPAIR: &str = "cargo xtask db-restore --repair";

pub fn look(scene: &Scene) -> Finding {
    // A locked-out database is one of them: the server answers, though the database does not.
    if scene.server().is_err_and(|finding| !finding.detail.contains("locked out")) {
        return not_without("PostgreSQL");
    }
    match repair::glance(scene.target, &scene.run) {
        Ok(found) if found.is_empty() => Finding::ok("none"),
        Ok(found) => {
            let found: Vec<String> = found.iter().map(repair::Leftover::shown).collect();
            Finding::warn(found.join("; "), REPAIR)
        }
        Err(error) => Finding::of_error(&error, REPAIR),
    }
}
