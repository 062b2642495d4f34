//! What both ends of a file tell: whether it is a backup, and at a glance whether it is complete.

use super::codec::{self, Codec, Ends};
use super::manifest::{self, Manifest};
use super::sealed::Sealed as _;
use super::verdict::{Examined, Verdict};
use crate::postgres::dump::{Flaw, Scanner};
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
    let (verdict, reason, manifest) = match Manifest::parse(&ends.line) {
        Some(Ok(manifest)) if !ends.head.starts_with(manifest.head()) => {
            (Verdict::Damaged, Some("its first line was changed".to_owned()), Some(manifest))
        }
        Some(Ok(manifest)) => {
            let (verdict, reason) = by_size(bytes, codec, &manifest, &ends);
            (verdict, reason, Some(manifest))
        }
        Some(Err(reason)) => (Verdict::Damaged, Some(reason), None),
        None => {
            let (verdict, reason) = without_manifest(file, bytes, codec, &ends.head)?;
            (verdict, reason, None)
        }
    };
    Ok(Examined { verdict, reason, bytes, manifest, globals: None, contents: None, digest: None })
}

/// Whether what precedes the manifest has the size that it says.
fn by_size(bytes: u64, codec: &dyn Codec, manifest: &Manifest, ends: &Ends) -> (Verdict, Option<String>) {
    let Some(before) = codec.before_manifest(manifest) else {
        return (Verdict::Damaged, Some("its manifest is that of another kind of file".to_owned()));
    };
    let expected = before.saturating_add(ends.stored);
    let verdict = match bytes.cmp(&expected) {
        Ordering::Less => Verdict::Cut,
        Ordering::Equal => return (Verdict::Complete, None),
        Ordering::Greater => Verdict::Damaged,
    };
    (verdict, Some(format!("it has {bytes} bytes and should have {expected}")))
}

/// A file that does not end in a manifest.
fn without_manifest(file: &mut File, bytes: u64, codec: &dyn Codec, head: &[u8]) -> Result<(Verdict, Option<String>)> {
    let unfit = |verdict, reason: &str| Ok((verdict, Some(reason.to_owned())));
    let ours = head.starts_with(manifest::HEAD_START) || codec.format() != Manifest::PLAIN;
    if ours && codec.is_manifest_followed(file, bytes)? {
        return unfit(Verdict::Damaged, "text follows its manifest, which must be the last line");
    }
    if ours || (!head.is_empty() && manifest::HEAD_START.starts_with(head)) {
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
        return unfit(if cut { Verdict::Cut } else { Verdict::NoBackup }, &what);
    }
    let (_, tail) = codec::tail_of(file, bytes, TAIL_LOOKED_AT)?;
    if memchr::memmem::find(&tail, TRAILER).is_some() {
        return Ok((Verdict::MadeElsewhere, None));
    }
    unfit(Verdict::Cut, "pg_dump's last lines are missing")
}
