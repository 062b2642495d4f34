//! The text of a compressed file, frame by frame, with never more than a window and a block of it in memory.

use ruzstd::decoding::errors::FrameDecoderError;
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use std::fmt;
use std::io::{self, BufRead as _, BufReader, ErrorKind, Read};

/// The largest window, in bytes: that of zstd's levels up to 19.
const WINDOW: u64 = 8 << 20;
/// How much is read at once, in bytes.
const PIECE: usize = 1 << 17;

/// Unpacks what it reads. What is not compressed as it should be is an error of the kind `InvalidData`.
pub(super) struct Unpacked<R> {
    compressed: BufReader<Source<R>>,
    decoder: FrameDecoder,
    is_within_frame: bool,
}

impl<R: Read> Unpacked<R> {
    pub(super) fn of(compressed: R) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(WINDOW);
        let source = Source { from: compressed, failed: None };
        Self { compressed: BufReader::with_capacity(PIECE, source), decoder, is_within_frame: false }
    }

    /// Goes on to the next frame; false where there is none.
    fn begin(&mut self) -> io::Result<bool> {
        if self.compressed.fill_buf()?.is_empty() {
            return Ok(false);
        }
        self.decoder.reset(&mut self.compressed).map_err(|error| self.compressed.get_mut().explain(&error))?;
        self.is_within_frame = true;
        Ok(true)
    }

    /// Unpacks until there is something to take, or until the frame ends.
    fn fill(&mut self) -> io::Result<()> {
        while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
            let one = BlockDecodingStrategy::UptoBlocks(1);
            let unpacked = self.decoder.decode_blocks(&mut self.compressed, one);
            unpacked.map_err(|error| self.compressed.get_mut().explain(&error))?;
        }
        Ok(())
    }
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !buffer.is_empty() {
            if !self.is_within_frame && !self.begin()? {
                break;
            }
            self.fill()?;
            match self.decoder.read(buffer)? {
                0 => self.is_within_frame = false,
                read => return Ok(read),
            }
        }
        Ok(0)
    }
}

impl<R> fmt::Debug for Unpacked<R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Unpacked").field("is_within_frame", &self.is_within_frame).finish_non_exhaustive()
    }
}

/// What is unpacked. The decoder hides why it could not be read.
struct Source<R> {
    from: R,
    failed: Option<io::Error>,
}

impl<R> Source<R> {
    fn explain(&mut self, error: &FrameDecoderError) -> io::Error {
        if let Some(failed) = self.failed.take() {
            return failed;
        }
        let why = match error {
            FrameDecoderError::WindowSizeTooBig { requested, max } => {
                format!("its zstd window has {requested} bytes; the largest that is read has {max}")
            }
            _ => "it is not compressed as zstd compresses".to_owned(),
        };
        io::Error::new(ErrorKind::InvalidData, why)
    }
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(buffer);
        if let Err(error) = &read
            && error.kind() != ErrorKind::Interrupted
        {
            self.failed = Some(io::Error::new(error.kind(), error.to_string()));
        }
        read
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    fn unpacked(compressed: &[u8]) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        Unpacked::of(compressed).read_to_end(&mut text).map(|_| text)
    }

    fn compressed(text: &[u8]) -> Vec<u8> {
        compress_to_vec(text, CompressionLevel::Fastest)
    }

    #[test]
    fn frames_of_every_size_are_one_text() {
        let rows: Vec<u8> = (0..400_000u32).flat_map(|row| format!("row {}\n", row % 777).into_bytes()).collect();
        let parts = [&rows[..], b"", b"a", &rows[..200_000]];
        let file: Vec<u8> = parts.iter().flat_map(|part| compressed(part)).collect();
        assert!(unpacked(&file).unwrap() == parts.concat());
        assert_eq!(unpacked(b"").unwrap(), b"");
    }

    #[test]
    fn what_is_cut_or_no_frame_is_invalid() {
        let file = compressed(b"some text, some text, some text, some text, some text\n");
        for cut in 1..file.len() {
            assert_eq!(unpacked(&file[..cut]).unwrap_err().kind(), ErrorKind::InvalidData, "{cut}");
        }
        for other in [&[&file[..], b"x"].concat(), &[0; 40][..], b"-- text\n"] {
            assert_eq!(unpacked(other).unwrap_err().kind(), ErrorKind::InvalidData);
        }
    }

    /// A frame's header says how much memory its reader needs.
    #[test]
    fn a_window_is_refused_beyond_eight_megabytes() {
        // Magic number, no content size, a window of 2^(10 + exponent) bytes, one empty last block.
        let frame = |exponent: u8| [0x28, 0xb5, 0x2f, 0xfd, 0, exponent << 3, 1, 0, 0];
        assert_eq!(unpacked(&frame(13)).unwrap(), b"");
        let why = unpacked(&frame(14)).unwrap_err().to_string();
        assert_eq!(why, "its zstd window has 16777216 bytes; the largest that is read has 8388608");
    }
}
