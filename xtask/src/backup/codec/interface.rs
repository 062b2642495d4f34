//! What a codec is to the rest of the program. Each implements the trait in its own folder, and `codec/mod.rs` lists them.

use super::recording::Recording;
use crate::backup::manifest::Manifest;
use crate::backup::partial::Partial;
use crate::error::Fault;
use crate::process::Program;
use anyhow::Result;
use std::fmt::Debug;
use std::fs::File;
use std::io::Read;

/// How many first bytes tell what a file is (a tar archive names itself at byte 257).
pub const OPENING: usize = 512;

/// Both ends of a backup's text.
#[derive(Debug)]
pub struct Ends {
    /// The first bytes of the text, at most [`OPENING`].
    pub head: Vec<u8>,
    /// The last line, newline included; empty where there is none that could be a manifest.
    pub line: Vec<u8>,
    /// How many bytes of the file that line takes.
    pub stored: u64,
}

/// One way in which a text lies in its file. No method has a default body: the compiler names what a new codec lacks.
pub trait Codec: Debug + Sync {
    /// How the names of its files end: `.sql`.
    fn ending(&self) -> &'static str;

    /// The format that head and manifest of its files say.
    fn format(&self) -> u32;

    /// This codec as it was asked for; `None` where another one was.
    ///
    /// # Errors
    /// Exit 2: it cannot be had so.
    fn asked(&self, asked: Asked<'_>) -> Option<Result<Box<dyn Codec>, Fault>>;

    /// What a person should know of how it writes.
    fn note(&self) -> Option<String>;

    /// Whether a file that begins so, with up to [`OPENING`] bytes, is one of its own.
    fn begins(&self, opening: &[u8]) -> bool;

    /// The beginning of the text of a file that begins so, as far as it is stored as it is.
    fn opening<'b>(&self, opening: &'b [u8]) -> &'b [u8];

    /// Both ends of the text of a file of this size.
    ///
    /// # Errors
    /// The file cannot be read.
    fn ends(&self, file: &mut File, bytes: u64) -> Result<Ends>;

    /// Whether a manifest that fits stands before the last bytes of the file: it was not cut, something was added.
    ///
    /// # Errors
    /// The file cannot be read.
    fn is_manifest_followed(&self, file: &mut File, bytes: u64) -> Result<bool>;

    /// How many bytes of the file precede the manifest, according to the manifest; `None` where it does not say.
    fn before_manifest(&self, manifest: &Manifest) -> Option<u64>;

    /// Proves the bytes that precede the manifest, before anything is read from them; gives the SHA-256 of the whole
    /// file. `None`: the file is the text, whose own proof that is.
    ///
    /// # Errors
    /// The file cannot be read; the inner error says what is wrong with it.
    fn prove_stored(&self, file: &File, manifest: &Manifest) -> Result<Result<Option<[u8; 32]>, String>>;

    /// The text from its beginning, in constant memory. What is stored wrongly is an error of the kind `InvalidData`.
    ///
    /// # Errors
    /// The file cannot be read.
    fn text<'f>(&self, file: &'f File) -> Result<Box<dyn Read + 'f>>;

    /// Whether the file is the text itself: any part of it can be read without what precedes it.
    fn is_text(&self) -> bool;

    /// A first or last line as it is stored.
    ///
    /// # Errors
    /// It is longer than any that is read back.
    fn stored(&self, line: &[u8]) -> Result<Vec<u8>>;

    /// The estimated size of a file with the contents that this manifest describes.
    fn expected(&self, manifest: &Manifest) -> u64;

    /// Starts pg_dump and stores what it writes in the file.
    ///
    /// # Errors
    /// A program cannot be started, or the file cannot be written.
    fn record<'p>(&self, pg_dump: &Program, partial: &'p Partial) -> Result<Box<dyn Recording + 'p>>;
}

/// What a person asks of a codec.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The option or setting that asks.
    pub name: &'a str,
    /// A level, or `no`.
    pub word: &'a str,
    /// The program that does the work; `None`: the one on PATH.
    pub program: Option<&'a str>,
}
