//! The timer of a plan, set and looked at, whichever it is.

use super::plan::Plan;
use super::timer::{Presence, Timer};
use super::{cron, systemd};
use anyhow::Result;
use std::time::Duration;

/// Has the plan's timer start its runs, under this name.
pub fn set(plan: &Plan, name: &str) -> Result<()> {
    match (plan.timer, &plan.block) {
        (Timer::Systemd, _) => systemd::install(plan, name),
        (Timer::Cron, Some(block)) => cron::install(block, name),
        (Timer::Cron, None) | (Timer::Paste, _) => Ok(()),
    }
}

/// Whether it starts them still.
pub fn presence(plan: &Plan, name: &str, deadline: Duration) -> Presence {
    match plan.timer {
        Timer::Systemd => systemd::presence(plan, name, deadline),
        Timer::Cron => cron::presence(plan, name, deadline),
        Timer::Paste => Presence::There,
    }
}
