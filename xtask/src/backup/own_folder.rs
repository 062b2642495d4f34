//! The checkout's own `backups/`: whole dumps lie there, so git must not see them, in whatever repository it is.

use super::space;
use crate::target::state_folder;
use anyhow::Result;
use std::path::Path;

/// Makes the folder, where it is not there yet, and has git ignore what is in it. A `.gitignore` that is there stays.
///
/// # Errors
/// Something else stands there, or it cannot be made. A `.gitignore` that cannot be written is no reason to go without a
/// backup: if the folder cannot be written to at all, the backup itself says so.
pub fn make(folder: &Path) -> Result<()> {
    space::make_folder(folder)?;
    state_folder::keep_out_of_git(folder, "backups hold data");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_folder_ignores_itself_and_a_teams_own_rules_stay() {
        let folder = std::env::temp_dir().join(format!("xtask-own-folder-{}", std::process::id()));
        make(&folder).unwrap();
        assert!(std::fs::read_to_string(folder.join(".gitignore")).unwrap().ends_with("\n*\n"));
        std::fs::write(folder.join(".gitignore"), "*.sql\n").unwrap();
        make(&folder).unwrap();
        assert_eq!(std::fs::read(folder.join(".gitignore")).unwrap(), b"*.sql\n");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
