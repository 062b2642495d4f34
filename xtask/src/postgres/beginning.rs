//! A psql of ours at its beginning: it is sent its first statements, and started once more where a setting of its role
//! or its database ended it before it could set its own (see `overriding`).

use super::preamble::PREAMBLE;
use super::restrict::{self, Begun};
use super::server::Server;
use crate::process::{Captured, Dialog, Program, signals};
use crate::target::overriding;
use anyhow::Result;
use std::time::{Duration, Instant};

/// How a psql came to its first question.
#[derive(Debug)]
pub enum Beginning {
    /// Its first statements are through.
    Begun(Dialog, Begun),
    /// It has not answered in time, or a signal came.
    Silent(Dialog),
    /// It has ended.
    Ended(Captured),
}

/// Starts a psql and sends it its first statements, which are waited for until the server's deadline. `dialog` gives it
/// its options and starts it.
pub fn begin(server: &Server<'_>, preamble: &str, dialog: &dyn Fn(Program) -> Result<Dialog>) -> Result<Beginning> {
    let target = server.target();
    let once = || begin_once(dialog(server.own_program("psql")?)?, preamble, server.deadline());
    let before = target.overriding();
    match once()? {
        // Another session may have found the options meanwhile.
        Beginning::Ended(said) if target.overriding() != before || overcome(server, &said)? => once(),
        beginning => Ok(beginning),
    }
}

fn begin_once(mut psql: Dialog, preamble: &str, timeout: Duration) -> Result<Beginning> {
    let start = Instant::now();
    match restrict::begin(&mut psql, preamble, timeout)? {
        Some(begun) => Ok(Beginning::Begun(psql, begun)),
        // Of one that is silent the end would be waited for in vain.
        None if start.elapsed() >= timeout || signals::pending().is_some() => Ok(Beginning::Silent(psql)),
        None => psql.finish().map(Beginning::Ended),
    }
}

/// After a session of ours has failed at its beginning, looks for options with which such sessions begin here. `true`
/// where there are such options, and the failed program had begun without them.
pub fn overcome(server: &Server<'_>, said: &Captured) -> Result<bool> {
    let target = server.target();
    if target.overriding().is_some() || said.ending.success() || !overriding::may_help(&said.stderr, said.ending) {
        return Ok(false);
    }
    for options in overriding::OPTIONS {
        let psql = server.own_program_under(Some(options), "psql")?;
        let psql = psql.args(["--no-psqlrc", "--no-password", "--quiet", "--set=ON_ERROR_STOP=1", "-f", "-"]);
        if psql.capture_with(PREAMBLE.into(), target.timeout())?.ending.success() {
            target.override_settings(options);
            return Ok(true);
        }
    }
    Ok(false)
}
