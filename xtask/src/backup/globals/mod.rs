//! The file that holds a server's roles, memberships and role settings, as pg_dumpall writes them without passwords:
//! `server_globals_20251021_143022.sql`. It is of format 2, so that programs which know only databases refuse it, and a
//! type of its own: what restores a database takes a [`Proven`](super::proof::Proven), which is never made of one.

mod manifest;
mod proof;
mod take;

pub use manifest::GlobalsManifest;
pub use proof::{ProvenGlobals, is_at, prove};
pub use take::{TakenGlobals, take};

pub(super) use proof::{examine, is_globals};

/// The file's first line.
const HEAD: &[u8] = b"-- xtask backup, format 2, globals: it is whole only if its last line is a manifest that fits\n";
