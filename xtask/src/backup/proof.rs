//! Whether a backup file is whole: at a glance by its manifest and size, or proven byte by byte.

use super::manifest::{self, Manifest};
use crate::error::{Exit, Fault};
use crate::platform;
use crate::postgres::dump::{Contents, Scanner};
use crate::process::signals;
use anyhow::{Context as _, Result};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::cmp::Ordering;
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
    /// Another program's dump: its beginning and end are right, and after a full read its structure; nothing vouches for the bytes.
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

/// pg_dump's own end, before what newer versions add to it.
const TRAILER: &[u8] = b"-- PostgreSQL database dump complete\n--\n\n";
const DUMP_HEAD: &[u8] = b"--\n-- PostgreSQL database dump\n--\n\n";
/// Both kinds of first lines, and what tells an archive (tar: at byte 257).
const HEAD_LOOKED_AT: usize = 512;
/// `\unrestrict`, a key, two newlines: no trailer is longer than this.
const TAIL_LOOKED_AT: u64 = 512;
/// What people add to a file is short, and so are most manifests before it.
const ADDED_LOOKED_AT: u64 = 1 << 20;
/// A manifest names every table; one of this size would name some hundred thousand.
const LONGEST_MANIFEST: u64 = 64 << 20;
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

fn examine_ends(file: &mut File) -> Result<Examined> {
    let bytes = file.metadata()?.len();
    let mut head = vec![0; HEAD_LOOKED_AT];
    file.seek(SeekFrom::Start(0))?;
    let read = read_up_to(file, &mut head)?;
    head.truncate(read);
    let line = last_line(file, bytes)?;
    let unfit =
        |verdict, reason: String| Examined { verdict, reason: Some(reason), bytes, manifest: None, contents: None };
    let ours = head.starts_with(manifest::HEAD_START);
    let examined = match Manifest::parse(&line) {
        Some(Ok(manifest)) if !head.starts_with(manifest::HEAD) => {
            let reason = "its first line was changed".to_owned();
            Examined { manifest: Some(manifest), ..unfit(Verdict::Damaged, reason) }
        }
        Some(Ok(manifest)) => {
            let expected = manifest.bytes + line.len() as u64;
            let verdict = match bytes.cmp(&expected) {
                Ordering::Less => Verdict::Cut,
                Ordering::Equal => Verdict::Complete,
                Ordering::Greater => Verdict::Damaged,
            };
            let reason = (bytes != expected).then(|| format!("it has {bytes} bytes and should have {expected}"));
            Examined { verdict, reason, bytes, manifest: Some(manifest), contents: None }
        }
        Some(Err(reason)) => unfit(Verdict::Damaged, reason),
        None if ours && manifest_is_followed(file, bytes)? => {
            unfit(Verdict::Damaged, "something follows its manifest, which should be the last line".to_owned())
        }
        None if ours || (!head.is_empty() && manifest::HEAD.starts_with(&head)) => {
            unfit(Verdict::Cut, "its manifest, the last line, is missing".to_owned())
        }
        None if bytes == 0 => unfit(Verdict::Cut, "it is empty".to_owned()),
        None if !head.starts_with(DUMP_HEAD) => {
            let mut scanner = Scanner::default();
            let flaw = scanner.feed(&head).err().or_else(|| scanner.finish().err());
            match flaw {
                Some(flaw) if flaw.cut => unfit(Verdict::Cut, flaw.what),
                flaw => unfit(Verdict::Damaged, flaw.map_or_else(String::new, |flaw| flaw.what)),
            }
        }
        None => {
            let mut tail = vec![0; usize::try_from(bytes.min(TAIL_LOOKED_AT))?];
            file.seek(SeekFrom::Start(bytes - tail.len() as u64))?;
            file.read_exact(&mut tail)?;
            if memchr::memmem::find(&tail, TRAILER).is_some() {
                Examined { verdict: Verdict::MadeElsewhere, reason: None, bytes, manifest: None, contents: None }
            } else {
                unfit(Verdict::Cut, "pg_dump's last lines are missing".to_owned())
            }
        }
    };
    Ok(examined)
}

/// The last line, newline included; empty where the file does not end in one.
fn last_line(file: &mut File, bytes: u64) -> Result<Vec<u8>> {
    let mut line = Vec::new();
    let mut start = bytes;
    while start > 0 && (line.len() as u64) < LONGEST_MANIFEST {
        let size = start.min(PIECE as u64);
        start -= size;
        let mut piece = vec![0; usize::try_from(size)?];
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(&mut piece)?;
        if line.is_empty() && piece.last() != Some(&b'\n') {
            return Ok(Vec::new());
        }
        let search = if line.is_empty() { &piece[..piece.len() - 1] } else { &piece[..] };
        let found = memchr::memrchr(b'\n', search);
        let from = found.map_or(0, |at| at + 1);
        line.splice(0..0, piece[from..].iter().copied());
        if found.is_some() {
            break;
        }
    }
    Ok(line)
}

/// Whether a manifest that fits stands before the last line: the file was not cut, something was added.
fn manifest_is_followed(file: &mut File, bytes: u64) -> Result<bool> {
    let mut tail = vec![0; usize::try_from(bytes.min(ADDED_LOOKED_AT))?];
    let start = bytes - tail.len() as u64;
    file.seek(SeekFrom::Start(start))?;
    file.read_exact(&mut tail)?;
    let lines = memchr::memrchr_iter(b'\n', &tail);
    for at in lines {
        let line = &tail[at + 1..];
        let Some(end) = memchr::memchr(b'\n', line) else { continue };
        if let Some(Ok(manifest)) = Manifest::parse(&line[..=end]) {
            // Rows may hold a line like it, but not at the place that it names.
            return Ok(manifest.bytes == start + at as u64 + 1);
        }
    }
    Ok(false)
}

/// What a file holds, and its SHA-256.
type Right = (Contents, [u8; 32]);
/// What is wrong with a file.
type Wrong = (Verdict, String);

/// Hashes and scans; the inner error is a verdict with its reason.
fn read_all(file: &mut File, examined: &Examined, progress: &dyn Fn(u64)) -> Result<Result<Right, Wrong>> {
    let length = examined.manifest.as_ref().map_or(examined.bytes, |manifest| manifest.bytes);
    let head = examined.manifest.as_ref().map_or(0, |_| manifest::HEAD.len());
    let mut hash = Sha256::new();
    let mut scanner = Scanner::default();
    let mut flaw = None;
    let mut buffer = vec![0; PIECE];
    let mut done = 0;
    file.seek(SeekFrom::Start(0))?;
    while done < length {
        signals::check()?;
        let wanted = usize::try_from((length - done).min(PIECE as u64))?;
        let read = read_up_to(file, &mut buffer[..wanted])?;
        if read == 0 {
            return Ok(Err((Verdict::Cut, "it became shorter while it was read".to_owned())));
        }
        let piece = &buffer[..read];
        hash.update(piece);
        if flaw.is_none() {
            let skip = if done == 0 { head.min(read) } else { 0 };
            flaw = scanner.feed(&piece[skip..]).err();
        }
        done += read as u64;
        progress(done);
    }
    let expected = examined.manifest.as_ref().map(|manifest| &manifest.sha256);
    if expected.is_some_and(|expected| manifest::hex(&hash.clone().finalize()) != *expected) {
        return Ok(Err((Verdict::Damaged, "its bytes do not fit the manifest's SHA-256".to_owned())));
    }
    let contents = match flaw.map_or_else(|| scanner.finish(), Err) {
        Ok(contents) => contents,
        Err(flaw) => {
            let verdict = if flaw.cut { Verdict::Cut } else { Verdict::Damaged };
            return Ok(Err((verdict, flaw.to_string())));
        }
    };
    if examined.manifest.as_ref().is_some_and(|manifest| manifest.copied != contents.copied) {
        return Ok(Err((Verdict::Damaged, "its rows are not those that the manifest names".to_owned())));
    }
    let mut rest = Vec::new();
    file.read_to_end(&mut rest)?;
    Ok(Ok((contents, hash.chain_update(&rest).finalize().into())))
}

/// Fills the buffer as far as the file goes.
pub(super) fn read_up_to(file: &mut impl Read, buffer: &mut [u8]) -> Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..])? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}
