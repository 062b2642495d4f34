//! A backup that comes on standard input: an unfinished file while it is written, proven and loaded.

use super::codec;
use super::manifest::{self, Manifest};
use super::partial::Partial;
use super::proof::{self, Proven};
use super::space;
use crate::postgres::dump::Scanner;
use anyhow::Result;
use std::path::{Path, PathBuf};

const STEM: &str = "standard_input";
/// Free space is measured again after this many bytes.
const SPACE_CHECK: u64 = 16 << 20;
/// How much of the beginning tells whether it can be a dump, in bytes.
const OPENING: usize = 512;

/// The file while it is written. It is private, and removed when it is dropped.
#[derive(Debug)]
pub struct Spool {
    partial: Partial,
    folder: PathBuf,
    bytes: u64,
    checked: u64,
}

impl Spool {
    /// An empty one in this folder. `run` names it, so that a later run removes what a killed one left.
    pub fn create(folder: &Path, run: &str) -> Result<Self> {
        space::make_folder(folder)?;
        Ok(Self { partial: Partial::create(folder, STEM, run)?, folder: folder.to_owned(), bytes: 0, checked: 0 })
    }

    /// Adds a piece.
    ///
    /// # Errors
    /// The disk is full, or nearly; or the first piece is not the beginning of a dump: what follows may never end.
    pub fn write(&mut self, piece: &[u8]) -> Result<()> {
        self.partial.write(piece)?;
        if self.bytes == 0 && !is_opening(piece) {
            self.proven(&|_| {})?;
        }
        self.bytes = self.bytes.saturating_add(piece.len() as u64);
        if self.bytes.saturating_sub(self.checked) >= SPACE_CHECK {
            self.checked = self.bytes;
            space::watch(&self.folder)?;
        }
        Ok(())
    }

    /// Bytes written so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Proves what was written. The file has no name any more then: it is gone with the proof.
    ///
    /// # Errors
    /// As for [`proof::prove`].
    pub fn prove(self, progress: &dyn Fn(u64)) -> Result<Proven> {
        self.proven(progress)
    }

    /// By the open file: another user who may write in the folder can give its name to a file of theirs.
    fn proven(&self, progress: &dyn Fn(u64)) -> Result<Proven> {
        proof::prove_standard_input(self.partial.for_reading()?, progress)
    }
}

/// Whether a dump can begin so.
fn is_opening(piece: &[u8]) -> bool {
    let codec = codec::of_opening(&piece[..piece.len().min(codec::OPENING)]);
    let (opening, head) = (codec.opening(piece), manifest::head(codec.format()));
    if codec.format() != Manifest::PLAIN {
        return opening.starts_with(head) || head.starts_with(opening);
    }
    let heads = [head, manifest::head(Manifest::COMPRESSED)];
    let dump = heads.iter().find_map(|head| opening.strip_prefix(*head)).unwrap_or(opening);
    Scanner::default().feed(&dump[..dump.len().min(OPENING)]).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    const OURS: &str = "--\n-- PostgreSQL database dump\n--\n\nCREATE TABLE public.ours (a int);\n\n\
        --\n-- PostgreSQL database dump complete\n--\n\n";

    #[test]
    fn what_came_is_proven_also_where_another_took_its_name() {
        let folder = std::env::temp_dir().join(format!("xtask-spool-{}", std::process::id()));
        let mut spool = Spool::create(&folder, "xtask-0000000000d1").unwrap();
        spool.write(OURS.as_bytes()).unwrap();
        let name = std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
        std::fs::write(folder.join("theirs"), OURS.replace("ours", "evil")).unwrap();
        std::fs::rename(folder.join("theirs"), name).unwrap();
        let mut text = String::new();
        spool.prove(&|_| {}).unwrap().text().unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, OURS);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
