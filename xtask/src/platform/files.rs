//! Files of this user's own and files of others: making, opening, reading, locking, renaming.

use super::system;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// Creates a new file that this user alone may read and write, whatever the umask is; fails on anything that exists, a
/// symbolic link too.
pub fn create_private(path: &Path) -> io::Result<File> {
    system::create_private(path)
}

/// Creates a folder that its user may read, write and enter, whatever the umask is.
pub fn create_folder(path: &Path) -> io::Result<()> {
    system::create_folder(path)
}

/// Opens a regular file for reading and writing, and makes it where there is none, for this user alone; fails on
/// anything else that bears the name, a symbolic link, a pipe or a device.
pub fn open_own(path: &Path) -> io::Result<File> {
    let file = match create_private(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => system::open_to_change(path)?,
        made => made?,
    };
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is not a regular file")) }
}

/// Opens a regular file that exists so that every write goes to its end; fails on a symbolic link.
pub fn open_to_append(path: &Path) -> io::Result<File> {
    let file = system::open_to_append(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is not a regular file")) }
}

/// Reads from a place of the file, wherever others read or write it.
pub fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    system::read_at(file, buffer, offset)
}

/// Opens a file for reading; fails on a symbolic link.
pub fn open_no_follow(path: &Path) -> io::Result<File> {
    system::open_no_follow(path)
}

/// Opens a regular file for reading, also through a symbolic link; a folder, a device or a pipe is refused at once.
pub fn open_regular(path: &Path) -> io::Result<File> {
    let refused = |what: &str| Err(io::Error::other(what.to_owned()));
    let before = std::fs::metadata(path)?;
    if before.is_dir() {
        return refused("it is a folder");
    }
    let other = "it is not a regular file";
    if !before.is_file() {
        return refused(other);
    }
    let file = system::open_without_waiting(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { refused(other) }
}

/// The bytes of a regular file of at most `longest` bytes, also through a symbolic link.
pub fn read_regular(path: &Path, longest: u64) -> io::Result<Vec<u8>> {
    read_bounded(open_regular(path)?, longest)
}

/// Opens a regular file for reading that belongs to the user to whom its folder belongs; fails on anything else that
/// bears the name, a symbolic link, a pipe or a device. So root reads in another user's folder nothing but what is theirs.
pub fn open_of_folder(path: &Path) -> io::Result<File> {
    let file = system::open_no_follow(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    if system::owner_of_open(&file)? != system::owner_of(folder)? {
        return Err(io::Error::other("it belongs to another user than its folder"));
    }
    Ok(file)
}

/// The bytes of an open file of at most `longest` bytes.
pub fn read_bounded(file: File, longest: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(longest.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > longest {
        return Err(io::Error::other(format!("it is longer than {longest} bytes")));
    }
    Ok(bytes)
}

/// Marks a file that we made as ours until it is closed, however we end; waits for a program that reads it just now.
pub fn hold(file: &File) -> io::Result<()> {
    system::hold(file)
}

/// Opens a file and locks it. `None` where another process has it locked. Fails on a symbolic link.
pub fn open_unless_held(path: &Path) -> io::Result<Option<File>> {
    system::open_unless_held(path)
}

/// Whether the open file is the one that bears this name now.
pub fn is_still_at(file: &File, path: &Path) -> io::Result<bool> {
    system::is_still_at(file, path)
}

/// Whether both are the same file, whatever names it has.
pub fn is_same_file(one: &File, other: &File) -> io::Result<bool> {
    system::is_same_file(one, other)
}

/// Makes a folder's entries durable, as far as the system knows how.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    system::sync_folder(folder)
}

/// Renames without ever replacing; `Unsupported` where the system cannot promise that.
pub fn rename_no_replace(from: &Path, to: &Path) -> io::Result<()> {
    system::rename_no_replace(from, to)
}

/// Whether the error means that the disk or the quota is full.
pub fn is_disk_full(error: &io::Error) -> bool {
    system::is_disk_full(error)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::open_own;
    use std::io::Write as _;

    #[test]
    fn a_link_or_a_folder_at_the_name_of_an_own_file_is_refused() {
        let folder = std::env::temp_dir().join(format!("xtask-own-file-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (other, own) = (folder.join("other"), folder.join("own"));
        std::fs::write(&other, "precious").unwrap();
        std::os::unix::fs::symlink(&other, &own).unwrap();
        open_own(&own).unwrap_err();
        open_own(&folder).unwrap_err();
        assert_eq!(std::fs::read_to_string(&other).unwrap(), "precious");
        std::fs::remove_file(&own).unwrap();
        open_own(&own).unwrap().write_all(b"1").unwrap();
        open_own(&own).unwrap().write_all(b"2").unwrap();
        assert_eq!(std::fs::read_to_string(&own).unwrap(), "2");
        std::fs::remove_dir_all(folder).unwrap();
    }
}
