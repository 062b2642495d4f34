//! Linux, macOS and their relatives.

// `platform/mod.rs` names this file by its path, so this is `platform/sockets.rs`.
mod sockets;

pub(super) use sockets::listeners;

use super::User;
use rustix::fs::OFlags;
use rustix::process::{Pid, Signal};
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, ExitStatus};

/// SIGINT, SIGTERM and SIGHUP have these numbers on every Unix.
pub(super) const ENDING_SIGNALS: &[i32] = &[2, 15, 1];

fn no_follow() -> i32 {
    OFlags::NOFOLLOW.bits().cast_signed()
}

/// The owner may read and write; all other users may do nothing.
const PRIVATE: u32 = 0o600;

pub(super) fn create_private(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(PRIVATE)
        .custom_flags(no_follow())
        .open(path)?;
    // A umask can only take rights away; not every file system takes a change of them.
    if file.metadata()?.permissions().mode() & PRIVATE != PRIVATE {
        file.set_permissions(std::fs::Permissions::from_mode(PRIVATE))?;
    }
    Ok(file)
}

pub(super) fn create_folder(path: &Path) -> io::Result<()> {
    const OWN: u32 = 0o700;
    std::fs::create_dir(path)?;
    let mode = std::fs::symlink_metadata(path)?.permissions().mode();
    if mode & OWN != OWN { set_mode(path, mode | OWN) } else { Ok(()) }
}

pub(super) fn open_to_change(path: &Path) -> io::Result<File> {
    let flags = no_follow() | OFlags::NONBLOCK.bits().cast_signed();
    OpenOptions::new().read(true).write(true).custom_flags(flags).open(path)
}

pub(super) fn open_to_append(path: &Path) -> io::Result<File> {
    // NONBLOCK: a FIFO planted at a log's name must not hang the run.
    OpenOptions::new().append(true).custom_flags(no_follow() | OFlags::NONBLOCK.bits().cast_signed()).open(path)
}

pub(super) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

pub(super) fn open_no_follow(path: &Path) -> io::Result<File> {
    // NONBLOCK: a FIFO planted at a backup's name must not hang the listing.
    OpenOptions::new().read(true).custom_flags(no_follow() | OFlags::NONBLOCK.bits().cast_signed()).open(path)
}

pub(super) fn open_without_waiting(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(path)
}

pub(super) fn hold(file: &File) -> io::Result<()> {
    file.lock()
}

pub(super) fn open_unless_held(path: &Path) -> io::Result<Option<File>> {
    let file = open_no_follow(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

pub(super) fn is_still_at(file: &File, path: &Path) -> io::Result<bool> {
    let ours = file.metadata()?;
    match std::fs::symlink_metadata(path) {
        Ok(there) => Ok(there.dev() == ours.dev() && there.ino() == ours.ino()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

pub(super) fn is_same_file(one: &File, other: &File) -> io::Result<bool> {
    let (one, other) = (one.metadata()?, other.metadata()?);
    Ok(one.dev() == other.dev() && one.ino() == other.ino())
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
    match open_no_follow(path) {
        Ok(file) => set_mode_of(&file, mode),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => set_mode_unread(path, mode),
        Err(error) => Err(error),
    }
}

/// Of what its owner may not read.
#[cfg(target_os = "linux")]
fn set_mode_unread(path: &Path, mode: u32) -> io::Result<()> {
    use std::os::fd::AsRawFd as _;
    let entry =
        OpenOptions::new().read(true).custom_flags(no_follow() | OFlags::PATH.bits().cast_signed()).open(path)?;
    if entry.metadata()?.is_symlink() {
        return Err(io::Error::other("a symbolic link"));
    }
    let opened = format!("/proc/self/fd/{}", entry.as_raw_fd());
    std::fs::set_permissions(opened, std::fs::Permissions::from_mode(mode))
}

/// Of what its owner may not read.
#[cfg(not(target_os = "linux"))]
fn set_mode_unread(path: &Path, mode: u32) -> io::Result<()> {
    let mode = rustix::fs::Mode::from_bits_truncate(rustix::fs::RawMode::try_from(mode).unwrap_or_default());
    let flags = rustix::fs::AtFlags::SYMLINK_NOFOLLOW;
    rustix::fs::chmodat(rustix::fs::CWD, path, mode, flags).map_err(io::Error::from)
}

pub(super) fn is_private(file: &File) -> io::Result<bool> {
    Ok(is_own(file)? && file.metadata()?.mode() & 0o077 == 0)
}

pub(super) fn is_own(file: &File) -> io::Result<bool> {
    Ok(owner_of_open(file)? == user_id())
}

pub(super) fn owner_of_open(file: &File) -> io::Result<Option<u32>> {
    Ok(Some(file.metadata()?.uid()))
}

pub(super) fn set_mode_of(file: &File, mode: u32) -> io::Result<()> {
    file.set_permissions(std::fs::Permissions::from_mode(mode))
}

pub(super) fn own_group(command: &mut Command) {
    command.process_group(0);
}

pub(super) fn run_as(command: &mut Command, user: &User) {
    command.uid(user.uid).gid(user.gid);
}

pub(super) fn change_owner_of(file: &File, uid: u32, gid: Option<u32>) -> io::Result<()> {
    std::os::unix::fs::fchown(file, Some(uid), gid)
}

pub(super) fn give_folder(path: &Path, user: &User) -> io::Result<()> {
    let folder = open_no_follow(path)?;
    let facts = folder.metadata()?;
    if !facts.is_dir() || Some(facts.uid()) != user_id() {
        return Err(io::Error::other("another program replaced it"));
    }
    change_owner_of(&folder, user.uid, Some(user.gid))
}

pub(super) fn end_group(pid: u32, now: bool) -> io::Result<()> {
    let signal = if now { Signal::KILL } else { Signal::TERM };
    match i32::try_from(pid).ok().and_then(Pid::from_raw) {
        Some(group) => rustix::process::kill_process_group(group, signal).map_err(io::Error::from),
        None => Err(io::ErrorKind::InvalidInput.into()),
    }
}

pub(super) fn stop_here() {
    let _ = rustix::process::kill_process(rustix::process::getpid(), Signal::STOP);
    // A signal that came meanwhile may be another thread's to take: it shall be known before this one goes on.
    std::thread::sleep(std::time::Duration::from_millis(50));
}

pub(super) fn suspending_signal() -> Option<i32> {
    // In the group of its session's leader no shell could let it go on: the system ignores the signal there, too.
    let has_shell = rustix::process::getsid(None).is_ok_and(|session| session != rustix::process::getpgrp());
    has_shell.then_some(Signal::TSTP.as_raw())
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
    let may_pass = |part: &Path| {
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
    };
    // The way to a link, and the way to what it points to.
    let real = std::fs::canonicalize(folder);
    folder.ancestors().filter(|part| !part.as_os_str().is_empty()).all(may_pass)
        && real.is_ok_and(|real| real.ancestors().all(may_pass))
}

pub(super) fn is_disk_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
