use crate::context::Context;
#[derive(Debug, clap::Args)]
pub struct Args {}
pub fn run(_args: &Args, _context: &Context) -> anyhow::Result<()> {
    Ok(())
}
