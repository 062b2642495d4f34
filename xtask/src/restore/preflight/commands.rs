//! psql's own commands, which a file may hide from its reader.

use crate::backup::proof::Proven;
use crate::error::{Exit, Fault};
use crate::postgres::restrict;
use anyhow::Result;

/// Refuses a file in which a psql of this version could find a meta-command that it would run.
///
/// # Errors
/// Exit 3, with the line.
pub fn refuse_hidden_commands(backup: &Proven, version: &str) -> Result<()> {
    let hidden = backup.contents.hidden;
    let line = match () {
        () if !restrict::is_known(version) => hidden.command,
        () if restrict::is_leaky(version) => hidden.unrestrict,
        () => None,
    };
    let Some(line) = line else { return Ok(()) };
    let path = backup.path.display();
    let message = format!(
        "{path} is refused: line {line} could be a psql meta-command, if a default or check of the file changed how \
         strings are read while it is loaded; psql {version} would run it"
    );
    Err(Fault::new(Exit::Refused, message)
        .hint("load it with a psql that runs no commands of a file: 18.6, 17.11, 16.15, 15.19, 14.24 or newer")
        .into())
}
