//! OpenFGA's tables: there, and of a revision that its server can work with. Its health says SERVING without them.

use crate::health::Scene;
use crate::health::report::{Finding, Part};
use crate::openfga::server::OpenfgaServer;
use crate::postgres::openfga_tables::{Known, MIGRATE_BY_HAND, NEWEST_REVISION, SEE_OWNER};

/// The revision that adds the condition columns: below it, reading tuples fails.
const LEAST_REVISION: u64 = 5;
const MIGRATE: &str = "bring its tables up to date: cargo xtask setup-openfga";

pub fn probe(scene: &Scene) -> Finding {
    let Ok(facts) = scene.server() else { return Finding::not_asked(Part::Postgres) };
    match scene.openfga() {
        Ok(None) => return Finding::skipped("no OpenFGA is configured"),
        Ok(Some(found)) if !found.server.is_of_stack && facts.revision == Known::Absent => {
            return Finding::skipped("its tables are in another database");
        }
        _ => {}
    }
    let revision = match &facts.revision {
        Known::Is(revision) => Some(*revision),
        Known::Absent => None,
        Known::Unread(why) => return Finding::fail(format!("OpenFGA's revision is not read: {why}"), SEE_OWNER),
    };
    // `setup-openfga` leaves the tables of a server that is not the stack's to its operator.
    let migrate = if is_of_stack(scene) { MIGRATE } else { MIGRATE_BY_HAND };
    match revision {
        None => Finding::fail(format!("{} has no OpenFGA tables", scene.target.database()), migrate),
        Some(0) => Finding::fail("OpenFGA's tables are not migrated (revision 0)", migrate),
        Some(revision) if revision < LEAST_REVISION => {
            Finding::fail(format!("revision {revision}, at least {LEAST_REVISION} is needed"), migrate)
        }
        Some(revision) if revision < NEWEST_REVISION => {
            Finding::warn(format!("revision {revision}, {NEWEST_REVISION} is the newest"), migrate)
        }
        Some(revision) => Finding::ok(format!("revision {revision}")),
    }
}

/// Also of a server that does not serve: with old tables it may not.
fn is_of_stack(scene: &Scene) -> bool {
    match scene.openfga() {
        Ok(Some(found)) => found.server.is_of_stack,
        Ok(None) => true,
        Err(_) => OpenfgaServer::of(scene.target, scene.settings)
            .map_or_else(|_| scene.target.own_openfga().can_have_openfga(), |server| server.is_of_stack),
    }
}
