//! A file read in pieces, and a digest of all that was read so far after each: how a second reading finds the first
//! piece that differs from the first reading, before it uses it.

use anyhow::Result;
use sha2::{Digest as _, Sha256};
use std::io::{self, Read};

/// How much is read at once, in bytes.
pub const PIECE: usize = 1 << 18;

/// SHA-256 of everything from the file's beginning to the end of a piece, from which a reader goes on. 10 GB have
/// 4.5 MB of them.
#[derive(Debug, Clone, Default)]
pub struct Running(Sha256);

impl Running {
    pub fn digest(&self) -> [u8; 32] {
        self.0.clone().finalize().into()
    }

    /// The running digest after these bytes.
    pub fn after(&self, bytes: &[u8]) -> Self {
        Self(self.0.clone().chain_update(bytes))
    }
}

impl PartialEq for Running {
    fn eq(&self, other: &Self) -> bool {
        self.digest() == other.digest()
    }
}

/// One piece of a file.
#[derive(Debug)]
pub struct Piece<'a> {
    pub bytes: &'a [u8],
    pub read: Running,
}

/// Reads a file from where it stands.
#[derive(Debug)]
pub struct Pieces<R> {
    from: R,
    read: Running,
    buffer: Vec<u8>,
    offset: u64,
}

impl<R: Read> Pieces<R> {
    pub fn of(from: R) -> Self {
        Self { from, read: Running::default(), buffer: vec![0; PIECE], offset: 0 }
    }

    /// Bytes read so far.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// SHA-256 of the bytes read so far.
    pub fn digest(&self) -> [u8; 32] {
        self.read.digest()
    }

    /// The next piece, which does not reach beyond this offset; `None` there and at the file's end. It is shorter than
    /// [`PIECE`] only before one of both, so that two readings with the same ends have the same pieces.
    pub fn next(&mut self, end: u64) -> Result<Option<Piece<'_>>> {
        let left = usize::try_from(end.saturating_sub(self.offset)).unwrap_or(PIECE);
        let read = read_up_to(&mut self.from, &mut self.buffer[..left.min(PIECE)])?;
        if read == 0 {
            return Ok(None);
        }
        self.read.0.update(&self.buffer[..read]);
        self.offset = self.offset.saturating_add(read as u64);
        Ok(Some(Piece { read: self.read.clone(), bytes: &self.buffer[..read] }))
    }
}

/// Why what was read cannot be a backup's text, where that is why it could not be read.
pub fn what_is_invalid(error: &anyhow::Error) -> Option<String> {
    let cause = error.root_cause().downcast_ref::<io::Error>()?;
    (cause.kind() == io::ErrorKind::InvalidData).then(|| cause.to_string())
}

/// Fills the buffer as far as the file goes.
pub fn read_up_to(file: &mut impl Read, buffer: &mut [u8]) -> Result<usize> {
    let mut filled = 0usize;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read(rest)? {
            0 => break,
            read => filled = filled.saturating_add(read),
        }
    }
    Ok(filled)
}
