//! `db-migrate`: versioned SQL migrations, in sqlx's files and ledger.

mod baseline;
mod down;
mod drift;
mod new;
mod repair;
mod report;
mod scratch;
mod status;
mod up;
mod verdict;
mod verify;

use crate::context::Context;
use anyhow::Result;

/// Apply versioned SQL migrations and show their states; without an action it runs `up`
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    up: up::Options,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    Up(up::Args),
    Down(down::Args),
    Status(status::Args),
    New(new::Args),
    Verify(verify::Args),
    Repair(repair::Args),
    Baseline(baseline::Args),
}

pub fn run(args: &Args, context: &Context) -> Result<()> {
    match &args.action {
        None => up::run(None, &args.up, context),
        Some(Action::Up(args)) => up::run(args.count, &args.options, context),
        Some(Action::Down(args)) => down::run(args, context),
        Some(Action::Status(args)) => status::run(args, context),
        Some(Action::New(args)) => new::run(args, context),
        Some(Action::Verify(args)) => verify::run(args, context),
        Some(Action::Repair(args)) => repair::run(args, context),
        Some(Action::Baseline(args)) => baseline::run(args, context),
    }
}
