//! Whether a backup file is whole: at a glance by its manifest and size, or proven byte by byte.

use super::ends::examine_ends;
use super::manifest::{self, Manifest};
use crate::error::{Exit, Fault};
use crate::platform;
use crate::postgres::dump::{Contents, Flaw, Scanner};
use crate::process::signals;
use anyhow::{Context as _, Result};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

/// What a file turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The manifest fits itself and the file's size; the bytes were not read.
    Complete,
    /// Every byte is as it was written.
    Whole,
    /// It ends too early.
    Cut,
    /// It was changed, or is no backup.
    Damaged,
    /// It could not be read: another user's, a link, no file.
    Unreadable,
    /// Another program's dump: its beginning and end are right, and after a full read its structure; nothing vouches
    /// for the bytes.
    MadeElsewhere,
}

impl Verdict {
    /// As it stands in tables.
    pub fn words(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Whole => "whole",
            Self::Cut => "cut",
            Self::Damaged => "damaged",
            Self::Unreadable => "cannot be read",
            Self::MadeElsewhere => "made elsewhere",
        }
    }

    /// Whether the file must not be restored.
    pub fn is_unfit(self) -> bool {
        matches!(self, Self::Cut | Self::Damaged | Self::Unreadable)
    }
}

/// What was found out about a file.
#[derive(Debug)]
pub struct Examined {
    pub verdict: Verdict,
    /// Why, where it is unfit.
    pub reason: Option<String>,
    pub bytes: u64,
    /// Present where it fits itself.
    pub manifest: Option<Manifest>,
    /// What a full read found.
    pub contents: Option<Contents>,
}

/// A backup whose every byte was read and found right, held open: what is fed later is the file that was proven.
#[derive(Debug)]
pub struct Proven {
    pub(super) file: File,
    pub path: PathBuf,
    pub manifest: Option<Manifest>,
    pub contents: Contents,
    /// SHA-256 of the whole file.
    pub(super) sha256: [u8; 32],
}

impl Proven {
    /// The file's size in bytes.
    pub fn bytes(&self) -> u64 {
        self.file.metadata().map_or(0, |facts| facts.len())
    }
}

/// Proves a backup.
///
/// # Errors
/// Exit 3: the file is cut, damaged or no backup.
pub fn prove(path: &Path, progress: &dyn Fn(u64)) -> Result<Proven> {
    let mut file = open(path)?;
    // Whoever removes old backups leaves a file alone that somebody reads. Where locks are unknown, nobody asks.
    let _ = file.try_lock_shared();
    let (examined, sha256) = check_open(&mut file, path, progress)?;
    let Examined { verdict, reason, manifest, contents, .. } = examined;
    match contents {
        Some(contents) if !verdict.is_unfit() => Ok(Proven { file, path: path.to_owned(), manifest, contents, sha256 }),
        _ => {
            let message = format!("{} is {}: {}", path.display(), verdict.words(), reason.unwrap_or_default());
            Err(Fault::new(Exit::Refused, message)
                .hint("see which backups are whole: cargo xtask db-list --check")
                .into())
        }
    }
}

/// How much is read at once.
pub(super) const PIECE: usize = 1 << 18;

/// Looks at both ends of the file only.
pub fn glance(path: &Path) -> Result<Examined> {
    let mut file = open(path)?;
    examine_ends(&mut file).with_context(|| format!("reading {}", path.display()))
}

/// Reads every byte. `progress` hears how many have been read.
pub fn check(path: &Path, progress: &dyn Fn(u64)) -> Result<Examined> {
    check_open(&mut open(path)?, path, progress).map(|(examined, _)| examined)
}

/// Also gives the whole file's SHA-256, where it was read.
fn check_open(file: &mut File, path: &Path, progress: &dyn Fn(u64)) -> Result<(Examined, [u8; 32])> {
    let reading = || format!("reading {}", path.display());
    let mut examined = examine_ends(file).with_context(reading)?;
    let mut sha256 = [0; 32];
    if !examined.verdict.is_unfit() {
        match read_all(file, &examined, progress).with_context(reading)? {
            Ok((contents, hash)) => {
                if examined.verdict == Verdict::Complete {
                    examined.verdict = Verdict::Whole;
                }
                examined.contents = Some(contents);
                sha256 = hash;
            }
            Err((verdict, reason)) => {
                examined.verdict = verdict;
                examined.reason = Some(reason);
            }
        }
    }
    Ok((examined, sha256))
}

/// Opens a regular file; a link would lead elsewhere, and a pipe holds whoever reads it.
fn open(path: &Path) -> Result<File> {
    let open = || {
        let kind = std::fs::symlink_metadata(path)?.file_type();
        let other = |what: &str| Err(std::io::Error::other(what));
        if kind.is_symlink() {
            return other("it is a symbolic link");
        }
        if kind.is_dir() {
            return other("it is a folder");
        }
        let file = platform::open_no_follow(path)?;
        if file.metadata()?.is_file() { Ok(file) } else { other("it is no regular file") }
    };
    open().with_context(|| format!("{} cannot be read", path.display()))
}

/// What a file holds, and its SHA-256.
type Right = (Contents, [u8; 32]);
/// What is wrong with a file.
type Wrong = (Verdict, String);

/// Hashes and scans; the inner error is a verdict with its reason.
fn read_all(file: &mut File, examined: &Examined, progress: &dyn Fn(u64)) -> Result<Result<Right, Wrong>> {
    let manifest = examined.manifest.as_ref();
    let length = manifest.map_or(examined.bytes, |manifest| manifest.bytes.get());
    let mut skipped = manifest.map_or(0, |_| manifest::HEAD.len());
    let mut hash = Sha256::new();
    let mut scanner = Scanner::default();
    let mut buffer = vec![0; PIECE];
    let mut left = length;
    file.seek(SeekFrom::Start(0))?;
    while left > 0 {
        signals::check()?;
        let wanted = usize::try_from(left.min(PIECE as u64))?;
        let read = read_up_to(file, &mut buffer[..wanted])?;
        if read == 0 {
            return Ok(Err((Verdict::Cut, "it became shorter while it was read".to_owned())));
        }
        let piece = &buffer[..read];
        hash.update(piece);
        let (_, dump) = piece.split_at(std::mem::take(&mut skipped).min(read));
        // Its verdict is decided: a file may be long, and most of it a hole.
        if let Err(flaw) = scanner.feed(dump) {
            return Ok(Err(unfit(&flaw)));
        }
        left = left.saturating_sub(read as u64);
        progress(length.saturating_sub(left));
    }
    if manifest.is_some_and(|manifest| manifest::hex(&hash.clone().finalize()) != *manifest.sha256) {
        return Ok(Err((Verdict::Damaged, "its bytes do not fit the manifest's SHA-256".to_owned())));
    }
    let contents = match scanner.finish() {
        Ok(contents) => contents,
        Err(flaw) => return Ok(Err(unfit(&flaw))),
    };
    if let Some(reason) = manifest.and_then(|manifest| disagreement(manifest, &contents)) {
        return Ok(Err((Verdict::Damaged, reason)));
    }
    let rest = examined.bytes.saturating_sub(length);
    let mut line = Vec::new();
    file.take(rest.saturating_add(1)).read_to_end(&mut line)?;
    if line.len() as u64 != rest {
        return Ok(Err((Verdict::Damaged, "it changed while it was read".to_owned())));
    }
    Ok(Ok((contents, hash.chain_update(&line).finalize().into())))
}

/// Where a manifest counts something else than what is there.
fn disagreement(manifest: &Manifest, contents: &Contents) -> Option<String> {
    if *manifest.copied != *contents.copied {
        return Some("its rows are not those that the manifest names".to_owned());
    }
    (manifest.openfga != contents.openfga).then(|| "its OpenFGA data are not those that the manifest counts".to_owned())
}

fn unfit(flaw: &Flaw) -> Wrong {
    (if flaw.cut { Verdict::Cut } else { Verdict::Damaged }, flaw.to_string())
}

/// Fills the buffer as far as the file goes.
pub(super) fn read_up_to(file: &mut impl Read, buffer: &mut [u8]) -> Result<usize> {
    let mut filled = 0usize;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read(rest)? {
            0 => break,
            read => filled = filled.saturating_add(read),
        }
    }
    Ok(filled)
}
