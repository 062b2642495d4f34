//! What a manifest says of a backup that was made.

use super::codec::Recorded;
use super::fault::not_whole;
use super::manifest::{CompressedText, CopyBlocks, Digest, Manifest, Seconds, StartedAt};
use super::options::BackupOptions;
use super::reading::Proof;
use crate::error::Fault;
use crate::postgres::count::Count;
use crate::postgres::database::OfItself;
use crate::postgres::dump::Contents;
use crate::postgres::text::{Line, Name, ObjectName, Text};
use crate::target::Target;
use crate::words::hex;
use chrono::{DateTime, Local};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;

/// How a backup was made.
pub(super) struct Made<'a> {
    pub(super) options: &'a BackupOptions,
    pub(super) started: DateTime<Local>,
    pub(super) seconds: f64,
    pub(super) stored: &'a Stored,
}

/// What precedes the manifest, as text and as it lies in the file.
pub(super) struct Stored {
    /// The size of the text; the SHA-256 is of the same bytes.
    pub(super) bytes: u64,
    sha256: String,
    /// The size of the file up to its manifest, and its SHA-256; they differ from the text's where the file is compressed.
    pub(super) before_manifest: u64,
    pub(super) file: Sha256,
    compressed: Option<String>,
}

impl Stored {
    /// # Errors
    /// What was compressed does not unpack to the text.
    pub(super) fn of(proof: &Proof, target: &Target) -> Result<Self, Fault> {
        let text = proof.hash.clone().finalize();
        let (bytes, sha256) = (proof.bytes, hex(&text));
        match &proof.recorded {
            Recorded::AsItIs => {
                Ok(Self { bytes, sha256, before_manifest: bytes, file: proof.hash.clone(), compressed: None })
            }
            Recorded::Compressed(compressed) if compressed.text[..] == text[..] => {
                let (file, before_manifest) = (compressed.hash.clone(), compressed.bytes);
                let compressed = Some(hex(&file.clone().finalize()));
                Ok(Self { bytes, sha256, before_manifest, file, compressed })
            }
            Recorded::Compressed(_) => Err(not_whole(target)
                .hint("the compressed text unpacks to another text: try without the program zstd, XTASK_ZSTD=no")),
        }
    }

    /// # Errors
    /// Numbers that no manifest holds.
    fn compressed(&self) -> Result<Option<CompressedText>, String> {
        let Some(sha256) = &self.compressed else { return Ok(None) };
        Ok(Some(CompressedText {
            bytes: Count::try_from(self.before_manifest)?,
            sha256: Digest::try_from(sha256.as_str())?,
        }))
    }
}

impl Made<'_> {
    /// # Errors
    /// What no manifest can hold: a name that a terminal would obey, a comment of more than a megabyte.
    pub(super) fn manifest(self, database: &str, contents: Contents, of_itself: OfItself) -> Result<Manifest, String> {
        let names =
            |names: BTreeSet<String>| names.into_iter().map(ObjectName::try_from).collect::<Result<Vec<_>, _>>();
        let contents_are_elsewhere = contents.copied.iter().all(|copied| copied.schema != "public");
        let extensions = names(contents.extensions)?;
        let mut versions = of_itself.extension_versions;
        versions.retain(|name, _| extensions.contains(name));
        let patterns =
            self.options.tables.iter().map(|table| Text::try_from(table.as_str())).collect::<Result<Vec<_>, _>>()?;
        Ok(Manifest {
            format: self.options.codec.format(),
            tool: Line::try_from(concat!("xtask ", env!("CARGO_PKG_VERSION")))?,
            database: Name::try_from(database)?,
            only_tables: (!patterns.is_empty()).then_some(patterns),
            server_version: Line::try_from(contents.server_version.unwrap_or_default())?,
            pg_dump_version: Line::try_from(contents.pg_dump_version.unwrap_or_default())?,
            started_at: StartedAt::try_from(self.started.fixed_offset())?,
            seconds: Seconds::try_from(self.seconds)?,
            bytes: Count::try_from(self.stored.bytes)?,
            sha256: Digest::try_from(self.stored.sha256.as_str())?,
            compressed: self.stored.compressed()?,
            copied: CopyBlocks::try_from(contents.copied)?,
            openfga: contents.openfga,
            roles: names(contents.roles)?,
            extensions,
            extension_versions: Some(versions),
            lc_monetary: of_itself.lc_monetary,
            // One that was dropped meanwhile is in the dump.
            without_public: of_itself.without_public && contents_are_elsewhere,
            properties: of_itself.properties,
        })
    }
}
