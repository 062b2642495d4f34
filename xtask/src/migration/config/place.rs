//! Where the folder of the migrations is, and the `sqlx.toml` nearest to it.

use crate::error::Fault;
use crate::words::shell_word;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// The file's name.
pub(super) const FILE: &str = "sqlx.toml";
/// The setting that names the folder, or `none`; it wins over the file.
pub const SETTING: &str = "XTASK_MIGRATIONS";

/// The `sqlx.toml` nearest to a folder of migrations, below the checkout's top folder; of a folder outside of the
/// checkout the one beside it.
pub(super) fn nearest(root: &Path, folder: &Path) -> Option<PathBuf> {
    let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let (root, folder) = (real(root), real(folder));
    let above = folder.ancestors().skip(1).take_while(|above| above.starts_with(&root) && **above != *root);
    let outside = folder.parent().filter(|parent| !parent.starts_with(&root) && !root.starts_with(parent));
    above.chain(outside).map(|folder| folder.join(FILE)).find(|path| path.symlink_metadata().is_ok())
}

/// The folder that the setting names.
pub(super) fn named(root: &Path, folder: &str) -> Result<PathBuf, Fault> {
    let path = root.join(folder);
    if path.is_dir() { Ok(path) } else { Err(no_folder(root, &format!("{SETTING} is {folder:?}"), "")) }
}

/// The folder that `sqlx.toml` names: without it sqlx runs nothing, and a folder that is not there has nothing pending.
pub(super) fn of_file(root: &Path, folder: &Path) -> Result<PathBuf, Fault> {
    let path = root.join(folder);
    let says = || format!("{FILE} names migrations-dir = {folder:?}");
    if path.is_dir() { Ok(path) } else { Err(no_folder(root, &says(), "fix the name, or make the folder; ")) }
}

fn no_folder(root: &Path, says: &str, first: &str) -> Fault {
    Fault::usage(format!("{says}, which is not a folder")).hint(format!(
        "{first}its path begins at {}; where there are to be no migrations: {SETTING}=none",
        shell_word(&root.to_string_lossy())
    ))
}

/// Whether a path leads to a place below the checkout's top folder, through no link out of it. It need not be there.
pub(super) fn is_inside(root: &Path, path: &Path) -> bool {
    let goes_up = path.components().any(|part| part == Component::ParentDir);
    let there = path.ancestors().find_map(|above| above.canonicalize().ok());
    !goes_up && root.canonicalize().is_ok_and(|root| there.is_some_and(|there| there.starts_with(root)))
}
