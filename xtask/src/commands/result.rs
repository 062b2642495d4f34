//! Results: a person reads the report, a script the path of the file that was written.

use crate::context::Context;
use crate::error::{Exit, Fault};
use crate::terminal;
use anyhow::{Context as _, Result};
use serde::Serialize;
use std::path::Path;

/// A file that was written.
pub struct Written<'a> {
    /// What it is, in a word.
    pub what: &'static str,
    pub path: &'a Path,
    pub context: &'a Context,
}

/// A table below the report.
pub struct Table<'a> {
    pub head: &'a [&'a str],
    pub rows: &'a [Vec<String>],
    /// The columns of numbers.
    pub right: &'a [usize],
}

impl Written<'_> {
    /// Prints the document.
    ///
    /// # Errors
    /// It could not be printed (6).
    pub fn as_json(&self, document: &impl Serialize) -> Result<()> {
        self.explain(self.context.terminal.json(document))
    }

    /// Prints the report on a terminal. Elsewhere the path goes to stdout, and the report to stderr.
    ///
    /// # Errors
    /// It could not be printed (6).
    pub fn as_report(&self, lines: &[String], table: Option<&Table<'_>>) -> Result<()> {
        self.explain(self.print(&terminal::report(lines), table))
    }

    fn print(&self, report: &str, table: Option<&Table<'_>>) -> Result<()> {
        let terminal = &self.context.terminal;
        if terminal.stdout_is_terminal() {
            terminal.result_report(report)?;
            return table.map_or(Ok(()), |table| terminal.table(table.head, table.rows, table.right));
        }
        terminal.note_report(report);
        if let Some(table) = table {
            terminal.note_table(table.head, table.rows, table.right);
        }
        terminal.result_path(&self.context.relative_path(self.path))
    }

    /// A script that waits for the path on stdout must not lose the file with it.
    fn explain(&self, printed: Result<()>) -> Result<()> {
        printed.with_context(|| {
            let what = self.what;
            let made = format!("The {what} is written, but its path could not be printed: {}", self.path.display());
            Fault::new(Exit::Partial, made).hint(format!("check where stdout goes; the {what} is complete and stays"))
        })
    }
}

/// Prints the report of what a run changed: on stdout where that is a terminal, else beside it, where no script reads it.
///
/// # Errors
/// It could not be printed (6).
pub fn report(lines: &[String], context: &Context) -> Result<()> {
    let (terminal, text) = (&context.terminal, terminal::report(lines));
    if terminal.stdout_is_terminal() {
        return terminal.result_report(&text);
    }
    terminal.note_report(&text);
    Ok(())
}
