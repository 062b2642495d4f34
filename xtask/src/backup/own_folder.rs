//! The checkout's own `backups/`: whole dumps lie there, so git must not see them, in whatever repository it is.

use super::space;
use anyhow::Result;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

/// Everything in the folder, the file itself too: the repository has nothing to add.
const IGNORED: &[u8] = b"# Written by xtask: backups hold data, and stay out of git.\n*\n";

/// Makes the folder, where it is not there yet, and has git ignore what is in it. A `.gitignore` that is there stays.
///
/// # Errors
/// Something else stands there, or it cannot be made. A `.gitignore` that cannot be written is no reason to go without a
/// backup: if the folder cannot be written to at all, the backup itself says so.
pub fn make(folder: &Path) -> Result<()> {
    space::make_folder(folder)?;
    // Git does not look behind a link.
    if folder.is_symlink() {
        return Ok(());
    }
    let path = folder.join(".gitignore");
    if let Ok(mut file) = OpenOptions::new().write(true).create_new(true).open(&path)
        && file.write_all(IGNORED).is_err()
    {
        let _ = std::fs::remove_file(&path);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_folder_ignores_itself_and_a_teams_own_rules_stay() {
        let folder = std::env::temp_dir().join(format!("xtask-own-folder-{}", std::process::id()));
        make(&folder).unwrap();
        assert_eq!(std::fs::read(folder.join(".gitignore")).unwrap(), IGNORED);
        std::fs::write(folder.join(".gitignore"), "*.sql\n").unwrap();
        make(&folder).unwrap();
        assert_eq!(std::fs::read(folder.join(".gitignore")).unwrap(), b"*.sql\n");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
