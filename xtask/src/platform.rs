//! The only place that knows which operating system this is.
//!
//! Every function has a meaning on every system; where a system lacks the means, the function says so
//! instead of pretending (files are private by their folder on Windows, folders need no fsync there).

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::process::{Command, ExitStatus};

/// Whether this is Windows; for what differs in data only: usual folders, names of tools.
pub const WINDOWS: bool = cfg!(windows);
/// Whether this is Linux; for what differs in data only.
pub const LINUX: bool = cfg!(target_os = "linux");
/// Whether this is macOS; for what differs in data only.
pub const MACOS: bool = cfg!(target_os = "macos");

/// The signals by which people and systems end a program; none where the system has no signals.
pub const ENDING_SIGNALS: &[i32] = system::ENDING_SIGNALS;

/// A user of this host that a program is to run as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub name: String,
    pub uid: u32,
    pub gid: u32,
    pub home: std::path::PathBuf,
}

#[cfg(unix)]
#[path = "platform/unix.rs"]
mod system;

#[cfg(not(unix))]
#[path = "platform/other.rs"]
mod system;

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

/// Whether an open file is this user's own, and no other user may read or write it; true where the system does not say.
pub fn is_private(file: &File) -> io::Result<bool> {
    system::is_private(file)
}

/// Whether an open file is this user's own; true where the system does not say.
pub fn is_own(file: &File) -> io::Result<bool> {
    system::is_own(file)
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

/// Replaces a file in one step by a private one: readers see the old text or the new one, and the new one is on disk
/// when this returns. `prepare` gives the fresh file another mode or owner before it gets its name. It gets the open
/// file: another user who may write in the folder can put a link at its name. A link at `path` is replaced itself.
pub fn replace_file(path: &Path, bytes: &[u8], prepare: &dyn Fn(&File) -> io::Result<()>) -> io::Result<()> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy();
    // With a dot in front: who collects files by their ending must not see it.
    let fresh = path.with_file_name(format!(".{name}.{}", std::process::id()));
    let _ = std::fs::remove_file(&fresh);
    let written = create_private(&fresh).and_then(|mut file| {
        file.write_all(bytes)?;
        prepare(&file)?;
        file.sync_all()?;
        if !is_still_at(&file, &fresh)? {
            return Err(io::Error::other(format!("another program replaced {}", fresh.display())));
        }
        std::fs::rename(&fresh, path)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        sync_folder(folder.unwrap_or(Path::new(".")))
    });
    written.inspect_err(|_| drop(std::fs::remove_file(&fresh)))
}

/// Makes a folder's entries durable, as far as the system knows how.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    system::sync_folder(folder)
}

/// Renames without ever replacing; `Unsupported` where the system cannot promise that.
pub fn rename_no_replace(from: &Path, to: &Path) -> io::Result<()> {
    system::rename_no_replace(from, to)
}

/// Permission bits, where the system has them.
pub fn mode(path: &Path) -> io::Result<Option<u32>> {
    system::mode(path)
}

/// Sets permission bits, where the system has them; fails on a symbolic link.
pub fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    system::set_mode(path, mode)
}

/// Sets the permission bits of an open file, where the system has them.
pub fn set_mode_of(file: &File, mode: u32) -> io::Result<()> {
    system::set_mode_of(file, mode)
}

/// Puts the program into a process group of its own, so that Ctrl-C reaches only us and we end all of it.
pub fn own_group(command: &mut Command) {
    system::own_group(command);
}

/// Starts the program as another user (needs root; elsewhere nothing happens).
pub fn run_as(command: &mut Command, user: &User) {
    system::run_as(command, user);
}

/// Gives an open file to a user, and to a group where one is named.
pub fn change_owner_of(file: &File, uid: u32, gid: Option<u32>) -> io::Result<()> {
    system::change_owner_of(file, uid, gid)
}

/// Gives a new and empty folder of this user's own to a user; fails on a symbolic link.
pub fn give_folder(path: &Path, user: &User) -> io::Result<()> {
    system::give_folder(path, user)
}

/// Ends a process group: asks, or with `now` kills.
pub fn end_group(pid: u32, now: bool) -> io::Result<()> {
    system::end_group(pid, now)
}

/// Stops this process until another one, a shell or a test, continues or kills it.
pub fn stop_here() {
    system::stop_here();
}

/// The signal that suspends this process (Ctrl-Z); `None` where nothing could let it go on again.
pub fn suspending_signal() -> Option<i32> {
    system::suspending_signal()
}

/// Asks one process to end.
pub fn end_process(pid: u32) -> io::Result<()> {
    system::end_process(pid)
}

/// Whether a process with this number runs.
pub fn is_running(pid: u32) -> bool {
    system::is_running(pid)
}

/// Replaces this process by the program (terminal, signals and exit code are then its own); returns only on failure.
pub fn hand_over(command: &mut Command) -> io::Error {
    system::hand_over(command)
}

/// The signal that ended a program, if one did.
pub fn signal_of(status: ExitStatus) -> Option<i32> {
    system::signal_of(status)
}

/// Makes a pipe as wide as the system allows.
#[cfg(unix)]
pub fn widen_pipe(pipe: &impl std::os::fd::AsFd) {
    system::widen_pipe(pipe);
}

/// Makes a pipe as wide as the system allows.
#[cfg(not(unix))]
pub fn widen_pipe<T>(pipe: &T) {
    system::widen_pipe(pipe);
}

/// Whether this process may do everything here (PostgreSQL refuses to run so).
pub fn is_root() -> bool {
    system::is_root()
}

/// This process's effective user number, where there are such numbers.
pub fn user_id() -> Option<u32> {
    system::user_id()
}

/// The user number that owns a file, where there are such numbers.
pub fn owner_of(path: &Path) -> io::Result<Option<u32>> {
    system::owner_of(path)
}

/// A user of this host by name.
pub fn user_named(name: &str) -> Option<User> {
    system::user_named(name)
}

/// A user of this host by number.
pub fn user_numbered(uid: u32) -> Option<User> {
    system::user_numbered(uid)
}

/// Whether the user may pass through every folder on the way, this one included.
pub fn user_may_enter(folder: &Path, user: &User) -> bool {
    system::user_may_enter(folder, user)
}

/// The users whose sockets listen at this port of this host, at whatever address; `None` where the system does not say.
pub fn listeners(port: u16) -> Option<Vec<u32>> {
    system::listeners(port)
}

/// Whether the error means that the disk or the quota is full.
pub fn is_disk_full(error: &io::Error) -> bool {
    system::is_disk_full(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_or_stays_as_it_was() {
        let folder = std::env::temp_dir().join(format!("xtask-replace-{}", std::process::id()));
        create_folder(&folder).unwrap();
        let path = folder.join("a.prom");
        replace_file(&path, b"one", &|_| Ok(())).unwrap();
        assert!(mode(&path).unwrap().is_none_or(|mode| mode & 0o777 == 0o600));
        // What a killed run of the same number left is no obstacle.
        std::fs::write(folder.join(format!(".a.prom.{}", std::process::id())), "half").unwrap();
        replace_file(&path, b"two", &|fresh| set_mode_of(fresh, 0o644)).unwrap();
        assert!(mode(&path).unwrap().is_none_or(|mode| mode & 0o777 == 0o644));
        let refused = replace_file(&path, b"three", &|_| Err(io::Error::other("no owner"))).unwrap_err();
        assert_eq!(refused.to_string(), "no owner");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1, "nothing is left beside it");
        assert!(replace_file(Path::new("/"), b"", &|_| Ok(())).is_err());
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_takes_a_fresh_files_name_opens_nothing_to_others() {
        let folder = std::env::temp_dir().join(format!("xtask-swapped-{}", std::process::id()));
        create_folder(&folder).unwrap();
        let (path, secret) = (folder.join("a.prom"), folder.join("secret"));
        drop(create_private(&secret).unwrap());
        let fresh = folder.join(format!(".a.prom.{}", std::process::id()));
        let swap = |file: &File| {
            std::fs::remove_file(&fresh)?;
            std::os::unix::fs::symlink(&secret, &fresh)?;
            set_mode_of(file, 0o644)
        };
        let refused = replace_file(&path, b"one", &swap).unwrap_err();
        assert!(refused.to_string().contains("another program replaced"), "{refused}");
        assert_eq!(mode(&secret).unwrap(), Some(0o600));
        assert!(path.symlink_metadata().is_err(), "the link got no name");
        std::os::unix::fs::symlink(&secret, &path).unwrap();
        set_mode(&path, 0o644).unwrap_err();
        assert_eq!(mode(&secret).unwrap(), Some(0o600));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
