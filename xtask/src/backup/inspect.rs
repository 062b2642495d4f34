//! What both ends of a file tell: whether it is a backup, and at a glance whether it is complete.

use super::codec::{self, Codec, Ends};
use super::manifest::{self, Manifest};
use super::sealed::Sealed as _;
use super::verdict::{Examined, Verdict, Wrong};
use crate::postgres::dump::Scanner;
use anyhow::Result;
use std::cmp::Ordering;
use std::fs::File;

/// pg_dump's own end, before what newer versions add to it.
const TRAILER: &[u8] = b"-- PostgreSQL database dump complete\n--\n\n";
const DUMP_HEAD: &[u8] = b"--\n-- PostgreSQL database dump\n--\n\n";
/// `\unrestrict`, a key, two newlines: no trailer is longer than this.
const TAIL_LOOKED_AT: u64 = 512;

/// Looks at the first and the last bytes.
pub(super) fn examine_ends(file: &mut File) -> Result<Examined> {
    let bytes = file.metadata()?.len();
    let codec = codec::of(file)?;
    let ends = codec.ends(file, bytes)?;
    let (wrong, manifest) = match Manifest::parse(&ends.line) {
        Some(Ok(manifest)) if !ends.head.starts_with(manifest.head()) => {
            (Some(Wrong::damaged("its first line was changed")), Some(manifest))
        }
        Some(Ok(manifest)) => (by_size(bytes, codec, &manifest, &ends), Some(manifest)),
        Some(Err(reason)) => (Some(Wrong::damaged(reason)), None),
        None => (without_manifest(file, bytes, codec, &ends.head)?, None),
    };
    let verdict = if manifest.is_some() { Verdict::Complete } else { Verdict::MadeElsewhere };
    let examined = Examined { manifest, ..Examined::of(verdict, bytes) };
    Ok(match wrong {
        Some(wrong) => examined.unfit(wrong),
        None => examined,
    })
}

/// Whether what precedes the manifest has another size than it says.
fn by_size(bytes: u64, codec: &dyn Codec, manifest: &Manifest, ends: &Ends) -> Option<Wrong> {
    let Some(before) = codec.before_manifest(manifest) else {
        return Some(Wrong::damaged("its manifest is that of another kind of file"));
    };
    let expected = before.saturating_add(ends.stored);
    let verdict = match bytes.cmp(&expected) {
        Ordering::Less => Verdict::Cut,
        Ordering::Equal => return None,
        Ordering::Greater => Verdict::Damaged,
    };
    Some(Wrong::new(verdict, format!("it has {bytes} bytes and should have {expected}")))
}

/// What is wrong with a file that does not end in a manifest.
fn without_manifest(file: &mut File, bytes: u64, codec: &dyn Codec, head: &[u8]) -> Result<Option<Wrong>> {
    let cut = |reason: &str| Ok(Some(Wrong::new(Verdict::Cut, reason)));
    let ours = head.starts_with(manifest::HEAD_START) || codec.format() != Manifest::PLAIN;
    if ours && codec.is_manifest_followed(file, bytes)? {
        return Ok(Some(Wrong::damaged("text follows its manifest, which must be the last line")));
    }
    if ours || (!head.is_empty() && manifest::HEAD_START.starts_with(head)) {
        return cut("its manifest, the last line, is missing");
    }
    if bytes == 0 {
        return cut("it is empty");
    }
    if !head.starts_with(DUMP_HEAD) {
        let mut scanner = Scanner::default();
        let flaw = scanner.feed(head).err().or_else(|| scanner.finish().err());
        // Without the number of a line: only the first bytes were read.
        return Ok(flaw.map(|flaw| Wrong { reason: flaw.what.clone(), ..Wrong::of(&flaw, false) }));
    }
    let (_, tail) = codec::tail_of(file, bytes, TAIL_LOOKED_AT)?;
    if memchr::memmem::find(&tail, TRAILER).is_some() { Ok(None) } else { cut("pg_dump's last lines are missing") }
}
