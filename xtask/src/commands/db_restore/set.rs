//! `db-restore --set`: the databases of a set take their live ones' places, all in one transaction.

mod choose;
mod members;
mod preview;
mod report;
mod restore;
mod undo;

use super::args::Args;
use crate::context::Context;
use crate::error::Fault;
use anyhow::Result;
use std::path::Path;

/// The FILE that stands for the newest set.
const LATEST: &str = "latest";

/// `file`: what was typed after `--set`.
pub(super) fn run(file: Option<&Path>, args: &Args, context: &Context) -> Result<()> {
    let file = file.filter(|file| *file != Path::new(LATEST));
    if !args.undo && !context.typed_databases().is_empty() {
        return Err(Fault::usage("--set and --database do not go together")
            .hint("a set is restored whole; one database of it: cargo xtask db-restore --database NAME FILE")
            .into());
    }
    if !args.undo {
        return restore::run(file, args, context);
    }
    if file.is_some() {
        return Err(Fault::usage("--undo --set takes no FILE")
            .hint("the previous databases are kept on the server: cargo xtask db-restore --undo --set")
            .into());
    }
    undo::run(args, context)
}
