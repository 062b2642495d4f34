//! psql's own commands that a file may hide from its reader.

use super::files::shown;
use super::run::Step;
use crate::error::Fault;
use crate::postgres::restrict;
use crate::postgres::server::Server;
use crate::target::StdioMode;
use anyhow::Result;
use std::time::Duration;

/// psql only prints its version.
const DEADLINE: Duration = Duration::from_secs(60);

/// Refuses files in which a psql that does not know `\\restrict` could find a command of its own. The program is asked
/// for its version, never the server.
///
/// # Errors
/// The first such file, with its line. Nothing of any file was sent.
pub fn refuse(server: &Server<'_>, steps: &[Step]) -> Result<()> {
    let Some((step, line)) = steps.iter().find_map(|step| step.hidden_command.map(|line| (step, line))) else {
        return Ok(());
    };
    let version = server.program("psql", StdioMode::Piped)?.arg("--version").capture(DEADLINE)?.text();
    if restrict::is_known(&version) {
        return Ok(());
    }
    let fault = format!(
        "{}:{line} could be a psql command, if the file changed how strings are read; {} would run it; nothing of the \
         file was sent",
        shown(&step.file),
        version.trim()
    );
    let hint = "use a psql that knows \\restrict: 17.6, 16.10, 15.14, 14.19, 13.22 or newer; or write the strings before \
                that line with E'…' and doubled backslashes";
    Err(Fault::failed(fault).hint(hint).into())
}
