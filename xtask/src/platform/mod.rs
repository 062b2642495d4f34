//! The only place that knows which operating system this is.
//!
//! Every function has a meaning on every system; where a system lacks the means, the function says so
//! instead of pretending (files are private by their folder on Windows, folders need no fsync there).

mod files;
mod processes;
mod random;
mod replace;
mod rights;
mod users;

#[cfg(unix)]
#[path = "unix.rs"]
mod system;

#[cfg(not(unix))]
#[path = "other.rs"]
mod system;

pub use files::{
    create_folder, create_private, hold, is_disk_full, is_same_file, is_still_at, open_no_follow, open_of_folder,
    open_own, open_regular, open_to_append, open_unless_held, read_at, read_bounded, read_regular, rename_no_replace,
    sync_folder,
};
pub use processes::{
    end_group, end_process, hand_over, is_running, own_group, run_as, signal_of, stop_here, suspending_signal,
    widen_pipe,
};
pub use random::random;
pub use replace::replace_file;
pub use rights::{change_owner_of, give_folder, is_own, is_private, mode, owner_of, set_mode, set_mode_of};
pub use users::{is_root, listeners, user_id, user_may_enter, user_named, user_numbered};

/// Whether this is Windows; for what differs in data only: usual folders, names of tools.
pub const WINDOWS: bool = cfg!(windows);
/// Whether this is Linux; for what differs in data only.
pub const LINUX: bool = cfg!(target_os = "linux");
/// Whether this is macOS; for what differs in data only.
pub const MACOS: bool = cfg!(target_os = "macos");

/// Whether the system's verifier of certificates reads `SSL_CERT_FILE` and `SSL_CERT_DIR`. That of Windows and those of Apple
/// ask the system alone.
pub const NAMED_CERTIFICATES: bool = cfg!(all(unix, not(target_vendor = "apple"), not(target_os = "android")));

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
