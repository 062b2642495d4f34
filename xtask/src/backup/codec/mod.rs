//! How the text of a backup lies in its file. The text is the same for every codec: the head line, pg_dump's output, the
//! manifest's line. A codec is one folder here; this file is the one list of them.

mod interface;
mod plain;
mod recording;
mod tail;
mod zstd;

pub use interface::{Asked, Codec, Ends, OPENING};
pub use recording::{Compressed, Recorded, Recording};
pub(super) use tail::tail_of;

use crate::backup::pieces::read_up_to;
use crate::error::Fault;
use anyhow::Result;
use plain::Plain;
use std::fs::File;
use std::io::{Seek as _, SeekFrom};
use zstd::Zstd;

/// Every codec; the last one takes what no other takes.
const ALL: &[&dyn Codec] = &[&Zstd::READER, &Plain];

/// The codec of a file, by its first bytes and whatever its name is. It stands at its beginning afterwards.
///
/// # Errors
/// The file cannot be read.
pub fn of(file: &mut File) -> Result<&'static dyn Codec> {
    let mut opening = vec![0; OPENING];
    file.seek(SeekFrom::Start(0))?;
    let read = read_up_to(file, &mut opening)?;
    file.seek(SeekFrom::Start(0))?;
    opening.truncate(read);
    Ok(of_opening(&opening))
}

/// The codec of a file that begins with these bytes.
pub fn of_opening(opening: &[u8]) -> &'static dyn Codec {
    ALL.iter().copied().find(|codec| codec.begins(opening)).unwrap_or(&Plain)
}

/// How the names of backups end.
fn endings() -> impl Iterator<Item = &'static str> {
    ALL.iter().copied().map(Codec::ending)
}

/// How the names of files of one codec end, where this name ends so and is not the ending alone, a hidden file.
pub fn ending_of(file_name: &str) -> Option<&'static str> {
    endings().find(|ending| file_name.strip_suffix(ending).is_some_and(|stem| !stem.is_empty()))
}

/// The codec that was asked for.
///
/// # Errors
/// Exit 2: there is none of that name or level, or it cannot be had.
pub fn asked(asked: Asked<'_>) -> Result<Box<dyn Codec>, Fault> {
    let found = ALL.iter().copied().find_map(|codec| codec.asked(asked));
    found.unwrap_or_else(|| {
        let Asked { name, word, .. } = asked;
        let fault = Fault::usage(format!("{name} is {word:?}; it must be a level from 1 to 19, or no"));
        Err(fault.hint(format!("{name}=1 is the usual level")))
    })
}

/// The codec of files that are the text.
pub fn plain() -> Box<dyn Codec> {
    Box::new(Plain)
}
