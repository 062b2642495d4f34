//! A line that is stored as a zstd frame of its own, as it is: an ordinary frame of uncompressed blocks, whose size says
//! where it begins. So both ends of a compressed backup are read without unpacking anything.

use crate::backup::codec::tail::tail_of;
use crate::process::signals;
use anyhow::{Result, ensure};
use std::fs::File;

/// Every zstd frame begins so.
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// The magic number; a content size of four bytes, no checksum, no dictionary; a window of 128 KiB.
const START: [u8; 6] = [MAGIC[0], MAGIC[1], MAGIC[2], MAGIC[3], 0x80, 0x38];
/// The start and the content's size.
const HEADER: usize = START.len() + 4;
const BLOCK_HEADER: usize = 3;
/// The largest block.
const BLOCK: usize = 128 << 10;
/// At most this many beginnings of frames are looked at: no line holds one, so others than ours are hardly ever found.
const CANDIDATES: usize = 64;
/// How much of a file's end is looked at first, in bytes; most manifests are shorter.
const LOOKED_AT: u64 = 256 << 10;

/// The frame of a line.
///
/// # Errors
/// The line is empty, or longer than `longest` bytes.
pub(super) fn of(line: &[u8], longest: usize) -> Result<Vec<u8>> {
    ensure!(!line.is_empty() && line.len() <= longest, "a line of {} bytes is not stored", line.len());
    let mut frame = START.to_vec();
    frame.extend(u32::try_from(line.len())?.to_le_bytes());
    let blocks = line.chunks(BLOCK);
    let last = blocks.len().saturating_sub(1);
    for (at, block) in blocks.enumerate() {
        frame.extend(block_header(block.len(), at == last));
        frame.extend_from_slice(block);
    }
    Ok(frame)
}

/// The header of an uncompressed block.
fn block_header(bytes: usize, is_last: bool) -> [u8; BLOCK_HEADER] {
    let word = u32::try_from(bytes).unwrap_or_default() << 3 | u32::from(is_last);
    let [one, two, three, _] = word.to_le_bytes();
    [one, two, three]
}

/// The line of a frame that these bytes begin with, and the rest of them; `None` where there is no such frame.
pub(super) fn line(bytes: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let (size, mut rest) = bytes.strip_prefix(&START)?.split_first_chunk()?;
    let size = usize::try_from(u32::from_le_bytes(*size)).ok()?;
    // A size is believed only of what is there.
    if size == 0 || size > rest.len() {
        return None;
    }
    let mut blocks = Vec::new();
    let mut left = size;
    while left > 0 {
        let length = left.min(BLOCK);
        rest = rest.strip_prefix(&block_header(length, length == left))?;
        let (block, after) = rest.split_at_checked(length)?;
        blocks.push(block);
        left = left.saturating_sub(length);
        rest = after;
    }
    // Nothing is copied of a frame that is none.
    Some((blocks.concat(), rest))
}

/// The beginning of a frame's line, where these bytes begin such a frame; they may end within it.
pub(super) fn opening(bytes: &[u8]) -> Option<&[u8]> {
    let (size, rest) = bytes.strip_prefix(&START)?.split_first_chunk()?;
    let size = usize::try_from(u32::from_le_bytes(*size)).ok()?;
    let first = rest.strip_prefix(&block_header(size.min(BLOCK), size <= BLOCK))?;
    first.get(..first.len().min(size).min(BLOCK))
}

/// Whether these bytes end before such a frame's line begins.
pub(super) fn is_cut_start(bytes: &[u8]) -> bool {
    let is_short = bytes.len() < HEADER.saturating_add(BLOCK_HEADER);
    !bytes.is_empty() && is_short && (START.starts_with(bytes) || bytes.starts_with(&START))
}

/// The line of the frame that the file's first `bytes` end in, and the size of that frame.
///
/// # Errors
/// The file cannot be read, or the run was interrupted.
pub(super) fn last(file: &mut File, bytes: u64, longest: usize, start: &[u8]) -> Result<Option<(Vec<u8>, u64)>> {
    let most = of_size(longest);
    let mut looked_at = LOOKED_AT;
    loop {
        let (from, tail) = tail_of(file, bytes, looked_at)?;
        for at in memchr::memmem::rfind_iter(&tail, &START).take(CANDIDATES) {
            signals::check()?;
            let frame = &tail[at..];
            if size_of(frame) == Some(frame.len() as u64)
                && opening(frame).is_some_and(|line| line.starts_with(start))
                && let Some((line, [])) = line(frame)
            {
                return Ok(Some((line, tail.len().saturating_sub(at) as u64)));
            }
        }
        if from == 0 || looked_at >= most {
            return Ok(None);
        }
        looked_at = looked_at.saturating_mul(16).min(most);
    }
}

/// The size of the frame that these bytes begin with, as its header says.
fn size_of(bytes: &[u8]) -> Option<u64> {
    let (size, _) = bytes.strip_prefix(&START)?.split_first_chunk()?;
    Some(of_size(usize::try_from(u32::from_le_bytes(*size)).ok()?))
}

/// The size of the frame of a line of `line` bytes.
fn of_size(line: usize) -> u64 {
    let headers = line.div_ceil(BLOCK).saturating_mul(BLOCK_HEADER);
    line.saturating_add(headers).saturating_add(HEADER) as u64
}

/// Whether a frame of a line that begins so and fits stands in these bytes, and something follows it. `fits` gets its
/// place and its line.
pub(super) fn is_followed(tail: &[u8], start: &[u8], mut fits: impl FnMut(usize, &[u8]) -> bool) -> bool {
    memchr::memmem::find_iter(tail, &START).take(CANDIDATES).any(|at| {
        let begins = opening(&tail[at..]).is_some_and(|line| line.starts_with(start));
        let found = if begins { line(&tail[at..]) } else { None };
        found.is_some_and(|(line, rest)| !rest.is_empty() && fits(at, &line))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ruzstd::decoding::StreamingDecoder;
    use std::io::Read as _;

    const LONGEST: usize = 1 << 20;

    #[test]
    fn a_frame_is_read_back_and_unpacks_to_its_line() {
        for length in [1, 2, 100, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK, LONGEST] {
            let text: Vec<u8> = (0..length).map(|at| b"0123456789\n"[at % 11]).collect();
            let frame = of(&text, LONGEST).unwrap();
            assert_eq!(frame.len() as u64, of_size(length));
            assert!(line(&frame).unwrap() == (text.clone(), &[][..]), "{length}");
            let mut unpacked = Vec::new();
            StreamingDecoder::new(&frame[..]).unwrap().read_to_end(&mut unpacked).unwrap();
            assert!(unpacked == text, "{length}");
            for cut in [0, 1, HEADER, frame.len() / 2, frame.len() - 1] {
                assert_eq!(line(&frame[..cut]), None, "{length} cut at {cut}");
            }
        }
        assert!(of(b"", LONGEST).is_err() && of(&vec![b'a'; LONGEST + 1], LONGEST).is_err());
    }

    #[test]
    fn the_beginning_is_that_of_the_line_and_not_of_another_block() {
        let frame = of(b"line\n", LONGEST).unwrap();
        let followed = [&frame[..], b"more"].concat();
        assert_eq!((opening(&frame[..15]), opening(&followed)), (Some(&b"li"[..]), Some(&b"line\n"[..])));
        for (at, byte) in frame.iter().enumerate().take(HEADER + BLOCK_HEADER) {
            let mut other = frame.clone();
            other[at] = byte ^ 2;
            assert_eq!(opening(&other), None, "{at}");
        }
    }

    /// Beginnings of frames, each with the size that fits, up to the last block.
    fn many_beginnings(bytes: usize) -> Vec<u8> {
        // So many bytes apart, one beginning's block headers stand where those of the others do.
        const APART: usize = 25;
        let mut tail = vec![0; bytes];
        for at in (0..bytes - APART).step_by(APART) {
            let blocks = (bytes - at - HEADER).div_ceil(BLOCK + BLOCK_HEADER);
            let size = (bytes - at - HEADER).saturating_sub(blocks * BLOCK_HEADER);
            tail[at..][..START.len()].copy_from_slice(&START);
            tail[at + START.len()..][..4].copy_from_slice(&u32::try_from(size).unwrap().to_le_bytes());
            tail[at + HEADER..][..BLOCK_HEADER].copy_from_slice(&block_header(BLOCK, false));
        }
        tail
    }

    #[test]
    fn a_file_of_nothing_but_beginnings_is_looked_at_briefly() {
        use std::io::Write as _;
        let tail = many_beginnings(16 << 20);
        let path = std::env::temp_dir().join(format!("xtask-beginnings-{}", std::process::id()));
        let mut file = File::options().read(true).write(true).create(true).truncate(true).open(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        file.write_all(&tail).unwrap();
        let begun = std::time::Instant::now();
        for start in [&b"-- line"[..], b""] {
            assert!(last(&mut file, tail.len() as u64, 64 << 20, start).unwrap().is_none());
        }
        // Of frames that are whole so many are looked at, too.
        let whole = of(b"line\n", LONGEST).unwrap().repeat(2 * CANDIDATES);
        let mut looked_at = 0;
        assert!(!is_followed(&whole, b"line", |_, _| {
            looked_at += 1;
            false
        }));
        assert_eq!(looked_at, CANDIDATES);
        assert!(!is_followed(&tail, b"", |_, _| true));
        // Without a bound it takes minutes.
        assert!(begun.elapsed() < std::time::Duration::from_secs(20), "{:?}", begun.elapsed());
    }

    #[test]
    fn a_size_that_nothing_bears_out_is_not_believed() {
        let mut frame = of(b"line\n", LONGEST).unwrap();
        frame[6..10].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(line(&frame), None);
        frame[6..10].copy_from_slice(&0u32.to_le_bytes());
        assert_eq!(line(&frame), None);
    }
}
