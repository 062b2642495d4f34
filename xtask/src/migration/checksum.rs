//! The numbers that sqlx knows a file and a database by.

use crate::backup::pieces::Pieces;
use crate::platform;
use crate::words::hex;
use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha384};
use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

/// Files are read in pieces of this size, however large they are.
pub const PIECE: usize = 1 << 16;

/// Letters that do not count in a checksum (`migrate.ignored-chars` of `sqlx.toml`).
#[derive(Debug, Clone, Default)]
pub struct Ignored(Arc<BTreeSet<char>>);

impl Ignored {
    pub fn of(letters: BTreeSet<char>) -> Self {
        Self(Arc::new(letters))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn has(&self, letter: char) -> bool {
        self.0.contains(&letter)
    }
}

/// SHA-384 of what it is fed, piece by piece.
#[derive(Debug, Clone, Default)]
pub struct Checksum {
    hash: Sha384,
    ignored: Ignored,
    /// The beginning of a letter whose rest comes with the next piece.
    cut: Vec<u8>,
}

impl Checksum {
    /// One in which these letters do not count.
    pub fn without(ignored: &Ignored) -> Self {
        Self { ignored: ignored.clone(), ..Self::default() }
    }

    pub fn feed(&mut self, piece: &[u8]) {
        if self.ignored.is_empty() {
            self.hash.update(piece);
            return;
        }
        let mut joined = std::mem::take(&mut self.cut);
        joined.extend_from_slice(piece);
        let mut rest = joined.as_slice();
        while !rest.is_empty() {
            let (text, after) = match std::str::from_utf8(rest) {
                Ok(text) => (text, &rest[rest.len()..]),
                Err(error) => {
                    let (valid, after) = rest.split_at(error.valid_up_to());
                    (std::str::from_utf8(valid).unwrap_or_default(), after)
                }
            };
            text.split(|letter| self.ignored.has(letter)).for_each(|part| self.hash.update(part));
            match std::str::from_utf8(after).err().and_then(|error| error.error_len()) {
                // No letter of any text: it counts as it is.
                Some(length) => {
                    self.hash.update(&after[..length]);
                    rest = &after[length..];
                }
                None => {
                    self.cut = after.to_vec();
                    return;
                }
            }
        }
    }

    /// In lower-case hexadecimal.
    pub fn finish(mut self) -> String {
        self.hash.update(&self.cut);
        hex(&self.hash.finalize())
    }
}

/// The checksum of a file, as the ledger holds it.
pub fn of(path: &Path, ignored: &Ignored) -> Result<String> {
    let mut checksum = Checksum::without(ignored);
    in_pieces(path, &mut |piece| {
        checksum.feed(piece);
        Ok(())
    })?;
    Ok(checksum.finish())
}

/// Takes a piece of a file, and the digest of all that was read by its end.
pub type TakeDigested<'a> = &'a mut dyn FnMut(&[u8], [u8; 32]) -> Result<()>;

/// Hands a file out piece by piece.
pub fn in_pieces(path: &Path, take: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let cannot = || format!("{} cannot be read", path.display());
    let mut file = platform::open_regular(path).with_context(cannot)?;
    let mut buffer = vec![0; PIECE];
    loop {
        let count = file.read(&mut buffer).with_context(cannot)?;
        if count == 0 {
            return Ok(());
        }
        take(&buffer[..count])?;
    }
}

/// The same, with the digest of all that was read by the end of each piece: by them a second reading finds the first
/// piece that is another one, before it is used.
pub fn in_digested_pieces(path: &Path, take: TakeDigested<'_>) -> Result<()> {
    let cannot = || format!("{} cannot be read", path.display());
    let mut pieces = Pieces::of(platform::open_regular(path).with_context(cannot)?);
    while let Some(piece) = pieces.next(u64::MAX).with_context(cannot)? {
        take(piece.bytes, piece.read.digest())?;
    }
    Ok(())
}

/// The advisory lock that sqlx takes in a database of this name while it migrates.
pub fn lock_number(database: &str) -> i64 {
    0x3d32_ad9e * i64::from(crc32(database.as_bytes()))
}

/// CRC-32/ISO-HDLC.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sqlx_counts_alike() {
        assert_eq!((crc32(b"openfga"), lock_number("openfga")), (1_036_553_602, 1_064_262_153_760_682_044));
        assert_eq!((crc32(b"postgres"), lock_number("postgres")), (359_303_029, 368_907_709_894_077_238));
        let mut checksum = Checksum::default();
        checksum.feed(b"CREATE TABLE t (id ");
        checksum.feed(b"BIGINT PRIMARY KEY);\n");
        assert_eq!(
            checksum.finish(),
            "ab3089445bb4c743401e4f83ea3a5d9e3d7de3c795b708dd3a8ba0a3be8d94f9a464b022821442fd571eee38a6d3adf0"
        );
    }
    #[test]
    fn ignored_letters_do_not_count_wherever_pieces_are_cut() {
        let ignored = Ignored::of(BTreeSet::from([' ', '\r', '\n', '\u{feff}', 'é']));
        let text = "\u{feff}CREATE TABLE é (\r\n  a int -- ü\r\n);\r\n";
        let mut plain = Checksum::default();
        plain.feed(b"CREATETABLE(aint--\xc3\xbc);");
        let expected = plain.finish();
        for size in 1..=text.len() {
            let mut checksum = Checksum::without(&ignored);
            text.as_bytes().chunks(size).for_each(|piece| checksum.feed(piece));
            assert_eq!(checksum.finish(), expected, "pieces of {size} bytes");
        }
        let (mut broken, mut plain) = (Checksum::without(&ignored), Checksum::default());
        broken.feed(b" \xff \xc3(\xe2\x82");
        plain.feed(b"\xff\xc3(\xe2\x82");
        assert_eq!(broken.finish(), plain.finish());
    }
}
