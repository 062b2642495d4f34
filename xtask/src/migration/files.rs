//! The files of `migrations/`: `<version>_<words>.up.sql` with its `.down.sql`, or a plain `.sql` that has no way back.

use crate::error::Fault;
use anyhow::{Context as _, Result};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// With version and ending a file's name may have 255 bytes almost everywhere.
const LONGEST_NAME: usize = 200;

/// One version and its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// The number before the first `_`.
    pub version: i64,
    /// The rest of the name, `_` read as a blank.
    pub description: String,
    pub up: PathBuf,
    /// `None`: it has no way back.
    pub down: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Up,
    Down,
    Only,
}

struct Named {
    version: i64,
    description: String,
    part: Part,
}

/// All migrations of a folder, oldest first. A folder that is not there holds none.
///
/// # Errors
/// An SQL file whose name tells no version, a version that two files claim, a way back from nothing.
pub fn read(folder: &Path) -> Result<Vec<Migration>> {
    let mut paths = match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error).with_context(|| format!("{} cannot be read", folder.display())),
    };
    paths.retain(|path| path.is_file());
    paths.sort();
    let mut found: BTreeMap<i64, Migration> = BTreeMap::new();
    let mut downs: BTreeMap<i64, PathBuf> = BTreeMap::new();
    for path in paths {
        let Some(named) = named(&path)? else { continue };
        let version = named.version;
        let earlier = if named.part == Part::Down {
            downs.insert(version, path.clone())
        } else {
            let migration = Migration { version, description: named.description, up: path.clone(), down: None };
            found.insert(version, migration).map(|earlier| earlier.up)
        };
        if let Some(earlier) = earlier {
            let fault = format!("Version {version} is claimed by two files: {} and {}", shown(&earlier), shown(&path));
            return Err(Fault::failed(fault).hint("give the newer one a version of its own").into());
        }
    }
    for (version, down) in downs {
        match found.get_mut(&version).filter(|migration| is_up(&migration.up)) {
            Some(migration) => migration.down = Some(down),
            None => {
                let fault = Fault::failed(format!("{} leads back from nothing: it has no .up.sql file", shown(&down)));
                return Err(fault.hint("add its .up.sql file, or remove it").into());
            }
        }
    }
    Ok(found.into_values().collect())
}

/// What a name says; `None` for what is no SQL file.
fn named(path: &Path) -> Result<Option<Named>, Fault> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if !name.ends_with(".sql") {
        return Ok(None);
    }
    let parsed = name.split_once('_').and_then(|(version, rest)| Some((version.parse::<i64>().ok()?, rest)));
    let Some((version, rest)) = parsed else {
        return Err(Fault::failed(format!("{} is not named as a migration", shown(path)))
            .hint("its name must be <version>_<words>.up.sql; make one with: cargo xtask db-migrate new WORDS"));
    };
    let (part, ending) = match rest {
        rest if rest.ends_with(".up.sql") => (Part::Up, ".up.sql"),
        rest if rest.ends_with(".down.sql") => (Part::Down, ".down.sql"),
        _ => (Part::Only, ".sql"),
    };
    let description = rest.trim_end_matches(ending).replace('_', " ");
    Ok(Some(Named { version, description, part }))
}

fn is_up(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(".up.sql"))
}

/// A file as people name it: folder and name.
pub fn shown(path: &Path) -> String {
    let folder = path.parent().and_then(Path::file_name).unwrap_or_default();
    Path::new(folder).join(path.file_name().unwrap_or_default()).display().to_string()
}

/// Makes both files of a new migration; `words` become part of their names.
pub fn create(folder: &Path, version: i64, words: &str) -> Result<[PathBuf; 2]> {
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
    let parts = [("up", UP), ("down", DOWN)];
    let made = parts.map(|(part, text)| {
        let path = folder.join(format!("{version}_{name}.{part}.sql"));
        let mut file = fs::File::create_new(&path).with_context(|| format!("{} cannot be made", path.display()))?;
        io::Write::write_all(&mut file, text.as_bytes())?;
        Ok::<_, anyhow::Error>(path)
    });
    let [up, down] = made;
    Ok([up?, down?])
}

const UP: &str = "\
-- Runs in one transaction, with its row in the ledger: no BEGIN or COMMIT here.
-- CREATE INDEX CONCURRENTLY and its like need a file of their own whose first line is: -- no-transaction

";
const DOWN: &str = "\
-- Takes back what the .up.sql file does, newest first; cargo xtask db-migrate verify tries it.

";

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(name: &str) -> (i64, String, Part) {
        let named = named(Path::new(name)).unwrap().unwrap();
        (named.version, named.description, named.part)
    }

    #[test]
    fn names_are_read_as_sqlx_reads_them() {
        let up = parsed("20251021140000_create_sessions.up.sql");
        assert_eq!(up, (20_251_021_140_000, "create sessions".to_owned(), Part::Up));
        assert_eq!(parsed("1_a__b.down.sql"), (1, "a  b".to_owned(), Part::Down));
        assert_eq!(parsed("007_x.y.sql"), (7, "x.y".to_owned(), Part::Only));
        assert!(named(Path::new("README.md")).unwrap().is_none());
        assert!(named(Path::new("sessions.sql")).is_err() && named(Path::new("x_y.up.sql")).is_err());
        assert!(named(Path::new("99999999999999999999_y.up.sql")).is_err());
    }
}
