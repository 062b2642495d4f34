//! `db-migrate new`: both files of a new migration.

use super::work;
use crate::context::Context;
use crate::migration::files;
use anyhow::Result;
use chrono::Utc;

/// Make both files of a new migration
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What it does, in a few words
    #[arg(required = true)]
    words: Vec<String>,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<()> {
    let folder = work::folder(context);
    let now = Utc::now().format("%Y%m%d%H%M%S").to_string().parse::<i64>()?;
    // Two within one second, or a colleague's clock that is ahead: the new one is the newest all the same.
    let newest = files::read(&folder)?.last().map_or(0, |migration| migration.version);
    let made = files::create(&folder, now.max(newest.saturating_add(1)), &args.words.join(" "))?;
    made.iter().try_for_each(|path| context.terminal.result_path(&context.near(path)))?;
    context.terminal.note("Write the SQL of the change into the .up.sql, and what undoes it into the .down.sql, then: cargo xtask db-migrate");
    Ok(())
}
