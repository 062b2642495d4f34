//! PostgreSQL: it answers a query in the database, it is the right server, and it lets us write.

use crate::health::Scene;
use crate::health::report::Finding;
use crate::postgres::configured::READ_ONLY;
use crate::postgres::server::see_settings;
use crate::postgres::session::configured_settings;
use crate::words::size;
use std::path::Path;

pub fn probe(scene: &Scene) -> Finding {
    let facts = match scene.server() {
        Ok(facts) => facts,
        Err(finding) => return finding.clone(),
    };
    let database = scene.target.database();
    if let Some(other) = other_server(scene, facts.data_directory.as_deref()) {
        return other;
    }
    if facts.recovery {
        return Finding::fail(
            format!("PostgreSQL {} is in recovery: it is read-only", facts.version),
            "a replica is promoted with: SELECT pg_catalog.pg_promote(); else use the primary",
        );
    }
    if facts.read_only {
        return Finding::fail(
            format!("the database {database} is read-only (default_transaction_read_only)"),
            configured_settings(scene.target, &[READ_ONLY])
                .unwrap_or_else(|| format!("see where it is set: {}", see_settings(scene.target))),
        );
    }
    if let [idle, ..] = facts.idle_workers.as_slice() {
        let detail = format!(
            "extension {} is in {database}, and its background worker does not run: {}",
            idle.extension, idle.worker
        );
        return Finding::warn(detail, format!("restart the server: {}", scene.target.hints().restart_hint()));
    }
    Finding::ok(format!("PostgreSQL {}, database {database}, {}", facts.version, size(facts.size_bytes)))
}

/// A server in the place of the one that this program made: its data is not ours.
fn other_server(scene: &Scene, data: Option<&str>) -> Option<Finding> {
    let ours = scene.target.access().data_folder()?;
    let data = data.filter(|data| Path::new(data) != ours)?;
    let detail = format!("{} is another server, whose data is in {data}", scene.target.place());
    Some(Finding::fail(detail, scene.target.hints().restart_hint()))
}
