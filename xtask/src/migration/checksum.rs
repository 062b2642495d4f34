//! The numbers that sqlx knows a file and a database by.

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha384};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Files are read in pieces of this size, however large they are.
pub const PIECE: usize = 1 << 16;

/// SHA-384 of what it is fed, piece by piece.
#[derive(Debug, Clone, Default)]
pub struct Checksum(Sha384);

impl Checksum {
    pub fn feed(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    /// In lower-case hexadecimal.
    pub fn finish(self) -> String {
        self.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The checksum of a file's raw bytes, as the ledger holds it.
pub fn of(path: &Path) -> Result<String> {
    let mut checksum = Checksum::default();
    in_pieces(path, &mut |piece| {
        checksum.feed(piece);
        Ok(())
    })?;
    Ok(checksum.finish())
}

/// Hands a file out piece by piece.
pub fn in_pieces(path: &Path, take: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let cannot = || format!("{} cannot be read", path.display());
    let mut file = File::open(path).with_context(cannot)?;
    let mut buffer = vec![0; PIECE];
    loop {
        let count = file.read(&mut buffer).with_context(cannot)?;
        if count == 0 {
            return Ok(());
        }
        take(&buffer[..count])?;
    }
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
}
