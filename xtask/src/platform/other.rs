//! Windows: what it lacks is said, never pretended.

use super::User;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::windows::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::{Command, ExitStatus};

/// What others may do with a file while it is open (CreateFileW, `dwShareMode`).
const SHARE_READ: u32 = 1;
const SHARE_WRITE: u32 = 2;
const SHARE_DELETE: u32 = 4;

/// SIGINT and SIGTERM of the C runtime.
pub(super) const ENDING_SIGNALS: &[i32] = &[2, 15];

pub(super) fn create_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create_new(true).open(path)
}

pub(super) fn create_folder(path: &Path) -> io::Result<()> {
    std::fs::create_dir(path)
}

pub(super) fn open_to_change(path: &Path) -> io::Result<File> {
    let is_link = std::fs::symlink_metadata(path)?.file_type().is_symlink();
    if is_link {
        Err(io::Error::other("a symbolic link"))
    } else {
        OpenOptions::new().read(true).write(true).open(path)
    }
}

pub(super) fn open_to_append(path: &Path) -> io::Result<File> {
    let is_link = std::fs::symlink_metadata(path)?.file_type().is_symlink();
    if is_link { Err(io::Error::other("a symbolic link")) } else { OpenOptions::new().append(true).open(path) }
}

pub(super) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
}

pub(super) fn open_no_follow(path: &Path) -> io::Result<File> {
    open_itself(path, SHARE_READ | SHARE_WRITE | SHARE_DELETE)
}

pub(super) fn open_without_waiting(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// The entry itself, where it is a link, too; then it is refused.
fn open_itself(path: &Path, share: u32) -> io::Result<File> {
    const OPEN_REPARSE_POINT: u32 = 0x0020_0000;
    let file = OpenOptions::new().read(true).share_mode(share).custom_flags(OPEN_REPARSE_POINT).open(path)?;
    if file.metadata()?.file_type().is_symlink() {
        return Err(io::Error::other("a symbolic link"));
    }
    Ok(file)
}

pub(super) fn hold(_file: &File) -> io::Result<()> {
    // That it is open holds it. A lock would keep the program out whose output goes there: locks bind everyone here.
    Ok(())
}

pub(super) fn open_unless_held(path: &Path) -> io::Result<Option<File>> {
    const SHARING_VIOLATION: i32 = 32;
    match open_itself(path, SHARE_DELETE) {
        Err(error) if error.raw_os_error() == Some(SHARING_VIOLATION) => Ok(None),
        opened => opened.map(Some),
    }
}

pub(super) fn is_still_at(file: &File, path: &Path) -> io::Result<bool> {
    match same_file::Handle::from_path(path) {
        Ok(there) => Ok(same_file::Handle::from_file(file.try_clone()?)? == there),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

pub(super) fn is_same_file(one: &File, other: &File) -> io::Result<bool> {
    Ok(same_file::Handle::from_file(one.try_clone()?)? == same_file::Handle::from_file(other.try_clone()?)?)
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

pub(super) fn owner_of_open(_file: &File) -> io::Result<Option<u32>> {
    Ok(None)
}

pub(super) fn is_own(_file: &File) -> io::Result<bool> {
    Ok(true)
}

pub(super) fn is_private(_file: &File) -> io::Result<bool> {
    Ok(true)
}

pub(super) fn set_mode_of(_file: &File, _mode: u32) -> io::Result<()> {
    Ok(())
}

pub(super) fn own_group(_command: &mut Command) {}

pub(super) fn run_as(_command: &mut Command, _user: &User) {}

pub(super) fn change_owner_of(_file: &File, _uid: u32, _gid: Option<u32>) -> io::Result<()> {
    Ok(())
}

pub(super) fn give_folder(_path: &Path, _user: &User) -> io::Result<()> {
    Ok(())
}

pub(super) fn end_group(_pid: u32, _now: bool) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(super) fn stop_here() {
    std::process::abort();
}

pub(super) fn suspending_signal() -> Option<i32> {
    None
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

pub(super) fn listeners(_port: u16) -> Option<Vec<u32>> {
    None
}

pub(super) fn is_disk_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
