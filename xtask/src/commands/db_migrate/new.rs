//! `db-migrate new`: the files of a new migration.

use crate::context::Context;
use crate::error::Fault;
use crate::migration::config::{Config, SETTING};
use crate::migration::files;
use crate::migration::plan::FOLDER_HINT;
use anyhow::Result;
use chrono::Utc;

/// Create both files of a new migration
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What it does, in a few words
    #[arg(required = true)]
    words: Vec<String>,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<()> {
    let config = Config::load_to_create(&context.root, &context.settings)?;
    let Some(folder) = &config.folder else {
        let fault = Fault::usage(format!("{SETTING} is none: there are to be no migrations"));
        return Err(fault.hint(format!("name a folder: {SETTING}=migrations")).into());
    };
    let found = files::read(folder)?;
    if let Some(why) = found.foreign {
        return Err(Fault::failed(format!("Nothing is made: {why}")).hint(FOLDER_HINT).into());
    }
    let versions = found.migrations.iter().map(|migration| migration.version);
    let newest = versions.chain(found.orphans.iter().map(|orphan| orphan.version)).max();
    // Two within one second, or a colleague's clock that is ahead: the new one is the newest all the same.
    let next = newest.map_or(1, |newest| newest.saturating_add(1));
    let version = match config.new_files.sequential {
        // sqlx writes four digits.
        true => format!("{next:04}"),
        false => Utc::now().format("%Y%m%d%H%M%S").to_string().parse::<i64>()?.max(next).to_string(),
    };
    let one_way = config.new_files.one_way;
    let made = files::create(folder, &version, &args.words.join(" "), one_way)?;
    made.iter().try_for_each(|path| context.terminal.result_path(&context.relative_path(path)))?;
    let next = if one_way {
        "Write the SQL of the change into it, then: cargo xtask db-migrate"
    } else {
        "Write the SQL of the change into the .up.sql, and the SQL that reverts it into the .down.sql, then: cargo xtask db-migrate"
    };
    context.terminal.note(&context.terminal.to_type(next));
    Ok(())
}
