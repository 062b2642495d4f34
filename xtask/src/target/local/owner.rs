//! Users that a server of root's can run as: PostgreSQL refuses root.

use crate::platform::{self, User};
use std::path::Path;

/// The user that a server of root's would run as if it were made now.
pub fn newcomer() -> Option<User> {
    ["postgres", "nobody"].iter().find_map(|name| platform::user_named(name))
}

/// Whether the user may enter the folder, or what there is of the way to it.
pub fn may_reach(folder: &Path, user: &User) -> bool {
    folder.ancestors().find(|part| part.exists()).is_some_and(|part| platform::user_may_enter(part, user))
}
