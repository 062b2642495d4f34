//! What is wrong with a file's bytes, whatever they mean.

use crate::migration::checksum::{Checksum, Ignored};
use crate::migration::flaw::Flaw;

/// What is wrong with bytes whatever they mean, and their checksum.
#[derive(Debug, Default)]
pub struct Bytes {
    checksum: Checksum,
    /// The beginning of a letter whose rest comes with the next piece.
    cut: Vec<u8>,
    lines: u64,
    /// The first line that ends in CR LF.
    pub carriage_return: Option<u64>,
    seen: bool,
}

impl Bytes {
    pub fn new(ignored: &Ignored) -> Self {
        Self { checksum: Checksum::without(ignored), ..Self::default() }
    }

    /// Of those that count.
    pub fn checksum(self) -> String {
        self.checksum.finish()
    }

    /// Reads on.
    ///
    /// # Errors
    /// Bytes that psql or the server would read as something else, with their line.
    pub fn take(&mut self, piece: &[u8]) -> Result<(), Flaw> {
        let line_at = |at: usize| self.lines + 1 + memchr::memchr_iter(b'\n', &piece[..at]).count() as u64;
        if !self.seen && piece.starts_with(b"\xef\xbb\xbf") {
            return Err(Flaw { line: 1, what: "a byte order mark, which the server takes for a letter".to_owned() });
        }
        if let Some(at) = memchr::memchr(0, piece) {
            return Err(Flaw {
                line: line_at(at),
                what: "a zero byte, where psql loses the rest of the line".to_owned(),
            });
        }
        if self.carriage_return.is_none()
            && let Some(at) = memchr::memmem::find(piece, b"\r\n")
        {
            self.carriage_return = Some(line_at(at));
        }
        let joined = [self.cut.as_slice(), piece].concat();
        let rest = match std::str::from_utf8(&joined) {
            Ok(_) => joined.len(),
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Err(error) => {
                let line = line_at(error.valid_up_to().saturating_sub(self.cut.len()));
                return Err(Flaw { line, what: "bytes that are not UTF-8".to_owned() });
            }
        };
        self.cut = joined[rest..].to_vec();
        self.seen = true;
        self.lines += memchr::memchr_iter(b'\n', piece).count() as u64;
        self.checksum.feed(piece);
        Ok(())
    }

    pub fn finish(&self) -> Result<(), Flaw> {
        if self.cut.is_empty() {
            return Ok(());
        }
        Err(Flaw { line: self.lines + 1, what: "bytes that are not UTF-8".to_owned() })
    }
}
