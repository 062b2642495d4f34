//! psql's own commands, which a file may hide from its reader.

use crate::backup::proof::Proven;
use crate::error::{Exit, Fault};
use crate::postgres::restrict;
use crate::postgres::server::Server;
use anyhow::Result;

/// Refuses such a file before anything is made or saved: psql is asked for its version, where the proof found
/// bytes that some psql would obey.
///
/// # Errors
/// As for [`refuse_hidden_commands`].
pub(super) fn check(server: &Server<'_>, backup: &Proven) -> Result<()> {
    let hidden = backup.contents.hidden;
    if hidden.command.is_none() && hidden.unrestrict.is_none() {
        return Ok(());
    }
    refuse_hidden_commands(backup, &server.in_maintenance().psql_version()?)
}

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
