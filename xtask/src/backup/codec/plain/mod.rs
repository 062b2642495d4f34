//! The file is the text.

mod recording;

use self::recording::Behind;
use super::interface::{Asked, Codec, Ends, OPENING};
use super::recording::Recording;
use super::tail::{last_line, tail_of};
use crate::backup::manifest::{self, Manifest};
use crate::backup::partial::Partial;
use crate::backup::pieces::read_up_to;
use crate::backup::sealed::Sealed as _;
use crate::error::Fault;
use crate::process::Program;
use anyhow::Result;
use std::fs::File;
use std::io::{Read, Seek as _, SeekFrom};

/// What people add to a file is short, and so are most manifests before it.
const ADDED_LOOKED_AT: usize = 1 << 20;

#[derive(Debug)]
pub struct Plain;

impl Codec for Plain {
    fn ending(&self) -> &'static str {
        ".sql"
    }

    fn format(&self) -> u32 {
        Manifest::PLAIN
    }

    fn asked(&self, asked: Asked<'_>) -> Option<Result<Box<dyn Codec>, Fault>> {
        (asked.word == "no").then(|| Ok(Box::new(Self) as Box<dyn Codec>))
    }

    fn note(&self) -> Option<String> {
        None
    }

    fn begins(&self, _opening: &[u8]) -> bool {
        true
    }

    fn opening<'b>(&self, opening: &'b [u8]) -> &'b [u8] {
        opening
    }

    fn ends(&self, file: &mut File, bytes: u64) -> Result<Ends> {
        let mut head = vec![0; OPENING];
        file.seek(SeekFrom::Start(0))?;
        let read = read_up_to(file, &mut head)?;
        head.truncate(read);
        // A file that is not ours may end in any long line; only the manifest of a changed one is looked for.
        let is_ours = head.starts_with(manifest::HEAD_START);
        let line = last_line(file, bytes, if is_ours { manifest::LONGEST } else { ADDED_LOOKED_AT })?;
        let stored = line.len() as u64;
        Ok(Ends { head, line, stored })
    }

    fn is_manifest_followed(&self, file: &mut File, bytes: u64) -> Result<bool> {
        let (start, tail) = tail_of(file, bytes, ADDED_LOOKED_AT as u64)?;
        let mut at = start;
        // Rows may hold a line like a manifest, but not at the place that it names.
        Ok(tail.split_inclusive(|byte| *byte == b'\n').any(|line| {
            let place = at;
            at = at.saturating_add(line.len() as u64);
            matches!(Manifest::parse(line), Some(Ok(manifest)) if manifest.bytes.get() == place)
        }))
    }

    fn before_manifest(&self, manifest: &Manifest) -> Option<u64> {
        Some(manifest.bytes.get())
    }

    fn prove_stored(&self, _file: &File, _manifest: &Manifest) -> Result<Result<Option<[u8; 32]>, String>> {
        Ok(Ok(None))
    }

    fn text<'f>(&self, file: &'f File) -> Result<Box<dyn Read + 'f>> {
        let mut file = file;
        file.seek(SeekFrom::Start(0))?;
        Ok(Box::new(file))
    }

    fn is_text(&self) -> bool {
        true
    }

    fn stored(&self, line: &[u8]) -> Result<Vec<u8>> {
        Ok(line.to_vec())
    }

    fn expected(&self, manifest: &Manifest) -> u64 {
        manifest.bytes.get()
    }

    fn record<'p>(&self, pg_dump: &Program, partial: &'p Partial) -> Result<Box<dyn Recording + 'p>> {
        Ok(Box::new(Behind::start(pg_dump, partial)?))
    }
}
