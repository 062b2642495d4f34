//! A backup that comes on standard input.

use crate::backup::proof::Proven;
use crate::backup::spool::Spool;
use crate::context::Context;
use crate::error::{Exit, Fault};
use crate::postgres::session;
use anyhow::Result;
use std::path::Path;

/// The FILE that stands for standard input.
const STDIN: &str = "-";

/// Whether a file that was typed stands for it.
pub fn is_meant(file: &Path) -> bool {
    file == Path::new(STDIN)
}

/// The backup, proven as every other: first it is written to a file, because psql gets nothing of it before its last byte
/// has come. `command` is what it is piped to.
pub fn proven(command: &str, context: &Context) -> Result<Proven> {
    let hint = format!("pipe a backup to it: gunzip -c FILE.gz | cargo xtask {command}");
    if context.terminal.stdin_is_terminal() {
        return Err(Fault::usage("Standard input is a keyboard, not a backup").hint(hint).into());
    }
    let mut spool = Spool::create(&context.made_backups_folder()?, &session::fresh_name()?)?;
    let progress = context.terminal.progress("reading standard input", None);
    context.terminal.stdin_pieces(&mut |piece| {
        spool.write(piece)?;
        progress.set(spool.bytes());
        Ok(())
    })?;
    drop(progress);
    if spool.bytes() == 0 {
        return Err(Fault::new(Exit::Refused, "Standard input is empty").hint(hint).into());
    }
    let progress = context.terminal.progress("proving the backup", Some(spool.bytes()));
    spool.prove(&|bytes| progress.set(bytes))
}
