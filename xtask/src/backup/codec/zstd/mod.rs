//! Compressed by zstd: the head line, the dump and the manifest's line are frames of their own, one behind the other, so that
//! `zstd -dc FILE` writes the text.

mod compressor;
mod frame;
mod recording;
mod unpack;

use self::compressor::Tool;
use self::recording::Compressing;
use self::unpack::Unpacked;
use super::interface::{Asked, Codec, Ends, OPENING};
use super::recording::Recording;
use super::tail::tail_of;
use crate::backup::manifest::{self, Manifest};
use crate::backup::partial::Partial;
use crate::backup::pieces::{PIECE, read_up_to};
use crate::backup::sealed::Sealed;
use crate::error::Fault;
use crate::process::{Program, signals};
use crate::words::hex;
use anyhow::Result;
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{Read, Seek as _, SeekFrom};
use std::ops::RangeInclusive;

/// Those whose window has at most 8 MiB.
const LEVELS: RangeInclusive<u8> = 1..=19;
/// What people add to a file is short, and so are most manifests before it.
const ADDED_LOOKED_AT: u64 = 1 << 20;

/// Files that zstd compressed; what writes them decides the level.
#[derive(Debug)]
pub struct Zstd {
    tool: Tool,
}

impl Zstd {
    /// What reads; it writes as well as it can by itself.
    pub const READER: Self = Self { tool: Tool::Own };
}

impl Codec for Zstd {
    fn ending(&self) -> &'static str {
        ".sql.zst"
    }

    fn format(&self) -> u32 {
        Manifest::COMPRESSED
    }

    fn asked(&self, asked: Asked<'_>) -> Option<Result<Box<dyn Codec>, Fault>> {
        let level = asked.word.parse().ok().filter(|level| LEVELS.contains(level))?;
        Some(Tool::of(level, asked.program).map(|tool| Box::new(Self { tool }) as Box<dyn Codec>))
    }

    fn note(&self) -> Option<String> {
        self.tool.note()
    }

    fn begins(&self, opening: &[u8]) -> bool {
        let is_cut = |line: &[u8]| manifest::HEAD_START.starts_with(line);
        frame::opening(opening)
            .map_or(frame::is_cut_start(opening), |line| line.starts_with(manifest::HEAD_START) || is_cut(line))
    }

    fn opening<'b>(&self, opening: &'b [u8]) -> &'b [u8] {
        frame::opening(opening).unwrap_or_default()
    }

    fn ends(&self, file: &mut File, bytes: u64) -> Result<Ends> {
        let mut opening = vec![0; OPENING];
        file.seek(SeekFrom::Start(0))?;
        let read = read_up_to(file, &mut opening)?;
        let head = self.opening(&opening[..read]).to_vec();
        let last = frame::last(file, bytes, manifest::LONGEST, Manifest::SEAL.start.as_bytes())?;
        let (line, stored) = last.unwrap_or_default();
        Ok(Ends { head, line, stored })
    }

    fn is_manifest_followed(&self, file: &mut File, bytes: u64) -> Result<bool> {
        let (start, tail) = tail_of(file, bytes, ADDED_LOOKED_AT)?;
        Ok(frame::is_followed(&tail, Manifest::SEAL.start.as_bytes(), |at, line| {
            let place = start.saturating_add(at as u64);
            matches!(Manifest::parse(line), Some(Ok(manifest)) if self.before_manifest(&manifest) == Some(place))
        }))
    }

    fn before_manifest(&self, manifest: &Manifest) -> Option<u64> {
        manifest.compressed.as_ref().map(|compressed| compressed.bytes.get())
    }

    fn prove_stored(&self, file: &File, manifest: &Manifest) -> Result<Result<Option<[u8; 32]>, String>> {
        let Some(compressed) = &manifest.compressed else {
            return Ok(Err("its manifest is that of a plain file".to_owned()));
        };
        let mut file = file;
        file.seek(SeekFrom::Start(0))?;
        let mut hash = Sha256::new();
        let mut buffer = vec![0; PIECE];
        let mut before = file.take(compressed.bytes.get());
        while let read @ 1.. = read_up_to(&mut before, &mut buffer)? {
            signals::check()?;
            hash.update(&buffer[..read]);
        }
        if hex(&hash.clone().finalize()) != *compressed.sha256 {
            return Ok(Err("its bytes do not match the manifest's SHA-256".to_owned()));
        }
        while let read @ 1.. = read_up_to(&mut file, &mut buffer)? {
            hash.update(&buffer[..read]);
        }
        Ok(Ok(Some(hash.finalize().into())))
    }

    fn text<'f>(&self, file: &'f File) -> Result<Box<dyn Read + 'f>> {
        let mut file = file;
        file.seek(SeekFrom::Start(0))?;
        Ok(Box::new(Unpacked::of(file)))
    }

    fn is_text(&self) -> bool {
        false
    }

    fn stored(&self, line: &[u8]) -> Result<Vec<u8>> {
        frame::of(line, manifest::LONGEST)
    }

    fn expected(&self, manifest: &Manifest) -> u64 {
        // A dump of rows compresses to a tenth or less; one of other things to a third.
        self.before_manifest(manifest).unwrap_or(manifest.bytes.get() / 3)
    }

    fn record<'p>(&self, pg_dump: &Program, partial: &'p Partial) -> Result<Box<dyn Recording + 'p>> {
        Ok(Box::new(Compressing::start(pg_dump, &self.tool, partial)?))
    }
}
