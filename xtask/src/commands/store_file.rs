//! What `setup-openfga` and `test-auth` have in common: the store file, the server, and how results are shown.

use crate::context::Context;
use crate::openfga::api::Api;
use crate::openfga::assertions::{Outcome, Tally, difference};
use crate::openfga::server::OpenfgaServer;
use crate::openfga::store_file::findings::SHOWN;
use crate::openfga::store_file::{Options, StoreFile};
use crate::target::Target;
use crate::terminal::{self, counted};
use anyhow::Result;
use std::path::{Path, PathBuf};

/// `--file -`: the store file comes on stdin.
const STDIN: &str = "-";

/// Which store file is meant.
#[derive(Debug, Default, clap::Args)]
pub struct FileArgs {
    /// The store file; - reads it from stdin [default: openfga/store.fga.yaml]
    #[arg(long, short, value_name = "FILE")]
    file: Option<PathBuf>,
    /// The store's name [default: the file's own]
    #[arg(long, value_name = "NAME")]
    store: Option<String>,
    /// Let the store file name files outside its folder
    #[arg(long)]
    allow_external_files: bool,
    /// Where tests need a second OpenFGA and none can be started, run them in a temporary store of the server; its rows
    /// stay in the database
    #[arg(long)]
    pub temporary_store: bool,
}

impl FileArgs {
    /// What was typed of it that makes another file or store of it, as words of a command line.
    pub fn typed(&self) -> Vec<(&'static str, String)> {
        let file = self.file.iter().map(|file| ("--file", terminal::shell_word(&file.display().to_string())));
        let store = self.store.iter().map(|store| ("--store", terminal::shell_word(store)));
        let external = self.allow_external_files.then(|| ("--allow-external-files", String::new()));
        file.chain(store).chain(external).collect()
    }

    /// Where the store file is; `None` where it comes on stdin.
    pub fn path(&self, context: &Context) -> Option<PathBuf> {
        match &self.file {
            Some(file) if file == Path::new(STDIN) => None,
            Some(file) => Some(context.typed(file)),
            None => Some(context.root.join("openfga").join("store.fga.yaml")),
        }
    }

    /// Reads the store file and says what its author should know.
    pub fn read(&self, context: &Context) -> Result<StoreFile> {
        let options = Options { store: self.store.as_deref(), allow_external_files: self.allow_external_files };
        let file = match self.path(context) {
            Some(path) => StoreFile::read(&path, &context.shown(&path), options)?,
            // Files that it names are those of the folder that the user stands in.
            None => {
                let bytes = context.terminal.stdin_bytes("the store file")?;
                StoreFile::of(bytes, &context.here, "<stdin>", None, options)?
            }
        };
        for warning in file.warnings.iter().take(SHOWN) {
            context.terminal.warn(&warning.to_string());
        }
        if file.warnings.len() > SHOWN {
            context.terminal.warn(&format!("{} more warnings", terminal::count((file.warnings.len() - SHOWN) as u64)));
        }
        Ok(file)
    }
}

/// The server's API, once it is known to answer.
pub fn connected(server: &mut OpenfgaServer, target: &Target, context: &Context) -> Result<Api> {
    let waiting = context.terminal.waiting("waiting for OpenFGA");
    server.wait_until_ready(target)?;
    drop(waiting);
    Ok(Api::new(server.endpoint.clone()))
}

/// One line for an assertion; more where it failed or a person should know more.
pub fn outcome_lines(outcome: &Outcome, context: &Context) -> Vec<String> {
    let terminal = &context.terminal;
    let question = terminal::clean_line(&format!("{} {}", outcome.kind, outcome.question));
    let place = format!("(line {}, {})", outcome.line, terminal::clean_line(&outcome.test));
    let note = outcome.note.iter().map(|note| format!("    {}", terminal::clean_line(note)));
    if outcome.is_unanswered() {
        let why = terminal::clean_line(&outcome.actual.to_string());
        return vec![terminal.warning_line(&format!("{question}  {place}")), format!("    {why}")];
    }
    if !outcome.passed {
        let lines = difference(&outcome.expected, &outcome.actual);
        let width = lines.iter().map(|(label, _)| label.len()).max().unwrap_or_default();
        let lines =
            lines.into_iter().map(|(label, text)| format!("    {label:width$} {}", terminal::clean_line(&text)));
        return std::iter::once(terminal.failure_line(&format!("{question}  {place}")))
            .chain(lines)
            .chain(note)
            .collect();
    }
    let expected = terminal::clean_line(&outcome.expected.to_string());
    if !outcome.extra.is_empty() {
        let extra = terminal::clean_line(&outcome.extra.join(", "));
        let line = format!("{question}: {expected}; the store's other tuples also give {extra}");
        return std::iter::once(terminal.warning_line(&line)).chain(note).collect();
    }
    std::iter::once(terminal.done_line(&format!("{question}: {expected}"))).chain(note).collect()
}

/// `9 assertions passed`, `7 passed, 2 failed`, `7 passed, 2 failed, 1 without an answer`.
pub fn summary(tally: Tally) -> String {
    let Tally { passed, failed, unanswered } = tally;
    let count = |number: usize| terminal::count(number as u64);
    match (passed, failed, unanswered) {
        (0, 0, 0) => "The file has no tests".to_owned(),
        (passed, 0, 0) => format!("{} passed", counted(passed as u64, "assertion", "assertions")),
        (passed, failed, 0) => format!("{} passed, {} failed", count(passed), count(failed)),
        (passed, 0, open) => format!("{} passed, {} without an answer", count(passed), count(open)),
        (passed, failed, open) => {
            format!("{} passed, {} failed, {} without an answer", count(passed), count(failed), count(open))
        }
    }
}
