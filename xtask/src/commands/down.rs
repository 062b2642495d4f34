//! `down`: the stack of the target, stopped; its data stays.

use crate::context::Context;
use crate::monitoring;
use crate::process::signals::{self, with_outcome};
use crate::target::Target;
use crate::target::backend::Extent;
use anyhow::Result;

/// Stop the stack (data is kept)
///
/// On compose it stops the services that `up` starts. The dashboards of monitoring-dashboard
/// are stopped, too. Other services keep running; those that need one of these are named.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Stop and remove every container of the Compose project, as docker compose down would
    #[arg(long)]
    all: bool,
}

pub fn run(args: &Args, context: &Context) -> Result<()> {
    let target = context.target()?;
    let extent = if args.all { Extent::All } else { Extent::Needed };
    context.terminal.note(&format!("Stopping {}", target.shown()));
    let before = target.stack().running().unwrap_or_default();
    stop(args, extent, &target, context).map_err(|error| with_outcome(error, || so_far(&before, &target)))
}

/// What a signal left behind. A service that had begun to stop may do so after we have ended.
fn so_far(before: &[String], target: &Target) -> String {
    let after = signals::shielded(|| target.stack().running());
    let is_stopped = |name: &&String| after.as_ref().is_some_and(|after| !after.contains(name));
    let stopped: Vec<&str> = before.iter().filter(is_stopped).map(String::as_str).collect();
    let so_far = if stopped.is_empty() { String::new() } else { format!("stopped so far: {}; ", stopped.join(", ")) };
    format!("{so_far}run it again to complete the stop")
}

fn stop(args: &Args, extent: Extent, target: &Target, context: &Context) -> Result<()> {
    let dashboards = monitoring::stop(target, args.all)? > 0;
    if dashboards {
        context.terminal.done("Stopped the dashboards of monitoring-dashboard");
    }
    if target.stack().down(extent, &|fault| context.terminal.warn_of(fault))? {
        context.terminal.done("Stopped; the data is kept");
    } else if !dashboards {
        context.terminal.note("Nothing runs; there is nothing to stop");
    }
    Ok(())
}
