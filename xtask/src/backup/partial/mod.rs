//! A backup that is not finished: `….<run>.partial`, private, locked by its writer, and published under its
//! final name without ever replacing a file. A partial whose lock is free was left by a killed run.

mod leftovers;

pub(super) use leftovers::clear_leftovers;

use super::name::UNFINISHED;
use super::space;
use crate::error::{Exit, Fault};
use crate::platform;
use anyhow::{Context as _, Result};
use std::fs::{self, File};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

const ATTEMPTS: usize = 100;
/// Files are compared in pieces of so many bytes.
const PIECE: usize = 1 << 20;

/// The file being written. Dropped without `publish`, it is removed.
#[derive(Debug)]
pub struct Partial {
    file: File,
    path: PathBuf,
    folder: PathBuf,
    published: bool,
}

impl Partial {
    /// Creates the file. `run` names it and the server session that feeds it, so that a later run can end both.
    pub(super) fn create(folder: &Path, stem: &str, run: &str) -> Result<Self> {
        let path = folder.join(format!("{stem}.{run}{UNFINISHED}"));
        let cannot = |error| failed(folder, error);
        // Another run that clears leftovers may see the file before it is locked, and take it away: then it is made
        // again.
        for _ in 0..ATTEMPTS {
            let file = platform::create_private(&path).map_err(cannot)?;
            platform::hold(&file).map_err(cannot)?;
            if platform::is_still_at(&file, &path).map_err(cannot)? {
                return Ok(Self { file, path, folder: folder.to_owned(), published: false });
            }
        }
        Err(Fault::failed("other runs removed the unfinished backup").hint("try again").into())
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let written = self.file.seek(SeekFrom::End(0)).and_then(|_| self.file.write_all(bytes));
        written.map_err(|error| self.failed(error))
    }

    /// The file for a program's stdout. It is opened a second time: a lock that the program inherited would outlive us.
    pub(super) fn for_program(&self) -> Result<File> {
        let file = platform::open_to_append(&self.path).map_err(|error| self.failed(error))?;
        if platform::is_same_file(&self.file, &file).map_err(|error| self.failed(error))? {
            return Ok(file);
        }
        Err(self.replaced())
    }

    /// The file for a reader in this process.
    pub(super) fn for_reading(&self) -> Result<File> {
        self.file.try_clone().map_err(|error| self.failed(error))
    }

    /// How many bytes were written.
    pub(super) fn bytes(&self) -> Result<u64> {
        self.file.metadata().map(|facts| facts.len()).map_err(|error| self.failed(error))
    }

    /// Why a program that writes to the file failed, where that was for want of room.
    pub(super) fn explain(&self, error: anyhow::Error) -> anyhow::Error {
        let is_full = |cause: &(dyn std::error::Error + 'static)| {
            cause.downcast_ref().is_some_and(platform::is_disk_full) || space::is_full_by_words(&cause.to_string())
        };
        if error.chain().any(is_full) { error.context(space::full(&self.folder, "it is full")) } else { error }
    }

    /// What is in the file from this place on, as far as it goes.
    pub(super) fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize> {
        platform::read_at(&self.file, buffer, offset).with_context(|| format!("reading {}", self.path.display()))
    }

    /// Makes the file durable and gives it its name: the first of `names` that is free.
    ///
    /// # Errors
    /// There is no free name, or no room. Another user who may write in the folder gave the name of the unfinished file to
    /// a file of theirs, which gets no backup's name.
    pub(super) fn publish(mut self, names: impl Iterator<Item = PathBuf>) -> Result<PathBuf> {
        self.file.sync_all().map_err(|error| self.failed(error))?;
        if !self.is_at(&self.path)? {
            return Err(self.replaced());
        }
        let name = self.link_to_first_free(names)?;
        // Some file systems, such as sshfs, show the two names of a file as two files.
        let is_ours = self.is_at(&name).and_then(|is_same| Ok(is_same || self.has_same_bytes(&name)?));
        if !matches!(is_ours, Ok(true)) {
            // A file that is another one, or could not be compared, does not keep a backup's name.
            let _ = fs::remove_file(&name);
            return Err(is_ours.err().unwrap_or_else(|| self.replaced()));
        }
        self.published = true;
        // Gone already where the link had to be a rename.
        let _ = fs::remove_file(&self.path);
        let folder = name.parent().unwrap_or(&self.folder);
        platform::sync_folder(folder).with_context(|| {
            let fault = format!("The backup {} is written, but its folder could not be made durable", name.display());
            Fault::new(Exit::Partial, fault)
                .hint("a power failure now may lose the name: check the folder's permissions and its disk, then: sync")
        })?;
        Ok(name)
    }

    fn link_to_first_free(&self, names: impl Iterator<Item = PathBuf>) -> Result<PathBuf> {
        for name in names {
            match link(&self.path, &name) {
                Ok(()) => return Ok(name),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(self.failed(error)),
            }
        }
        let fault = Fault::failed("A file of that name exists already; a backup never replaces a file");
        Err(fault.hint("name another file, or a folder").into())
    }

    fn is_at(&self, path: &Path) -> Result<bool> {
        platform::is_still_at(&self.file, path).map_err(|error| self.failed(error))
    }

    /// Whether the file of this name holds what was written here.
    fn has_same_bytes(&self, name: &Path) -> Result<bool> {
        let same = || -> io::Result<bool> {
            let other = platform::open_no_follow(name)?;
            let (mut ours, mut theirs) = (vec![0; PIECE], vec![0; PIECE]);
            let mut offset = 0_u64;
            loop {
                let read = platform::read_at(&self.file, &mut ours, offset)?;
                // A piece may come in parts: it is read again from where the shorter one ends.
                let read = read.min(platform::read_at(&other, &mut theirs, offset)?);
                if ours[..read] != theirs[..read] {
                    return Ok(false);
                }
                if read == 0 {
                    return Ok(self.file.metadata()?.len() == offset && other.metadata()?.len() == offset);
                }
                offset = offset.saturating_add(read as u64);
            }
        };
        same().map_err(|error| self.failed(error))
    }

    fn replaced(&self) -> anyhow::Error {
        let folder = self.folder.display();
        let fault = Fault::failed(format!("Another program removed or replaced the unfinished backup in {folder}"));
        fault.hint("if other users may write in that folder, take that right away; then try again").into()
    }

    fn failed(&self, error: io::Error) -> anyhow::Error {
        failed(&self.folder, error)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.published {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// A second name for the file, never in place of another; a rename that cannot replace where links are unknown.
fn link(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
        Err(error) => platform::rename_no_replace(from, to)
            .map_err(|second| if second.kind() == io::ErrorKind::AlreadyExists { second } else { error }),
        Ok(()) => Ok(()),
    }
}

fn failed(folder: &Path, error: io::Error) -> anyhow::Error {
    let fault = if platform::is_disk_full(&error) {
        space::full(folder, "it is full")
    } else {
        Fault::failed(format!("The backup cannot be written to {}", folder.display()))
            .hint("check its owner and permissions, or write elsewhere: cargo xtask db-backup --output DIR")
    };
    anyhow::Error::new(error).context(fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_another_put_at_its_name_is_never_published() {
        let folder = std::env::temp_dir().join(format!("xtask-swapped-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let mut running = Partial::create(&folder, "a", "xtask-0000000000c1").unwrap();
        running.write(b"ours").unwrap();
        fs::write(folder.join("theirs"), "theirs").unwrap();
        fs::rename(folder.join("theirs"), &running.path).unwrap();
        let mut text = String::new();
        let mut reading = running.for_reading().unwrap();
        reading.seek(SeekFrom::Start(0)).and_then(|_| std::io::Read::read_to_string(&mut reading, &mut text)).unwrap();
        assert_eq!(text, "ours", "a reader gets the file that was written");
        assert!(running.for_program().unwrap_err().to_string().starts_with("Another program removed or replaced"));
        fs::write(folder.join("same"), "ours").unwrap();
        assert!(running.has_same_bytes(&folder.join("same")).unwrap());
        for other in ["", "our", "oursx", "OURS"] {
            fs::write(folder.join("other"), other).unwrap();
            assert!(!running.has_same_bytes(&folder.join("other")).unwrap(), "{other:?}");
        }
        let error = running.publish([folder.join("a.sql")].into_iter()).unwrap_err();
        assert!(error.to_string().starts_with("Another program removed or replaced"), "{error:#}");
        assert!(!folder.join("a.sql").exists());
        fs::remove_dir_all(&folder).unwrap();
    }
}
