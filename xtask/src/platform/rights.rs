//! Permission bits and owners of files.

use super::{User, system};
use std::fs::File;
use std::io;
use std::path::Path;

/// Whether an open file is this user's own, and no other user may read or write it; true where the system does not say.
pub fn is_private(file: &File) -> io::Result<bool> {
    system::is_private(file)
}

/// Whether an open file is this user's own; true where the system does not say.
pub fn is_own(file: &File) -> io::Result<bool> {
    system::is_own(file)
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

/// Gives an open file to a user, and to a group where one is named.
pub fn change_owner_of(file: &File, uid: u32, gid: Option<u32>) -> io::Result<()> {
    system::change_owner_of(file, uid, gid)
}

/// Gives a new and empty folder of this user's own to a user; fails on a symbolic link.
pub fn give_folder(path: &Path, user: &User) -> io::Result<()> {
    system::give_folder(path, user)
}

/// The user number that owns a file, where there are such numbers.
pub fn owner_of(path: &Path) -> io::Result<Option<u32>> {
    system::owner_of(path)
}
