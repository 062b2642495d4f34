//! The options that every command takes.

use crate::settings::ColorChoice;
use crate::target::{DirectChoice, Kind, database_name};
use clap::{ArgAction, Args, ValueHint};
use std::path::PathBuf;

/// Options that every command takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of every command")]
pub struct Global {
    /// Work on the Compose project in this folder, instead of this checkout's [setting: XTASK_ROOT]
    #[arg(long, global = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub root: Option<PathBuf>,
    /// Where PostgreSQL is [setting: XTASK_TARGET, default: compose]
    #[arg(long, global = true, value_enum)]
    pub target: Option<Kind>,
    /// Work on this database: a name, never an address [setting: POSTGRES_DB]
    #[arg(long = "database", global = true, value_name = "NAME", value_parser = database_name::parse,
        allow_hyphen_values = true, action = ArgAction::Append)]
    pub databases: Vec<String>,
    /// Under compose: whether backups and loads may use this host's own programs, by the published port [setting:
    /// XTASK_DIRECT, default: auto]
    #[arg(long, global = true, value_enum, value_name = "WHEN")]
    pub direct: Option<DirectChoice>,
    /// Print only results, warnings and errors
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// Show every program that is started, and where each setting came from
    #[arg(long, short, global = true, conflicts_with = "quiet")]
    pub verbose: bool,
    /// When to use colour
    #[arg(long, global = true, value_enum, default_value = "auto")]
    pub color: ColorChoice,
}
