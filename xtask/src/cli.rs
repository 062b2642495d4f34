//! The list of commands and the options that all of them share.

use crate::commands;
use crate::context::Context;
use crate::global_options::Global;
use anyhow::Result;
use clap::error::ErrorKind;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use std::ffi::OsString;

/// Look after PostgreSQL and OpenFGA of this Compose stack: backups that prove themselves, and the daily jobs around
/// them.
#[derive(Debug, Parser)]
#[command(name = "xtask", version, max_term_width = 100, subcommand_required = true)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
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
    DbSchedule(commands::db_schedule::Args),
    SetupOpenfga(commands::setup_openfga::Args),
    TestAuth(commands::test_auth::Args),
    DebugAuth(commands::debug_auth::Args),
    OpenfgaExport(commands::openfga_export::Args),
    HealthCheck(commands::health_check::Args),
    DbStats(commands::db_stats::Args),
    MonitoringDashboard(commands::monitoring_dashboard::Args),
    Adopt(commands::adopt::Args),
    Completions(commands::completions::Args),
}

impl Cli {
    /// Parses a command line; `call` is the program's name in usage texts. Ends the process after a usage error or help.
    pub fn parse_as(words: Vec<OsString>, call: String) -> Self {
        let mut command = Self::command().bin_name(call);
        let matches = command.try_get_matches_from_mut(words).unwrap_or_else(|error| error.exit());
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.format(&mut command).exit())
    }

    /// Refuses a second `--database` where one database is meant.
    ///
    /// # Errors
    /// In clap's own words.
    pub fn check_databases(&self) -> Result<(), clap::Error> {
        if self.global.databases.len() < 2 || matches!(self.command, Command::DbBackup(_) | Command::DbSchedule(_)) {
            return Ok(());
        }
        let message = "the argument '--database <NAME>' cannot be used multiple times";
        Err(Self::command().error(ErrorKind::ArgumentConflict, message))
    }
}

impl Command {
    /// Whether the command needs a checkout.
    pub fn needs_checkout(&self) -> bool {
        !matches!(self, Self::Adopt(_) | Self::Completions(_))
    }

    /// Options of this command that its hints repeat; the values are words of a shell.
    pub fn typed(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::SetupOpenfga(args) => args.file.typed(),
            Self::TestAuth(args) => args.file.typed(),
            _ => Vec::new(),
        }
    }

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
            Self::DbSchedule(args) => commands::db_schedule::run(&args, Cli::command(), context),
            Self::SetupOpenfga(args) => commands::setup_openfga::run(&args, context),
            Self::TestAuth(args) => commands::test_auth::run(&args, context),
            Self::DebugAuth(args) => commands::debug_auth::run(&args, context),
            Self::OpenfgaExport(args) => commands::openfga_export::run(&args, context),
            Self::HealthCheck(args) => commands::health_check::run(&args, context),
            Self::DbStats(args) => commands::db_stats::run(&args, context),
            Self::MonitoringDashboard(args) => commands::monitoring_dashboard::run(&args, context),
            Self::Adopt(args) => commands::adopt::run(&args, &Cli::command(), context),
            Self::Completions(args) => commands::completions::run(&args, Cli::command(), context),
        }
    }
}

/// The words with the action of a command (`db-migrate up`) moved directly behind the command, wherever it was typed:
/// options may stand before it. `help --help` is `help`.
pub fn action_first(mut words: Vec<OsString>) -> Vec<OsString> {
    let top = Cli::command();
    let Some(at) = first_word(&words, 1, &[&top]) else { return words };
    if words[at] == "help" {
        words.retain(|word| word != "--help" && word != "-h");
        return words;
    }
    let Some(command) = words[at].to_str().and_then(|name| top.find_subcommand(name)) else { return words };
    let mut known: Vec<&clap::Command> = vec![&top, command];
    known.extend(command.get_subcommands());
    if let Some(action) = first_word(&words, at + 1, &known)
        && words[action].to_str().is_some_and(|name| command.find_subcommand(name).is_some())
    {
        let word = words.remove(action);
        words.insert(at + 1, word);
    }
    words
}

/// The place of the first word from here on that is neither an option of these commands nor an option's value.
fn first_word(words: &[OsString], from: usize, commands: &[&clap::Command]) -> Option<usize> {
    let takes_value = |option: &str| {
        let is_it = |arg: &&clap::Arg| match option.strip_prefix("--") {
            Some(long) => arg.get_long() == Some(long),
            None => arg.get_short().is_some_and(|short| option.ends_with(short)),
        };
        let mut args = commands.iter().flat_map(|command| command.get_arguments());
        !option.contains('=') && args.any(|arg| is_it(&arg) && arg.get_action().takes_values())
    };
    let mut at = from;
    loop {
        let word = words.get(at)?.to_str()?;
        match word {
            "--" => return None,
            option if option.starts_with('-') && option.len() > 1 => at += 1 + usize::from(takes_value(option)),
            _ => return Some(at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_may_stand_behind_options() {
        let ordered = |text: &str| {
            let words = action_first(text.split(' ').map(OsString::from).collect());
            words.iter().map(|word| word.to_str().unwrap()).collect::<Vec<_>>().join(" ")
        };
        for (typed, expected) in [
            ("x db-migrate --target url up 3", "x db-migrate up --target url 3"),
            (
                "x --target url db-migrate --json --lock-timeout 5 status",
                "x --target url db-migrate status --json --lock-timeout 5",
            ),
            ("x -v db-migrate --to=3 -y down", "x -v db-migrate down --to=3 -y"),
            ("x db-migrate new up", "x db-migrate new up"),
            ("x db-migrate --to 3", "x db-migrate --to 3"),
            ("x db-migrate stauts", "x db-migrate stauts"),
            ("x db-shell -- up", "x db-shell -- up"),
            ("x up --target local", "x up --target local"),
            ("x help --help", "x help"),
            ("x help db-list -h", "x help db-list"),
            ("x db-list --help", "x db-list --help"),
            ("x", "x"),
        ] {
            assert_eq!(ordered(typed), expected, "{typed}");
        }
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
