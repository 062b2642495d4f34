//! What both ends of a file tell: whether it is a backup, and at a glance whether it is complete.

use super::manifest::{self, Manifest};
use super::pieces::{PIECE, read_up_to};
use super::proof::{Examined, Verdict};
use crate::postgres::dump::Scanner;
use anyhow::Result;
use std::cmp::Ordering;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};

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

/// Looks at the first and the last bytes.
pub(super) fn examine_ends(file: &mut File) -> Result<Examined> {
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
