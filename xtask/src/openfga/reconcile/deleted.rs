//! Deleted tuples, kept as a file of tuples that this program and the `fga` tool read.

use crate::error::Fault;
use crate::openfga::api::Stored;
use crate::openfga::tuples::with_condition;
use crate::target::percent;
use crate::target::state_folder::write_private;
use anyhow::{Context as _, Result};
use std::path::{Path, PathBuf};

/// Writes the tuples that are about to be deleted: one line each in a JSON array, private, on disk when this returns.
///
/// # Errors
/// Exit 1: then nothing may be deleted.
pub fn keep(folder: &Path, store: &str, tuples: &[Stored]) -> Result<PathBuf> {
    let lines = tuples.iter().map(|tuple| with_condition(tuple.key(), tuple.condition.as_ref()).to_string());
    let text = format!("[\n{}\n]\n", lines.collect::<Vec<_>>().join(",\n"));
    let time = chrono::Local::now().format("%Y%m%d_%H%M%S");
    let stem = format!("{}_deleted_tuples_{time}", percent::encoded(store));
    let mut names = (1..).map(|copy| match copy {
        1 => folder.join(format!("{stem}.json")),
        copy => folder.join(format!("{stem}_{copy}.json")),
    });
    let refused = || {
        let fault = Fault::failed(format!("{} cannot be written; no tuple was deleted", folder.display()));
        fault.hint("the tuples to be deleted are saved there: make it writable, and free some space on its disk")
    };
    let path = names.find(|path| path.symlink_metadata().is_err()).with_context(refused)?;
    write_private(&path, text.as_bytes()).with_context(refused)?;
    Ok(path)
}
