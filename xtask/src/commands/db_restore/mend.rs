//! What killed runs left behind, mended.

use crate::context::Context;
use crate::postgres::change_lock::Lock;
use crate::postgres::session;
use crate::restore::mark::Mark;
use crate::restore::repair::{self, Leftover};
use crate::stack::services;
use crate::target::Target;
use crate::terminal;
use anyhow::Result;
use std::time::Duration;

/// How long `--repair` waits for a run that still holds the lock.
const REPAIR_PATIENCE: Duration = Duration::from_secs(30);

pub(super) fn mend(target: &Target, run: &str, context: &Context) -> Result<()> {
    context.terminal.note(&format!("Mending {}", target.shown()));
    let _lock = Lock::take(target, run, REPAIR_PATIENCE)?;
    if mend_leftovers(target, run, context)? == 0 {
        context.terminal.done("Nothing to mend");
    }
    Ok(())
}

/// Names what killed runs left, for commands that change nothing. Where the server does not tell there is nothing to
/// say.
pub(in crate::commands) fn name_leftovers(target: &Target, context: &Context) {
    let found = session::fresh_name().and_then(|run| repair::look(target, &run));
    name(&found.unwrap_or_default(), context);
}

/// The same, where the server was asked already.
pub(in crate::commands) fn name_those_in(answer: &str, target: &Target, context: &Context) {
    let found = session::fresh_name().and_then(|run| repair::look_in(answer, target, &run));
    name(&found.unwrap_or_default(), context);
}

/// Says of each what mends it.
pub(in crate::commands) fn name(leftovers: &[Leftover], context: &Context) {
    for leftover in leftovers {
        let what = terminal::clean(&leftover.shown());
        context.terminal.warn(&format!("{what}; mend it with: cargo xtask db-restore --repair"));
    }
}

/// Mends what killed runs left, and says what. To be called under the lock.
pub(in crate::commands) fn mend_leftovers(target: &Target, run: &str, context: &Context) -> Result<usize> {
    let found = repair::find(target, run)?;
    let start = |mark: &Mark| {
        if mark.migrate {
            services::migrate(target)?;
        }
        services::start(target, &context.settings, &mark.stopped)
    };
    for leftover in &found {
        repair::mend(target, run, leftover, &start)?;
        context.terminal.done(&format!("Mended: {}", leftover.shown()));
    }
    Ok(found.len())
}
