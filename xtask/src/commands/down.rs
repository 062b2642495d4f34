//! `down`: the stack of the target, stopped; its data stays.

use crate::context::Context;
use crate::monitoring;
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
    let dashboards = monitoring::stop(&target, args.all)? > 0;
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
