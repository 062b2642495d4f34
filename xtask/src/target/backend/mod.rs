//! The seam: what a target is to the rest of the program. Each target implements these traits in its own folder, and
//! `target/mod.rs` lists the targets. No method has a default body: the compiler names everything that a new target lacks.

mod access;
mod companions;
mod container_state;
mod hints;
mod own_openfga;
mod project_state;
mod services;
mod stack;

pub use access::{Access, Bulk, DataDisk, Identified, Launch, Login, ProgramsElsewhere, Readiness, StdioMode};
pub use companions::Companions;
pub use container_state::{ContainerState, OwnCheck};
pub use hints::Hints;
pub use own_openfga::{Build, MadeOf, OwnMigration, OwnOpenfga};
pub use project_state::{ProjectState, ServicePort, ServiceState};
pub use services::{Holders, ServiceUser, Services, StartedWith};
pub use stack::{ComposeProject, Extent, Stack};

/// Seconds that a connection attempt may take (`PGCONNECT_TIMEOUT`).
pub(super) const CONNECT_TIMEOUT_SECONDS: u64 = 10;

/// A target as a whole.
pub trait Backend: Access + Hints + Stack + Services + OwnOpenfga + Companions {}

impl<T: Access + Hints + Stack + Services + OwnOpenfga + Companions> Backend for T {}
