//! Extensions: whether the server has them, and whether a database beside the target's own can have them.

mod of_backup;
mod of_files;
mod server;
mod steps;

pub(super) use of_backup::check;
pub use of_backup::{VersionChange, advice};
pub use of_files::{Beside, MadeExtension, check_made};
pub(super) use server::{QUERY, ServerExtensions};
