//! What a file of globals says about itself, in its last line.

use crate::backup::manifest::{Digest, Seconds, StartedAt};
use crate::backup::sealed::{Seal, Sealed};
use crate::postgres::count::Count;
use crate::postgres::globals::Globals;
use crate::postgres::text::Line;
use serde::{Deserialize, Serialize};

/// The manifest of format 2.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GlobalsManifest {
    pub format: u32,
    pub kind: Kind,
    /// The program that wrote the file: `xtask 0.1.0`.
    pub tool: Line,
    /// `15.18 (Debian 15.18-0+deb12u1)`.
    pub server_version: Line,
    pub started_at: StartedAt,
    pub seconds: Seconds,
    /// Bytes that precede this line, and their SHA-256.
    pub bytes: Count,
    pub sha256: Digest,
    /// How many of each the file holds.
    pub roles: Count,
    pub memberships: Count,
}

/// What a file of format 2 holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Globals,
}

impl GlobalsManifest {
    pub(super) const FORMAT: u32 = 2;

    /// Whether it counts what the file holds.
    pub(super) fn agrees_with(&self, globals: &Globals) -> bool {
        self.roles.get() == globals.roles.len() as u64 && self.memberships.get() == globals.memberships.len() as u64
    }
}

impl Sealed for GlobalsManifest {
    const FORMATS: &'static [u32] = &[Self::FORMAT];
    const SEAL: Seal = Seal { start: "-- xtask manifest: ", kind: "manifest", longest: 1 << 16 };

    fn format(&self) -> u32 {
        self.format
    }

    fn adds_up(&self) -> Result<(), String> {
        Ok(())
    }
}
