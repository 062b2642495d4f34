//! The last bytes of a file.

use crate::backup::pieces::PIECE;
use anyhow::Result;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};

/// Up to `most` last bytes of the file's first `bytes`, and where they begin.
pub(in crate::backup) fn tail_of(file: &mut File, bytes: u64, most: u64) -> Result<(u64, Vec<u8>)> {
    let size = bytes.min(most);
    let start = bytes.saturating_sub(size);
    let mut tail = vec![0; usize::try_from(size)?];
    file.seek(SeekFrom::Start(start))?;
    file.read_exact(&mut tail)?;
    Ok((start, tail))
}

/// The last line, newline included; empty where the file does not end in one, or in one of more than `longest` bytes.
pub(super) fn last_line(file: &mut File, bytes: u64, longest: usize) -> Result<Vec<u8>> {
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
