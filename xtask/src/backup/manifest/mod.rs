//! The manifest: the backup's last line, a comment for psql, ASCII JSON that ends in a checksum of itself. The file's
//! author wrote its manifest, too: the type of every field holds only what a backup of ours can say.
//!
//! Members that are not known are ignored. A member that is added is optional, and one whose meaning changes makes
//! another format.

mod fields;
#[cfg(test)]
pub(crate) mod tests;

pub use super::sealed::ascii_json;
pub use fields::{CopyBlocks, Digest, Seconds, StartedAt, rows, tables};

use super::sealed::{Seal, Sealed};
use crate::postgres::count::Count;
use crate::postgres::dump::{Copied, OpenFga};
use crate::postgres::properties::Properties;
use crate::postgres::text::{Line, Name, ObjectName, Text};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The first line of a backup of format 1.
const HEAD: &[u8] = b"-- xtask backup, format 1: it is whole only if its last line is a manifest that fits\n";
/// The first line of a backup of format 2, whose file is compressed: older versions of this program refuse it, unpacked, too.
const HEAD_OF_COMPRESSED: &[u8] =
    b"-- xtask backup, format 2: it is whole only if its last line is a manifest that fits\n";
/// What every head line of every format begins with.
pub const HEAD_START: &[u8] = b"-- xtask backup, format ";
/// The longest manifest, in bytes: one of this size names some hundred thousand tables.
pub const LONGEST: usize = 64 << 20;

/// Everything that a backup says about itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    pub format: u32,
    /// The program that wrote the file: `xtask 0.1.0`.
    pub tool: Line,
    pub database: Name,
    /// The `--table` patterns of a partial backup; none: the whole database.
    pub only_tables: Option<Vec<Text>>,
    /// In pg_dump's words: `15.18 (Debian 15.18-0+deb12u1)`.
    pub server_version: Line,
    pub pg_dump_version: Line,
    pub started_at: StartedAt,
    pub seconds: Seconds,
    /// Bytes that precede this line, and their SHA-256.
    pub bytes: Count,
    pub sha256: Digest,
    /// How the text was compressed in the file that it was written to; of format 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compressed: Option<CompressedText>,
    /// Rows of every `COPY` block, in order.
    pub copied: CopyBlocks,
    pub openfga: Option<OpenFga>,
    /// Roles and extensions that the dump names.
    pub roles: Vec<ObjectName>,
    pub extensions: Vec<ObjectName>,
    /// The versions that those extensions had; not known of backups by xtask 0.1.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extension_versions: Option<BTreeMap<ObjectName, Line>>,
    /// The `lc_monetary` by which values of type money were written; only where there are such values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lc_monetary: Option<Line>,
    pub properties: Properties,
    /// It has no schema public, which a new database has; not known of backups by xtask 0.1.0.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub without_public: bool,
}

/// The bytes that a text was compressed to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompressedText {
    /// Those that precede the manifest in the file, as the SHA-256.
    pub bytes: Count,
    pub sha256: Digest,
}

/// The first line of a backup of this format.
pub fn head(format: u32) -> &'static [u8] {
    if format == Manifest::COMPRESSED { HEAD_OF_COMPRESSED } else { HEAD }
}

impl Manifest {
    /// The format of backups whose file is the text.
    pub const PLAIN: u32 = 1;
    /// The format of backups whose file is compressed, and of their text.
    pub const COMPRESSED: u32 = 2;

    /// The backup's first line.
    pub fn head(&self) -> &'static [u8] {
        head(self.format)
    }

    /// Rows per table, in the dump's order; a table with several `COPY` blocks is summed.
    pub fn tables(&self) -> Vec<Copied> {
        tables(&self.copied)
    }

    /// Rows of all tables.
    pub fn rows(&self) -> u64 {
        rows(&self.copied)
    }

    /// Whether the whole database is in the file.
    pub fn is_full(&self) -> bool {
        self.only_tables.is_none()
    }
}

impl Sealed for Manifest {
    const FORMATS: &'static [u32] = &[Self::PLAIN, Self::COMPRESSED];
    const SEAL: Seal = Seal { start: "-- xtask manifest: ", kind: "manifest", longest: LONGEST };

    fn format(&self) -> u32 {
        self.format
    }

    /// Compressed bytes stand in format 2 only. OpenFGA's stores, models and tuples are no more than the rows of tables.
    fn adds_up(&self) -> Result<(), String> {
        match (self.format, &self.compressed) {
            (Self::COMPRESSED, None) => {
                return Err("the manifest does not say how the text was compressed".to_owned());
            }
            (Self::PLAIN, Some(_)) => return Err("the manifest of a plain file names compressed bytes".to_owned()),
            _ => {}
        }
        let Some(openfga) = self.openfga else { return Ok(()) };
        let parts = [
            ("store", openfga.stores),
            ("authorization_model", openfga.authorization_models),
            ("tuple", openfga.tuples),
        ];
        for (table, counted) in parts {
            let blocks = self.copied.iter().filter(|block| block.name == table);
            let rows = blocks.fold(0u64, |total, block| total.saturating_add(block.rows));
            if counted > rows {
                return Err(format!("the manifest counts {counted} OpenFGA objects in {table}, but only {rows} rows"));
            }
        }
        Ok(())
    }
}
