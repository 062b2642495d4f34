//! A dump on its way into the file.

use crate::process::Ending;
use anyhow::Result;
use sha2::Sha256;

/// A pg_dump whose output is stored while it is read. Dropping it ends what it started.
pub trait Recording {
    /// What pg_dump wrote next; 0 at its end.
    ///
    /// # Errors
    /// It cannot be read or stored.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize>;

    /// Ends pg_dump: what it writes is no dump.
    fn end(&self);

    /// Waits until pg_dump has ended; gives its end and what it said.
    ///
    /// # Errors
    /// It cannot be waited for.
    fn ended(&mut self) -> Result<(Ending, String)>;

    /// Stores what is not stored yet.
    ///
    /// # Errors
    /// What pg_dump wrote is not whole in the file.
    fn finish(self: Box<Self>) -> Result<Recorded>;
}

/// How a whole dump lies in the file.
#[derive(Debug)]
pub enum Recorded {
    /// The file holds the text that pg_dump wrote.
    AsItIs,
    Compressed(Compressed),
}

/// The compressed bytes that precede the manifest.
#[derive(Debug)]
pub struct Compressed {
    pub bytes: u64,
    pub hash: Sha256,
    /// SHA-256 of what they unpack to, as it was read back from the file.
    pub text: [u8; 32],
}
