//! The only place that knows which operating system this is.
//!
//! Every function has a meaning on every system; where a system lacks the means, the function says so
//! instead of pretending (files are private by their folder on Windows, folders need no fsync there).

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;
use std::process::{Command, ExitStatus};

/// A user of this host that a program is to run as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub name: String,
    pub uid: u32,
    pub gid: u32,
    pub home: std::path::PathBuf,
}

#[cfg(unix)]
mod system {
    use super::*;
    use rustix::fs::OFlags;
    use rustix::process::{Pid, Signal};
    use std::os::fd::AsFd;
    use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
    use std::os::unix::process::{CommandExt, ExitStatusExt};

    fn no_follow() -> i32 {
        OFlags::NOFOLLOW.bits().cast_signed()
    }

    pub(super) fn create_private(path: &Path) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).custom_flags(no_follow()).open(path)
    }

    pub(super) fn open_no_follow(path: &Path) -> io::Result<File> {
        // NONBLOCK: a FIFO planted at a backup's name must not hang the listing.
        OpenOptions::new().read(true).custom_flags(no_follow() | OFlags::NONBLOCK.bits().cast_signed()).open(path)
    }

    pub(super) fn is_still_at(file: &File, path: &Path) -> io::Result<bool> {
        let ours = file.metadata()?;
        match std::fs::symlink_metadata(path) {
            Ok(there) => Ok(there.dev() == ours.dev() && there.ino() == ours.ino()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }

    pub(super) fn rename_no_replace(from: &Path, to: &Path) -> io::Result<()> {
        #[cfg(any(target_os = "linux", target_os = "macos"))]
        {
            let flags = rustix::fs::RenameFlags::NOREPLACE;
            rustix::fs::renameat_with(rustix::fs::CWD, from, rustix::fs::CWD, to, flags).map_err(io::Error::from)
        }
        #[cfg(not(any(target_os = "linux", target_os = "macos")))]
        {
            let _ = (from, to);
            Err(io::ErrorKind::Unsupported.into())
        }
    }

    pub(super) fn mode(path: &Path) -> io::Result<Option<u32>> {
        Ok(Some(std::fs::symlink_metadata(path)?.permissions().mode() & 0o7777))
    }

    pub(super) fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
    }

    pub(super) fn own_group(command: &mut Command) {
        command.process_group(0);
    }

    pub(super) fn run_as(command: &mut Command, user: &User) {
        command.uid(user.uid).gid(user.gid);
    }

    pub(super) fn change_owner(path: &Path, user: &User) -> io::Result<()> {
        std::os::unix::fs::chown(path, Some(user.uid), Some(user.gid))
    }

    pub(super) fn end_group(pid: u32, now: bool) -> io::Result<()> {
        let signal = if now { Signal::KILL } else { Signal::TERM };
        match i32::try_from(pid).ok().and_then(Pid::from_raw) {
            Some(group) => rustix::process::kill_process_group(group, signal).map_err(io::Error::from),
            None => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    pub(super) fn end_process(pid: u32) -> io::Result<()> {
        match i32::try_from(pid).ok().and_then(Pid::from_raw) {
            Some(process) => rustix::process::kill_process(process, Signal::TERM).map_err(io::Error::from),
            None => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    pub(super) fn is_running(pid: u32) -> bool {
        let Some(process) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return false };
        match rustix::process::test_kill_process(process) {
            Ok(()) => true,
            Err(error) => error == rustix::io::Errno::PERM,
        }
    }

    pub(super) fn hand_over(command: &mut Command) -> io::Error {
        command.exec()
    }

    pub(super) fn signal_of(status: ExitStatus) -> Option<i32> {
        status.signal()
    }

    pub(super) fn widen_pipe(pipe: &impl AsFd) {
        // Fewer, larger reads: a dump's every byte passes through this pipe. Refusal costs only time.
        #[cfg(target_os = "linux")]
        let _ = rustix::pipe::fcntl_setpipe_size(pipe, 1 << 20);
        #[cfg(not(target_os = "linux"))]
        let _ = pipe;
    }

    pub(super) fn is_root() -> bool {
        rustix::process::geteuid().is_root()
    }

    pub(super) fn user_id() -> Option<u32> {
        Some(rustix::process::geteuid().as_raw())
    }

    pub(super) fn owner_of(path: &Path) -> io::Result<Option<u32>> {
        Ok(Some(std::fs::metadata(path)?.uid()))
    }

    fn users() -> Vec<User> {
        let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        let user = |line: &str| {
            let mut fields = line.split(':');
            let name = fields.next()?.to_owned();
            let uid = fields.nth(1)?.parse().ok()?;
            let gid = fields.next()?.parse().ok()?;
            let home = fields.nth(1)?.into();
            Some(User { name, uid, gid, home })
        };
        passwd.lines().filter_map(user).collect()
    }

    pub(super) fn user_named(name: &str) -> Option<User> {
        users().into_iter().find(|user| user.name == name)
    }

    pub(super) fn user_numbered(uid: u32) -> Option<User> {
        users().into_iter().find(|user| user.uid == uid)
    }

    pub(super) fn user_may_enter(folder: &Path, user: &User) -> bool {
        folder.ancestors().all(|part| {
            std::fs::metadata(part).is_ok_and(|facts| {
                let bits = facts.mode();
                if facts.uid() == user.uid {
                    bits & 0o100 != 0
                } else if facts.gid() == user.gid {
                    bits & 0o010 != 0
                } else {
                    bits & 0o001 != 0
                }
            })
        })
    }

    pub(super) fn is_disk_full(error: &io::Error) -> bool {
        matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
    }
}

#[cfg(not(unix))]
mod system {
    use super::*;

    pub(super) fn create_private(path: &Path) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).create_new(true).open(path)
    }

    pub(super) fn open_no_follow(path: &Path) -> io::Result<File> {
        if std::fs::symlink_metadata(path)?.file_type().is_symlink() {
            return Err(io::Error::other("a symbolic link"));
        }
        File::open(path)
    }

    pub(super) fn is_still_at(_file: &File, path: &Path) -> io::Result<bool> {
        // An open file cannot be removed by others here.
        path.try_exists()
    }

    pub(super) fn sync_folder(_folder: &Path) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn rename_no_replace(_from: &Path, _to: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn mode(_path: &Path) -> io::Result<Option<u32>> {
        Ok(None)
    }

    pub(super) fn set_mode(_path: &Path, _mode: u32) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn own_group(_command: &mut Command) {}

    pub(super) fn run_as(_command: &mut Command, _user: &User) {}

    pub(super) fn change_owner(_path: &Path, _user: &User) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn end_group(_pid: u32, _now: bool) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn end_process(_pid: u32) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn is_running(_pid: u32) -> bool {
        true
    }

    pub(super) fn hand_over(command: &mut Command) -> io::Error {
        match command.status() {
            #[expect(clippy::disallowed_methods, reason = "stands in for exec: the program's code is ours")]
            Ok(status) => std::process::exit(status.code().unwrap_or(1)),
            Err(error) => error,
        }
    }

    pub(super) fn signal_of(_status: ExitStatus) -> Option<i32> {
        None
    }

    pub(super) fn widen_pipe<T>(_pipe: &T) {}

    pub(super) fn is_root() -> bool {
        false
    }

    pub(super) fn user_id() -> Option<u32> {
        None
    }

    pub(super) fn owner_of(_path: &Path) -> io::Result<Option<u32>> {
        Ok(None)
    }

    pub(super) fn user_named(_name: &str) -> Option<User> {
        None
    }

    pub(super) fn user_numbered(_uid: u32) -> Option<User> {
        None
    }

    pub(super) fn user_may_enter(_folder: &Path, _user: &User) -> bool {
        true
    }

    pub(super) fn is_disk_full(error: &io::Error) -> bool {
        matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
    }
}

/// Creates a new file that only this user may read; fails on anything that exists, a symbolic link too.
pub fn create_private(path: &Path) -> io::Result<File> {
    system::create_private(path)
}

/// Opens a file for reading; fails on a symbolic link.
pub fn open_no_follow(path: &Path) -> io::Result<File> {
    system::open_no_follow(path)
}

/// Whether the open file is the one that bears this name now.
pub fn is_still_at(file: &File, path: &Path) -> io::Result<bool> {
    system::is_still_at(file, path)
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

/// Sets permission bits, where the system has them.
pub fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    system::set_mode(path, mode)
}

/// Puts the program into a process group of its own, so that Ctrl-C reaches only us and we end all of it.
pub fn own_group(command: &mut Command) {
    system::own_group(command);
}

/// Starts the program as another user (needs root; elsewhere nothing happens).
pub fn run_as(command: &mut Command, user: &User) {
    system::run_as(command, user);
}

/// Gives a file or folder to a user.
pub fn change_owner(path: &Path, user: &User) -> io::Result<()> {
    system::change_owner(path, user)
}

/// Ends a process group: asks, or with `now` kills.
pub fn end_group(pid: u32, now: bool) -> io::Result<()> {
    system::end_group(pid, now)
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

/// Whether the error means that the disk or the quota is full.
pub fn is_disk_full(error: &io::Error) -> bool {
    system::is_disk_full(error)
}
