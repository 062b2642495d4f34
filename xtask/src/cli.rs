//! The list of commands and the options that all of them share.

use crate::commands;
use crate::context::Context;
use crate::settings::ColorChoice;
use crate::target::Kind;
use anyhow::Result;
use clap::{Args, Parser, Subcommand};

/// Looks after PostgreSQL and OpenFGA of this Compose stack: backups that prove themselves, and the daily jobs around
/// them.
#[derive(Debug, Parser)]
#[command(name = "xtask", bin_name = "cargo xtask", version, max_term_width = 100, subcommand_required = true)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// Options that every command takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of every command")]
pub struct Global {
    /// Where PostgreSQL is [setting: XTASK_TARGET, default: compose]
    #[arg(long, global = true, value_enum)]
    pub target: Option<Kind>,
    /// Say nothing but results, warnings and errors
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// Show every program that is started, and where each setting came from
    #[arg(long, short, global = true, conflicts_with = "quiet")]
    pub verbose: bool,
    /// When to use colour
    #[arg(long, global = true, value_enum, default_value = "auto")]
    pub color: ColorChoice,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    SetupEnv(commands::setup_env::Args),
    Up(commands::up::Args),
    Down(commands::down::Args),
    DbShell(commands::db_shell::Args),
    DbBackup(commands::db_backup::Args),
    DbList(commands::db_list::Args),
    DbReset(commands::db_reset::Args),
    DbRestore(commands::db_restore::Args),
    DbVerify(commands::db_verify::Args),
    DbPrune(commands::db_prune::Args),
    DbMigrate(commands::db_migrate::Args),
    SetupOpenfga(commands::setup_openfga::Args),
    TestAuth(commands::test_auth::Args),
    OpenfgaExport(commands::openfga_export::Args),
    HealthCheck(commands::health_check::Args),
}

impl Command {
    /// Does what the command says.
    pub fn run(self, context: &Context) -> Result<()> {
        match self {
            Self::SetupEnv(args) => commands::setup_env::run(&args, context),
            Self::Up(args) => commands::up::run(&args, context),
            Self::Down(args) => commands::down::run(&args, context),
            Self::DbShell(args) => commands::db_shell::run(&args, context),
            Self::DbBackup(args) => commands::db_backup::run(&args, context),
            Self::DbList(args) => commands::db_list::run(&args, context),
            Self::DbReset(args) => commands::db_reset::run(&args, context),
            Self::DbRestore(args) => commands::db_restore::run(&args, context),
            Self::DbVerify(args) => commands::db_verify::run(&args, context),
            Self::DbPrune(args) => commands::db_prune::run(&args, context),
            Self::DbMigrate(args) => commands::db_migrate::run(&args, context),
            Self::SetupOpenfga(args) => commands::setup_openfga::run(&args, context),
            Self::TestAuth(args) => commands::test_auth::run(&args, context),
            Self::OpenfgaExport(args) => commands::openfga_export::run(&args, context),
            Self::HealthCheck(args) => commands::health_check::run(&args, context),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        use clap::CommandFactory as _;
        Cli::command().debug_assert();
    }
}
