//! The set: a proof of which files of one server belong together. One line of ASCII JSON that ends in a checksum of
//! itself, beside the files that it names. Its author is not trusted: the type of every field holds only what a set of
//! ours can say, and a file is named by its plain name, never by a path.
//!
//! Members that are not known are ignored. A member that is added is optional, and one whose meaning changes makes
//! another format.

mod fields;
mod file;
mod prove;
mod selection;
#[cfg(test)]
mod tests;

pub use fields::{FileName, NotTakenBecause, folded};
pub use file::{Listed, SetFile, list, read, write};
pub use prove::{check_listed, check_presence, prove_database, prove_globals};
pub use selection::{Selection, select};

use super::manifest::{Digest, Seconds, StartedAt};
use super::name::{self, Purpose};
use super::sealed::{Seal, Sealed};
use super::server_name::Kind;
use crate::postgres::count::Count;
use crate::postgres::identity::Identity;
use crate::postgres::text::{Line, Name, ObjectName, Text};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The longest set, in bytes: one of this size names some ten thousand databases.
pub const LONGEST: usize = 16 << 20;

/// Which files belong together, and what was not taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServerSet {
    pub format: u32,
    /// The program that wrote it: `xtask 0.1.0`.
    pub tool: Line,
    pub server: Identity,
    /// Whether every database was to be taken, rather than some that were named.
    #[serde(default)]
    pub all: bool,
    /// From when until when its files were taken. They are not one snapshot.
    pub started_at: StartedAt,
    pub finished_at: StartedAt,
    /// Roles and memberships; none in the sets of versions that did not take them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub globals: Option<GlobalsFile>,
    /// At least one, in the order of their names.
    pub databases: Vec<DatabaseFile>,
    pub not_taken: Vec<NotTaken>,
}

/// The backup of one database.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DatabaseFile {
    pub database: Name,
    /// In the set's own folder.
    pub file: FileName,
    /// The size of the whole file, its manifest included; the SHA-256 is of the same bytes.
    pub bytes: Count,
    pub sha256: Digest,
    pub started_at: StartedAt,
    pub seconds: Seconds,
}

/// The file of roles and memberships.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GlobalsFile {
    /// In the set's own folder.
    pub file: FileName,
    /// The size of the whole file; the SHA-256 is of the same bytes.
    pub bytes: Count,
    pub sha256: Digest,
}

/// A database of the server that is not in the set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NotTaken {
    pub database: ObjectName,
    pub because: NotTakenBecause,
    /// For people.
    pub reason: Text,
}

impl ServerSet {
    /// The format of sets whose every file is the text of a backup.
    const PLAIN: u32 = 1;
    /// The format of sets with compressed files, which versions that do not know them refuse.
    const WITH_COMPRESSED: u32 = 2;

    /// The set of this server's files, as this version of the program writes it; `databases` in any order.
    ///
    /// # Errors
    /// Parts that do not agree.
    pub fn new(
        server: Identity,
        from: StartedAt,
        until: StartedAt,
        databases: Vec<DatabaseFile>,
    ) -> Result<Self, String> {
        let mut databases = databases;
        databases.sort_by(|one, other| one.database.cmp(&other.database));
        let set = Self {
            format: if databases.iter().all(|file| file.file.is_plain()) { Self::PLAIN } else { Self::WITH_COMPRESSED },
            tool: Line::try_from(concat!("xtask ", env!("CARGO_PKG_VERSION")))?,
            server,
            all: false,
            started_at: from,
            // A clock may have been set back meanwhile.
            finished_at: if until.time() < from.time() { from } else { until },
            globals: None,
            databases,
            not_taken: Vec::new(),
        };
        set.adds_up().map(|()| set)
    }

    /// Equal for sets of which a newer one stands for an older one: those of all databases of one server, or of the same
    /// databases there.
    pub fn kind(&self) -> String {
        let server = self.server.system_identifier.as_deref().unwrap_or_default();
        let databases = self.databases.iter().map(|file| file.database.as_str());
        let not_taken = self.not_taken.iter().map(|other| other.database.as_str());
        let mut names: Vec<&str> = if self.all { Vec::new() } else { databases.chain(not_taken).collect() };
        names.sort_unstable();
        format!("{server}\n{names:?}")
    }

    /// Seconds from the beginning of its first file to the end of its last.
    pub fn seconds(&self) -> u64 {
        let span = self.finished_at.time().signed_duration_since(self.started_at.time());
        u64::try_from(span.num_seconds()).unwrap_or_default()
    }
}

impl Sealed for ServerSet {
    const FORMATS: &'static [u32] = &[Self::PLAIN, Self::WITH_COMPRESSED];
    const SEAL: Seal = Seal { start: "", kind: "set", longest: LONGEST };

    fn format(&self) -> u32 {
        self.format
    }

    /// Every database and every file is there once, each file is named as this program names it, and time goes forward.
    fn adds_up(&self) -> Result<(), String> {
        if self.databases.is_empty() {
            return Err("the set names no file".to_owned());
        }
        if self.finished_at.time() < self.started_at.time() {
            return Err("the set ends before it begins".to_owned());
        }
        let (mut names, mut files) = (BTreeSet::new(), BTreeSet::new());
        for DatabaseFile { database, file, .. } in &self.databases {
            let named = name::parse(file);
            if !named.is_some_and(|named| named.database == *database && named.purpose != Purpose::Tables) {
                return Err(format!("the set names a file of database {database} that is not named as its backup"));
            }
            if !names.insert(database.as_str()) || !files.insert(file.folded()) {
                return Err(format!("the set names database {database} or its file twice"));
            }
        }
        if self.globals.as_ref().is_some_and(|globals| Kind::Globals.parse(&globals.file).is_none()) {
            return Err("the set's file of roles is not named as one".to_owned());
        }
        match self.not_taken.iter().find(|other| names.contains(other.database.as_str())) {
            Some(both) => Err(format!("the set says of {} both that it was taken and that it was not", both.database)),
            None => Ok(()),
        }
    }
}
