//! Whether the files that a set names are there and are the ones that it names.

use super::{DatabaseFile, GlobalsFile, SetFile};
use crate::backup::globals::{self, ProvenGlobals};
use crate::backup::listing::Backup;
use crate::backup::proof::{self, Examined, Proven};
use crate::error::{Exit, Fault};
use crate::words::hex;
use anyhow::Result;
use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::Path;

const OTHER_DIGEST: &str = "its SHA-256 is not the one that the set names";

/// Proves the backup of one database of a set: every byte is as it was written, and it is the file that the set names.
/// `progress` hears how many bytes have been read.
///
/// # Errors
/// Exit 3: the file is missing, cut, damaged or another one.
pub fn prove_database(set: &SetFile, file: &DatabaseFile, progress: &dyn Fn(u64)) -> Result<Proven> {
    let path = set.path_of(&file.file);
    check_size(set, &path, file.bytes.get())?;
    let proven = proof::prove(&path, progress)?;
    let database = proven.manifest.as_ref().map(|manifest| &manifest.database);
    if hex(&proven.digest()) != *file.sha256 || database != Some(&file.database) {
        return Err(another(set, &path, OTHER_DIGEST).into());
    }
    Ok(proven)
}

/// Proves the file of roles of a set: every byte is as it was written, and it is the file that the set names.
///
/// # Errors
/// Exit 3: the file is missing, cut, damaged or another one.
pub fn prove_globals(set: &SetFile, file: &GlobalsFile) -> Result<ProvenGlobals> {
    let path = set.path_of(&file.file);
    check_size(set, &path, file.bytes.get())?;
    let proven = globals::prove(&path)?;
    if hex(&proven.digest) != *file.sha256 {
        return Err(another(set, &path, OTHER_DIGEST).into());
    }
    Ok(proven)
}

/// Whether every file of the set is there in its size, by a look at the folder only.
///
/// # Errors
/// Exit 3: a file is missing, or of another size.
pub fn check_presence(set: &SetFile) -> Result<(), Fault> {
    let globals = set.set.globals.iter().map(|globals| (&globals.file, globals.bytes));
    let files = set.set.databases.iter().map(|file| (&file.file, file.bytes)).chain(globals);
    for (file, bytes) in files {
        check_size(set, &set.path_of(file), bytes.get())?;
    }
    Ok(())
}

/// Checks a set by a listing of its folder, by path. Files that were read to the end must be those that the set names.
///
/// # Errors
/// Exit 3: a file is missing, unfit, or another one.
pub fn check_listed(set: &SetFile, backups: &HashMap<&Path, &Backup>) -> Result<(), Fault> {
    check_presence(set)?;
    let databases = set.set.databases.iter().map(|file| (&file.file, &file.sha256));
    let globals = set.set.globals.iter().map(|globals| (&globals.file, &globals.sha256));
    for (file, sha256) in databases.chain(globals) {
        let path = set.path_of(file);
        let Some(backup) = backups.get(path.as_path()) else { continue };
        let Examined { verdict, digest, .. } = &backup.examined;
        if verdict.is_unfit() {
            return Err(another(set, &path, &format!("it is {}", verdict.as_str())));
        }
        if digest.is_some_and(|digest| hex(&digest) != **sha256) {
            return Err(another(set, &path, OTHER_DIGEST));
        }
    }
    Ok(())
}

fn check_size(set: &SetFile, path: &Path, expected: u64) -> Result<(), Fault> {
    match path.symlink_metadata() {
        Ok(facts) if facts.is_file() && facts.len() == expected => Ok(()),
        Ok(facts) if facts.is_file() => {
            Err(another(set, path, &format!("it has {} bytes and should have {expected}", facts.len())))
        }
        Ok(_) => Err(another(set, path, "it is not a regular file")),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(another(set, path, "it is missing")),
        Err(error) => Err(another(set, path, &error.to_string())),
    }
}

fn another(set: &SetFile, path: &Path, why: &str) -> Fault {
    let message = format!("{} is not the file that {} names: {why}", path.display(), set.path.display());
    Fault::new(Exit::Refused, message)
        .hint("put the file of that set back; or list what there is: cargo xtask db-list --check")
}
