//! The options of `db-restore`.

use crate::commands::swap::safety::SafetyOptions;
use crate::postgres::search_path::SearchPath;
use crate::restore::preflight::Consent;
use crate::words::{number, number_within};
use std::path::PathBuf;

/// Restore a backup: proven, loaded beside the live database, checked, then swapped in; --undo swaps back
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Backup file; - reads it from stdin [default: the newest full backup of this database]
    #[arg(conflicts_with_all = ["undo", "repair", "globals", "set"])]
    pub(super) file: Option<PathBuf>,
    /// Restore every database of a set (server_set_….json) in one transaction [default: the newest set of this server].
    /// With --undo: swap back every database of the set that was restored last and has this database
    #[arg(long, value_name = "FILE", num_args = 0..=1, conflicts_with_all = ["repair", "globals"])]
    pub(super) set: Option<Option<PathBuf>>,
    /// Swap the previous database back in
    #[arg(long, conflicts_with = "repair")]
    pub(super) undo: bool,
    /// Repair what a killed restore left behind
    #[arg(long)]
    pub(super) repair: bool,
    /// Create the roles of this file (server_globals_….sql) that the server lacks; roles that exist are not changed
    #[arg(long, value_name = "FILE", conflicts_with_all = ["undo", "repair", "create_roles", "search_path"])]
    pub(super) globals: Option<PathBuf>,
    /// Give this role of the file what reaches beyond its grants: SUPERUSER, CREATEROLE, REPLICATION, BYPASSRLS, and
    /// membership in roles that have it or that are the server's own (pg_…); may be repeated
    #[arg(long = "role", value_name = "NAME", requires = "globals")]
    pub(super) roles: Vec<String>,
    /// Show what would change, and stop
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Do not ask
    #[arg(long, short)]
    pub(super) yes: bool,
    /// How the live database is backed up first
    #[command(flatten)]
    pub(super) safety: SafetyOptions,
    /// Create the roles that the backup names and the server lacks, without login
    #[arg(long, conflicts_with_all = ["undo", "repair"])]
    pub(super) create_roles: bool,
    /// Apply this setting of the file to a database or role that does not exist yet, though not every role may set it;
    /// may be repeated
    #[arg(long, value_name = "NAME", conflicts_with_all = ["undo", "repair"])]
    pub(super) allow_setting: Vec<String>,
    /// Load with this search_path, for functions of the backup that need one: public, or a list of schemas
    #[arg(long, value_name = "SCHEMAS", conflicts_with_all = ["undo", "repair"])]
    pub(super) search_path: Option<SearchPath>,
    /// Move data through so many server sessions: the safety backup beside the load; rows of different tables, and indexes, side by
    /// side [default: the cores that this host and the server both have, at most 8; 1 for a small backup]
    #[arg(long, value_name = "N", value_parser = number_within(1u16..=64), conflicts_with_all = ["undo", "repair", "globals"])]
    pub(super) jobs: Option<u16>,
    /// How many previous databases are kept on the server
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = number::<usize>)]
    pub(super) keep_old: usize,
    /// Write the report as JSON
    #[arg(long)]
    pub(super) json: bool,
}

impl Args {
    /// What a person agreed to by typing it.
    pub(super) fn consent(&self) -> Consent<'_> {
        Consent { create_roles: self.create_roles, settings: &self.allow_setting }
    }
}
