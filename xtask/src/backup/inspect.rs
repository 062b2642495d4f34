//! What both ends of a file tell: whether it is a backup, and at a glance whether it is complete.

use super::manifest::{self, Manifest};
use super::pieces::{PIECE, read_up_to};
use super::sealed::Sealed as _;
use super::verdict::{Examined, Verdict};
use crate::postgres::dump::{Flaw, Scanner};
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
const ADDED_LOOKED_AT: usize = 1 << 20;

/// Looks at the first and the last bytes.
pub(super) fn examine_ends(file: &mut File) -> Result<Examined> {
    let bytes = file.metadata()?.len();
    let mut head = vec![0; HEAD_LOOKED_AT];
    file.seek(SeekFrom::Start(0))?;
    let read = read_up_to(file, &mut head)?;
    head.truncate(read);
    let ours = head.starts_with(manifest::HEAD_START);
    // A file that is not ours may end in any long line; only the manifest of a changed one is looked for.
    let line = last_line(file, bytes, if ours { manifest::LONGEST } else { ADDED_LOOKED_AT })?;
    let (verdict, reason, manifest) = match Manifest::parse(&line) {
        Some(Ok(manifest)) if !head.starts_with(manifest::HEAD) => {
            (Verdict::Damaged, Some("its first line was changed".to_owned()), Some(manifest))
        }
        Some(Ok(manifest)) => {
            let (verdict, reason) = by_size(bytes, &manifest, &line);
            (verdict, reason, Some(manifest))
        }
        Some(Err(reason)) => (Verdict::Damaged, Some(reason), None),
        None => {
            let (verdict, reason) = without_manifest(file, bytes, &head, ours)?;
            (verdict, reason, None)
        }
    };
    Ok(Examined { verdict, reason, bytes, manifest, globals: None, contents: None, digest: None })
}

/// Whether what precedes the manifest's line has the size that it says.
fn by_size(bytes: u64, manifest: &Manifest, line: &[u8]) -> (Verdict, Option<String>) {
    let expected = manifest.bytes.get().saturating_add(line.len() as u64);
    let verdict = match bytes.cmp(&expected) {
        Ordering::Less => Verdict::Cut,
        Ordering::Equal => return (Verdict::Complete, None),
        Ordering::Greater => Verdict::Damaged,
    };
    (verdict, Some(format!("it has {bytes} bytes and should have {expected}")))
}

/// A file that does not end in a manifest.
fn without_manifest(file: &mut File, bytes: u64, head: &[u8], ours: bool) -> Result<(Verdict, Option<String>)> {
    let unfit = |verdict, reason: &str| Ok((verdict, Some(reason.to_owned())));
    if ours && manifest_is_followed(file, bytes)? {
        return unfit(Verdict::Damaged, "text follows its manifest, which must be the last line");
    }
    if ours || (!head.is_empty() && manifest::HEAD.starts_with(head)) {
        return unfit(Verdict::Cut, "its manifest, the last line, is missing");
    }
    if bytes == 0 {
        return unfit(Verdict::Cut, "it is empty");
    }
    if !head.starts_with(DUMP_HEAD) {
        let mut scanner = Scanner::default();
        let flaw = scanner.feed(head).err().or_else(|| scanner.finish().err());
        let cut = flaw.as_ref().is_some_and(|flaw| flaw.cut);
        let what = flaw.map_or_else(String::new, |flaw: Flaw| flaw.what);
        return unfit(if cut { Verdict::Cut } else { Verdict::Damaged }, &what);
    }
    let (_, tail) = tail_of(file, bytes, TAIL_LOOKED_AT)?;
    if memchr::memmem::find(&tail, TRAILER).is_some() {
        return Ok((Verdict::MadeElsewhere, None));
    }
    unfit(Verdict::Cut, "pg_dump's last lines are missing")
}

/// Up to `most` last bytes of the file, and where they begin.
fn tail_of(file: &mut File, bytes: u64, most: u64) -> Result<(u64, Vec<u8>)> {
    let size = bytes.min(most);
    let start = bytes.saturating_sub(size);
    let mut tail = vec![0; usize::try_from(size)?];
    file.seek(SeekFrom::Start(start))?;
    file.read_exact(&mut tail)?;
    Ok((start, tail))
}

/// The last line, newline included; empty where the file does not end in one, or in one of more than `longest` bytes.
fn last_line(file: &mut File, bytes: u64, longest: usize) -> Result<Vec<u8>> {
    // Backwards, the last piece first.
    let mut pieces: Vec<Vec<u8>> = Vec::new();
    let mut length = 0usize;
    let mut end = bytes;
    while end > 0 {
        let (start, mut piece) = tail_of(file, end, PIECE as u64)?;
        let search = match piece.split_last() {
            Some((last, before)) if pieces.is_empty() => {
                if *last != b'\n' {
                    return Ok(Vec::new());
                }
                before
            }
            _ => &piece[..],
        };
        let found = memchr::memrchr(b'\n', search);
        if let Some(newline) = found {
            piece.drain(..=newline);
        }
        length = length.saturating_add(piece.len());
        if length > longest {
            return Ok(Vec::new());
        }
        pieces.push(piece);
        if found.is_some() {
            break;
        }
        end = start;
    }
    pieces.reverse();
    Ok(pieces.concat())
}

/// Whether a manifest that fits stands before the last line: the file was not cut, something was added.
fn manifest_is_followed(file: &mut File, bytes: u64) -> Result<bool> {
    let (start, tail) = tail_of(file, bytes, ADDED_LOOKED_AT as u64)?;
    let mut at = start;
    // Rows may hold a line like a manifest, but not at the place that it names.
    Ok(tail.split_inclusive(|byte| *byte == b'\n').any(|line| {
        let place = at;
        at = at.saturating_add(line.len() as u64);
        matches!(Manifest::parse(line), Some(Ok(manifest)) if manifest.bytes.get() == place)
    }))
}
