//! The options of `setup-openfga`.

use super::print::Form;
use crate::commands::store_file::FileArgs;
use crate::commands::store_setup::Options;

/// Make one OpenFGA store match the store file: model, tuples, tests; write its ids into .env
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub file: FileArgs,
    /// Neither read nor write the ids of .env: for a second store
    #[arg(long)]
    pub(super) no_env: bool,
    /// Delete tuples that the file does not name (asks; they are kept in backups/)
    #[arg(long)]
    pub(super) prune: bool,
    /// With --prune: also where the file names no tuple at all, which deletes every tuple; --yes does not imply it
    #[arg(long, requires = "prune")]
    pub(super) allow_empty: bool,
    /// Show what would change, and stop
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Print the file's model in this form, and stop; no server is asked
    #[arg(long, value_name = "FORM", conflicts_with_all = ["dry_run", "json", "prune", "no_env"])]
    pub(super) print_model: Option<Form>,
    /// Do not ask
    #[arg(long, short)]
    pub(super) yes: bool,
    /// Write the report as JSON
    #[arg(long)]
    pub(super) json: bool,
}

impl Args {
    /// The options of the run itself.
    pub(super) fn options(&self) -> Options<'_> {
        let Self { file, no_env, prune, allow_empty, dry_run, yes, .. } = self;
        let (no_env, prune, allow_empty, dry_run, yes) = (*no_env, *prune, *allow_empty, *dry_run, *yes);
        Options { file, no_env, prune, allow_empty, dry_run, yes }
    }
}
