//! What was found out about each file, and what a run of `db-verify` comes to.

use crate::backup::manifest;
use crate::backup::metrics::Event;
use crate::backup::name;
use crate::backup::proof::{Proven, STANDARD_INPUT, Verdict};
use crate::commands::full_backup;
use crate::context::Context;
use crate::error::{self, Cause, Exit, Fault};
use crate::postgres::text::Name;
use crate::terminal;
use crate::words::first_lines;
use anyhow::{Error, Result};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What was found out about one file; in `--json`, version 1.
#[derive(Debug, Default, Serialize)]
pub(super) struct Entry {
    pub(super) file: String,
    pub(super) verdict: Option<Verdict>,
    pub(super) database: Option<Name>,
    pub(super) tables: Option<u64>,
    pub(super) rows: Option<u64>,
    /// How many roles it holds; only of a file with a server's roles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) roles: Option<u64>,
    /// Whether it was loaded and compared; null where that was not asked or not possible.
    pub(super) restored: Option<bool>,
    /// How long loading took.
    pub(super) seconds: Option<f64>,
    /// Why it is unfit or was not loaded.
    pub(super) reason: Option<String>,
    #[serde(skip)]
    error: Option<Error>,
    /// Why `db-restore` refuses it on every server, though it is whole.
    #[serde(skip)]
    pub(super) refused: Option<Fault>,
    /// A program was started on the server for it.
    #[serde(skip)]
    pub(super) was_tried: bool,
}

impl Entry {
    /// A file of which nothing is known yet.
    pub(super) fn of(path: &Path) -> Self {
        Self { file: path.to_string_lossy().into_owned(), ..Self::default() }
    }

    /// What the proof found in it.
    pub(super) fn holds(&mut self, backup: &Proven) {
        self.verdict = Some(if backup.manifest.is_some() { Verdict::Whole } else { Verdict::MadeElsewhere });
        self.database = backup.manifest.as_ref().map(|manifest| manifest.database.clone());
        let filled = backup.contents.filled();
        self.tables = Some(manifest::tables(&filled).len() as u64);
        self.rows = Some(manifest::rows(&filled));
    }

    /// It failed: why, for people and for the exit code.
    pub(super) fn failed(mut self, error: Error, context: &Context) -> Self {
        self.reason = Some(format!("{error:#}"));
        self.error = Some(match error::fault(&error) {
            Some(_) => error,
            None => {
                let message = format!("{} cannot be checked", context.shown(Path::new(&self.file)));
                error.context(Fault::failed(message).hint("list the files: cargo xtask db-list"))
            }
        });
        self
    }

    pub(super) fn show(&self, context: &Context) -> Result<()> {
        let file = terminal::clean_line(&context.shown(Path::new(&self.file)));
        if let Some(error) = &self.error {
            context.terminal.error(error);
            return Ok(());
        }
        let words = self.verdict.map_or("", Verdict::as_str);
        let mut line = format!("{file}: {words} ({})", self.counts());
        if let Some(seconds) = self.seconds {
            line.push_str(&format!(", restored and compared in {seconds:.1} s"));
        }
        if let Some(reason) = &self.reason {
            line.push_str(&format!("; {reason}"));
        }
        context.terminal.result_report(&context.terminal.done_line(&line))?;
        if let Some(fault) = &self.refused {
            context.terminal.warn(&format!("db-restore refuses it: {fault}"));
            fault.hint_text().into_iter().for_each(|hint| context.terminal.hint(hint));
        }
        Ok(())
    }

    fn is_in_backups(&self, context: &Context) -> bool {
        let folder = Path::new(&self.file).parent().and_then(|folder| folder.canonicalize().ok());
        folder.is_some() && folder == context.backups_folder().canonicalize().ok()
    }

    /// How another file takes the place of this one, which is unfit. Of its database there may be no other than the file.
    fn another(&self, context: &Context) -> &'static str {
        let name = Path::new(&self.file).file_name().unwrap_or_default().to_string_lossy();
        // Of a database, or of a server: its roles, a set.
        let is_ours = name::parse(&name).is_some() || name.starts_with("server_");
        match () {
            () if Path::new(&self.file) == Path::new(STANDARD_INPUT) => {
                "send it again, and see that the command before the pipe ends well; a file that is unfit itself must be made \
                 again where it comes from"
            }
            () if is_ours && self.is_in_backups(context) => "take a new one: cargo xtask db-backup",
            () => "copy the file again from where it comes from; if it is unfit there, too, have it made again",
        }
    }

    fn counts(&self) -> String {
        if let Some(roles) = self.roles {
            return terminal::counted(roles, "role", "roles");
        }
        let tables = terminal::counted(self.tables.unwrap_or_default(), "table", "tables");
        format!("{tables}, {}", terminal::counted(self.rows.unwrap_or_default(), "row", "rows"))
    }
}

/// Writes down for Prometheus whether the backups of each database are good. A file elsewhere says nothing of them, whatever
/// database its manifest names.
pub(super) fn tell_metrics(report: &[Entry], context: &Context) {
    let is_a_backup = |entry: &&Entry| entry.is_in_backups(context);
    let mut found: BTreeMap<String, Event> = BTreeMap::new();
    for entry in report.iter().filter(is_a_backup) {
        let file = Path::new(&entry.file).file_name().unwrap_or_default().to_string_lossy();
        let named = name::parse(&file);
        // Some of its tables are no backup of a database.
        if named.as_ref().is_some_and(|named| named.purpose == name::Purpose::Tables) {
            continue;
        }
        let Some(database) = entry.database.clone().or(named.map(|named| named.database)) else { continue };
        let event = match (&entry.error, entry.restored) {
            (Some(error), _) if !is_judged(error) => continue,
            (Some(_), _) => Event::Unfit,
            (None, restored) => Event::Verified { restored: restored == Some(true) },
        };
        let so_far = found.entry(database.as_str().to_owned()).or_insert(event);
        if event == Event::Unfit {
            *so_far = event;
        }
    }
    found.into_iter().for_each(|(database, event)| full_backup::tell_metrics(&database, event, context));
}

/// Whether the file may be the cause. A server that does not answer and a lock say nothing about the file.
pub(super) fn is_judged(error: &Error) -> bool {
    matches!(error::exit(error), Exit::Refused | Exit::Failed)
}

/// The worst of the report decides the exit code: an unfit file (3) before a failed load. Where each file's failure `is_shown`,
/// as to a person, it is not repeated.
pub(super) fn conclusion(report: &[Entry], is_shown: bool, context: &Context) -> Result<()> {
    let exits = report.iter().filter_map(|entry| entry.error.as_ref());
    let exits: Vec<Exit> = exits.map(error::exit).collect();
    let Some(first) = exits.first() else { return Ok(()) };
    let exit = if exits.contains(&Exit::Refused) { Exit::Refused } else { *first };
    let fault = Fault::new(exit, summary(&exits, report.len()));
    // A backup that is whole and cannot be loaded fails for what its database holds: a new one would fail, too.
    let has_own_way =
        |error: &Error| error::exit(error) != Exit::Refused || error::cause(error) == Some(Cause::OtherKind);
    let is_unfit = |entry: &&Entry| entry.error.as_ref().is_some_and(|error| !has_own_way(error));
    let ways: BTreeSet<&str> = report.iter().filter(is_unfit).map(|entry| entry.another(context)).collect();
    let next: Vec<&str> = ways.into_iter().rev().collect();
    if is_shown {
        let next = if next.is_empty() { "see above what each one needs".to_owned() } else { next.join("\n") };
        return Err(fault.hint(next).into());
    }
    let errors: Vec<&Error> = report.iter().filter_map(|entry| entry.error.as_ref()).collect();
    let own = errors.iter().filter(|error| has_own_way(error)).filter_map(|error| error::fault(error)?.hint_text());
    let mut hints: Vec<&str> = next.into_iter().chain(own).collect();
    let mut seen = BTreeSet::new();
    hints.retain(|hint| seen.insert(*hint));
    let fault = if hints.is_empty() { fault } else { fault.hint(first_lines(hints.into_iter().map(str::to_owned))) };
    Err(Error::msg(reasons(report)).context(fault))
}

/// How many failed of so many.
fn summary(exits: &[Exit], of: usize) -> String {
    let of = terminal::count(of as u64);
    let unjudged = exits.iter().filter(|exit| matches!(exit, Exit::Unreachable | Exit::Locked)).count();
    let failed = exits.len().saturating_sub(unjudged);
    let backups = |number: usize| terminal::counted(number as u64, "backup", "backups");
    match (failed, unjudged) {
        (failed, 0) => format!("{} of {of} did not pass", backups(failed)),
        (0, unjudged) => format!("{} of {of} could not be tried", backups(unjudged)),
        (failed, unjudged) => {
            let unjudged = terminal::count(unjudged as u64);
            format!("{} of {of} did not pass, {unjudged} could not be tried", backups(failed))
        }
    }
}

/// Why the files failed that did.
fn reasons(report: &[Entry]) -> String {
    let failed: Vec<&Entry> = report.iter().filter(|entry| entry.error.is_some()).collect();
    let reason = |entry: &&Entry| format!("{}: {}", entry.file, entry.reason.as_deref().unwrap_or_default());
    first_lines(failed.iter().map(reason))
}
