//! The files of a new migration.

use crate::error::Fault;
use anyhow::{Context as _, Result};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// With version and ending a file's name may have 255 bytes almost everywhere.
const LONGEST_NAME: usize = 200;

/// Makes the files of a new migration, both or, `one_way`, one; `words` become part of their names.
///
/// # Errors
/// Exit 2: the words make no name. A file cannot be made, or is there already.
pub fn create(folder: &Path, version: &str, words: &str, one_way: bool) -> Result<Vec<PathBuf>> {
    let letters = words.chars().map(|letter| if letter.is_alphanumeric() { letter } else { '_' });
    let name: String = letters.flat_map(char::to_lowercase).collect();
    let name = name.split('_').filter(|word| !word.is_empty()).collect::<Vec<_>>().join("_");
    if name.is_empty() {
        return Err(Fault::usage("The words must have letters: they become the file's name").into());
    }
    if name.len() > LONGEST_NAME {
        let fault = format!("The words are {} bytes long; they become the file's name", name.len());
        return Err(Fault::usage(fault).hint(format!("at most {LONGEST_NAME} bytes: say it in fewer words")).into());
    }
    fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let parts: &[(&str, &str)] = if one_way { &[("", UP)] } else { &[(".up", UP), (".down", DOWN)] };
    let made = parts.iter().map(|(part, text)| {
        let path = folder.join(format!("{version}_{name}{part}.sql"));
        let cannot = || format!("{} cannot be made", path.display());
        let mut file = fs::File::create_new(&path).with_context(cannot)?;
        file.write_all(text.as_bytes()).with_context(cannot)?;
        Ok(path)
    });
    made.collect()
}

const UP: &str = "\
-- Runs in one transaction, with its row in the ledger: no BEGIN or COMMIT here.
-- CREATE INDEX CONCURRENTLY and its like need a file of their own whose first line is: -- no-transaction

";
const DOWN: &str = "\
-- Reverts what the .up.sql file does, newest first; cargo xtask db-migrate verify tries it.

";
