//! What a file turned out to be.

use super::globals::GlobalsManifest;
use super::manifest::Manifest;
use crate::postgres::dump::Contents;
use serde::Serialize;

/// One word for a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The manifest fits itself and the file's size; the bytes were not read.
    Complete,
    /// Every byte is as it was written.
    Whole,
    /// It ends too early.
    Cut,
    /// It was changed.
    Damaged,
    /// It is another kind of file.
    #[serde(rename = "damaged")]
    NoBackup,
    /// It could not be read: another user's, a link, no file.
    Unreadable,
    /// Another program's dump: its beginning and end are right, and after a full read its structure; nothing vouches
    /// for the bytes.
    MadeElsewhere,
}

impl Verdict {
    /// The verdict's word in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Whole => "whole",
            Self::Cut => "cut",
            Self::Damaged => "damaged",
            Self::NoBackup => "no backup",
            Self::Unreadable => "cannot be read",
            Self::MadeElsewhere => "made elsewhere",
        }
    }

    /// Whether the file must not be restored.
    pub fn is_unfit(self) -> bool {
        matches!(self, Self::Cut | Self::Damaged | Self::NoBackup | Self::Unreadable)
    }
}

/// What was found out about a file.
#[derive(Debug)]
pub struct Examined {
    pub verdict: Verdict,
    /// Why, where it is unfit.
    pub reason: Option<String>,
    pub bytes: u64,
    /// The manifest of a database's backup, where it is intact.
    pub manifest: Option<Manifest>,
    /// The manifest of a file of roles, where it is intact.
    pub globals: Option<GlobalsManifest>,
    /// What a full read found.
    pub contents: Option<Contents>,
    /// SHA-256 of the whole file, where a full read found it right.
    pub digest: Option<[u8; 32]>,
}
