//! A backup whose every byte is read: its digest, its statements, its manifest.

use crate::backup::codec;
use crate::backup::manifest::Manifest;
use crate::backup::pieces::{Piece, Pieces, Running, what_is_invalid};
use crate::backup::verdict::{Examined, Verdict, Wrong};
use crate::postgres::dump::{Contents, Scanner};
use crate::process::signals;
use crate::words::hex;
use anyhow::Result;
use std::fs::File;
use std::io::Read;

/// What a file holds.
#[derive(Debug)]
pub(super) struct Right {
    pub(super) contents: Contents,
    /// Where in the text the dump ends.
    pub(super) dump_end: u64,
    /// The digest of the text after each of its pieces.
    pub(super) marks: Vec<Running>,
    /// The SHA-256 of the whole file.
    pub(super) digest: [u8; 32],
}

/// Hashes and scans; the inner error is a verdict with its reason.
pub(super) fn read_all(file: &mut File, examined: &Examined, progress: &dyn Fn(u64)) -> Result<Result<Right, Wrong>> {
    let codec = codec::of(file)?;
    let manifest = examined.manifest.as_ref();
    let line = if manifest.is_some() { codec.ends(file, examined.bytes)?.line } else { Vec::new() };
    let stored = match manifest.map(|manifest| codec.prove_stored(file, manifest)).transpose()? {
        Some(Err(reason)) => return Ok(Err(Wrong::damaged(reason))),
        Some(Ok(digest)) => digest,
        None => None,
    };
    let mut reading = Reading { pieces: Pieces::of(codec.text(file)?), marks: Vec::new(), progress };
    let read = reading.dump(examined).and_then(|dump| match dump {
        Ok(contents) => Ok(reading.end(&line)?.map(|()| contents)),
        Err(wrong) => Ok(Err(wrong)),
    });
    match read {
        Ok(Ok(contents)) => {
            let dump_end = reading.pieces.offset().saturating_sub(line.len() as u64);
            let digest = stored.unwrap_or_else(|| reading.pieces.digest());
            Ok(Ok(Right { contents, dump_end, marks: reading.marks, digest }))
        }
        Ok(Err(wrong)) => Ok(Err(wrong)),
        Err(error) => match what_is_invalid(&error) {
            Some(reason) => Ok(Err(Wrong::damaged(reason))),
            None => Err(error),
        },
    }
}

/// A text that is read to its end.
struct Reading<'a> {
    pieces: Pieces<Box<dyn Read + 'a>>,
    marks: Vec<Running>,
    progress: &'a dyn Fn(u64),
}

impl Reading<'_> {
    /// What precedes the manifest.
    fn dump(&mut self, examined: &Examined) -> Result<Result<Contents, Wrong>> {
        let manifest = examined.manifest.as_ref();
        let length = manifest.map_or(examined.bytes, |manifest| manifest.bytes.get());
        let mut head = manifest.map_or(&[][..], Manifest::head);
        let mut scanner = Scanner::default();
        while self.pieces.offset() < length {
            signals::check()?;
            let Some(piece) = self.pieces.next(length)? else {
                return Ok(Err(Wrong::new(Verdict::Cut, "it became shorter while it was read")));
            };
            self.marks.push(piece.read);
            // The look at its ends may have seen other bytes: what is left out of the scan is the first line, and no more.
            let Some(dump) = piece.bytes.strip_prefix(std::mem::take(&mut head)) else {
                return Ok(Err(Wrong::damaged("its text begins with another first line")));
            };
            // Its verdict is decided: a file may be long, and most of it a hole.
            if let Err(flaw) = scanner.feed(dump) {
                return Ok(Err(Wrong::of(&flaw, manifest.is_some())));
            }
            (self.progress)(self.pieces.offset());
        }
        if manifest.is_some_and(|manifest| hex(&self.pieces.digest()) != *manifest.sha256) {
            return Ok(Err(Wrong::damaged("its bytes do not match the manifest's SHA-256")));
        }
        let contents = match scanner.finish() {
            Ok(contents) => contents,
            Err(flaw) => return Ok(Err(Wrong::of(&flaw, manifest.is_some()))),
        };
        Ok(match manifest.and_then(|manifest| disagreement(manifest, &contents)) {
            Some(reason) => Err(Wrong::damaged(reason)),
            None => Ok(contents),
        })
    }

    /// The manifest's line, and nothing behind it.
    fn end(&mut self, line: &[u8]) -> Result<Result<(), Wrong>> {
        let damaged = |reason: &str| Ok(Err(Wrong::damaged(reason)));
        let end = self.pieces.offset().saturating_add(line.len() as u64);
        let mut rest = line;
        while let Some(Piece { bytes, read }) = self.pieces.next(end)? {
            let Some(after) = rest.strip_prefix(bytes) else {
                return damaged("its manifest changed while it was read");
            };
            rest = after;
            self.marks.push(read);
        }
        if !rest.is_empty() {
            return damaged("its manifest changed while it was read");
        }
        if self.pieces.next(u64::MAX)?.is_some() {
            return damaged("it became longer while it was read");
        }
        Ok(Ok(()))
    }
}

/// Where a manifest counts something else than what is there.
fn disagreement(manifest: &Manifest, contents: &Contents) -> Option<String> {
    if *manifest.copied != *contents.copied {
        return Some("its row counts differ from the manifest's".to_owned());
    }
    (manifest.openfga != contents.openfga).then(|| "its OpenFGA counts differ from the manifest's".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::inspect::examine_ends;
    use crate::backup::open::open;

    /// What is appended between the look at its ends and the reading was never scanned.
    #[test]
    fn a_file_that_grows_before_it_is_read_is_no_proof() {
        let dump = "--\n-- PostgreSQL database dump\n--\n\n--\n-- PostgreSQL database dump complete\n--\n\n";
        let path = std::env::temp_dir().join(format!("xtask-proof-{}.sql", std::process::id()));
        std::fs::write(&path, dump).unwrap();
        let mut file = open(&path).unwrap();
        let examined = examine_ends(&mut file).unwrap();
        assert!(read_all(&mut file, &examined, &|_| {}).unwrap().is_ok());
        std::fs::write(&path, format!("{dump}DROP TABLE t;\n")).unwrap();
        let wrong = read_all(&mut file, &examined, &|_| {}).unwrap().unwrap_err();
        assert_eq!((wrong.verdict, wrong.reason.as_str()), (Verdict::Damaged, "it became longer while it was read"));
        std::fs::remove_file(path).unwrap();
    }
}
