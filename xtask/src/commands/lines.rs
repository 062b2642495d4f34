//! The report of what a run changed, in lines for people.

use crate::context::Context;
use crate::terminal;
use anyhow::Result;

/// Prints the report: on stdout where that is a terminal, else beside it, where no script reads it.
///
/// # Errors
/// It could not be printed (6).
pub fn show(lines: &[String], context: &Context) -> Result<()> {
    let (terminal, text) = (&context.terminal, terminal::report(lines));
    if terminal.stdout_is_terminal() {
        return terminal.result_report(&text);
    }
    terminal.note_report(&text);
    Ok(())
}
