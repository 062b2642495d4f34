//! The users of this host.

use super::{User, system};
use std::path::Path;

/// Whether this process may do everything here (PostgreSQL refuses to run so).
pub fn is_root() -> bool {
    system::is_root()
}

/// This process's effective user number, where there are such numbers.
pub fn user_id() -> Option<u32> {
    system::user_id()
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
