//! The dashboards: Prometheus, its exporters and Grafana beside the stack, in a Compose project of their own.

pub mod dashboard;
pub mod files;
pub mod part;
pub mod passwords;
pub mod ready;
pub mod role;
mod scram;
pub mod start;
pub mod statements;

use crate::target::Target;
use anyhow::Result;
use std::time::Duration;

/// What is added to the name of the stack's Compose project.
pub const NAME: &str = "monitoring";

/// For Docker's list of containers.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Stops what runs of it, and gives how many containers that were; with `remove` they are removed. Data stays.
pub fn stop(target: &Target, remove: bool) -> Result<usize> {
    let containers = target.companions().companion_containers(NAME, TIMEOUT);
    if containers.is_empty() {
        return Ok(0);
    }
    target.companions().stop_companion(NAME, remove)?;
    Ok(containers.iter().filter(|container| container.runs()).count())
}
