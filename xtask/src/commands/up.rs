//! `up`: the stack of the target, started and answering.

use super::starting;
use crate::context::Context;
use crate::target::backend::Extent;
use anyhow::Result;

/// Start the stack, and wait until PostgreSQL and OpenFGA answer
///
/// On compose it starts the services of PostgreSQL and OpenFGA, and those that they depend on.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Start every service of the Compose project, as docker compose up would
    #[arg(long)]
    all: bool,
    /// Download PostgreSQL without asking, where the local target finds none on this host
    #[arg(long, short)]
    yes: bool,
}

pub fn run(args: &Args, context: &Context) -> Result<()> {
    let target = context.target()?;
    let doing = if target.stack().starts_server() { "Starting" } else { "Nothing to start on" };
    context.terminal.note(&format!("{doing} {}", target.shown()));
    let extent = if args.all { Extent::All } else { Extent::Needed };
    starting::start(&target, extent, args.yes, context).map(drop)
}
