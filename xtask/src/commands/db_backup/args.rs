//! What `db-backup` is asked for.

use crate::backup::codec::{self, Codec};
use crate::backup::name::{self, Purpose};
use crate::backup::retention::Policy;
use crate::backup::take::{self, BackupOptions, Destination};
use crate::commands::full_backup;
use crate::context::Context;
use crate::error::Fault;
use crate::postgres::locks;
use crate::restore::repair;
use crate::words::number_within;
use anyhow::Result;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Back up the database into one SQL file that proves itself; with --all every database of the server, as a set
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Every database of the server but templates and this program's own, or those of the setting, and a file that
    /// proves which belong together; --database may be repeated for the same with some of them [setting: XTASK_DATABASES]
    #[arg(long)]
    pub(super) all: bool,
    /// Folder, or file, to write to; no file is ever replaced [default: backups/]
    #[arg(long, short, value_name = "DIR|FILE")]
    pub(super) output: Option<PathBuf>,
    /// With several databases: take so many side by side, one server session each
    #[arg(long, value_name = "N", default_value = "1", value_parser = number_within(1u16..=64))]
    pub(super) jobs: u16,
    /// Only this table (pg_dump's pattern, may be repeated, each must match one); marked as partial, never the
    /// latest backup
    #[arg(long = "table", short, value_name = "NAME")]
    pub(super) tables: Vec<String>,
    /// Every --table must match a table. That always holds; the option is accepted because pg_dump has it
    #[arg(long, requires = "tables", hide = true)]
    strict_names: bool,
    /// Seconds to wait for a table that another session locks [setting: XTASK_LOCK_TIMEOUT, default: 30]
    #[arg(long, value_name = "SECONDS", value_parser = locks::parse_timeout, allow_negative_numbers = true)]
    pub(super) lock_timeout: Option<Duration>,
    /// Compress the backup by zstd, LEVEL 1 to 19, alone 1; no: leave it plain [setting: XTASK_COMPRESS, default: no]
    #[arg(long, value_name = "LEVEL", num_args = 0..=1, require_equals = true, default_missing_value = "1")]
    pub(super) compress: Option<String>,
    /// Save the server's roles, memberships and role settings, without passwords, in a file of their own; no database
    #[arg(long, conflicts_with_all = ["all", "tables", "lock_timeout", "compress", "Policy", "ping_file"])]
    pub(super) globals: bool,
    /// After success, remove old backups of this database by these rules, as db-prune does, without asking
    #[command(flatten)]
    pub(super) policy: Policy,
    /// File that holds the address to ping, readable by you only: ADDRESS/start at the beginning, ADDRESS or ADDRESS/fail at
    /// the end [setting: XTASK_PING_URL]
    #[arg(long, value_name = "FILE", conflicts_with = "tables")]
    pub(super) ping_file: Option<PathBuf>,
    /// Write the report as JSON
    #[arg(long)]
    pub(super) json: bool,
}

impl Args {
    pub(super) fn check_policy(&self) -> Result<(), Fault> {
        if !self.policy.is_given() {
            return Ok(());
        }
        if !self.tables.is_empty() {
            return Err(Fault::usage("--keep-… goes with a full backup, not with --table")
                .hint("remove old backups by a command of its own: cargo xtask db-prune"));
        }
        self.policy.check()
    }

    pub(super) fn options(&self, context: &Context) -> Result<BackupOptions> {
        let codec = full_backup::codec(self.compress.as_deref(), context)?;
        let destination = self.destination(context)?;
        check_name(&destination, &*codec)?;
        let purpose = if self.tables.is_empty() { Purpose::Backup } else { Purpose::Tables };
        let lock_timeout = locks::timeout(self.lock_timeout, &context.settings, take::LOCK_TIMEOUT)?;
        Ok(BackupOptions {
            tables: self.tables.clone(),
            question: repair::QUESTION,
            ..BackupOptions::of(purpose, destination, codec, lock_timeout)
        })
    }

    pub(super) fn destination(&self, context: &Context) -> Result<Destination> {
        match &self.output {
            None => Ok(Destination::Folder(context.made_backups_folder()?)),
            Some(path) => Ok(destination(path, context.typed(path))?),
        }
    }
}

/// A file's name must not say that the file is of another kind.
fn check_name(destination: &Destination, codec: &dyn Codec) -> Result<(), Fault> {
    let Destination::File(file) = destination else { return Ok(()) };
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    match codec::ending_of(&name) {
        Some(other) if other != codec.ending() => {
            let message = format!("The name of this backup must end in {}, not in {other}", codec.ending());
            Err(Fault::usage(message).hint("name it so, or choose the other kind: --compress, --compress=no"))
        }
        _ => Ok(()),
    }
}

/// Where `--output` leads; as it was typed, and from where the caller stands.
pub(super) fn destination(typed: &Path, path: PathBuf) -> Result<Destination, Fault> {
    if path.is_dir() || typed.to_string_lossy().ends_with(['/', std::path::MAIN_SEPARATOR]) {
        return Ok(Destination::Folder(path));
    }
    if typed == Path::new("-") {
        return Err(Fault::usage("A backup cannot be written to stdout, which gets the backup's path")
            .hint("name a file or a folder; a file called - is written as ./-"));
    }
    if name::is_unfinished(&path) {
        // The next backup would clear it away as what a killed run left behind.
        return Err(Fault::usage(format!("{} is a name for unfinished backups", typed.display()))
            .hint("name a file that ends in .sql"));
    }
    Ok(Destination::File(path))
}
