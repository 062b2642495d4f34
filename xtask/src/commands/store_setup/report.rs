//! What a run did, for people and for programs.

use super::options::Options;
use super::plan::Wanted;
use crate::commands::assertions::summary;
use crate::context::Context;
use crate::openfga::api::{Api, Store};
use crate::openfga::assertions::Tally;
use crate::openfga::reconcile::stranded::Stranded;
use crate::openfga::store::{MODEL_ID, STORE_ID};
use crate::openfga::store_file::StoreFile;
use crate::terminal::{self, clean_line, count, counted};
use anyhow::Result;
use serde::Serialize;
use std::path::PathBuf;

/// `--json`, version 1.
#[derive(Debug, Serialize)]
pub struct Report {
    version: u32,
    dry_run: bool,
    /// Whether anything was (or would be) changed, `.env` included.
    changed: bool,
    server: String,
    store: StoreReport,
    model: ModelReport,
    tuples: TupleReport,
    /// The tuples that were (or would be) deleted: `user:anne viewer document:plan`.
    deletions: Vec<String>,
    /// The tuples that an interrupted run left absent and the file does not name, and that were (or would be) written.
    completed: Vec<String>,
    /// Where deleted tuples are kept; null where none were.
    deletions_kept_in: Option<PathBuf>,
    tests: Option<TestReport>,
    /// Whether the ids were (or would be) written to `.env`.
    env_written: bool,
}

#[derive(Debug, Serialize)]
struct StoreReport {
    /// Null where a dry run would make it.
    id: Option<String>,
    name: String,
    created: bool,
}

#[derive(Debug, Serialize)]
struct ModelReport {
    id: Option<String>,
    written: bool,
    /// The newest of an existing store.
    #[serde(skip)]
    newest: Option<String>,
    difference: Vec<String>,
    /// Live tuples that no longer fit.
    stranded: Vec<Stranded>,
}

#[derive(Debug, Serialize)]
struct TupleReport {
    in_file: usize,
    written: usize,
    /// Written again because their condition changed, now or in a run that was interrupted.
    rewritten: usize,
    deleted: usize,
    unchanged: usize,
}

#[derive(Debug, Serialize)]
struct TestReport {
    passed: usize,
    failed: usize,
}

/// What a run has done beyond its plan.
pub struct Done<'a> {
    pub store: &'a Store,
    pub model: &'a str,
    pub tally: Tally,
    /// The file of the deleted tuples.
    pub kept: Option<PathBuf>,
}

impl Report {
    /// What a dry run found.
    pub fn of_plan(options: Options<'_>, api: &Api, file: &StoreFile, wanted: &Wanted<'_>, env_written: bool) -> Self {
        let written = wanted.model.same().is_none();
        let (deletions, completed) = (wanted.deletions(options), wanted.absent.shown());
        let tuples_change = !wanted.tuples.is_nothing() || !deletions.is_empty() || !completed.is_empty();
        Self {
            version: 1,
            dry_run: true,
            changed: wanted.store.is_none() || written || tuples_change || env_written,
            server: api.url().to_owned(),
            store: StoreReport {
                id: wanted.store.as_ref().map(|store| store.id.clone()),
                name: file.name.clone(),
                created: wanted.store.is_none(),
            },
            model: ModelReport {
                id: wanted.model.same().map(str::to_owned),
                written,
                newest: wanted.model.newest.clone(),
                difference: wanted.model.difference.clone().unwrap_or_default(),
                stranded: wanted.stranded.clone(),
            },
            tuples: TupleReport {
                in_file: file.tuples.len(),
                written: wanted.tuples.missing.len(),
                rewritten: wanted.tuples.changed.len().saturating_add(completed.len()),
                deleted: deletions.len(),
                unchanged: wanted.tuples.unchanged,
            },
            deletions,
            completed,
            deletions_kept_in: None,
            tests: None,
            env_written,
        }
    }

    /// The report, once the changes are made.
    pub fn done(mut self, done: Done<'_>) -> Self {
        self.dry_run = false;
        self.store.id = Some(done.store.id.clone());
        self.model.id = Some(done.model.to_owned());
        self.deletions_kept_in = done.kept;
        self.tests = Some(TestReport { passed: done.tally.passed, failed: done.tally.failed });
        self
    }

    /// `store NAME is set up (10 tuples, 12 assertions passed)`.
    pub fn in_short(&self) -> String {
        let state = if self.changed { "is set up" } else { "is there" };
        let tuples = counted(self.tuples.in_file as u64, "tuple", "tuples");
        let tests = self.tests.as_ref().map(|tests| format!(", {}", tests.summary()));
        format!("OpenFGA's store {} {state} ({tuples}{})", clean_line(&self.store.name), tests.unwrap_or_default())
    }

    /// The tuples that the file does not name, and that were (or would be) deleted or written.
    fn tuples_by_name(&self, context: &Context) -> Vec<String> {
        let mut lines = match &self.deletions_kept_in {
            Some(path) => vec![format!("Deleted: kept in {}", terminal::clean_line(&context.shown(path)))],
            // Every one of them: this is what the dry run is for.
            None => self.deletions.iter().map(|tuple| format!("  - {}", terminal::clean_line(tuple))).collect(),
        };
        lines.extend(self.completed.iter().map(|tuple| format!("  + {}, again", terminal::clean_line(tuple))));
        lines
    }

    /// Prints the report, as JSON or as lines.
    pub fn show(&self, json: bool, context: &Context) -> Result<()> {
        if json {
            return context.terminal.json(self);
        }
        let name = &self.store.name;
        let first = match (self.changed, self.dry_run) {
            (false, _) => format!("Store {name}: no changes"),
            (true, true) => format!("Store {name} would change"),
            (true, false) => format!("Store {name} is set up"),
        };
        let id = |id: &Option<String>| format!(" {}", id.as_deref().unwrap_or("none yet"));
        let said = |so: bool, word: &str| {
            if so { format!(", {}{word}", if self.dry_run { "to be " } else { "" }) } else { String::new() }
        };
        let mut lines = vec![
            context.terminal.done_line(&terminal::clean_line(&first)),
            String::new(),
            format!("Server:  {}", self.server),
            format!("Store:  {}{}", id(&self.store.id), said(self.store.created, "created")),
            match &self.model.newest {
                Some(newest) if self.dry_run && self.model.written => {
                    format!("Model:   {}, another to be written", terminal::clean_line(newest))
                }
                _ => format!("Model:  {}{}", id(&self.model.id), said(self.model.written, "written")),
            },
            format!("Tuples:  {}", self.tuples.shown(&said)),
        ];
        lines.extend(self.tuples_by_name(context));
        if let Some(tests) = &self.tests {
            lines.push(format!("Tests:   {}", tests.summary()));
        }
        if self.env_written {
            let to_be = if self.dry_run { "to be " } else { "" };
            lines.push(format!(".env:    {STORE_ID} and {MODEL_ID} {to_be}written"));
        }
        let lines: Vec<String> = lines.iter().map(|line| line.trim_end().to_owned()).collect();
        context.terminal.result_report(&terminal::report(&lines))
    }
}

impl TestReport {
    fn summary(&self) -> String {
        summary(Tally { passed: self.passed, failed: self.failed, unanswered: 0 })
    }
}

impl TupleReport {
    fn shown(&self, said: &dyn Fn(bool, &str) -> String) -> String {
        let numbers = [(self.written, "written"), (self.rewritten, "written again"), (self.deleted, "deleted")];
        let parts = numbers.map(|(number, word)| said(number > 0, &format!("{word}: {}", count(number as u64))));
        format!("{} in the file{}", count(self.in_file as u64), parts.concat())
    }
}
