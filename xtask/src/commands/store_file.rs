//! What `setup-openfga` and `test-auth` have in common: the store file, the server, and how results are shown.

use crate::context::Context;
use crate::openfga::api::Api;
use crate::openfga::assertions::Outcome;
use crate::openfga::server::Server;
use crate::openfga::store_file::findings::SHOWN;
use crate::openfga::store_file::{StoreFile, Wishes};
use crate::terminal;
use anyhow::Result;
use std::path::PathBuf;

/// Which store file is meant.
#[derive(Debug, Default, clap::Args)]
pub struct FileArgs {
    /// The store file [default: openfga/store.fga.yaml]
    #[arg(long, short, value_name = "FILE")]
    file: Option<PathBuf>,
    /// The store's name [default: the file's own]
    #[arg(long, value_name = "NAME")]
    store: Option<String>,
    /// Let the store file name files outside its folder
    #[arg(long)]
    allow_external_files: bool,
}

impl FileArgs {
    /// Where the store file is.
    pub fn path(&self, context: &Context) -> PathBuf {
        match &self.file {
            Some(file) => context.typed(file),
            None => context.root.join("openfga").join("store.fga.yaml"),
        }
    }

    /// Reads the store file and says what its author should know.
    pub fn read(&self, context: &Context) -> Result<StoreFile> {
        let path = self.path(context);
        let wishes = Wishes { store: self.store.as_deref(), allow_external_files: self.allow_external_files };
        let file = StoreFile::read(&path, &context.shown(&path), wishes)?;
        for warning in file.warnings.iter().take(SHOWN) {
            context.terminal.warn(&terminal::clean(&warning.to_string()));
        }
        if file.warnings.len() > SHOWN {
            context.terminal.warn(&format!("{} more warnings", terminal::count((file.warnings.len() - SHOWN) as u64)));
        }
        Ok(file)
    }
}

/// The server's API, once it is known to answer.
pub fn connected(server: &Server, context: &Context) -> Result<Api> {
    let waiting = context.terminal.waiting("waiting for OpenFGA");
    server.wait_until_ready()?;
    drop(waiting);
    Ok(Api::new(server.endpoint.clone()))
}

/// One line for an assertion; more where it failed.
pub fn outcome_lines(outcome: &Outcome, context: &Context) -> Vec<String> {
    let terminal = &context.terminal;
    let question = terminal::clean(&format!("{} {}", outcome.kind, outcome.question));
    let (expected, actual) =
        (terminal::clean(&outcome.expected.to_string()), terminal::clean(&outcome.actual.to_string()));
    if !outcome.passed {
        let line =
            terminal.failure_line(&format!("{question}  (line {}, {})", outcome.line, terminal::clean(&outcome.test)));
        return vec![line, format!("    expected {expected}"), format!("    got      {actual}")];
    }
    if !outcome.extra.is_empty() {
        let extra = terminal::clean(&outcome.extra.join(", "));
        return vec![
            terminal.warning_line(&format!("{question}: {expected}; the store's other tuples give also {extra}")),
        ];
    }
    vec![terminal.done_line(&format!("{question}: {expected}"))]
}
