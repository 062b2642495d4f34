//! OpenFGA's tables: there, and of a revision that its server can work with. Its health says SERVING without them.

use super::not_without;
use crate::health::Scene;
use crate::health::report::{Finding, Part};
use crate::openfga::server::NEWEST_REVISION;

/// The revision that adds the condition columns: below it, reading tuples fails.
const LEAST_REVISION: u64 = 5;
const MIGRATE: &str = "bring its tables up to date: cargo xtask setup-openfga";

pub fn look(scene: &Scene) -> Finding {
    let Ok(facts) = scene.server() else { return not_without(Part::Postgres) };
    match scene.openfga() {
        Ok(None) => return Finding::skipped("no OpenFGA is configured"),
        Ok(Some(found)) if !found.server.is_of_stack && facts.revision.is_none() => {
            return Finding::skipped("its tables are elsewhere");
        }
        _ => {}
    }
    match facts.revision {
        None => Finding::fail(format!("{} has no OpenFGA tables", scene.target.database()), MIGRATE),
        Some(0) => Finding::fail("OpenFGA's tables are not migrated (revision 0)", MIGRATE),
        Some(revision) if revision < LEAST_REVISION => {
            Finding::fail(format!("revision {revision}, at least {LEAST_REVISION} is needed"), MIGRATE)
        }
        Some(revision) if revision < NEWEST_REVISION => {
            Finding::warn(format!("revision {revision}, {NEWEST_REVISION} is the newest"), MIGRATE)
        }
        Some(revision) => Finding::ok(format!("revision {revision}")),
    }
}
