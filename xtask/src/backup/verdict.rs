//! What a file turned out to be.

use super::globals::GlobalsManifest;
use super::manifest::Manifest;
use crate::postgres::dump::{Contents, Flaw, Kind};
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

    /// The verdict behind "it is", before the reason.
    pub(super) fn in_words(self) -> &'static str {
        if self == Self::NoBackup { "no backup that can be loaded" } else { self.as_str() }
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
    /// What it was recognised as, where that gives a way to a plain dump.
    pub kind: Option<Kind>,
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

impl Examined {
    /// A file of which no more is known.
    pub(super) fn of(verdict: Verdict, bytes: u64) -> Self {
        let (manifest, globals, contents) = (None, None, None);
        Self { verdict, reason: None, kind: None, bytes, manifest, globals, contents, digest: None }
    }

    /// The same file with what is wrong with it.
    #[must_use]
    pub(super) fn unfit(self, wrong: Wrong) -> Self {
        let Wrong { verdict, reason, kind } = wrong;
        Self { verdict, reason: Some(reason), kind, ..self }
    }
}

/// What is wrong with a file.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) verdict: Verdict,
    pub(super) reason: String,
    pub(super) kind: Option<Kind>,
}

impl Wrong {
    pub(super) fn new(verdict: Verdict, reason: impl Into<String>) -> Self {
        Self { verdict, reason: reason.into(), kind: None }
    }

    pub(super) fn damaged(reason: impl Into<String>) -> Self {
        Self::new(Verdict::Damaged, reason)
    }

    /// The verdict on a file with this flaw. One with a manifest was a backup: it is damaged, whatever it looks like now.
    pub(super) fn of(flaw: &Flaw, has_manifest: bool) -> Self {
        let kind = flaw.kind.filter(|_| !has_manifest);
        let verdict = match kind {
            _ if flaw.cut => Verdict::Cut,
            Some(kind) if kind.is_other() => Verdict::NoBackup,
            _ => Verdict::Damaged,
        };
        Self { kind, ..Self::new(verdict, flaw.to_string()) }
    }
}
