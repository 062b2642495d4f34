//! The files of a repository that a pattern of make means.

use super::pattern;
use super::repository::Repository;
use crate::error::Fault;
use crate::process::signals;

impl Repository {
    /// The paths below the folder that a pattern of make fits, whether git lists them or not; the pattern itself where it
    /// is a plain path. `None`: more than `most`, or a folder that cannot be read. No link is followed.
    ///
    /// # Errors
    /// A signal came.
    pub fn matching(&self, pattern: &str, most: usize) -> Result<Option<Vec<String>>, Fault> {
        if !pattern.contains(['*', '?']) {
            return Ok(Some(vec![pattern.to_owned()]));
        }
        let mut found = vec![String::new()];
        for part in pattern.split('/').filter(|part| !matches!(*part, "" | ".")) {
            let mut deeper = Vec::new();
            for outer in found {
                let Some(names) = self.names_in(&outer, part)? else { return Ok(None) };
                deeper.extend(
                    names.into_iter().map(|name| if outer.is_empty() { name } else { format!("{outer}/{name}") }),
                );
                if deeper.len() > most {
                    return Ok(None);
                }
            }
            found = deeper;
        }
        found.sort();
        Ok(Some(found))
    }

    /// The names in a folder that one part of a pattern fits.
    fn names_in(&self, folder: &str, part: &str) -> Result<Option<Vec<String>>, Fault> {
        let folder = self.folder.join(folder);
        // make follows a link; this reader does not.
        if folder.symlink_metadata().is_ok_and(|found| found.is_symlink()) {
            return Ok(None);
        }
        if !part.contains(['*', '?']) {
            return Ok(Some(vec![part.to_owned()]));
        }
        if !folder.is_dir() {
            return Ok(Some(Vec::new()));
        }
        let Ok(entries) = std::fs::read_dir(&folder) else { return Ok(None) };
        let mut names = Vec::new();
        for entry in entries.flatten() {
            signals::check()?;
            // One that is not UTF-8 cannot be read as text below either.
            let name = entry.file_name().to_string_lossy().into_owned();
            if pattern::fits(part, &name) && (part.starts_with('.') || !name.starts_with('.')) {
                names.push(name);
            }
        }
        Ok(Some(names))
    }
}
