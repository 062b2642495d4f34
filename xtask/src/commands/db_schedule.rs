//! `db-schedule`: backups made by the system's timer, and their results.

mod install;
mod place;
mod remove;
mod run;
mod status;

use crate::context::Context;
use anyhow::Result;

/// Have backups made by the system's timer: install, look at the last runs, run one now, remove
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    Install(install::Args),
    Status(status::Args),
    Run(run::Args),
    Remove(remove::Args),
}

/// Does what the action says; `command_line` is the whole program's.
pub fn run(args: &Args, command_line: clap::Command, context: &Context) -> Result<()> {
    match &args.action {
        Action::Install(args) => install::run(args, command_line, context),
        Action::Status(args) => status::run(args, context),
        Action::Run(args) => run::run(args, context),
        Action::Remove(args) => remove::run(args, context),
    }
}
