//! A proven backup, fed to psql: the dump's own bytes, its `\restrict` pair left out, hashed once more on the way.

use super::manifest;
use super::proof::{PIECE, Proven, read_up_to};
use crate::error::{Exit, Fault};
use crate::process::signals;
use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};
use std::io::{Seek as _, SeekFrom, Write};
use std::ops::Range;

impl Proven {
    /// Writes the dump to `psql`. `progress` hears how many bytes of the file have gone by.
    ///
    /// # Errors
    /// Exit 3 if the file is no longer the one that was proven: whatever was loaded must not be used.
    pub fn feed(&self, psql: &mut impl Write, progress: &dyn Fn(u64)) -> Result<()> {
        let head = self.manifest.as_ref().map_or(0, |_| manifest::HEAD.len() as u64);
        let end = self.manifest.as_ref().map_or(u64::MAX, |manifest| manifest.bytes.get());
        let in_file = |line: &Range<u64>| line.start.saturating_add(head)..line.end.saturating_add(head);
        let left_out: Vec<Range<u64>> = std::iter::once(0..head)
            .chain(self.contents.restrict_lines.iter().map(in_file))
            .chain(std::iter::once(end..u64::MAX))
            .collect();
        let mut file = &self.file;
        let mut hash = Sha256::new();
        let mut buffer = vec![0; PIECE];
        let mut offset = 0u64;
        file.seek(SeekFrom::Start(0)).with_context(|| format!("reading {}", self.path.display()))?;
        loop {
            signals::check()?;
            let read =
                read_up_to(&mut file, &mut buffer).with_context(|| format!("reading {}", self.path.display()))?;
            if read == 0 {
                break;
            }
            let piece = &buffer[..read];
            hash.update(piece);
            let next = offset.saturating_add(read as u64);
            for part in kept(offset..next, &left_out) {
                let within = |at: u64| usize::try_from(at.saturating_sub(offset)).unwrap_or(read);
                psql.write_all(&piece[within(part.start)..within(part.end)]).context("feeding psql")?;
            }
            offset = next;
            progress(offset);
        }
        if hash.finalize()[..] == self.sha256 {
            return Ok(());
        }
        let message = format!("{} changed while it was read", self.path.display());
        Err(Fault::new(Exit::Refused, message).hint("find out who writes to it; then try again").into())
    }
}

/// The parts of a range that no other range covers; `left_out` is in order.
fn kept(whole: Range<u64>, left_out: &[Range<u64>]) -> Vec<Range<u64>> {
    let mut parts = Vec::new();
    let mut start = whole.start;
    for gap in left_out {
        if gap.start > start {
            parts.push(start..gap.start.min(whole.end));
        }
        start = start.max(gap.end);
        if start >= whole.end {
            return parts;
        }
    }
    parts.push(start..whole.end);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_left_out_of_every_piece() {
        let left_out = [0..3, 5..7, 10..u64::MAX];
        assert_eq!(kept(0..20, &left_out), [3..5, 7..10]);
        assert_eq!(kept(6..9, &left_out), vec![7..9; 1]);
        assert_eq!(kept(0..2, &left_out), []);
        assert_eq!(kept(5..7, &left_out), []);
        assert_eq!(kept(12..14, &left_out), []);
    }
}
