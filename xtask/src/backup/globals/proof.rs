//! Whether a file of globals is whole. It is small, so it is read at once, also for a glance.

use super::{GlobalsManifest, HEAD};
use crate::backup::manifest::HEAD_START;
use crate::backup::name;
use crate::backup::open::open;
use crate::backup::sealed::Sealed as _;
use crate::backup::verdict::{Examined, Verdict};
use crate::error::{Exit, Fault};
use crate::postgres::globals::{self, Globals, LONGEST};
use crate::words::hex;
use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

/// Longer files hold no list of roles that is read, in bytes.
const MOST: u64 = 2 * LONGEST as u64;

/// A file of globals whose every byte was read and found right, and what it holds.
#[derive(Debug)]
pub struct ProvenGlobals {
    pub path: PathBuf,
    pub manifest: GlobalsManifest,
    pub globals: Globals,
    /// SHA-256 of the whole file.
    pub digest: [u8; 32],
}

/// What a file holds, and its SHA-256.
type Right = (GlobalsManifest, Globals, [u8; 32]);
/// What is wrong with a file.
type Wrong = (Verdict, String);

/// Proves a file of globals.
///
/// # Errors
/// Exit 3: it is cut, damaged, or no such file.
pub fn prove(path: &Path) -> Result<ProvenGlobals> {
    let mut file = open(path)?;
    // Shared lock: db-prune skips this file. A file system without locks is read without one.
    let _ = file.try_lock_shared();
    let reading = || format!("reading {}", path.display());
    let refused = |what: &str, hint: &str| Fault::new(Exit::Refused, format!("{} {what}", path.display())).hint(hint);
    if !is_globals(&mut file).with_context(reading)? {
        let hint = "name a file that db-backup --globals wrote: cargo xtask db-list\n\
                    from pg_dumpall's file, type the CREATE ROLE statements that you want: cargo xtask db-shell -- -d postgres";
        return Err(refused("does not hold a server's roles", hint).into());
    }
    match read(&mut file, path).with_context(reading)? {
        Ok((manifest, globals, digest)) => Ok(ProvenGlobals { path: path.to_owned(), manifest, globals, digest }),
        Err((verdict, reason)) => {
            let hint = "list the backups that are whole: cargo xtask db-list --check";
            Err(refused(&format!("is {}: {reason}", verdict.as_str()), hint).into())
        }
    }
}

/// Whether the file at this path says that it holds globals, whole or not.
pub fn is_at(path: &Path) -> bool {
    open(path).and_then(|mut file| is_globals(&mut file)).unwrap_or(false)
}

/// Whether an open file says that it holds globals. Afterwards the file is at its beginning.
pub(in crate::backup) fn is_globals(file: &mut File) -> Result<bool> {
    let mut head = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.by_ref().take(HEAD.len() as u64).read_to_end(&mut head)?;
    file.seek(SeekFrom::Start(0))?;
    // Cut within its first line, it is distinguished from a database's backup as soon as that is possible.
    Ok(head == HEAD || (head.len() > HEAD_START.len().saturating_add(1) && HEAD.starts_with(&head)))
}

/// The verdict on a file that says so.
pub(in crate::backup) fn examine(file: &mut File, path: &Path) -> Result<Examined> {
    let bytes = file.metadata()?.len();
    let (verdict, reason, globals, digest) = match read(file, path)? {
        Ok((manifest, _, digest)) => (Verdict::Whole, None, Some(manifest), Some(digest)),
        Err((verdict, reason)) => (verdict, Some(reason), None, None),
    };
    Ok(Examined { reason, globals, digest, ..Examined::of(verdict, bytes) })
}

fn read(file: &mut File, path: &Path) -> Result<Result<Right, Wrong>> {
    if let Some(reason) = misnamed(path) {
        return Ok(Err((Verdict::Damaged, reason)));
    }
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.take(MOST.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(parse(&bytes))
}

/// A name that says that the file holds something else.
fn misnamed(path: &Path) -> Option<String> {
    let named = name::parse(path.file_name()?.to_str()?)?;
    Some(format!("it holds a server's roles, but is named like a backup of {}", named.database))
}

fn parse(bytes: &[u8]) -> Result<Right, Wrong> {
    let damaged = |reason: &str| (Verdict::Damaged, reason.to_owned());
    if bytes.len() as u64 > MOST {
        return Err(damaged("it is longer than any list of roles"));
    }
    let cut = || (Verdict::Cut, "its manifest, the last line, is missing".to_owned());
    let Some(rest) = bytes.strip_prefix(HEAD) else { return Err(cut()) };
    let body = rest.strip_suffix(b"\n").ok_or_else(cut)?;
    let end = memchr::memrchr(b'\n', body).map_or(0, |at| at.saturating_add(1));
    let (text, line) = rest.split_at(end);
    let manifest = GlobalsManifest::parse(line).ok_or_else(cut)?.map_err(|reason| damaged(&reason))?;
    let before = HEAD.len().saturating_add(text.len());
    if manifest.bytes.get() != before as u64 {
        return Err(damaged(&format!("{before} bytes precede its manifest, which says {}", manifest.bytes.get())));
    }
    if hex(&Sha256::new().chain_update(HEAD).chain_update(text).finalize()) != *manifest.sha256 {
        return Err(damaged("its bytes do not match the manifest's SHA-256"));
    }
    // The manifest's line is not part of the text; the head is one line more.
    let globals = globals::read(text).map_err(|mut flaw| {
        flaw.line = flaw.line.saturating_add(1);
        (if flaw.cut { Verdict::Cut } else { Verdict::Damaged }, flaw.to_string())
    })?;
    if !manifest.agrees_with(&globals) {
        return Err(damaged("it holds other numbers of roles or memberships than its manifest says"));
    }
    Ok((manifest, globals, Sha256::digest(bytes).into()))
}
