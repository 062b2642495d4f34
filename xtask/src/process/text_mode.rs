//! What the C runtime of Windows makes of PostgreSQL's plain text, and how it is undone.
//!
//! There psql and pg_dump read and write text: a LF leaves them as CR LF, and a CR LF reaches them as LF (pg_dump's
//! `_allocAH` turns to binary only for archives; psql leaves its stdin as it is). Both ways are one to one.

use std::io::{self, Read, Write};

/// Bytes that reach the program as these.
pub(super) fn encoded(bytes: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::with_capacity(bytes.len() + bytes.len() / 16);
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        match line.strip_suffix(b"\n") {
            Some(text) => encoded.extend(text.iter().chain(b"\r\n")),
            None => encoded.extend(line),
        }
    }
    encoded
}

/// What the program said before its runtime changed it.
pub(super) fn decoded(bytes: &[u8]) -> Vec<u8> {
    let mut decoder = Decoder::default();
    let mut decoded = decoder.decode(bytes);
    decoded.extend(decoder.rest());
    decoded
}

/// Writes what the program says as it was before its runtime changed it.
pub(super) fn copy_decoded(mut from: impl Read, mut to: impl Write) -> io::Result<()> {
    let mut piece = vec![0; 1 << 16];
    let mut decoder = Decoder::default();
    loop {
        match from.read(&mut piece) {
            Ok(0) => return to.write_all(decoder.rest()),
            Ok(count) => to.write_all(&decoder.decode(&piece[..count]))?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// The first line's end tells whether there is anything to undo: a program that writes bytes is left alone.
#[derive(Default)]
struct Decoder {
    text: Option<bool>,
    /// A CR whose next byte is not known yet.
    held: bool,
}

impl Decoder {
    fn decode(&mut self, piece: &[u8]) -> Vec<u8> {
        let mut decoded = Vec::with_capacity(piece.len() + 1);
        for &byte in piece {
            let after_return = std::mem::replace(&mut self.held, byte == b'\r');
            let ends_line = byte == b'\n';
            let text = if ends_line { *self.text.get_or_insert(after_return) } else { true };
            if after_return && !(ends_line && text) {
                decoded.push(b'\r');
            }
            if !self.held {
                decoded.push(byte);
            }
        }
        decoded
    }

    fn rest(&self) -> &'static [u8] {
        if self.held { b"\r" } else { b"" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_comes_back_wherever_the_pieces_end() {
        // All texts of six letters, first line included.
        for number in 0..4_usize.pow(6) {
            let text: Vec<u8> = (0..6).map(|place| b"\r\na\x1a"[number / 4_usize.pow(place) % 4]).collect();
            let written = encoded(&text);
            assert_eq!(decoded(&written), text);
            for size in 1..4 {
                let mut decoder = Decoder::default();
                let mut read: Vec<u8> = written.chunks(size).flat_map(|piece| decoder.decode(piece)).collect();
                read.extend(decoder.rest());
                assert_eq!(read, text);
            }
        }
    }

    #[test]
    fn a_program_that_writes_bytes_is_left_alone() {
        let text = b"--\nCREATE FUNCTION f() AS 'a\r\nb';\r\n\r";
        assert_eq!(decoded(text), text);
    }
}
