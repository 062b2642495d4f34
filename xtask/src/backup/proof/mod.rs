//! Whether a backup file is whole: at a glance by its manifest and size, or proven byte by byte.

mod every_byte;

pub use super::verdict::{Examined, Verdict};

use super::codec::{self, Codec};
use super::globals;
use super::inspect::examine_ends;
use super::manifest::Manifest;
use super::open::open;
use super::pieces::Running;
use super::server_name::Kind;
use crate::error::{self, Cause, Exit, Fault};
use crate::postgres::dump::Contents;
use crate::words::shell_word;
use anyhow::{Context as _, Result};
use every_byte::{Right, read_all};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// What messages call the file that came there.
pub const STANDARD_INPUT: &str = "standard input";

/// A backup whose every byte was read and found right, held open: what is fed later is the file that was proven.
#[derive(Debug)]
pub struct Proven {
    pub(super) file: File,
    codec: &'static dyn Codec,
    pub path: PathBuf,
    pub manifest: Option<Manifest>,
    pub contents: Contents,
    /// Where in the text the dump ends and the manifest, if there is one, begins.
    pub(super) dump_end: u64,
    /// After every piece of the text, as the proof read it.
    pub(super) marks: Vec<Running>,
    digest: [u8; 32],
}

impl Proven {
    /// The file's size in bytes.
    pub fn bytes(&self) -> u64 {
        self.file.metadata().map_or(0, |facts| facts.len())
    }

    /// The file as one word of a command that a person types: `FILE` where it came on standard input, because the person
    /// has to write it to a file first.
    pub fn as_word(&self) -> String {
        as_word(&self.path)
    }

    /// SHA-256 of the whole file, as the proof read it.
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// The first line, where it is of this program.
    pub(super) fn head(&self) -> &'static [u8] {
        self.manifest.as_ref().map_or(&[], Manifest::head)
    }

    /// Whether the file is the text, so that any part of it can be read by itself.
    pub(super) fn is_text(&self) -> bool {
        self.codec.is_text()
    }

    /// The text from its beginning.
    pub(super) fn text(&self) -> Result<Box<dyn Read + '_>> {
        self.codec.text(&self.file)
    }
}

fn as_word(path: &Path) -> String {
    if path == Path::new(STANDARD_INPUT) { "FILE".to_owned() } else { shell_word(&path.to_string_lossy()) }
}

/// Proves a backup.
///
/// # Errors
/// Exit 3: the file is cut, damaged or no backup.
pub fn prove(path: &Path, progress: &dyn Fn(u64)) -> Result<Proven> {
    prove_open(open(path)?, path, progress)
}

/// Proves what came on standard input, which has no path by which it could be found again.
pub(super) fn prove_standard_input(file: File, progress: &dyn Fn(u64)) -> Result<Proven> {
    prove_open(file, Path::new(STANDARD_INPUT), progress)
}

/// Proves an open file, which messages call by this name.
fn prove_open(mut file: File, name: &Path, progress: &dyn Fn(u64)) -> Result<Proven> {
    // Shared lock: db-prune skips this file. A file system without locks is read without one.
    let _ = file.try_lock_shared();
    let (examined, dump_end, marks) = check_open(&mut file, name, progress)?;
    let Examined { verdict, reason, kind, manifest, globals, contents, digest, .. } = examined;
    if globals.is_some() {
        let message = format!("{} holds a server's roles, not a database", name.display());
        let hint = format!("create those that are missing: cargo xtask db-restore --globals {}", as_word(name));
        return Err(Fault::new(Exit::Refused, message).hint(hint).into());
    }
    match contents {
        Some(contents) if !verdict.is_unfit() => {
            let (codec, digest) = (codec::of(&mut file)?, digest.unwrap_or_default());
            Ok(Proven { file, codec, path: name.to_owned(), manifest, contents, dump_end, marks, digest })
        }
        _ => {
            let message = format!("{} is {}: {}", name.display(), verdict.in_words(), reason.unwrap_or_default());
            let fault = Fault::new(Exit::Refused, message);
            Err(match kind {
                Some(kind) => fault.hint(kind.way(&as_word(name))).because(Cause::OtherKind),
                None if name == Path::new(STANDARD_INPUT) => {
                    fault.hint("see that the command before the pipe ends well")
                }
                None => fault.hint("list the backups that are whole: cargo xtask db-list --check"),
            }
            .into())
        }
    }
}

/// Looks at both ends of the file only.
pub fn glance(path: &Path) -> Result<Examined> {
    let mut file = open(path)?;
    let mut examined = examine(&mut file, path).with_context(|| format!("reading {}", path.display()))?;
    if examined.verdict == Verdict::Whole {
        examined.verdict = Verdict::Complete;
    }
    Ok(examined)
}

/// By both ends of a database's backup, whose name must not be that of another kind; a file of globals is read.
fn examine(file: &mut File, path: &Path) -> Result<Examined> {
    if globals::is_globals(file)? {
        return globals::examine(file, path);
    }
    let mut examined = examine_ends(file)?;
    let is_of_globals = |name: &str| Kind::Globals.parse(name).is_some();
    if !examined.verdict.is_unfit() && path.file_name().and_then(|name| name.to_str()).is_some_and(is_of_globals) {
        examined.verdict = Verdict::Damaged;
        let reason = "it holds a database, but is named like a file with a server's roles";
        examined.reason = Some(reason.to_owned());
    }
    Ok(examined)
}

/// Reads every byte. `progress` hears how many have been read.
pub fn check(path: &Path, progress: &dyn Fn(u64)) -> Result<Examined> {
    check_open(&mut open(path)?, path, progress).map(|(examined, ..)| examined)
}

/// Also gives where the dump ends and the digest after each piece, where the file was read.
fn check_open(file: &mut File, path: &Path, progress: &dyn Fn(u64)) -> Result<(Examined, u64, Vec<Running>)> {
    let reading = |error| error::unless_ended(error, || format!("reading {}", path.display()));
    let mut examined = examine(file, path).map_err(reading)?;
    if examined.verdict.is_unfit() || examined.globals.is_some() {
        return Ok((examined, 0, Vec::new()));
    }
    match read_all(file, &examined, progress).map_err(reading)? {
        Ok(Right { contents, dump_end, marks, digest }) => {
            if examined.verdict == Verdict::Complete {
                examined.verdict = Verdict::Whole;
            }
            examined.contents = Some(contents);
            examined.digest = Some(digest);
            Ok((examined, dump_end, marks))
        }
        Err(wrong) => Ok((examined.unfit(wrong), 0, Vec::new())),
    }
}
