//! Indexes that the server does not use: what a failed CREATE INDEX CONCURRENTLY leaves.

use crate::health::Scene;
use crate::health::report::{Finding, Part};
use crate::words::counted;

pub fn probe(scene: &Scene) -> Finding {
    let Ok(facts) = scene.server() else { return Finding::not_asked(Part::Postgres) };
    let invalid = &facts.invalid_indexes;
    let Some(first) = invalid.first() else { return Finding::ok("all valid") };
    let number = counted(invalid.len() as u64, "index is", "indexes are");
    Finding::warn(
        format!("{number} invalid: {}", invalid.join(", ")),
        format!("rebuild it: REINDEX INDEX CONCURRENTLY {first}\nor drop it: DROP INDEX CONCURRENTLY {first}"),
    )
}
