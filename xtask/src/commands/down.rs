//! `down`: the stack of the target, stopped; its data stays.

use crate::context::Context;
use anyhow::Result;

/// Stop the stack (data is kept)
#[derive(Debug, clap::Args)]
pub struct Args {}

pub fn run(_args: &Args, context: &Context) -> Result<()> {
    let target = context.target()?;
    context.terminal.note(&format!("Stopping {}", target.shown()));
    target.stack().down()?;
    context.terminal.done("Stopped; the data is kept");
    Ok(())
}
